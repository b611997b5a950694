/** IGT madvise-*: attributes over several mappings, over a part of one, and beside what the GPU does. */
import { CaseGroup } from '../../framework/case.ts';
import { EFAULT } from '../../support/errno.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { SvmAttributeType as T } from '../../../uapi/constants.ts';
import {
  allocate,
  expectFaults,
  faultCount,
  gpuLoad,
  gpuStore,
  LARGE,
  load,
  MEMORY,
  memoryNeeds,
} from '../../support/memory.ts';

export const madviseGroup = new CaseGroup(
  'igt,madvise',
  'Attributes over several mappings and over parts of one (xe_exec_system_allocator madvise-*)',
);

const NO_LOCATION = 0xffff_ffff;

madviseGroup
  .case('multi-vma', 'one SET covers mappings that differ in permission, and each is mapped as it permits')
  .source('IGT xe_exec_system_allocator madvise-multi-vma; spec/02-attributes §4.2')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('readOnly', ['first', 'second', 'third'])
      .combine('prefetch', [false, true]),
  )
  .needs('gpu-work', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, readOnly, prefetch }) => {
    const mapping = allocate(t, memory, 3 * LARGE);
    const index = { first: 0, second: 1, third: 2 }[readOnly];
    mapping.protect('r', index * LARGE, LARGE);
    t.set(mapping, [[T.granularity, 4], ...(prefetch ? [[T.prefetchLocation, 1] as const] : [])]);
    t.equal(t.state().attributes.length, 1, 'intervals');
    if (!prefetch)
      for (let each = 0; each < 3; each++)
        t.equal(await gpuLoad(t, mapping.at(each * LARGE)), 0, `what the GPU reads in mapping ${each}`);
    for (let each = 0; each < 3; each++) {
      const ptes = t.ptes(mapping.range(each * LARGE, LARGE));
      // A prefetch stays read-only from the first mapping that it can't map for writing (Q49).
      if (prefetch && each > index)
        t.shows('Q49', { quirk: ptes === 'r*512', correct: ptes === 'rw*512' }, `PTEs of mapping ${each}: ${ptes}`);
      else t.equal(ptes, each === index ? 'r*512' : 'rw*512', `PTEs of mapping ${each}`);
    }
    t.equal(
      t.ranges(mapping),
      [
        [0, LARGE],
        [LARGE, LARGE],
        [2 * LARGE, LARGE],
      ],
      'GPU ranges',
    );
  });

madviseGroup
  .case('hole-between', 'a SET over two mappings with a hole between them is refused and changes neither')
  .source('IGT xe_exec_system_allocator madvise-multi-vma; spec/02-attributes §4.2')
  .parameters(
    parameters()
      .combine('first', [1, 8, 15])
      .combine('count', [1])
      .combine('attribute', ['access', 'gpuReadOnly', 'granularity', 'preferredLocation']),
  )
  .run((t, { first, count, attribute }) => {
    const mapping = t.map(pages(16));
    const hole = mapping.range(pages(first), pages(count));
    const before = t.get(mapping, [T[attribute]]);
    mapping.unmap(pages(first), pages(count));
    t.equal(t.trySet(mapping, [[T[attribute], 1]]), -EFAULT, 'result over the hole');
    t.equal(t.trySet(hole, [[T[attribute], 1]]), -EFAULT, 'result in the hole');
    t.equal(t.get(mapping, [T[attribute]]), before, attribute);
    t.set(mapping.range(0, pages(first)), [[T[attribute], 1]]);
    t.equal(t.get(mapping.range(0, pages(first)), [T[attribute]]), [1], `${attribute} below the hole`);
    t.equal(t.get(hole, [T[attribute]]), before, `${attribute} in the hole`);
  });

madviseGroup
  .case('preferred-location', 'a preferred location is kept and moves nothing')
  .source('IGT xe_exec_system_allocator madvise-preferred-loc-sram-migrate-pages; spec/07-quirks §Q19')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('location', [0, 1, 7, NO_LOCATION])
      .combine('when', ['before', 'after']),
  )
  .needs('gpu-work')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, location, when }) => {
    const mapping = allocate(t, memory, LARGE);
    const before = faultCount(t);
    if (when === 'before') t.set(mapping, [[T.preferredLocation, location]]);
    for (let index = 0; index < 8; index++) await gpuStore(t, mapping.at(pages(index * 60)), index + 1);
    if (when === 'after') t.set(mapping, [[T.preferredLocation, location]]);
    for (let index = 0; index < 8; index++)
      t.equal(
        [load(mapping, pages(index * 60)), await gpuLoad(t, mapping.at(pages(index * 60)))],
        [index + 1, index + 1],
        `word ${index}`,
      );
    t.equal(t.get(mapping, [T.preferredLocation]), [location], 'preferred location');
    expectFaults(t, before, 1);
  });

for (const [name, reason] of [
  ['atomic-inc', 'needs atomic operations of a shader'],
  ['preferred-loc-atomic', 'the ioctl has no attribute for atomics: vram, global, cpu, undefined'],
  ['atomic-vma', 'the ioctl has no attribute for atomics'],
  ['split-vma-bo', 'the package has no buffer objects to cut in the middle'],
  ['purgeable', 'the ioctl has no attribute for purgeable memory: xe_madvise'],
  ['svm-userptr-copy', 'the package has no userptr and no buffer objects: xe_svm_usrptr_madvise'],
] as const) {
  madviseGroup
    .case(name, `madvise: ${name}`)
    .source('IGT xe_exec_system_allocator madvise-*, xe_madvise, xe_svm_usrptr_madvise')
    .unimplemented(reason);
}
