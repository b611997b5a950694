/** The trace files that a path stands for. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { STANDARD_INPUT } from '../trace/format/standard-input.ts';
import { TraceFileError } from '../trace/format/trace-file-error.ts';
import { UsageError } from './command.ts';

/** Whether it is a folder; throws `TraceFileError` where there is nothing. */
export function isFolder(path: string): boolean {
  if (path === STANDARD_INPUT) return false;
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw new TraceFileError(path, 0, `cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** A file for itself, a folder for the traces in it, by name; throws `UsageError` for one that has none. */
export function traceFiles(command: string, path: string): string[] {
  if (!isFolder(path)) return [path];
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.jsonl(\.gz)?$/.test(name))
    .sort()
    .map((name) => join(path, name));
  if (files.length === 0) throw new UsageError(`${command}: no *.jsonl or *.jsonl.gz in ${path}`);
  return files;
}
