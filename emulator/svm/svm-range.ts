// Models: struct amdgpu_svm_range, the amdgpu part of a GPU range (spec/03-gpu-ranges §B.1, spec/04-invalidation-and-gc §5.1).
import type { GpuNotifier } from '../gpusvm/notifier.ts';
import { DRIVER_STATE_SHIFT, GpuRange, RangeState } from '../gpusvm/range.ts';

/** State bits of the amdgpu part. */
export const SvmRangeState = {
  /** The last commit succeeded and nothing invalidated it since. */
  gpuMapped: 1 << DRIVER_STATE_SHIFT,
  /** The range is on the collector's list. */
  queued: 2 << DRIVER_STATE_SHIFT,
  /** The collector's queue holds a reference on the range. */
  owned: 4 << DRIVER_STATE_SHIFT,
  /** An UNMAP operation is pending. */
  unmapPending: 8 << DRIVER_STATE_SHIFT,
  /** The collector has removed the range once. */
  collected: 16 << DRIVER_STATE_SHIFT,
  /** The range is on the restore list. */
  restoring: 32 << DRIVER_STATE_SHIFT,
  /** A worker has taken the range from its list and has not put it back. */
  processing: 64 << DRIVER_STATE_SHIFT,
  /** A RESTORE operation is pending. */
  restorePending: 128 << DRIVER_STATE_SHIFT,
} as const;

/** Where a range waits for a worker, or 'processing' while one has it. */
export type RangeQueue = 'none' | 'gc' | 'restore' | 'processing';

const { dmaMapped } = RangeState;
const { gpuMapped, queued, unmapPending, restorePending, restoring, processing } = SvmRangeState;
const PENDING = unmapPending | restorePending;
const NOT_COMMITTABLE = RangeState.unmapped | RangeState.partiallyUnmapped;
const COMMITTABLE_MASK = NOT_COMMITTABLE | dmaMapped;
/** Above the eight bits of `SvmRangeState`: the flag mask of the attribute interval at the last successful commit. */
const FLAGS_SHIFT = DRIVER_STATE_SHIFT + 8;
const FLAGS = 0xff << FLAGS_SHIFT;
const MAPPED = gpuMapped | COMMITTABLE_MASK | FLAGS;
const MAPPED_WITHOUT_FLAGS = gpuMapped | dmaMapped;
const EMPTY_FIRST = 0x7fff_ffff;
/** Nanoseconds of which a time has a whole number, and less than one more. */
const EPOCH = 2 ** 30;

/** A GPU range of an amdgpu SVM context. */
export class AmdgpuSvmRange extends GpuRange {
  // Hull of the queued pages, as offsets from the first page; empty is first > last. They come first, next to what an event looks at: one
  // cache line less.
  pendingFirstIndex = EMPTY_FIRST;
  private pendingLastIndex = 0;
  /** Index of the PTE flags of the last successful commit, 0 before the first. */
  pteFlags = 0;
  // The time of the last successful commit in two small integers, as the first page.
  private validationEpoch = 0;
  private validationRest = 0;

  // Written out: without a constructor its arguments would be collected and spread for each range.
  // oxlint-disable-next-line no-useless-constructor
  constructor(blockNumber: number, indexInBlock: number, pages: number, notifier: GpuNotifier, state: number) {
    super(blockNumber, indexInBlock, pages, notifier, state);
  }

  /** Time of the last successful commit in ns, 0 before the first. */
  get validationTime(): number {
    return this.validationEpoch * EPOCH + this.validationRest;
  }

  /** Flag mask of the attribute interval at the last successful commit, 0 before the first. */
  get attributeFlags(): number {
    return (this.state & FLAGS) >> FLAGS_SHIFT;
  }

  /** Notes a successful commit at `now` (ns since boot). */
  markMapped(pteFlags: number, attributeFlags: number, now: number): void {
    this.pteFlags = pteFlags;
    this.state = (this.state & ~FLAGS) | gpuMapped | (attributeFlags << FLAGS_SHIFT);
    const epoch = (now / EPOCH) | 0;
    this.validationEpoch = epoch;
    this.validationRest = (now - epoch * EPOCH) | 0;
  }

  get gpuMapped(): boolean {
    return (this.state & gpuMapped) !== 0;
  }

  clearGpuMapped(): void {
    this.state &= ~gpuMapped;
  }

  get queued(): boolean {
    return (this.state & queued) !== 0;
  }

  /** Neither unmapped nor partially unmapped. */
  get untouchedByUnmap(): boolean {
    return (this.state & NOT_COMMITTABLE) === 0;
  }

  /** Whether PTEs may be written: no UNMAP event touched the range and its pages are valid (spec/03-gpu-ranges §B.7 step 3). */
  get committable(): boolean {
    return (this.state & COMMITTABLE_MASK) === dmaMapped;
  }

  /** Whether the range is mapped exactly as `pteFlags` and `attributeFlags` want it (spec/03-gpu-ranges §B.9). */
  isFullyValid(pteFlags: number, attributeFlags: number): boolean {
    // mutant: valid-range-rewritten
    return this.pteFlags === pteFlags && this.isMappedFor(attributeFlags);
  }

  /** Whether the range is mapped for `attributeFlags`, with whatever PTE flags: the test from RFC V6 on (spec/revisions §4). */
  isMappedFor(attributeFlags: number): boolean {
    return (this.state & MAPPED) === (MAPPED_WITHOUT_FLAGS | (attributeFlags << FLAGS_SHIFT));
  }

  /** Widens the pending span by the pages with the indices `[firstIndex, endIndex)`, for an operation: with `unmapPending` or `restorePending` in `bits`. */
  addPending(firstIndex: number, endIndex: number, bits: number): void {
    if (firstIndex < this.pendingFirstIndex) this.pendingFirstIndex = firstIndex;
    if (endIndex - 1 > this.pendingLastIndex) this.pendingLastIndex = endIndex - 1;
    this.state |= bits;
  }

  get pendingFirst(): number {
    return this.startPage + this.pendingFirstIndex;
  }

  get pendingLast(): number {
    return this.startPage + this.pendingLastIndex;
  }

  /** Index after the last of its pages that is pending. */
  get pendingEndIndex(): number {
    return this.pendingLastIndex + 1;
  }

  get hasPending(): boolean {
    return (this.state & PENDING) !== 0;
  }

  /** Of a range that has something pending: what; unmapping goes before restoring. */
  get pendingOperation(): 'unmap' | 'restore' {
    return (this.state & unmapPending) !== 0 ? 'unmap' : 'restore';
  }

  get queue(): RangeQueue {
    const { state } = this;
    if ((state & processing) !== 0) return 'processing';
    if ((state & restoring) !== 0) return 'restore';
    if ((state & queued) !== 0) return 'gc';
    return this.hasPending ? 'processing' : 'none';
  }

  clearPending(): void {
    this.pendingFirstIndex = EMPTY_FIRST;
    this.pendingLastIndex = 0;
    this.state &= ~PENDING;
  }
}
