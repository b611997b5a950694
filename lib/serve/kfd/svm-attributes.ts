/** The attributes of KFD's own SVM ioctl: numbers, flags and locations (spec/hsa §3.1), and how they are written in the log. */

export const KfdSvmOperation = { set: 0, get: 1 } as const;

export const KfdSvmType = {
  preferredLocation: 0,
  prefetchLocation: 1,
  access: 2,
  accessInPlace: 3,
  noAccess: 4,
  setFlags: 5,
  clearFlags: 6,
  granularity: 7,
} as const;

/** Bits of `setFlags` and `clearFlags`. */
export const KfdSvmFlag = {
  hostAccess: 0x01,
  coherent: 0x02,
  hiveLocal: 0x04,
  gpuReadOnly: 0x08,
  gpuExecutable: 0x10,
  gpuReadMostly: 0x20,
  gpuAlwaysMapped: 0x40,
  extCoherent: 0x80,
} as const;
export type KfdSvmFlagName = keyof typeof KfdSvmFlag;

/** Locations that are no GPU's id. */
export const KfdSvmLocation = { system: 0, undefined: 0xffff_ffff } as const;

/** `start_addr`, `size`, `op`, `nattr`; the records follow in the structure itself. */
export const SVM_HEADER_BYTES = 24;
const RECORD_BYTES = 8;

export interface KfdSvmAttribute {
  type: number;
  value: number;
}

/** The records that the structure says it has; undefined: it is shorter than that. */
export function decodeRecords(view: DataView, bytes: number): KfdSvmAttribute[] | undefined {
  const count = view.getUint32(20, true);
  if (SVM_HEADER_BYTES + count * RECORD_BYTES > bytes) return undefined;
  return Array.from({ length: count }, (_, index) => {
    const at = SVM_HEADER_BYTES + index * RECORD_BYTES;
    return { type: view.getUint32(at, true), value: view.getUint32(at + 4, true) };
  });
}

export function encodeRecords(view: DataView, records: readonly KfdSvmAttribute[]): void {
  for (const [index, { type, value }] of records.entries()) {
    view.setUint32(SVM_HEADER_BYTES + index * RECORD_BYTES, type, true);
    view.setUint32(SVM_HEADER_BYTES + index * RECORD_BYTES + 4, value, true);
  }
}

const NAMES: readonly string[] = [
  'PREFERRED_LOC',
  'PREFETCH_LOC',
  'ACCESS',
  'ACCESS_IN_PLACE',
  'NO_ACCESS',
  'SET_FLAGS',
  'CLR_FLAGS',
  'GRANULARITY',
];

/** "set [0x7f0000000000, +0x1000) ACCESS:0x5100 SET_FLAGS:0x2". */
export function svmCallText(view: DataView, bytes: number): string {
  const operation = view.getUint32(16, true);
  const verb =
    operation === KfdSvmOperation.set ? 'set' : operation === KfdSvmOperation.get ? 'get' : `op ${operation}`;
  const [start, size] = [0, 8].map((at) => `0x${view.getBigUint64(at, true).toString(16)}`);
  const records = decodeRecords(view, bytes) ?? [];
  const list = records.map(({ type, value }) => {
    const isUndefined = type <= KfdSvmType.prefetchLocation && value === KfdSvmLocation.undefined;
    return ` ${NAMES[type] ?? type}:${isUndefined ? 'undefined' : `0x${value.toString(16)}`}`;
  });
  return `${verb} [${start}, +${size})${list.join('')}`;
}
