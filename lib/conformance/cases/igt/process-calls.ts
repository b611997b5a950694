/** IGT sections -mlock, -fork-read, -remap and -bo-unmap: system calls of the process between two commands of the GPU. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { gpuFault } from '../../support/gpu-fault.ts';
import {
  allocate,
  gpuLoad,
  gpuStore,
  load,
  lockedBy,
  MEMORY,
  memoryNeeds,
  prefetchToGpu,
  store,
  waitForCollector,
} from '../../support/memory.ts';
import type { Memory } from '../../support/memory.ts';
import { EADDRINUSE } from '../../support/errno.ts';
import { CHUNK_2M, KIB, MIB } from '../../support/units.ts';

export const processCallsGroup = new CaseGroup(
  'igt,process',
  'mremap, mlock, fork and buffer objects between two commands (xe_exec_system_allocator)',
);

const SIZES = [4 * KIB, 64 * KIB, 1.5 * MIB, CHUNK_2M] as const;
const PRIVATE = ['anon', 'heap', 'huge'] as const;

/** Words at both ends and in the middle. */
function places(size: number): readonly number[] {
  return [0, size / 2, size - 16];
}

/** Pages of a file do not move; where they should, the GPU faults on them forever (spec/migration §5). */
function movable({ memory, prefetched }: { readonly memory: Memory; readonly prefetched: boolean }): boolean {
  return !prefetched || memory !== 'file';
}

/** The GPU may not reach the place any more. */
async function isGone(t: CaseContext, mapping: Mapping, size: number): Promise<void> {
  await t.throws(
    () => gpuStore(t, mapping.at(size - 16), 1),
    'ERR_SVM_GPU_FAULT',
    'GPU write to the place that was left',
  );
}

processCallsGroup
  .case('mremap', 'memory that mremap moves keeps its words, for the GPU too, and nothing is left at the old address')
  .source('IGT xe_exec_system_allocator sections -remap, -remap-ro')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', SIZES)
      .combine('protection', ['rw', 'r'])
      .combine('check', ['every-move', 'every-other-move']),
  )
  .needs('gpu-work', 'retry-faults', 'mremap')
  .needsAt(({ memory, protection }) => [
    ...memoryNeeds(memory),
    ...(protection === 'r' ? (['gpu-fault'] as const) : []),
  ])
  .run(async (t, { memory, size, protection, check }) => {
    let mapping = allocate(t, memory, size);
    for (const [index, offset] of places(size).entries()) await gpuStore(t, mapping.at(offset), 0x51de + index);
    mapping.protect(protection);
    for (let step = 1; step <= 4; step++) {
      const next = allocate(t, memory, size);
      mapping.moveTo(next);
      const old = mapping;
      mapping = next;
      if (check === 'every-other-move' && step % 2 === 1) continue;
      for (const [index, offset] of places(size).entries()) {
        t.equal(await gpuLoad(t, mapping.at(offset)), 0x51de + index, `what the GPU reads after move ${step}`);
        t.equal(load(mapping, offset), 0x51de + index, `what the CPU reads after move ${step}`);
      }
      // Where the first refused write ends the work it comes last.
      if (protection === 'r' && (step === 4 || t.can('work-after-fault')))
        t.equal(await gpuFault(t, mapping.address, 1), 'refused', 'GPU write to memory that came without permission');
      if (t.can('work-after-fault')) await isGone(t, old, size);
    }
    if (protection === 'r') return;
    await gpuStore(t, mapping.at(8), 4);
    t.equal(load(mapping, 8), 4, 'what the GPU wrote last');
  });

processCallsGroup
  .case('mremap-keep', 'with MREMAP_DONTUNMAP the old addresses stay, and hold nothing: for the GPU neither')
  .source('IGT xe_exec_system_allocator sections -remap-dontunmap')
  .parameters(parameters().combine('memory', PRIVATE).combine('size', SIZES))
  .needs('gpu-work', 'retry-faults', 'mremap')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    const mapping = allocate(t, memory, size);
    for (const [index, offset] of places(size).entries()) await gpuStore(t, mapping.at(offset), index + 1);
    const next = allocate(t, memory, size);
    mapping.moveTo(next, { keepOld: true });
    waitForCollector(t, mapping);
    for (const [index, offset] of places(size).entries()) {
      t.equal([load(next, offset), load(mapping, offset)], [index + 1, 0], 'words that the CPU reads');
      t.equal(
        [await gpuLoad(t, next.at(offset)), await gpuLoad(t, mapping.at(offset))],
        [index + 1, 0],
        'words that the GPU reads',
      );
    }
    await gpuStore(t, mapping.address, 0x99);
    t.equal([load(mapping, 0), load(next, 0)], [0x99, 1], 'words after a GPU write to the old address');
  });

processCallsGroup
  .case('mremap-part', 'a part that moves takes its words along; its neighbours stay')
  .source('IGT xe_exec_system_allocator sections -remap')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('first', [0, 3, 12])
      .combine('prefetched', [false, true])
      .where(movable),
  )
  .needs('gpu-work', 'retry-faults', 'mremap')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, first, prefetched }) => {
    const [mapping, next] = [allocate(t, memory, pages(16)), allocate(t, memory, pages(16))];
    for (let page = 0; page < 16; page++) store(mapping, pages(page), page + 1);
    if (prefetched) prefetchToGpu(t, mapping, memory);
    else for (let page = 0; page < 16; page++) await gpuLoad(t, mapping.at(pages(page)));
    mapping.moveTo(next, { offset: pages(first), length: pages(4), targetOffset: pages(8) });
    waitForCollector(t, mapping);
    for (let page = 0; page < 16; page++) {
      const moved = page >= first && page < first + 4;
      const [where, offset] = moved ? [next, pages(page - first + 8)] : [mapping, pages(page)];
      t.equal(load(where, offset), page + 1, `what the CPU reads of page ${page}`);
      t.equal(await gpuLoad(t, where.at(offset)), page + 1, `what the GPU reads of page ${page}`);
    }
    if (!t.can('work-after-fault')) return;
    await t.throws(() => gpuLoad(t, mapping.at(pages(first))), 'ERR_SVM_GPU_FAULT', 'GPU read of the hole');
  });

processCallsGroup
  .case('mlock', 'memory that is locked between two commands serves the GPU as before, and cannot be discarded')
  .source('IGT xe_exec_system_allocator sections -mlock')
  .parameters(
    parameters().combine('memory', MEMORY).combine('size', SIZES).combine('prefetched', [false, true]).where(movable),
  )
  .needs('gpu-work', 'retry-faults', 'mlock')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, prefetched }) => {
    const mapping = allocate(t, memory, size);
    await gpuStore(t, mapping.address, 1);
    lockedBy(t, mapping);
    if (prefetched) prefetchToGpu(t, mapping, memory);
    t.equal([await gpuLoad(t, mapping.address), load(mapping, 0)], [1, 1], 'the first word, locked');
    await t.throws(() => mapping.discard(), 'EINVAL', 'MADV_DONTNEED of locked memory');
    await gpuStore(t, mapping.at(size - 16), 2);
    mapping.unlock();
    t.equal([load(mapping, 0), load(mapping, size - 16)], [1, 2], 'words that the CPU reads when it is unlocked');
    mapping.discard();
    const kept = memory === 'file';
    t.equal(await gpuLoad(t, mapping.at(size - 16)), kept ? 2 : 0, 'what the GPU reads after a discard');
  });

processCallsGroup
  .case('fork-read', 'a child reads what the GPU wrote before the fork, and then the process what it wrote after')
  .source('IGT xe_exec_system_allocator sections -fork-read')
  .parameters(parameters().combine('memory', MEMORY).combine('size', SIZES).combine('child', ['stays', 'exits-first']))
  .needs('gpu-work', 'retry-faults', 'fork')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, child: life }) => {
    const mapping = allocate(t, memory, size);
    for (const [index, offset] of places(size).entries()) await gpuStore(t, mapping.at(offset), index + 1);
    const child = t.fork();
    const read = (offset: number): number => new Uint32Array(child.read(mapping.at(offset), 4).buffer)[0]!;
    t.equal(places(size).map(read), [1, 2, 3], 'words that the child reads');
    if (life === 'exits-first') child.exit();
    for (const offset of places(size)) await gpuStore(t, mapping.at(offset), 0x99);
    t.equal(
      places(size).map((offset) => load(mapping, offset)),
      [0x99, 0x99, 0x99],
      'words that the process reads',
    );
    if (life === 'exits-first') return;
    const shared = memory === 'file';
    t.equal(places(size).map(read), shared ? [0x99, 0x99, 0x99] : [1, 2, 3], 'words that the child reads afterwards');
    child.exit();
    t.equal(await gpuLoad(t, mapping.address), 0x99, 'what the GPU reads without the child');
  });

processCallsGroup
  .case('fork-read-only', 'a GPU that only reads pages which both processes have follows its process to the copy')
  .source('IGT xe_exec_system_allocator sections -fork-read, with read-only PTEs')
  .parameters(parameters().combine('memory', PRIVATE).combine('size', SIZES))
  .needs('gpu-work', 'retry-faults', 'fork')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    const mapping = allocate(t, memory, size);
    t.set(mapping, { gpuReadOnly: true });
    store(mapping, 0, 1);
    const child = t.fork();
    t.equal(await gpuLoad(t, mapping.address), 1, 'what the GPU reads of the shared page');
    store(mapping, 0, 2);
    t.equal(await gpuLoad(t, mapping.address), 2, 'what the GPU reads when the CPU has written');
    t.equal(child.read(mapping.address, 4), Uint8Array.of(1, 0, 0, 0), 'what the child reads');
    child.exit();
  });

processCallsGroup
  .case('bo-unmap', 'where a buffer object was mapped the GPU finds the memory of the process when it is gone')
  .source('IGT xe_exec_system_allocator sections -bo-unmap')
  .parameters(parameters().combine('memory', MEMORY).combine('size', SIZES).combine('before', ['nothing', 'gpu']))
  .needs('gpu-work', 'retry-faults', 'buffer-objects')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, before }) => {
    const mapping = allocate(t, memory, size);
    for (const [index, offset] of places(size).entries()) store(mapping, offset, index + 1);
    if (before === 'gpu') await gpuLoad(t, mapping.address);
    else t.get(mapping, ['granularity']);
    const range = mapping.range();
    t.equal(t.gpu().mapBufferObject(range), 0, 'mapping the buffer object');
    t.equal(
      t.trySet(range, { granularity: 5 }),
      t.perRevision({ v4: 0, v7: -EADDRINUSE, 'v7-xnack-off': -EADDRINUSE, v8: -EADDRINUSE }),
      'result of a SET_ATTR over it',
    );
    t.equal(t.gpu().unmapBufferObject({ address: range.address }), 0, 'unmapping the buffer object');
    t.set(range, { granularity: 6 });
    for (const [index, offset] of places(size).entries()) {
      t.equal(await gpuLoad(t, mapping.at(offset)), index + 1, 'word that the GPU reads');
      await gpuStore(t, mapping.at(offset), 0x99);
      t.equal(load(mapping, offset), 0x99, 'word that the CPU reads');
    }
  });
