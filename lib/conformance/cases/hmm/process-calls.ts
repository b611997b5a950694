/** hmm-tests with a child process, mremap, pins and hugetlbfs. */
import { CaseGroup } from '../../framework/case.ts';
import { parameters } from '../../framework/parameters.ts';
import { BUFFER, counting, inverse } from '../../support/counting.ts';
import { EBUSY } from '../../support/errno.ts';
import { allocate, memoryNeeds, prefetchToGpu, store } from '../../support/memory.ts';
import { CHUNK_2M, KIB, MIB } from '../../support/units.ts';

export const processCallsGroup = new CaseGroup(
  'hmm,process',
  "The kernel's hmm-tests with a child process, mremap, pinned pages and hugetlbfs",
);

const SIZES = [64 * KIB, 1.5 * MIB, BUFFER] as const;
const PRIVATE = ['anon', 'heap', 'huge'] as const;
const VRAM = 16 * MIB;

function isEqual(found: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(found, expected) === 0;
}

processCallsGroup
  .case(
    'anon_write_child',
    'what the device writes after a fork the child does not see (the original writes in the child)',
  )
  .source('hmm-tests anon_write_child')
  .parameters(parameters().combine('memory', PRIVATE).combine('size', SIZES).combine('mapped', [false, true]))
  .needs('gpu-work', 'retry-faults', 'fork')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, mapped }) => {
    const mapping = allocate(t, memory, size);
    const data = counting(size);
    mapping.write(0, data);
    // With PTEs that allow writing: the fork must take that from the device.
    if (mapped) await t.queue().write(mapping.address, data);
    const child = t.fork();
    await t.queue().write(mapping.address, inverse(size));
    t.ok(isEqual(child.read(mapping.address, size), data), 'the child reads what was there when it began');
    t.ok(isEqual(mapping.read(0, size), inverse(size)), 'the process reads what the device wrote');
    child.write(mapping.address, new Uint8Array(8));
    t.ok(isEqual(await t.queue().read(mapping.address, size), inverse(size)), 'the device sees nothing of the child');
    child.exit();
  });

processCallsGroup
  .case(
    'anon_write_child_shared',
    'what the device writes to shared memory after a fork the child sees, and the other way round',
  )
  .source('hmm-tests anon_write_child_shared')
  .parameters(parameters().combine('size', SIZES))
  .needs('gpu-work', 'retry-faults', 'fork', 'file-mapping')
  .run(async (t, { size }) => {
    const mapping = t.map(size, { kind: 'shared' });
    mapping.write(0, counting(size));
    const child = t.fork();
    await t.queue().write(mapping.address, inverse(size));
    t.ok(isEqual(child.read(mapping.address, size), inverse(size)), 'the child reads what the device wrote');
    child.write(mapping.at(size - 4), Uint8Array.of(1, 2, 3, 4));
    t.equal(await t.queue().read(mapping.at(size - 4), 4), Uint8Array.of(1, 2, 3, 4), 'what the device reads');
    child.exit();
  });

processCallsGroup
  .case(
    'cow_in_device',
    'pages that lay in the memory of the device at a fork become two when the process writes to them',
  )
  .source('hmm-tests cow_in_device')
  .parameters(parameters().combine('memory', PRIVATE).combine('size', SIZES))
  .needs('vram', 'gpu-work', 'retry-faults', 'fork')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    t.setup({ vram: VRAM });
    const mapping = allocate(t, memory, size);
    const data = counting(size);
    mapping.write(0, data);
    prefetchToGpu(t, mapping, memory);
    const child = t.fork();
    mapping.write(0, inverse(size));
    t.ok(isEqual(child.read(mapping.address, size), data), 'the child reads what was there when it began');
    child.exit();
    t.ok(isEqual(await t.queue().read(mapping.address, size), inverse(size)), 'the device reads the new words');
    t.ok(isEqual(mapping.read(0, size), inverse(size)), 'the process reads the new words');
  });

processCallsGroup
  .case(
    'migrate_remap_fault',
    'memory that mremap moves while it lies in the memory of the device comes home at its new address',
  )
  .source('hmm-tests migrate_remap_fault')
  .parameters(
    parameters()
      .combine('memory', PRIVATE)
      .combine('size', [64 * KIB, CHUNK_2M])
      .combine('keepOld', [false, true])
      .combine('part', ['all', 'half']),
  )
  .needs('vram', 'mremap')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, size, keepOld, part }) => {
    t.setup({ vram: VRAM });
    const mapping = allocate(t, memory, size);
    const data = counting(size);
    mapping.write(0, data);
    const before = t.vram().free;
    prefetchToGpu(t, mapping, memory);
    t.equal(before - t.vram().free, size, 'bytes of the memory of the device that it takes');
    const length = part === 'all' ? size : size / 2;
    const next = allocate(t, memory, size);
    mapping.moveTo(next, { length, keepOld });
    t.equal(before - t.vram().free, size, 'bytes that it takes after the move');
    t.ok(isEqual(next.read(0, length), data.subarray(0, length)), 'the CPU reads it at the new address');
    if (part === 'half')
      t.ok(isEqual(mapping.read(length, length), data.subarray(length)), 'the CPU reads the half that stayed');
    if (keepOld) t.ok(isEqual(mapping.read(0, length), new Uint8Array(length)), 'the old address holds nothing');
    t.equal(t.vram().free, before, 'free bytes of the memory of the device when all is home');
  });

processCallsGroup
  .case(
    'hmm_gup_test',
    'pages that somebody pins come home from the memory of the device, and stay while they are pinned',
  )
  .source('hmm-tests hmm_gup_test')
  .parameters(
    parameters()
      .combine('memory', PRIVATE)
      .combine('size', [64 * KIB, CHUNK_2M]),
  )
  .needs('vram', 'gpu-work', 'retry-faults', 'pinned-pages')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    t.setup({ vram: VRAM });
    const mapping = allocate(t, memory, size);
    const data = counting(size);
    mapping.write(0, data);
    prefetchToGpu(t, mapping, memory);
    t.pin(mapping);
    const { total } = t.vram();
    t.equal(t.vram().free, total, 'free bytes of the memory of the device while the pages are pinned');
    t.set(mapping, { prefetchLocation: 'system' });
    t.equal(t.trySet(mapping, { prefetchLocation: 'device' }), -EBUSY, 'result of a prefetch of pinned pages');
    // Else each fault tries to move them, and is refused (spec/migration §4).
    t.set(mapping, { prefetchLocation: 'system' });
    t.ok(isEqual(await t.queue().read(mapping.address, size), data), 'the device reads them where they are');
    t.unpin(mapping);
    t.set(mapping, { prefetchLocation: 'system' });
    prefetchToGpu(t, mapping, memory);
    t.equal(total - t.vram().free, size, 'bytes of the memory of the device that they take when nobody pins them');
  });

processCallsGroup
  .case('anon_write_hugetlbfs', 'the device writes pages of hugetlbfs, and finds them again after a discard')
  .source('hmm-tests anon_write_hugetlbfs')
  .parameters(parameters().combine('blocks', [1, 2]))
  .needs('gpu-work', 'retry-faults', 'hugetlb')
  .run(async (t, { blocks }) => {
    const size = blocks * CHUNK_2M;
    const mapping = t.map(size, { kind: 'hugetlb' });
    store(mapping, 0, 1);
    await t.queue().write(mapping.address, counting(size));
    t.ok(isEqual(mapping.read(0, size), counting(size)), 'the CPU reads what the device wrote');
    mapping.discard();
    t.ok(isEqual(await t.queue().read(mapping.address, size), counting(size)), 'the device reads it after a discard');
  });
