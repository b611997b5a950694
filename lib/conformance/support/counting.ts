/** Words that count up, as test_hmm fills its buffers. */
import { MIB } from './units.ts';

/** HMM_BUFFER_SIZE and NTIMES of the originals. */
export const BUFFER = 4 * MIB;

const ALL_WORDS = Uint32Array.from({ length: BUFFER / 4 }, (_, index) => index);

/** Word i has the value i, as in the originals. */
export function counting(bytes: number): Uint8Array {
  return new Uint8Array(ALL_WORDS.buffer, 0, bytes);
}
