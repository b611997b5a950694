/** A client as /proc shows it: identity, mappings, memory. */
import { closeSync, constants, openSync, readdirSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import type { ForeignMemory, VmaKind } from '../../emulator/index.ts';
import type { MapsSource } from './client-maps.ts';
import { kindFromSmaps } from './proc-maps.ts';
import { parseStatus } from './proc-status.ts';
import type { ThreadStatus } from './proc-status.ts';

/** Memory of a client that cannot be reached, because it was changed or has gone meanwhile. */
class ClientMemoryError extends Error {
  readonly code = 'EFAULT';

  constructor(pid: number, what: string, address: bigint, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : 'no such page';
    super(`EFAULT: the memory of process ${pid} cannot be ${what} at 0x${address.toString(16)}: ${reason}`, { cause });
    this.name = 'ClientMemoryError';
  }
}

/** A caller that is not the process it would be served as. */
export class ClientIdentityError extends Error {
  readonly code = 'EACCES';
}

/** The thread that opens a node, as the kernel names it in the request. */
export interface Caller {
  /** In the PID namespace of the server; 0 for a process that has no number there. */
  readonly thread: number;
  /** File system user and group. */
  readonly user: number;
  readonly group: number;
}

/**
 * The process of a caller. Throws `ClientIdentityError` unless it runs as the caller's user and
 * group in every respect: a program with the rights of two users (setuid) acts for both, and
 * neither may have its memory read or written on behalf of the other.
 */
export function identify(caller: Caller): ThreadStatus {
  if (caller.thread === 0)
    throw new ClientIdentityError("the process is outside of the server's PID namespace; serve in the same one");
  const status = parseStatus(readFileSync(`/proc/${caller.thread}/status`, 'utf8'));
  for (const [what, ids, id] of [
    ['user', status.users, caller.user],
    ['group', status.groups, caller.group],
  ] as const) {
    if (ids.some((each) => each !== id))
      throw new ClientIdentityError(`the request is of ${what} ${id}, the process has ${what}s ${ids.join(', ')}`);
  }
  return status;
}

/**
 * The process that opened a node. The files in /proc are opened once: they stay with the address
 * space they were opened for, as the driver's reference to the mm does. After exit or exec they
 * show nothing, even if the pid is used again. They are those of the opening thread, since the
 * files of a process show nothing once its first thread has ended.
 *
 * The thread waits in open(2) and cannot end before its answer, so its number means it, and no
 * other process, until the constructor returns.
 */
export class ClientProcess implements ForeignMemory, MapsSource {
  readonly pid: number;
  /** Name of the program, at most 15 bytes; untrusted. */
  readonly name: string;
  readonly #maps: number;
  readonly #smaps: number;
  readonly #memory: number;
  readonly #byte = new Uint8Array(1);
  #buffer = Buffer.allocUnsafe(1 << 16);

  /** Throws a system error when /proc does not let us, and `ClientIdentityError`. */
  constructor(caller: Caller) {
    // As a pidfd does, an open directory of /proc stands for this process alone.
    const folder = openSync(`/proc/${caller.thread}`, constants.O_RDONLY | constants.O_DIRECTORY);
    const opened: number[] = [];
    const open = (name: string, flags: string): number => {
      const descriptor = openSync(`/proc/self/fd/${folder}/${name}`, flags);
      opened.push(descriptor);
      return descriptor;
    };
    try {
      this.#maps = open('maps', 'r');
      this.#smaps = open('smaps', 'r');
      this.#memory = open('mem', 'r+');
      // Last, so that it holds for what was opened.
      ({ pid: this.pid, name: this.name } = identify(caller));
    } catch (error) {
      for (const descriptor of opened) closeSync(descriptor);
      throw error;
    } finally {
      closeSync(folder);
    }
  }

  get mapsFile(): number {
    return this.#maps;
  }

  /** The mappings as text, valid until the next call; empty when the address space is gone. */
  readMaps(): Uint8Array {
    try {
      return this.#readAll(this.#maps);
    } catch (error) {
      // Not even its number is there any more.
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return new Uint8Array(0);
      throw error;
    }
  }

  /** Kind of the mapping of a device file at `start` (hexadecimal). */
  specialKind(start: string): VmaKind {
    try {
      return kindFromSmaps(Buffer.from(this.#readAll(this.#smaps)).toString('latin1'), start);
    } catch {
      // It has just gone; whatever is said now is corrected at the next look.
      return 'file';
    }
  }

  /** Numbers of the descriptors of a file, ascending; none where the process has gone. */
  descriptorsOf({ dev, ino }: { readonly dev: number; readonly ino: number }): number[] {
    const folder = `/proc/${this.pid}/fd`;
    try {
      return readdirSync(folder)
        .map(Number)
        .filter((number) => {
          const status = statSync(`${folder}/${number}`, { throwIfNoEntry: false });
          return status?.dev === dev && status.ino === ino;
        })
        .sort((a, b) => a - b);
    } catch {
      return [];
    }
  }

  read(address: bigint, target: Uint8Array): void {
    let done = 0;
    while (done < target.length) {
      const at = address + BigInt(done);
      done += this.#attempt('read', at, () => readSync(this.#memory, target, done, target.length - done, at));
    }
  }

  write(address: bigint, source: Uint8Array): void {
    let done = 0;
    while (done < source.length) {
      const at = address + BigInt(done);
      // Node takes a position for writing as a number only; user addresses are below 2^53 but on request.
      const position = Number(at);
      if (BigInt(position) !== at) throw new ClientMemoryError(this.pid, 'written', at, undefined);
      done += this.#attempt('written', at, () => writeSync(this.#memory, source, done, source.length - done, position));
    }
  }

  endOfFile(startPage: number, endPage: number): number {
    const has = (page: number): boolean => {
      try {
        return readSync(this.#memory, this.#byte, 0, 1, BigInt(page) << 12n) === 1;
      } catch {
        return false;
      }
    };
    if (has(endPage - 1)) return endPage;
    // What lies after the end is in one piece.
    let low = startPage;
    let high = endPage - 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (has(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  close(): void {
    closeSync(this.#maps);
    closeSync(this.#smaps);
    closeSync(this.#memory);
  }

  #readAll(descriptor: number): Uint8Array {
    let used = 0;
    for (;;) {
      if (used === this.#buffer.length) {
        const larger = Buffer.allocUnsafe(used * 2);
        larger.set(this.#buffer);
        this.#buffer = larger;
      }
      const count = readSync(descriptor, this.#buffer, used, this.#buffer.length - used, used);
      if (count === 0) return this.#buffer.subarray(0, used);
      used += count;
    }
  }

  #attempt(what: string, address: bigint, copy: () => number): number {
    let count: number;
    try {
      count = copy();
    } catch (error) {
      throw new ClientMemoryError(this.pid, what, address, error);
    }
    // The address space has ended.
    if (count === 0) throw new ClientMemoryError(this.pid, what, address, undefined);
    return count;
  }
}
