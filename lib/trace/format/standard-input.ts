/** Standard input in place of a file. */
import { readSync } from 'node:fs';

/** What stands for it among the names of files. */
export const STANDARD_INPUT = '-';

const CHUNK = 1 << 16;
/** Milliseconds between two looks at an input that others read without waiting. */
const PAUSE = 10;

/** All of it, or as much as is more than `most` bytes; throws the system's error. */
export function readStandardInput(most: number): Buffer {
  const chunks: Buffer[] = [];
  for (let length = 0; length <= most;) {
    const chunk = Buffer.allocUnsafe(CHUNK);
    const count = readChunk(chunk);
    if (count === 0) break;
    length += count;
    chunks.push(chunk.subarray(0, count));
  }
  return Buffer.concat(chunks);
}

function readChunk(chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(0, chunk);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
}
