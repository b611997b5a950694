/** A client as /proc shows it: identity, mappings, memory. */
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import type { ForeignMemory, VmaKind } from '../../emulator/index.ts';
import { kindFromSmaps } from './proc-maps.ts';

/** Memory of a client that can't be reached, because it was changed or has gone meanwhile. */
export class ClientMemoryError extends Error {
  readonly code = 'EFAULT';

  constructor(pid: number, what: string, address: bigint, cause: unknown) {
    const reason = cause instanceof Error ? cause.message : 'no such page';
    super(`EFAULT: the memory of process ${pid} can't be ${what} at 0x${address.toString(16)}: ${reason}`, { cause });
    this.name = 'ClientMemoryError';
  }
}

/** The process of a thread: what `ps` calls the pid. Throws a system error when there is no such thread. */
export function processOf(thread: number): { readonly pid: number; readonly name: string } {
  const status = readFileSync(`/proc/${thread}/status`, 'utf8');
  return {
    pid: Number(/^Tgid:\s*(\d+)$/m.exec(status)?.[1] ?? thread),
    name: /^Name:\s*(.*)$/m.exec(status)?.[1] ?? '?',
  };
}

/**
 * The process that opened a node. The files in /proc are opened once: they stay
 * with the address space they were opened for, as the driver's reference to the
 * mm does. After exit or exec they show nothing, even if the pid is used again.
 */
export class ClientProcess implements ForeignMemory {
  readonly pid: number;
  /** Name of the program, at most 15 characters. */
  readonly name: string;
  readonly #maps: number;
  readonly #memory: number;
  #buffer = Buffer.allocUnsafe(1 << 16);

  /** `thread`: any thread of the process. Throws a system error when /proc does not let us. */
  constructor(thread: number) {
    ({ pid: this.pid, name: this.name } = processOf(thread));
    this.#maps = openSync(`/proc/${this.pid}/maps`, 'r');
    try {
      this.#memory = openSync(`/proc/${this.pid}/mem`, 'r+');
    } catch (error) {
      closeSync(this.#maps);
      throw error;
    }
  }

  /** The mappings as text, valid until the next call; empty when the address space is gone. */
  readMaps(): Uint8Array {
    let used = 0;
    for (;;) {
      if (used === this.#buffer.length) {
        const larger = Buffer.allocUnsafe(used * 2);
        larger.set(this.#buffer);
        this.#buffer = larger;
      }
      const count = readSync(this.#maps, this.#buffer, used, this.#buffer.length - used, used);
      if (count === 0) return this.#buffer.subarray(0, used);
      used += count;
    }
  }

  /** Kind of the mapping of a device file at `start` (hexadecimal). */
  specialKind(start: string): VmaKind {
    try {
      return kindFromSmaps(readFileSync(`/proc/${this.pid}/smaps`, 'utf8'), start);
    } catch {
      // It has just gone; whatever is said now is corrected at the next look.
      return 'file';
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

  close(): void {
    closeSync(this.#maps);
    closeSync(this.#memory);
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
