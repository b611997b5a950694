/** Reads trace files, plain or gzip, with file and line number in every complaint. */
import { readFileSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { DEFAULT_MAX_SIZE } from './max-size.ts';
import { parseTrace, recordedLines } from './parse-trace.ts';
import type { TraceLine } from './parse-trace.ts';
import { readStandardInput, STANDARD_INPUT } from './standard-input.ts';
import { TraceFileError } from './trace-file-error.ts';

export { parseTrace, TraceFileError };
export type { TraceLine };

const GZIP_MAGIC = [0x1f, 0x8b] as const;

/** The largest text that JavaScript holds, and a little less. */
const LARGEST_TEXT = 2 ** 29 - 2 ** 16;

/** How a trace file is read. */
export interface ReadOptions {
  /** The most bytes of it, unpacked. Default: `DEFAULT_MAX_SIZE`, 256 MiB. */
  readonly maxSize?: number;
}

/** What complaints call a file. */
function nameOf(path: string): string {
  return path === STANDARD_INPUT ? 'standard input' : path;
}

/** The text of a trace file, unpacked; "-" is standard input. Throws TraceFileError. */
export function readTraceText(path: string, options: ReadOptions = {}): string {
  return readBytes(path, options).toString('utf8');
}

function readBytes(path: string, { maxSize = DEFAULT_MAX_SIZE }: ReadOptions): Buffer {
  const most = Math.min(maxSize, LARGEST_TEXT);
  const tooLarge = (): TraceFileError =>
    new TraceFileError(
      nameOf(path),
      0,
      most === maxSize
        ? `holds more than ${maxSize} bytes; --max-size allows more`
        : `holds more than ${LARGEST_TEXT} bytes, which is the most that can be read`,
    );
  let bytes: Buffer;
  try {
    // Before it is read: what is packed can only be smaller than what comes out of it, but for a few bytes.
    if (path !== STANDARD_INPUT && statSync(path).size > most + 1024) throw tooLarge();
    bytes = path === STANDARD_INPUT ? readStandardInput(most) : readFileSync(path);
    if (bytes[0] === GZIP_MAGIC[0] && bytes[1] === GZIP_MAGIC[1])
      bytes = gunzipSync(bytes, { chunkSize: unpackedSize(bytes), maxOutputLength: most });
  } catch (error) {
    if (error instanceof TraceFileError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge();
    throw new TraceFileError(nameOf(path), 0, `cannot be read: ${(error as Error).message}`, { cause: error });
  }
  if (bytes.length > most) throw tooLarge();
  return bytes;
}

/** The lines of a trace file; throws TraceFileError. */
export function readTraceFile(path: string, options: ReadOptions = {}): TraceLine[] {
  return parseTrace(nameOf(path), readTraceText(path, options));
}

/**
 * The lines of a trace file, once and each when it is asked for, with its answer unparsed: `replayTrace` takes less than half as long as with
 * those of `readTraceFile`, and nothing of the trace stays. Throws TraceFileError, for a line when that is asked for.
 */
export function readTraceLines(path: string, options: ReadOptions = {}): Generator<TraceLine, void> {
  return recordedLines(nameOf(path), readBytes(path, options));
}

const LEAST_CHUNK = 1 << 12;
const LARGEST_CHUNK = 1 << 24;

/** Bytes that a gzip file says it holds, within bounds: with one chunk of that size nothing is copied twice. */
function unpackedSize(packed: Buffer): number {
  const told = packed.length >= 4 ? packed.readUInt32LE(packed.length - 4) : 0;
  return Math.min(Math.max(told + 1, LEAST_CHUNK), LARGEST_CHUNK);
}
