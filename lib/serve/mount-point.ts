/** The directory that is mounted on: whether it can be, and how to clear what a killed server left. */
import { codedError } from '../uapi/errors.ts';
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';

/** Name under which the mounts are in /proc/self/mountinfo. */
const MOUNT_SOURCE = 'amdgpu-svm';

/** Why nothing can be served; the message says what to do. */
export class ServeError extends Error {
  readonly code: 'ERR_SVM_STALE_MOUNT' | 'ERR_SVM_MOUNT' | 'ERR_SVM_NO_HELPER' | 'ERR_SVM_CONTROL';

  constructor(code: ServeError['code'], message: string) {
    super(message);
    this.name = 'ServeError';
    this.code = code;
  }
}

/**
 * The real path of the directory, which is made if it is missing. Throws
 * `ERR_SVM_STALE_MOUNT` with the command that clears the mount of a server that
 * was killed, `ERR_SVM_MOUNT` when somebody serves there already, when there is
 * something in the directory, or when this user can't mount.
 */
export function prepareMountPoint(directory: string): string {
  assertFuse();
  const path = realPathOf(directory);
  const mount = mountAt(path);
  if (mount === undefined) {
    assertEmpty(path);
    return path;
  }
  if (isDead(path)) {
    const message = `${path} is the mount of a server that was killed; clear it with: ${clearCommand(path)}`;
    throw new ServeError('ERR_SVM_STALE_MOUNT', message);
  }
  const who = mount === MOUNT_SOURCE ? 'another amdgpu-svm serve' : mount;
  throw new ServeError('ERR_SVM_MOUNT', `${path} is mounted already, by ${who}; choose another directory`);
}

function realPathOf(directory: string): string {
  const path = resolve(directory);
  try {
    makeDirectory(path);
    if (!statSync(path).isDirectory()) throw codedError('ERR_SVM_MOUNT', 'it is not a directory');
    return realpathSync(path);
  } catch (error) {
    // Everything fails on a mount without a server, even asking what it is.
    if ((error as NodeJS.ErrnoException).code === 'ENOTCONN' || mountAt(path) === MOUNT_SOURCE) return path;
    throw new ServeError('ERR_SVM_MOUNT', `${path} can't be mounted on: ${(error as Error).message}`);
  }
}

/** As `recursive` of mkdirSync, which never ends where the system allows no new directory (/proc). */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT') throw error;
    makeDirectory(dirname(path));
    mkdirSync(path);
  }
}

/** libfuse's own words for it do not say what to do. */
function assertFuse(): void {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const what = missing ? 'there is no /dev/fuse' : '/dev/fuse may not be opened by this user';
    const remedy = missing
      ? 'load the module (modprobe fuse), or start the container with --device /dev/fuse --cap-add SYS_ADMIN'
      : 'as root: chmod 666 /dev/fuse; or serve as root';
    throw new ServeError('ERR_SVM_MOUNT', `${what}; ${remedy}`);
  }
}

/** What is below a mount can't be seen, and a slip like `--mount .` would hide somebody's work. */
function assertEmpty(path: string): void {
  let names: string[];
  try {
    names = readdirSync(path);
  } catch (error) {
    throw new ServeError('ERR_SVM_MOUNT', `${path} can't be mounted on: ${(error as Error).message}`);
  }
  if (names.length > 0)
    throw new ServeError(
      'ERR_SVM_MOUNT',
      `${path} is not empty, and a mount would hide what is in it; choose another directory`,
    );
}

/** What is mounted on `path`, undefined if nothing. */
function mountAt(path: string): string | undefined {
  let found: string | undefined;
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    // "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw"; blanks in paths are octal.
    const [before = '', after = ''] = line.split(' - ');
    const place = before
      .split(' ')[4]
      ?.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    if (place === undefined || Buffer.from(place, 'latin1').toString('utf8') !== path) continue;
    found = after.split(' ')[1];
  }
  return found;
}

function isDead(path: string): boolean {
  try {
    statfsSync(path);
    return false;
  } catch (error) {
    return ['ENOTCONN', 'ECONNABORTED', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '');
  }
}

function clearCommand(path: string): string {
  const quoted = /^[\w/.+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
  return `fusermount3 -u -z ${quoted}`;
}

/** Takes away the mount of a helper that has died; whether nothing of ours is mounted there now. */
export function clearMount(path: string): boolean {
  if (mountAt(path) !== MOUNT_SOURCE) return true;
  for (const [command, ...args] of [
    ['fusermount3', '-u', '-z', path],
    ['umount', '-l', path],
  ] as const) {
    if (spawnSync(command, args, { stdio: 'ignore' }).status === 0) return true;
  }
  return false;
}
