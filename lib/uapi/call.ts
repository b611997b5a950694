/**
 * One SVM call, as everything sees it that records, replays, observes or reports one: what was asked, and
 * what was answered. The 32 bytes themselves are in codec.ts; a call inside the emulator is `SvmArguments`.
 */
/** One `struct drm_amdgpu_svm_attribute`, both fields u32. */
export interface SvmAttributeRecord {
  readonly type: number;
  readonly value: number;
}

/** One attribute record as a pair of u32 numbers. */
export type AttributePair = readonly [type: number, value: number];

/** How the pointer to the attribute records was: null, faulting, not writable, or good. */
export type PointerKind = 'null' | 'bad' | 'ro' | 'ok';

/** The numbers of a call. */
export interface SvmCallNumbers {
  /** Operation selector of the ioctl, u32. */
  readonly operation: number;
  /** First byte, u64. */
  readonly address: bigint;
  /** Bytes, u64. */
  readonly size: bigint;
  /** Number of attribute records that the caller says there are, u32. */
  readonly attributeCount: number;
}

/** What is asked: the numbers, the pointer, and the records behind it (as many as there are, not as many as are said). */
export interface SvmCall extends SvmCallNumbers {
  readonly pointer: PointerKind;
  readonly attributes: readonly AttributePair[];
}

/** A call and its answer. */
export interface AnsweredSvmCall extends SvmCall {
  /** 0 or a negative errno; inside the emulator 1 for a call that sleeps. */
  readonly result: number;
  /** The values of the records after a good GET. */
  readonly values: readonly number[] | undefined;
}

/** One SVM ioctl that a device was asked for, after it was answered. */
export interface SvmCallEvent extends Pick<SvmCallNumbers, 'operation' | 'address' | 'size'> {
  /** The records after the call. */
  readonly attributes: readonly SvmAttributeRecord[];
  /** 0 or a negative errno. */
  readonly result: number;
}

/**
 * The numbers of a call where nobody may allocate: u64s in halves, since a bigint is an object. What handles
 * a million calls a second reads these; `callNumbers` makes the other form for who looks at one.
 */
export interface SvmArguments {
  readonly startLow: number;
  readonly startHigh: number;
  readonly sizeLow: number;
  readonly sizeHigh: number;
  readonly operation: number;
  readonly attributeCount: number;
}

// Splits u64s into halves without arithmetic on bigints.
const halves = new DataView(new ArrayBuffer(16));

/** The halves of a call's numbers. */
export function svmArguments({ address, size, operation, attributeCount }: SvmCallNumbers): SvmArguments {
  halves.setBigUint64(0, address, true);
  halves.setBigUint64(8, size, true);
  return {
    startLow: halves.getUint32(0, true),
    startHigh: halves.getUint32(4, true),
    sizeLow: halves.getUint32(8, true),
    sizeHigh: halves.getUint32(12, true),
    operation,
    attributeCount,
  };
}

/** The numbers of a call from their halves. */
export function callNumbers(args: SvmArguments): SvmCallNumbers {
  return {
    operation: args.operation,
    address: (BigInt(args.startHigh) << 32n) | BigInt(args.startLow),
    size: (BigInt(args.sizeHigh) << 32n) | BigInt(args.sizeLow),
    attributeCount: args.attributeCount,
  };
}
