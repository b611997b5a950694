/** One mapping of a process, asked by its address: PROCMAP_QUERY of Linux 6.11 and later on /proc/PID/maps. */
import { nativeAddon, nativeSupport, systemError } from '../backend/native-addon.ts';
import { Errno } from '../uapi/errno.ts';
import { areaOf } from './proc-maps.ts';
import type { MappedArea, SpecialKind } from './proc-maps.ts';

/** struct procmap_query: its bytes, and where a field lies. */
const QUERY_BYTES = 104;
const Field = {
  size: 0,
  flags: 8,
  address: 16,
  start: 24,
  end: 32,
  protection: 40,
  offset: 56,
  inode: 64,
  deviceMajor: 72,
  deviceMinor: 76,
  nameBytes: 80,
  name: 88,
} as const;
/** _IOWR('f', 17, struct procmap_query) */
const PROCMAP_QUERY = ((3 << 30) | (QUERY_BYTES << 16) | (0x66 << 8) | 17) >>> 0;
/** The mapping at the address, or the next one. */
const COVERING_OR_NEXT = 0x10n;
const PROTECTION_MASK = 7;
const LONGEST_NAME = 4096;

/** What a question came to: a mapping; none there or above; the address space is gone. */
export type MappingAnswer = MappedArea | 'none' | 'gone';

/** Asks about one process. */
export class MappingQuery {
  readonly #close: () => void;
  readonly #ioctl: () => number;
  readonly #view: DataView;
  readonly #name: Buffer;

  /** `maps`: the open file. Undefined: there is no addon to ask with, or the kernel does not know the question. */
  static of(maps: number): MappingQuery | undefined {
    if (!nativeSupport().available) return undefined;
    const addon = nativeAddon();
    const handle = addon.adopt(maps);
    if (typeof handle === 'number') return undefined;
    const prepared = addon.prepareIoctl(handle, PROCMAP_QUERY, QUERY_BYTES, Field.name, LONGEST_NAME);
    if (typeof prepared !== 'number' && prepared.data !== undefined) {
      const { arg, data, ioctl } = prepared;
      const query = new MappingQuery(() => addon.close(handle), ioctl, arg, data);
      if (query.#ask(0) !== -Errno.ENOTTY) return query;
    }
    addon.close(handle);
    return undefined;
  }

  private constructor(close: () => void, ioctl: () => number, argument: Uint8Array, name: Uint8Array) {
    this.#close = close;
    this.#ioctl = ioctl;
    this.#view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
    this.#name = Buffer.from(name.buffer, name.byteOffset, name.byteLength);
  }

  /** The mapping that has `page`, or the next one. Throws a system error for what the kernel should not answer. */
  next(page: number, specialKind: SpecialKind, served?: string): MappingAnswer {
    const result = this.#ask(page);
    if (result === -Errno.ENOENT) return 'none';
    if (result === -Errno.ESRCH) return 'gone';
    if (result < 0) throw systemError(result, 'ioctl', { note: 'PROCMAP_QUERY' });
    const view = this.#view;
    const nameBytes = view.getUint32(Field.nameBytes, true);
    const major = view.getUint32(Field.deviceMajor, true);
    const minor = view.getUint32(Field.deviceMinor, true);
    const inode = view.getBigUint64(Field.inode, true);
    return areaOf(
      {
        startPage: this.#page(Field.start),
        endPage: this.#page(Field.end),
        protection: view.getUint32(Field.protection, true) & PROTECTION_MASK,
        offsetPages: this.#page(Field.offset),
        device: inode === 0n ? '00:00' : `${hex(major)}:${hex(minor)}`,
        inode: inode === 0n ? '0' : String(inode),
        // The end of the string is counted.
        name: nameBytes === 0 ? '' : this.#name.toString('latin1', 0, nameBytes - 1),
      },
      specialKind,
      served,
    );
  }

  close(): void {
    this.#close();
  }

  #page(field: number): number {
    return this.#view.getUint32(field + 4, true) * 2 ** 20 + (this.#view.getUint32(field, true) >>> 12);
  }

  #ask(page: number): number {
    const view = this.#view;
    view.setBigUint64(Field.size, BigInt(QUERY_BYTES), true);
    view.setBigUint64(Field.flags, COVERING_OR_NEXT, true);
    view.setUint32(Field.address, (page % 2 ** 20) * 4096, true);
    view.setUint32(Field.address + 4, Math.floor(page / 2 ** 20), true);
    view.setUint32(Field.nameBytes, LONGEST_NAME, true);
    return this.#ioctl();
  }
}

/** As the text of /proc/PID/maps has it. */
function hex(number: number): string {
  return number.toString(16).padStart(2, '0');
}
