/** IGT madvise-*: attributes over several mappings, over a part of one, and while the GPU works. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { allocate, gpuLoad, MEMORY, memoryNeeds } from '../../../lib/conformance/support/memory.ts';
import { CHUNK_2M } from '../../../lib/conformance/support/units.ts';

export const madviseGroup = new CaseGroup(
  'igt,madvise',
  'Attributes over several mappings and over parts of one (xe_exec_system_allocator madvise-*)',
);

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
  .needs('retry-faults')
  .run(async (t, { memory, readOnly, prefetch }) => {
    const mapping = allocate(t, memory, 3 * CHUNK_2M);
    const index = { first: 0, second: 1, third: 2 }[readOnly];
    mapping.protect('r', index * CHUNK_2M, CHUNK_2M);
    t.set(mapping, { granularity: 4, ...(prefetch ? { prefetchLocation: 'device' } : {}) });
    t.equal(t.state().attributes.length, 1, 'intervals');
    if (!prefetch)
      for (let each = 0; each < 3; each++)
        t.equal(await gpuLoad(t, mapping.at(each * CHUNK_2M)), 0, `what the GPU reads in mapping ${each}`);
    for (let each = 0; each < 3; each++) {
      const ptes = t.ptes(mapping.range(each * CHUNK_2M, CHUNK_2M));
      // A prefetch stays read-only from the first mapping that it can't map for writing (Q49).
      if (prefetch && each > index)
        t.shows('Q49', { quirk: ptes === 'r*512', correct: ptes === 'rw*512' }, `PTEs of mapping ${each}: ${ptes}`);
      else t.equal(ptes, each === index ? 'r*512' : 'rw*512', `PTEs of mapping ${each}`);
    }
    t.equal(
      t.ranges(mapping),
      [
        [0, CHUNK_2M],
        [CHUNK_2M, CHUNK_2M],
        [2 * CHUNK_2M, CHUNK_2M],
      ],
      'GPU ranges',
    );
  });
