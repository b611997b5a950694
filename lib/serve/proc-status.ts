/**
 * Text of files under /proc. Names in them are chosen by the processes shown, and the
 * kernel escapes only "\n" and "\\": nothing but "\n" ends a line, and no pattern that
 * knows other line ends ("^" with the flag m, ".") may be used on them.
 */

import { codedError } from '../uapi/errors.ts';

/** Who a thread is, from its /proc/TID/status. */
export interface ThreadStatus {
  /** The process: what `ps` calls the pid. */
  readonly pid: number;
  /** Name of the program, at most 15 bytes, chosen by itself: print it with `printable` only. */
  readonly name: string;
  /** Real, effective, saved and file system user. */
  readonly users: readonly number[];
  /** Real, effective, saved and file system group. */
  readonly groups: readonly number[];
}

/** The line that begins with `key` and a colon, without both and the blanks after; undefined if there is none. */
export function procField(text: string, key: string): string | undefined {
  const start = `${key}:`;
  const line = text.split('\n').find((each) => each.startsWith(start));
  return line?.slice(start.length).replace(/^[\t ]+/, '');
}

/** Reads /proc/TID/status; throws an Error where it is not one. */
export function parseStatus(text: string): ThreadStatus {
  return {
    pid: numbersOf(text, 'Tgid', 1)[0]!,
    name: procField(text, 'Name') ?? '?',
    users: numbersOf(text, 'Uid', 4),
    groups: numbersOf(text, 'Gid', 4),
  };
}

function numbersOf(text: string, key: string, count: number): number[] {
  const words = procField(text, key)?.split('\t') ?? [];
  if (words.length !== count || !words.every((word) => /^[0-9]{1,10}$/.test(word)))
    throw codedError('ERR_SVM_SESSION', `/proc shows no ${key} of a process`);
  return words.map(Number);
}
