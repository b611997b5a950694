/** Host memory through ffi-rs: the functions of the addon that `KernelMemory` is made of, as far as they are possible here. */
import { fstatSync } from 'node:fs';
import { constants } from 'node:os';
import type { MemoryHandle } from '../../native/native.d.ts';
import { bytesSnapshot, giveBack } from './bytes-snapshot.ts';
import { FfiType } from './ffi-library.ts';
import type { LibC } from './ffi-library.ts';
import { MapFlag } from './kernel-memory.ts';
import type { MemoryFunctions } from './kernel-memory.ts';

const PAGE_BYTES = 4096;
const READ = 1;
const WRITE = 2;
const UNMAPPED = 0xff;
const [MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS, MAP_NORESERVE] = [0x01, 0x02, 0x10, 0x20, 0x4000];
const MAP_FIXED_NOREPLACE = 0x10_0000;
const [MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE] = [4, 14, 15];
const [MREMAP_MAYMOVE_FIXED, MREMAP_DONTUNMAP] = [3, 4];
const { EACCES, EEXIST, EFAULT, EINVAL, ENOMEM, ENOTSUP, ENXIO } = constants.errno;

/**
 * A mapping and the protection of each page, `UNMAPPED` where it is gone: an
 * address that was unmapped may belong to anybody a moment later, and touching a
 * protected page would end the process.
 */
interface Mapping {
  readonly address: bigint;
  readonly pages: Uint8Array;
}

/** The memory functions; `viewMemory` refuses, since nothing could detach a view before its pages go. */
export function ffiMemoryFunctions(libc: LibC): MemoryFunctions {
  const mappings = new WeakMap<MemoryHandle, Mapping>();
  const forgotten = new FinalizationRegistry<Mapping>(
    (mapping) => void unmapLive(libc, mapping, 0, mapping.pages.length),
  );
  const mappingOf = (handle: MemoryHandle): Mapping => {
    const mapping = mappings.get(handle);
    if (mapping === undefined) throw invalid(TypeError, 'handle: must be a handle that mapMemory() returned');
    return mapping;
  };
  const call = (name: string, { address }: Mapping, first: number, count: number, last?: number): number =>
    libc.call(
      name,
      [FfiType.address, address + BigInt(first * PAGE_BYTES)],
      [FfiType.size, count * PAGE_BYTES],
      ...(last === undefined ? [] : [[FfiType.int, last] as const]),
    );
  /** Bytes from `offset` on, at most `length`, until the first page without the permission. */
  const accessible = ({ pages }: Mapping, offset: number, length: number, permission: number): number => {
    let page = Math.floor(offset / PAGE_BYTES);
    while (page * PAGE_BYTES < offset + length && pages[page] !== UNMAPPED && (pages[page]! & permission) !== 0) page++;
    return Math.min(length, Math.max(0, page * PAGE_BYTES - offset));
  };
  const onPages = (
    handle: MemoryHandle,
    offset: number,
    length: number,
    act: (mapping: Mapping, first: number, count: number) => number,
  ): number => {
    const mapping = mappingOf(handle);
    const size = mapping.pages.length * PAGE_BYTES;
    assertInteger('offset', offset, size);
    assertInteger('length', length, size - offset);
    if (length === 0 || offset % PAGE_BYTES !== 0 || length % PAGE_BYTES !== 0) return -EINVAL;
    return act(mapping, offset / PAGE_BYTES, length / PAGE_BYTES);
  };
  const allLive = ({ pages }: Mapping, first: number, count: number): boolean =>
    !pages.subarray(first, first + count).includes(UNMAPPED);
  return {
    layout: () => ({ pageSize: PAGE_BYTES }),
    mapMemory(size, alignment = PAGE_BYTES, place = 0n, flags = 0, descriptor = -1, offset = 0) {
      if (!Number.isSafeInteger(size) || size <= 0 || size % PAGE_BYTES !== 0) return -EINVAL;
      if (descriptor >= 0 && fstatSync(descriptor).size < offset + size) return -ENXIO;
      const exactly = (flags & MapFlag.exactly) !== 0;
      const visibility = (flags & MapFlag.shared) !== 0 ? MAP_SHARED : MAP_PRIVATE;
      const kind = visibility | (descriptor < 0 ? MAP_ANONYMOUS : 0) | (exactly ? MAP_FIXED_NOREPLACE : 0);
      const mmap = (at: bigint, bytes: number, protection: number, how: number): bigint | number =>
        libc.callForAddress(
          'mmap',
          [FfiType.size, Number(at)],
          [FfiType.size, bytes],
          [FfiType.int, protection],
          [FfiType.int, how],
          [FfiType.int, (how & MAP_ANONYMOUS) === 0 ? descriptor : -1],
          [FfiType.long, (how & MAP_ANONYMOUS) === 0 ? offset : 0],
        );
      const release = (at: bigint, bytes: number): void => {
        if (bytes > 0) libc.call('munmap', [FfiType.address, at], [FfiType.size, bytes]);
      };
      let address: bigint | number;
      if (alignment > PAGE_BYTES) {
        const reserved = mmap(0n, size + alignment, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
        if (typeof reserved === 'number') return reserved;
        const before = Number((BigInt(alignment) - (reserved % BigInt(alignment))) % BigInt(alignment));
        const first = reserved + BigInt(before);
        release(reserved, before);
        release(first + BigInt(size), alignment - before);
        address = mmap(first, size, READ | WRITE, kind | MAP_FIXED);
        if (typeof address === 'number') release(first, size);
      } else address = mmap(place, size, READ | WRITE, kind);
      if (typeof address === 'number') return address;
      const advice = (flags & MapFlag.hugePages) !== 0 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE;
      const advised =
        (flags & (MapFlag.hugePages | MapFlag.noHugePages)) === 0
          ? 0
          : libc.call('madvise', [FfiType.address, address], [FfiType.size, size], [FfiType.int, advice]);
      if (advised !== 0 || (exactly && address !== place)) {
        release(address, size);
        return advised !== 0 ? advised : -EEXIST;
      }
      const mapping: Mapping = { address, pages: new Uint8Array(size / PAGE_BYTES).fill(READ | WRITE) };
      const handle = {} as MemoryHandle;
      mappings.set(handle, mapping);
      forgotten.register(handle, mapping);
      return { handle, address };
    },
    viewMemory: (handle) =>
      mappingOf(handle).pages.every((page) => page !== UNMAPPED && (page & 3) === 3) ? -ENOTSUP : -EACCES,
    unmapMemory: (handle, offset, length) =>
      onPages(handle, offset, length, (mapping, first, count) => unmapLive(libc, mapping, first, count)),
    protectMemory: (handle, offset, length, protection) =>
      onPages(handle, offset, length, (mapping, first, count) => {
        assertInteger('protection', protection, 7);
        if (!allLive(mapping, first, count)) return -ENOMEM;
        const result = call('mprotect', mapping, first, count, protection);
        if (result === 0) mapping.pages.fill(protection, first, first + count);
        return result;
      }),
    discardMemory: (handle, offset, length) =>
      onPages(handle, offset, length, (mapping, first, count) =>
        allLive(mapping, first, count) ? call('madvise', mapping, first, count, MADV_DONTNEED) : -ENOMEM,
      ),
    lockMemory: (handle, offset, length, locked) =>
      onPages(handle, offset, length, (mapping, first, count) => {
        assertInteger('locked', locked, 1);
        return allLive(mapping, first, count)
          ? call(locked === 1 ? 'mlock' : 'munlock', mapping, first, count)
          : -ENOMEM;
      }),
    moveMemory: (handle, offset, length, targetHandle, targetOffset, keepOld) =>
      onPages(handle, offset, length, (mapping, first, count) => {
        const target = mappingOf(targetHandle);
        assertInteger('targetOffset', targetOffset, target.pages.length * PAGE_BYTES - length);
        assertInteger('keepOld', keepOld, 1);
        const to = targetOffset / PAGE_BYTES;
        if (!Number.isInteger(to)) return -EINVAL;
        if (!allLive(mapping, first, count) || !allLive(target, to, count)) return -EFAULT;
        const address = libc.callForAddress(
          'mremap',
          [FfiType.address, mapping.address + BigInt(offset)],
          [FfiType.size, length],
          [FfiType.size, length],
          [FfiType.int, MREMAP_MAYMOVE_FIXED | (keepOld === 1 ? MREMAP_DONTUNMAP : 0)],
          [FfiType.address, target.address + BigInt(targetOffset)],
        );
        if (typeof address === 'number') return address;
        target.pages.set(mapping.pages.slice(first, first + count), to);
        if (keepOld === 0) mapping.pages.fill(UNMAPPED, first, first + count);
        return 0;
      }),
    readMemory(handle, offset, target) {
      const mapping = mappingOf(handle);
      assertInteger('offset', offset, mapping.pages.length * PAGE_BYTES);
      const snapshot = bytesSnapshot('target', target);
      const count = accessible(mapping, offset, snapshot.bytes.length, READ);
      if (count === 0) return -EFAULT;
      libc.copyFrom(mapping.address + BigInt(offset), snapshot.bytes.subarray(0, count));
      giveBack(snapshot);
      return count;
    },
    writeMemory(handle, offset, source) {
      const mapping = mappingOf(handle);
      assertInteger('offset', offset, mapping.pages.length * PAGE_BYTES);
      const { bytes } = bytesSnapshot('source', source);
      const count = accessible(mapping, offset, bytes.length, WRITE);
      if (count === 0) return -EFAULT;
      libc.copyTo(mapping.address + BigInt(offset), bytes.subarray(0, count));
      return count;
    },
  };
}

/** Unmaps those of the pages that are still there, run by run. */
function unmapLive(libc: LibC, { address, pages }: Mapping, first: number, count: number): number {
  const end = first + count;
  for (let page = first; page < end;) {
    if (pages[page] === UNMAPPED) {
      page++;
      continue;
    }
    let to = page;
    while (to < end && pages[to] !== UNMAPPED) to++;
    const result = libc.call(
      'munmap',
      [FfiType.address, address + BigInt(page * PAGE_BYTES)],
      [FfiType.size, (to - page) * PAGE_BYTES],
    );
    if (result !== 0) return result;
    pages.fill(UNMAPPED, page, to);
    page = to;
  }
  return 0;
}

/** An integer from 0 to `maximum`, of type number: what is coerced could be another number each time. */
function assertInteger(name: string, value: number, maximum: number): void {
  if (typeof value !== 'number') throw invalid(TypeError, `${name}: must be a number`);
  if (!Number.isSafeInteger(value) || value < 0 || value > maximum)
    throw invalid(RangeError, `${name}: must be an integer from 0 to ${maximum}`);
}

function invalid(type: ErrorConstructor, message: string): Error {
  return Object.assign(new type(message), {
    code: type === TypeError ? 'ERR_SVM_INVALID_TYPE' : 'ERR_SVM_OUT_OF_RANGE',
  });
}
