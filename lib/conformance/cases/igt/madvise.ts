/** IGT madvise-*: attributes over several mappings, over a part of one, and while the GPU works. */
import { CaseGroup } from '../../framework/case.ts';
import { EFAULT } from '../../support/errno.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import {
  allocate,
  expectFaults,
  expectSomeFaults,
  faultCount,
  gpuLoad,
  gpuStore,
  load,
  MEMORY,
  memoryNeeds,
} from '../../support/memory.ts';
import { getsWithoutMemory } from '../../support/without-memory.ts';
import { SvmAttributeType } from '../../../uapi/constants.ts';
import { CHUNK_2M } from '../../support/units.ts';

export const madviseGroup = new CaseGroup(
  'igt,madvise',
  'Attributes over several mappings and over parts of one (xe_exec_system_allocator madvise-*)',
);

const NO_LOCATION = 0xffff_ffff;

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
    const before = t.get(mapping, [attribute]);
    mapping.unmap(pages(first), pages(count));
    t.equal(t.trySet(mapping, { [attribute]: 1 }), -EFAULT, 'result over the hole');
    t.equal(t.trySet(hole, { [attribute]: 1 }), -EFAULT, 'result in the hole');
    getsWithoutMemory(t, mapping, [SvmAttributeType[attribute]], before, attribute);
    t.set(mapping.range(0, pages(first)), { [attribute]: 1 });
    t.has(mapping.range(0, pages(first)), { [attribute]: 1 }, `${attribute} below the hole`);
    getsWithoutMemory(t, hole, [SvmAttributeType[attribute]], before, `${attribute} in the hole`);
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
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, location, when }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    const before = faultCount(t);
    if (when === 'before') t.set(mapping, { preferredLocation: location });
    // A page of a file cannot move: where the GPU wants it in its memory, it faults forever.
    if (t.movesPages && memory === 'file' && when === 'before' && location !== 0 && location !== NO_LOCATION) {
      t.require('work-after-fault');
      await t.throws(() => gpuLoad(t, mapping.address), 'ERR_SVM_GPU_FAULT', 'GPU read of a page that cannot move');
      return;
    }
    for (let index = 0; index < 8; index++) await gpuStore(t, mapping.at(pages(index * 60)), index + 1);
    if (when === 'after') t.set(mapping, { preferredLocation: location });
    for (let index = 0; index < 8; index++)
      t.equal(
        [load(mapping, pages(index * 60)), await gpuLoad(t, mapping.at(pages(index * 60)))],
        [index + 1, index + 1],
        `word ${index}`,
      );
    t.has(mapping, { preferredLocation: location }, 'preferred location');
    // A change takes the pages away: the GPU faults again, some time in vain. Its first fault took the heap as system memory.
    const changes = when === 'after' && location !== (memory === 'heap' ? 0 : NO_LOCATION);
    if (t.can('changes-invalidate') && changes) expectSomeFaults(t, before);
    else expectFaults(t, before, 1);
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
