// Models: the moments at which another thread can get in (spec/06-lifecycle §10.1, spec/trace-format §8, §11).

/** Points that are passed without VRAM, too. */
export const COMMON_PREEMPTION_POINTS = [
  /** SET: the VMAs were validated, the mmap lock is dropped. */
  'vma-checked',
  /** SET: a segment's tree change is done, the svm lock not yet taken. */
  'attr-edited',
  /** The HMM range fault is about to return 0. */
  'hmm',
  /** Pages are collected, the page directory of a commit is being locked. */
  'pages-got',
  /** PTEs are written, the notifier lock is dropped, the range is not yet marked mapped. */
  'pte-committed',
  /** Before the mmap lock is taken for reading. */
  'mmap-lock',
  /** After the mmap lock was dropped. */
  'mmap-unlock',
  /** After the mutex of the attribute tree was dropped. */
  'tree-unlock',
  /** Before the svm lock is taken; V4: by the collector's worker only; never by the works of the XNACK-off series. */
  'svm-lock',
  /** After the svm lock was dropped; V4: by the collector's worker only. */
  'svm-unlock',
  /** After the lock of the collector's list was dropped; V4: only where there was something on it. */
  'work-unlock',
] as const;

/** Points where data move between system memory and VRAM. */
export const VRAM_PREEMPTION_POINTS = [
  /** A buffer in VRAM is about to be allocated. */
  'bo-alloc',
  /** Pages to move to VRAM are collected and locked, nothing is copied; of an eviction: a round begins. */
  'collected',
  /** A copy between system memory and VRAM is about to begin. */
  'copy',
  /** The eviction of a buffer from VRAM begins. */
  'evict',
] as const;

/** Points where a context begins or ends under somebody else. Recordings of the real code do not have them (spec/trace-format §11). */
const LIFECYCLE_PREEMPTION_POINTS = [
  /** Creation of a context: the slab caches were not there, and are not made yet. */
  'caches-checked',
  /** Creation of a context: it is complete, and the VM does not have it yet. */
  'context-made',
  /** Fault: the context of the PASID was looked up, and no reference taken; the lock of the PASID table is held. */
  'context-looked-up',
  /** Fault of V4: the context was not closing, the svm lock is not yet taken. From V5 on that is `svm-lock`. */
  'closing-checked',
] as const;

/** Names of the preemption points, in the words of the trace format. */
export const PREEMPTION_POINTS = [
  ...COMMON_PREEMPTION_POINTS,
  ...VRAM_PREEMPTION_POINTS,
  ...LIFECYCLE_PREEMPTION_POINTS,
] as const;
/** A place of the modelled code where another thread can run. */
export type PreemptionPoint = (typeof PREEMPTION_POINTS)[number];

/** Who is told of points. */
export interface PointListener {
  /** That point was passed; what this does is what another thread does there. */
  pointReached(point: PreemptionPoint): void;
}

/** The points of one machine. Without a listener, passing one costs a comparison. */
export class PreemptionPoints {
  listener: PointListener | null = null;

  reach(point: PreemptionPoint): void {
    if (this.listener !== null) this.listener.pointReached(point);
  }
}
