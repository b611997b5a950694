/** The kernel's hmm-tests: memory that moves into the memory of the device and comes back. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { allocate, gpuLoad, gpuStore, load, memoryNeeds, prefetchToGpu, store } from '../../support/memory.ts';
import { BUFFER, counting } from '../../support/counting.ts';
import { EFAULT } from '../../support/errno.ts';
import { CHUNK_2M, KIB, MIB } from '../../support/units.ts';

export const migrateGroup = new CaseGroup(
  'hmm,migrate',
  "MIGRATE of the kernel's test_hmm: contents, and what of the memory of the device is taken",
);

/** Memory of the emulated device, room for all that a case moves there. */
const VRAM = 16 * MIB;
const SIZES = [64 * KIB, 1.5 * MIB, BUFFER] as const;
const PRIVATE = ['anon', 'heap', 'huge'] as const;

/** Bytes that are taken of the memory of the GPU. */
function taken(t: CaseContext): number {
  const { total, free } = t.vram();
  return total - free;
}

/** Memory with contents that was moved to the device. */
function moved(t: CaseContext, memory: (typeof PRIVATE)[number], size: number): Mapping {
  t.setup({ vram: VRAM });
  const mapping = allocate(t, memory, size);
  mapping.write(0, counting(size));
  const before = taken(t);
  prefetchToGpu(t, mapping, memory);
  t.equal(taken(t) - before, size, 'bytes of the memory of the device that it takes');
  return mapping;
}

migrateGroup
  .case('migrate', 'what the CPU wrote moves to the device, which reads it there, and comes back when the CPU reads it')
  .source('hmm-tests migrate, migrate_fault, migrate_anon_huge_fault')
  .parameters(parameters().combine('memory', PRIVATE).combine('size', SIZES).combine('times', [1, 3]))
  .needs('vram', 'gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, times }) => {
    const mapping = moved(t, memory, size);
    const free = taken(t) - size;
    const data = counting(size);
    const isData = (bytes: Uint8Array): boolean => Buffer.compare(bytes, data) === 0;
    for (let time = 0; time < times; time++) {
      if (time > 0) prefetchToGpu(t, mapping, memory);
      t.ok(isData(await t.queue().read(mapping.address, size)), 'the device reads what the CPU wrote');
      t.equal(taken(t) - free, size, 'bytes that it takes while the device reads');
      t.ok(isData(mapping.read(0, size)), 'the CPU reads it again');
      t.equal(taken(t), free, 'bytes taken when it is back');
      // Else the second prefetch is for the place where the range is said to be already.
      t.set(mapping, { prefetchLocation: 'system' });
    }
  });

migrateGroup
  .case('dirty-on-device', 'what the device wrote in its own memory is what the CPU reads')
  .source('hmm-tests migrate_fault')
  .parameters(parameters().combine('memory', PRIVATE).combine('size', SIZES))
  .needs('vram', 'gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    const mapping = moved(t, memory, size);
    for (let offset = 0; offset < size; offset += 16 * KIB) await gpuStore(t, mapping.at(offset), ~offset >>> 0);
    for (let offset = 0; offset < size; offset += 16 * KIB)
      t.equal([load(mapping, offset), load(mapping, offset + 4)], [~offset >>> 0, offset / 4 + 1], 'words of a page');
  });

migrateGroup
  .case('release', 'memory that is given back while it lies in the memory of the device frees it there')
  .source('hmm-tests migrate_release, migrate_anon_huge_free')
  .parameters(
    parameters()
      .combine('memory', PRIVATE)
      .combine('size', SIZES)
      .combine('by', ['unmap', 'discard', 'unmap-in-pieces']),
  )
  .needs('vram')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, size, by }) => {
    const mapping = moved(t, memory, size);
    if (by === 'unmap') mapping.unmap();
    else if (by === 'discard') mapping.discard();
    else for (let offset = 0; offset < size; offset += size / 4) mapping.unmap(offset, size / 4);
    t.equal(taken(t), 0, 'bytes taken of the memory of the device');
    if (by === 'discard') t.equal([load(mapping, 0), load(mapping, size - 4)], [0, 0], 'words of the new pages');
  });

migrateGroup
  .case('shared', 'pages of a file do not move: the prefetch is refused')
  .source('hmm-tests migrate_shared')
  .parameters(parameters().combine('size', SIZES))
  .needs('vram', 'file-mapping')
  .run((t, { size }) => {
    t.setup({ vram: VRAM });
    const mapping = allocate(t, 'file', size);
    mapping.write(0, counting(size));
    prefetchToGpu(t, mapping, 'file');
    t.equal(taken(t), 0, 'bytes taken of the memory of the device');
    t.ok(Buffer.compare(mapping.read(0, size), counting(size)) === 0, 'the CPU reads what it wrote');
  });

migrateGroup
  .case('multiple', 'many buffers move there and back, one after the other')
  .source('hmm-tests migrate_multiple')
  .parameters(parameters().combine('memory', PRIVATE).combine('buffers', [8, 32]))
  .needs('vram', 'gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, buffers }) => {
    t.setup({ vram: VRAM });
    for (let buffer = 0; buffer < buffers; buffer++) {
      const mapping = allocate(t, memory, 128 * KIB);
      store(mapping, 64 * KIB, buffer + 1);
      prefetchToGpu(t, mapping, memory);
      t.equal(await gpuLoad(t, mapping.at(64 * KIB)), buffer + 1, 'word that the device reads');
      t.equal(load(mapping, 64 * KIB), buffer + 1, 'word that the CPU reads');
      mapping.unmap();
    }
    t.equal(taken(t), 0, 'bytes taken of the memory of the device');
  });

migrateGroup
  .case('mixed', 'a hole ends a prefetch before anything moves; pages without permission to write move all the same')
  .source('hmm-tests migrate_mixed')
  .parameters(parameters().combine('second', ['hole', 'read-only', 'plain']))
  .needs('vram')
  .run((t, { second }) => {
    t.setup({ vram: VRAM });
    const mapping = t.map(pages(6));
    for (let page = 0; page < 6; page++) store(mapping, pages(page), page + 1);
    if (second === 'hole') mapping.unmap(pages(1), pages(1));
    if (second === 'read-only') mapping.protect('r', pages(1), pages(1));
    const result = t.trySet(mapping, { prefetchLocation: 'device' });
    t.equal(result, second === 'hole' ? -EFAULT : 0, 'result of the prefetch');
    t.equal(taken(t), second === 'hole' ? 0 : pages(6), 'bytes taken of the memory of the device');
    for (const page of [0, 2, 5]) t.equal(load(mapping, pages(page)), page + 1, `word of page ${page}`);
  });

migrateGroup
  .case('empty', 'memory that nobody touched moves as zeros')
  .source('hmm-tests migrate_anon_huge_empty, migrate_anon_huge_zero')
  .parameters(
    parameters()
      .combine('memory', PRIVATE)
      .combine('size', [64 * KIB, CHUNK_2M])
      .combine('read', [false, true]),
  )
  .needs('vram', 'gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, read }) => {
    t.setup({ vram: VRAM });
    const mapping = allocate(t, memory, size);
    if (read) t.equal(load(mapping, 0), 0, 'word that the CPU reads before');
    prefetchToGpu(t, mapping, memory);
    t.equal(taken(t), size, 'bytes taken of the memory of the device');
    t.equal([await gpuLoad(t, mapping.address), await gpuLoad(t, mapping.at(size - 4))], [0, 0], 'words of the device');
    await gpuStore(t, mapping.at(size - 4), 77);
    t.equal([load(mapping, 0), load(mapping, size - 4)], [0, 77], 'words that the CPU reads');
  });

migrateGroup
  .case('partial-unmap', 'after a part was given back the CPU still finds the rest')
  .source('hmm-tests migrate_partial_unmap_fault')
  .parameters(parameters().combine('memory', PRIVATE).combine('part', [0, 1, 3]))
  .needs('vram')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, part }) => {
    const mapping = moved(t, memory, CHUNK_2M);
    const quarter = CHUNK_2M / 4;
    mapping.unmap(part * quarter, quarter);
    for (const other of [0, 1, 2, 3]) {
      if (other === part) continue;
      const data = counting(CHUNK_2M).subarray(other * quarter, (other + 1) * quarter);
      t.ok(Buffer.compare(mapping.read(other * quarter, quarter), data) === 0, `quarter ${other} is as it was`);
    }
    t.equal(taken(t), 0, 'bytes taken of the memory of the device');
  });
