// Models: what SVM reads of the interrupt rings - is there an entry, and its timestamp (spec/04-invalidation-and-gc §4).

/** Bits of an interrupt timestamp. */
export const TIMESTAMP_BITS = 48;
const TIMESTAMP_RANGE = 2 ** TIMESTAMP_BITS;

/** One interrupt ring with retry faults in it, as seen through its read and write pointer. */
export class InterruptRing {
  /** Whether the ring exists (its size is not zero). */
  readonly exists: boolean;
  /** Whether read and write pointer differ. */
  pending = false;
  /** Timestamp of the entry just before the write pointer. */
  youngestTimestamp = Number.NaN;

  constructor(exists: boolean) {
    this.exists = exists;
    this.youngestTimestamp = 0; // after NaN: docs/development.md
  }
}

/**
 * Whether a fault with timestamp `timestamp` is not younger than `checkpoint`,
 * both 48 bits wide and compared in a half range; equality is stale (spec/05-faults §3).
 */
export function isStaleTimestamp(checkpoint: number, timestamp: number): boolean {
  const difference = (((checkpoint - timestamp) % TIMESTAMP_RANGE) + TIMESTAMP_RANGE) % TIMESTAMP_RANGE;
  // mutant: stale-filter-edge
  return difference < TIMESTAMP_RANGE / 2;
}
