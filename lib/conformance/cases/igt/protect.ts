/** IGT sections with memory that is read-only for a while, and the permissions of mappings in general. */
import { CaseGroup } from '../../framework/case.ts';
import { parameters } from '../../framework/parameters.ts';
import { gpuFault } from '../../support/gpu-fault.ts';
import { allocate, gpuLoad, gpuStore, load, MEMORY, memoryNeeds } from '../../support/memory.ts';
import { CHUNK_2M, KIB } from '../../support/units.ts';

export const protectGroup = new CaseGroup(
  'igt,protect',
  'mprotect to read-only and back between two commands (xe_exec_system_allocator -remap-ro)',
);

protectGroup
  .case('alternating', 'memory that is read-only in every second round keeps the words of all rounds')
  .source('IGT xe_exec_system_allocator -remap-ro, many')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [64 * KIB, CHUNK_2M]),
  )
  .needs('gpu-work', 'retry-faults', 'gpu-fault')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    const mapping = allocate(t, memory, size);
    for (let round = 0; round < 16; round++) {
      const offset = (round * size) / 16;
      mapping.protect('rw');
      await gpuStore(t, mapping.at(offset), round + 1);
      mapping.protect('r');
      t.equal(await gpuLoad(t, mapping.at(offset)), round + 1, `what the GPU reads in round ${round}`);
      // Where the first refused write ends the work it comes last.
      if (round < 15 && !t.can('work-after-fault')) continue;
      t.equal(await gpuFault(t, mapping.at(offset), 99), 'refused', `GPU write in round ${round}`);
    }
    for (let round = 0; round < 16; round++)
      t.equal(load(mapping, (round * size) / 16), round + 1, `word of round ${round}`);
  });
