/** Words that count up, as test_hmm fills its buffers. */
import { MIB } from './units.ts';

/** HMM_BUFFER_SIZE and NTIMES of the originals. */
export const BUFFER = 4 * MIB;

let words: Uint32Array<ArrayBuffer> | undefined;
let inverseWords: Uint32Array<ArrayBuffer> | undefined;

/** Word i has the value i, as in the originals. */
export function counting(bytes: number): Uint8Array {
  words ??= new Uint32Array(BUFFER / 4).map((_, index) => index);
  return new Uint8Array(words.buffer, 0, bytes);
}

/** As `counting`, with other words: word i is ~i. */
export function inverse(bytes: number): Uint8Array {
  inverseWords ??= new Uint32Array(BUFFER / 4).map((_, index) => ~index);
  return new Uint8Array(inverseWords.buffer, 0, bytes);
}
