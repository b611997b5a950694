/** Files that a command writes as a whole: the old contents stay until the new ones are complete. */
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';

/** Throws the system's error if `path` could not be written; leaves what is there, and makes nothing. */
export function assertReplaceable(path: string): void {
  const target = targetOf(path);
  if (target === undefined) return accessSync(path, constants.W_OK);
  const beside = besideOf(target.path);
  closeSync(openSync(beside, 'wx'));
  rmSync(beside);
}

/**
 * Makes `content` the contents of the file, in one step: whoever reads it, or ends this program at
 * any moment, finds the old contents or the new ones. What is no regular file (a pipe, a device) is
 * written to. Throws the system's error.
 */
export function replaceFile(path: string, content: string): void {
  const target = targetOf(path);
  if (target === undefined) return writeFileSync(path, content);
  const beside = besideOf(target.path);
  try {
    const descriptor = openSync(beside, 'wx', target.mode);
    try {
      writeFileSync(descriptor, content);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(beside, target.path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  }
}

function besideOf(path: string): string {
  return `${path}.${process.pid}.new`;
}

/** The file itself, behind links, and its mode; undefined if it can only be written to. */
function targetOf(path: string): { readonly path: string; readonly mode: number } | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) return { path, mode: 0o666 };
  if (status.isDirectory())
    throw Object.assign(new Error(`EISDIR: illegal operation on a directory, open '${path}'`), { code: 'EISDIR' });
  if (!status.isFile()) return undefined;
  // Renaming needs no right to the file that goes, but this is a way of writing it.
  accessSync(path, constants.W_OK);
  return { path: realpathSync(path), mode: status.mode & 0o777 };
}
