/** Memory and numbers that the cases after IGT and test_hmm share. */
import type { CaseContext } from '../framework/context.ts';
import { EFAULT, EINVAL } from './errno.ts';
import type { Feature } from '../framework/feature.ts';
import type { Mapping, MappingOptions } from '../framework/mapping.ts';
import { CHUNK_2M, CHUNK_64K, PAGE } from './units.ts';
import type { GpuQueue, SvmDevice } from '../../device/index.ts';

/**
 * What an allocation is made of: private anonymous memory of mmap, the heap (malloc), pages of the page cache
 * (a shared mapping, of a file or of shmem) and memory with huge pages.
 */
export const MEMORY = ['anon', 'heap', 'file', 'huge'] as const;
export type Memory = (typeof MEMORY)[number];

const KINDS = { anon: 'anon', heap: 'heap', file: 'file', huge: 'thp' } as const;
const FEATURES: Readonly<Record<Memory, readonly Feature[]>> = {
  anon: [],
  heap: ['heap'],
  file: ['file-mapping'],
  huge: ['huge-pages'],
};

/** What the device must have for memory of this kind. */
export function memoryNeeds(memory: Memory): readonly Feature[] {
  return FEATURES[memory];
}

export function allocate(
  t: CaseContext,
  memory: Memory,
  size: number,
  options: Omit<MappingOptions, 'kind'> = {},
): Mapping {
  return t.map(size, { ...options, kind: KINDS[memory] });
}

/**
 * Prefetches to the GPU; false where that is refused, as it has to be: pages of a file cannot move to where pages move at
 * all (spec/migration §5).
 */
export function prefetchToGpu(
  t: CaseContext,
  range: { readonly address: bigint; readonly size: number },
  memory: Memory,
  device: SvmDevice = t.device,
): boolean {
  if (!t.movesPages || memory !== 'file') {
    t.set(range, { prefetchLocation: 'device' }, device);
    return true;
  }
  t.equal(t.trySet(range, { prefetchLocation: 'device' }, device), -EFAULT, 'result of a prefetch of pages of a file');
  return false;
}

/** First byte and length of the chunk that a fault at `offset` maps in a mapping of `size` bytes that is aligned to 2 MiB (spec/03-gpu-ranges §A.7). */
export function chunkAt(offset: number, size: number): readonly [start: number, length: number] {
  for (const length of [CHUNK_2M, CHUNK_64K]) {
    const start = offset - (offset % length);
    if (start + length <= size) return [start, length];
  }
  return [offset - (offset % PAGE), PAGE];
}

/** Locks all of it in memory; the case is skipped where the process may not lock so much. */
export function lockedBy(t: CaseContext, mapping: Mapping): void {
  try {
    mapping.lock();
  } catch (error) {
    if (!['ENOMEM', 'EPERM', 'EAGAIN'].includes((error as { code?: string }).code ?? '')) throw error;
    t.skip(`the process may not lock so much memory (${(error as Error).message})`);
  }
}

/** The little-endian bytes of 32-bit words. */
export function bytesOf(...words: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(words).buffer);
}

/** The 32-bit word in four bytes. */
function wordOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
}

/** The CPU writes a word. */
export function store(mapping: Mapping, offset: number, word: number): void {
  mapping.write(offset, bytesOf(word));
}

/** The CPU reads a word. */
export function load(mapping: Mapping, offset: number): number {
  return wordOf(mapping.read(offset, 4));
}

/** One queue for all words of a device: those of hardware are few. */
const queues = new WeakMap<SvmDevice, GpuQueue>();

function queueOf(t: CaseContext, index: number): GpuQueue {
  const device = t.devices[index]!;
  let queue = queues.get(device);
  if (queue === undefined) queues.set(device, (queue = t.queue(device)));
  return queue;
}

/** The GPU writes a word. */
export function gpuStore(t: CaseContext, address: bigint, word: number, device = 0): Promise<void> {
  return queueOf(t, device).write(address, bytesOf(word));
}

/** The GPU reads a word. */
export async function gpuLoad(t: CaseContext, address: bigint, device = 0): Promise<number> {
  return wordOf(await queueOf(t, device).read(address, 4));
}

/** Retry faults so far; 0 where they can't be seen. */
export function faultCount(t: CaseContext, device = 0): number {
  return t.can('fault-counts') ? t.faultCount(device) : 0;
}

/**
 * The GPU must have faulted so often since `before`, where that can be seen. Where pages move, it depends on where they
 * were: what the CPU touches comes home, and the GPU faults again. On a kernel, whose count is that of the machine, only
 * that it has faulted at all can be told.
 */
export function expectFaults(t: CaseContext, before: number, expected: number, device = 0): void {
  if (t.backend !== 'emulated') {
    if (expected > 0) expectSomeFaults(t, before, device);
  } else if (!t.movesPages) t.equal(faultCount(t, device) - before, expected, 'faults');
}

/** The GPU must have faulted since `before`, where that can be seen: how often depends on when it tries again. */
export function expectSomeFaults(t: CaseContext, before: number, device = 0): void {
  if (t.can('fault-counts')) t.ok(faultCount(t, device) > before, 'the GPU faulted');
}

const NO_ATTRIBUTE = 99;

/** Waits for the garbage collector: a SET_ATTR does so before it looks at its records (spec/02-attributes §11), even one that is refused. */
export function waitForCollector(
  t: CaseContext,
  range: { readonly address: bigint; readonly size: number },
  device: SvmDevice = t.device,
): void {
  t.equal(t.trySet(range, [[NO_ATTRIBUTE, 0]], device), -EINVAL, 'result of a SET_ATTR with an unknown attribute');
}
