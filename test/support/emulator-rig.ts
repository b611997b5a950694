/** A machine with one open file and short calls on it, in page numbers, for the tests of the emulator. */
import { EmulatedMachine, protectionOfLetters } from '../../emulator/index.ts';
import type {
  AccessResult,
  ContextSnapshot,
  EmulatedDevice,
  EmulatedFile,
  EmulatedNode,
  MachineOptions,
  PreemptionPoint,
  VmaKind,
} from '../../emulator/index.ts';
import type { SvmContext } from '../../emulator/svm/context.ts';
import type { AmdgpuSvmRange } from '../../emulator/svm/svm-range.ts';
import { ATTRS_PTR_OFFSET, decodeAttributes, encodeAttributes, encodeSvmRequest } from '../../lib/uapi/codec.ts';
import { SvmAttributeType } from '../../lib/uapi/constants.ts';
import { heldLocks } from './machine-structure.ts';

export const T = SvmAttributeType;
/** Page number of V: aligned to 2 MiB and to the window of a notifier. */
export const V = 0x40000;
/** Pages of 2 MiB, 1 MiB and 512 MiB. */
export const [BLOCK, MIB, WINDOW] = [512, 256, 0x20000];
export const SET = 0;
export const GET = 1;
const RESET = 2;
export const ALL_TYPES: readonly number[] = Object.values(SvmAttributeType);
/** PTE flags by memory type and whether they are writable (spec/03-gpu-ranges §B.2). */
export const PTE = {
  NC: { rw: 0x67n, ro: 0x27n },
  RW: { rw: 0x0200_0000_0000_0067n, ro: 0x0200_0000_0000_0027n },
  CC: { rw: 0x0400_0000_0000_0067n, ro: 0x0400_0000_0000_0027n },
  UC: { rw: 0x0600_0000_0000_0067n, ro: 0x0600_0000_0000_0027n },
} as const;

export type Pair = readonly [type: number, value: number];

/** Byte address of a page number. */
export function at(page: number): bigint {
  return BigInt(page) << 12n;
}

export function pageOf(address: bigint): number {
  return Number(address >> 12n);
}

/** Seed of a property: FAST_CHECK_SEED if set, else one of the clock; printed so that a failure can be run again. */
export function seedFor(name: string): number {
  const given = process.env['FAST_CHECK_SEED'];
  const seed = given === undefined ? Date.now() % 0x7fff_ffff : Number(given);
  console.info(`${name}: FAST_CHECK_SEED=${seed}`);
  return seed;
}

/** Answer of an ioctl: the values only after a good GET. */
export interface GetAnswer {
  readonly result: number;
  readonly values: readonly number[];
}

export class Rig {
  readonly machine: EmulatedMachine;
  readonly device: EmulatedDevice;
  readonly node: EmulatedNode;

  /** `prepare` sees the machine before the file is opened. */
  constructor(options: MachineOptions & { compute?: boolean; prepare?: (machine: EmulatedMachine) => void } = {}) {
    const { compute, prepare, ...rest } = options;
    this.machine = new EmulatedMachine(rest);
    prepare?.(this.machine);
    this.device = this.machine.devices[0]!;
    this.node = this.device.open({ compute: compute ?? true });
  }

  get file(): EmulatedFile {
    return this.node.file;
  }

  get context(): SvmContext {
    const { context } = this.file;
    if (context === null) throw new Error('the file has no SVM context');
    return context;
  }

  get calls(): EmulatedMachine['process']['calls'] {
    return this.machine.process.calls;
  }

  map(page: number, pages: number, protection = 'rw', kind: VmaKind = 'anon'): number {
    return this.calls.mmap(at(page), at(pages), protectionOfLetters(protection)!, kind);
  }

  unmap(page: number, pages: number): number {
    return this.calls.munmap(at(page), at(pages));
  }

  protect(page: number, pages: number, protection: string): number {
    return this.calls.mprotect(at(page), at(pages), protectionOfLetters(protection)!);
  }

  discard(page: number, pages: number): number {
    return this.calls.dontneed(at(page), at(pages));
  }

  touch(page: number, pages: number, write = true): { result: number; pages: number; fresh: number } {
    return this.calls.touch(at(page), at(pages), write);
  }

  /** The region of the quirk catalogue: mapped read/write and written by the CPU. */
  region(page = V, pages = BLOCK): void {
    for (const result of [this.map(page, pages), this.touch(page, pages).result]) {
      if (result !== 0) throw new Error(`region: ${result}`);
    }
  }

  set(page: number, pages: number, ...attributes: readonly Pair[]): number {
    return this.ioctl(SET, at(page), at(pages), attributes).result;
  }

  get(page: number, pages: number, ...types: readonly number[]): GetAnswer {
    return this.ioctl(
      GET,
      at(page),
      at(pages),
      types.map((type) => [type, 0xdead] as const),
    );
  }

  /** The value of one attribute; throws if the GET fails. */
  value(page: number, pages: number, type: number): number {
    const answer = this.get(page, pages, type);
    if (answer.result !== 0) throw new Error(`GET: ${answer.result}`);
    return answer.values[0]!;
  }

  ioctl(operation: number, startAddress: bigint, size: bigint, attributes: readonly Pair[]): GetAnswer {
    const data = encodeAttributes(attributes.map(([type, value]) => ({ type, value })));
    const arg = encodeSvmRequest({ startAddress, size, operation, attributeCount: attributes.length });
    const result = this.node.ioctl(this.node.profile.request, arg, [{ offset: ATTRS_PTR_OFFSET, data }]);
    return { result, values: decodeAttributes(data).map(({ value }) => value) };
  }

  /** RESET_ATTR, which V4 refuses. */
  reset(page: number, pages: number): number {
    const arg = encodeSvmRequest({
      startAddress: at(page),
      size: at(pages),
      operation: RESET,
      attributeCount: 0,
    });
    return this.node.ioctl(this.node.profile.request, arg, []);
  }

  /** SET through the form that sleeps where another operation holds the svm lock. */
  setAsync(page: number, pages: number, ...attributes: readonly Pair[]): Promise<number> {
    const data = encodeAttributes(attributes.map(([type, value]) => ({ type, value })));
    const arg = encodeSvmRequest({
      startAddress: at(page),
      size: at(pages),
      operation: SET,
      attributeCount: attributes.length,
    });
    return this.node.ioctlAsync(this.node.profile.request, arg, [{ offset: ATTRS_PTR_OFFSET, data }]);
  }

  fault(page: number, write = false, timestamp?: number): number {
    return this.device.fault({ address: at(page), write, ...(timestamp === undefined ? {} : { timestamp }) });
  }

  access(page: number, pages = 1, write = false): AccessResult {
    return this.device.access({ address: at(page), size: at(pages), write });
  }

  /** Outcome of a one-page access with its retries: 'hit', 'faulted' or 'failed'. */
  reach(page: number, write = false): string {
    return this.access(page, 1, write).runs[0]!.outcome;
  }

  gc(): number {
    return this.machine.runPendingWork();
  }

  /** Runs the works that are due; says which. */
  work(): ('gc' | 'restore')[] {
    return this.device.runDueWork(this.file);
  }

  /** The restore worker and the queues, on a machine that stops them. */
  restore(): NonNullable<ContextSnapshot['restore']> {
    const { restore } = this.snapshot();
    if (restore === undefined) throw new Error('the revision of this machine never stops queues');
    return restore;
  }

  /** More than the 2 ms of the recent-mapping window pass. */
  later(): void {
    this.machine.clock.advance(3_000_000);
  }

  /** Runs `inner` when `point` is passed for the `pass`th time in `outer`, then takes it out again. */
  during<Result>(point: PreemptionPoint, inner: () => void, outer: () => Result, pass = 1): Result {
    let ran = false;
    const remove = this.machine.at(
      point,
      () => {
        ran = true;
        inner();
      },
      { pass },
    );
    let result: Result;
    try {
      result = outer();
    } finally {
      remove();
    }
    if (!ran) throw new Error(`${point} was not passed`);
    return result;
  }

  snapshot(): ContextSnapshot {
    return this.machine.snapshot().devices[0]!.files[0]!;
  }

  /** Attribute intervals as [first, last, flags], pages relative to V. */
  intervals(): (readonly [first: number, last: number, flags: number])[] {
    return this.snapshot().attributes.map(
      ({ firstPage, lastPage, flags }) => [firstPage - V, lastPage - V, flags] as const,
    );
  }

  /** Ranges as [first page relative to V, pages, mapped]. */
  ranges(): (readonly [start: number, pages: number, mapped: boolean])[] {
    return this.snapshot().ranges.map(
      ({ start, end, mapped }) => [pageOf(start) - V, pageOf(end - start), mapped] as const,
    );
  }

  range(page: number): AmdgpuSvmRange {
    const range = this.context.framework.findRange(page, page + 1);
    if (range === undefined) throw new Error(`no range at page 0x${page.toString(16)}`);
    return range;
  }

  /** PTE runs as [first page relative to V, pages, flags, state]. */
  ptes(): (readonly [start: number, pages: number, flags: bigint, state: string])[] {
    return this.snapshot().ptes.map(
      ({ startPage, pages, flags, state }) => [startPage - V, pages, flags, state] as const,
    );
  }

  /** Flags of the PTE of a page, 0n without one. */
  pte(page: number): bigint {
    return this.device.gpu.pteFlags.value(this.node.file.vm.pageTable.flagsOf(page));
  }

  /** Names of the locks that are held. */
  heldLocks(): string[] {
    return heldLocks(this);
  }
}
