/** Names of recordings: patterns in them, and what a name becomes whose file is there already. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, parse } from 'node:path';

/** What a pattern in a name stands for. */
export interface RecordingPlace {
  readonly process: number;
  readonly thread: number;
  /** Of the recordings of a thread, from 1 on. */
  readonly device: number;
}

/** `path` with "%p", "%t" and "%d" replaced: process, thread, and which of its recordings. */
export function recordingName(path: string, { process, thread, device }: RecordingPlace): string {
  const values: Readonly<Record<string, number>> = { '%p': process, '%t': thread, '%d': device };
  return path.replaceAll(/%[ptd]/g, (each) => String(values[each]));
}

/** `FILE.N` before the ending. */
export function numbered(path: string, number: number): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.${number}${ext}`);
}

/** Removes the recordings of an earlier run: the file, and those with ".2", ".3", ... that belong to it. */
export function removeRecordings(path: string): void {
  let name = path;
  for (let number = 2; existsSync(name) && statSync(name).isFile(); number++) {
    rmSync(name);
    name = numbered(path, number);
  }
}

/** The files that recordings to `path`, which may hold patterns, can have made; by name. */
export function findRecordings(path: string): string[] {
  const { name, ext } = parse(basename(path));
  const pattern = [name, ext].map((text) =>
    text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&').replaceAll(/%[ptd]/g, '\\d+'),
  );
  const expression = new RegExp(`^${pattern.join('(\\.\\d+)?')}$`);
  const folder = dirname(path);
  return readdirSync(folder)
    .filter((each) => expression.test(each))
    .sort()
    .map((each) => join(folder, each));
}
