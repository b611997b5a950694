/** Reads trace files, plain or gzip, with file and line number in every complaint. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parseTrace, TraceFileError } from './parse-trace.ts';
import type { TraceLine } from './parse-trace.ts';

export { parseTrace, TraceFileError };
export type { TraceLine };

const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** The text of a trace file, unpacked; throws TraceFileError. */
export function readTraceText(path: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
    if (bytes[0] === GZIP_MAGIC[0] && bytes[1] === GZIP_MAGIC[1])
      bytes = gunzipSync(bytes, { chunkSize: unpackedSize(bytes) });
  } catch (error) {
    throw new TraceFileError(path, 0, `cannot be read: ${(error as Error).message}`, { cause: error });
  }
  return bytes.toString('utf8');
}

/** The lines of a trace file; throws TraceFileError. `lazyAnswers`: see `parseTrace`. */
export function readTraceFile(path: string, options: { lazyAnswers?: boolean } = {}): TraceLine[] {
  return parseTrace(path, readTraceText(path), options);
}

const LEAST_CHUNK = 1 << 12;
const LARGEST_CHUNK = 1 << 24;

/** Bytes that a gzip file says it holds, within bounds: with one chunk of that size nothing is copied twice. */
function unpackedSize(packed: Buffer): number {
  const told = packed.length >= 4 ? packed.readUInt32LE(packed.length - 4) : 0;
  return Math.min(Math.max(told + 1, LEAST_CHUNK), LARGEST_CHUNK);
}
