// Models: a child of the process after fork, as far as its memory goes.
import { addressArgument, bytesArgument } from './kernel/arguments.ts';
import { PAGE_BYTES } from './kernel/page-number.ts';
import { Errno } from '../lib/uapi/errno.ts';
import type { ProcessCalls } from './process-calls.ts';
import { EmulatedSyscallError } from './process-error.ts';

/** A child that `process.fork()` made. Every method throws `EmulatedSyscallError`: ESRCH after `exit`, EFAULT without memory. */
export class EmulatedChild {
  /** Counts up from 1. */
  readonly id: number;
  readonly #calls: ProcessCalls;

  constructor(calls: ProcessCalls, id: number) {
    this.#calls = calls;
    this.id = id;
  }

  /** What the child reads there; its pages come from nowhere, so the process sees nothing of it. */
  read(address: bigint, length: number): Uint8Array<ArrayBuffer> {
    const child = this.#calls.child(this.id);
    const result = new Uint8Array(length);
    if (child === undefined) this.#fail(-Errno.ESRCH, address, length);
    eachPage(addressArgument('address', address), length, (page, within, offset, count) => {
      const bytes = child!.peek(page);
      if (bytes === null) this.#fail(-Errno.EFAULT, address, length);
      if (bytes !== undefined) result.set(bytes!.subarray(within, within + count), offset);
    });
    return result;
  }

  /** The child writes there: pages that it shared are its own from then on. NotModelledError for pages in VRAM. */
  write(address: bigint, data: Uint8Array): void {
    const source = bytesArgument('data', data);
    const pages = new Map<number, Uint8Array>();
    const result = this.#calls.childWrite(
      this.id,
      addressArgument('address', address),
      BigInt(source.length),
      (page, bytes) => pages.set(page, bytes),
    );
    if (result < 0) this.#fail(result, address, source.length);
    eachPage(address, source.length, (page, within, offset, count) =>
      pages.get(page)!.set(source.subarray(offset, offset + count), within),
    );
  }

  /** The child exits: its pages are the process's alone. */
  exit(): void {
    const result = this.#calls.childExit(this.id);
    if (result < 0) throw new EmulatedSyscallError(result, 'exit', `of child ${this.id}`);
  }

  #fail(result: number, address: bigint, length: number): never {
    throw new EmulatedSyscallError(
      result,
      `child ${this.id}`,
      `[0x${address.toString(16)}, +0x${length.toString(16)})`,
    );
  }
}

/** Visits `[address, address + length)` page by page: its number, the first byte in it, the offset in the whole, bytes. */
function eachPage(
  address: bigint,
  length: number,
  visit: (page: number, within: number, offset: number, count: number) => void,
): void {
  let page = Number(address >> 12n);
  let within = Number(address & 0xfffn);
  for (let offset = 0; offset < length; page++, within = 0) {
    const count = Math.min(PAGE_BYTES - within, length - offset);
    visit(page, within, offset, count);
    offset += count;
  }
}
