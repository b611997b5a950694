/** Host memory through ffi-rs: the functions of the addon that `KernelMemory` is made of, as far as they are possible here. */
import { constants } from 'node:os';
import type { MemoryHandle } from '../../native/native.d.ts';
import { bytesSnapshot, giveBack } from './bytes-snapshot.ts';
import { FfiType } from './ffi-library.ts';
import type { LibC } from './ffi-library.ts';
import type { MemoryFunctions } from './kernel-memory.ts';

const PAGE_BYTES = 4096;
const READ = 1;
const WRITE = 2;
const UNMAPPED = 0xff;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MADV_DONTNEED = 4;
const { EACCES, EFAULT, EINVAL, ENOMEM, ENOTSUP } = constants.errno;

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
    mapMemory(size) {
      if (!Number.isSafeInteger(size) || size <= 0 || size % PAGE_BYTES !== 0) return -EINVAL;
      const address = libc.callForAddress(
        'mmap',
        [FfiType.size, 0],
        [FfiType.size, size],
        [FfiType.int, READ | WRITE],
        [FfiType.int, MAP_PRIVATE_ANONYMOUS],
        [FfiType.int, -1],
        [FfiType.long, 0],
      );
      if (typeof address === 'number') return address;
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
