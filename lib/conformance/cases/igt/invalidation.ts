/** IGT range-invalidate-change-attr and no-range-invalidate-same-attr: which SETs take the memory from the GPU, and which must not. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { gpuLoad, gpuStore, load } from '../../support/memory.ts';
import { START, OTHER, ATTRIBUTES, CHANGES, PARTS } from '../../support/attribute-changes.ts';
import { CHUNK_2M } from '../../support/units.ts';

export const invalidationGroup = new CaseGroup(
  'igt,invalidation',
  'Which changes of attributes take memory from the GPU (xe_exec_system_allocator: madvise-*)',
);

invalidationGroup
  .case('while-it-works', 'attributes that change between any two commands of the GPU lose none of its words')
  .source('IGT xe_exec_system_allocator sections -madvise')
  .parameters(parameters().combine('attribute', CHANGES).combine('part', ['whole', 'middle-page', 'end-half']))
  .needs('gpu-work', 'retry-faults')
  .run(async (t, { attribute, part }) => {
    const mapping = t.map(CHUNK_2M);
    t.set(
      mapping,
      ATTRIBUTES.map((each) => ({ [each]: START[each] })),
    );
    const [first, count] = PARTS[part];
    const range = mapping.range(pages(first), pages(count));
    for (let index = 0; index < 24; index++) {
      const value = index % 2 === 0 ? OTHER[attribute] : START[attribute];
      t.set(range, { [attribute]: value });
      t.has(range, { [attribute]: value }, attribute);
      // While the part is read-only for the GPU, the CPU does what the GPU may not.
      const page = (index * 37) % 512;
      if (attribute === 'gpuReadOnly' && value === 1) mapping.write(pages(page), Uint8Array.of(index, 1, 0, 0));
      else await gpuStore(t, mapping.at(pages(page)), 0x100 + index);
    }
    for (let index = 0; index < 24; index++) {
      const page = (index * 37) % 512;
      t.equal(
        [await gpuLoad(t, mapping.at(pages(page))), load(mapping, pages(page))],
        [0x100 + index, 0x100 + index],
        `word of command ${index}`,
      );
    }
  });
