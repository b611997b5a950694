/** The ring of an SDMA queue: where the next packets go (spec/kfd-queue §6). Pure: nothing is written to a doorbell here. */
import { rangeError } from '../../uapi/errors.ts';

/** Room in the ring for packets of some bytes. */
export interface RingPlace {
  /** Index of the first dword. */
  readonly index: number;
  /** Zero dwords (each a NOP) to be put before the packets, from `paddingIndex` to the end of the ring. */
  readonly paddingIndex: number;
  readonly paddingDwords: number;
}

/**
 * Counts as the engine does: bytes since the queue was made, which never wrap (exact to 2^53). A batch of packets lies
 * in one piece; where it would cross the end of the ring, the rest of the ring is filled with NOPs.
 */
export class SdmaRing {
  /** Bytes, a power of two. */
  readonly size: number;
  /** Count of bytes given to the engine: the write pointer, and what the doorbell is told. */
  written = 0;

  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size < 1024 || !Number.isInteger(Math.log2(size)))
      throw rangeError('ERR_SVM_OUT_OF_RANGE', `size: expected a power of two of at least 1,024 bytes, got ${size}`);
    this.size = size;
  }

  /** The largest batch, in dwords: half the ring, so that padding and batch always find room in a drained ring. */
  get mostDwords(): number {
    return this.size / 8;
  }

  /**
   * Takes room for `dwords`, if the engine has fetched enough (`fetched`: its read pointer, a count of bytes); undefined
   * if not. The ring is never filled to the last byte: full and empty would look the same.
   */
  take(dwords: number, fetched: number): RingPlace | undefined {
    if (!Number.isSafeInteger(dwords) || dwords < 1 || dwords > this.mostDwords)
      throw rangeError(
        'ERR_SVM_OUT_OF_RANGE',
        `dwords: expected a whole number from 1 to ${this.mostDwords}, got ${dwords}`,
      );
    const at = this.written % this.size;
    const padding = at + dwords * 4 > this.size ? this.size - at : 0;
    const end = this.written + padding + dwords * 4;
    if (end - fetched >= this.size) return undefined;
    this.written = end;
    return { index: padding === 0 ? at / 4 : 0, paddingIndex: at / 4, paddingDwords: padding / 4 };
  }
}
