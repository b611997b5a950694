/** hmm-tests anon_teardown: memory leaves or changes while the device works on it, at each moment of a fault and of a prefetch. */
import { CaseGroup } from '../../framework/case.ts';
import { parameters } from '../../framework/parameters.ts';
import { allocate, gpuLoad, gpuStore, load, MEMORY, memoryNeeds, store } from '../../support/memory.ts';
import { KIB } from '../../support/units.ts';

export const teardownGroup = new CaseGroup(
  'hmm,teardown',
  'Memory that leaves or changes under the access of the device (hmm-tests anon_teardown)',
);

teardownGroup
  .case('loop', "a buffer is torn down in the middle of the device's way through it, ten times")
  .source('hmm-tests anon_teardown: NTIMES')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('how', ['unmap-all', 'unmap-rest', 'discard-rest', 'no-access-rest'])
      .combine('write', [false, true]),
  )
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory, how }) => [
    ...memoryNeeds(memory),
    ...(how === 'discard-rest' ? [] : (['work-after-fault'] as const)),
  ])
  .run(async (t, { memory, how, write }) => {
    for (let round = 1; round <= 10; round++) {
      const mapping = allocate(t, memory, 1024 * KIB);
      for (let step = 0; step < 16; step++) store(mapping, step * 64 * KIB, round);
      const torn = (round * 3) % 16;
      for (let step = 0; step < 16; step++) {
        const offset = step * 64 * KIB;
        if (step === torn) {
          if (how === 'unmap-all') mapping.unmap();
          else if (how === 'unmap-rest') mapping.unmap(offset);
          else if (how === 'discard-rest') mapping.discard(offset);
          else mapping.protect('-', offset);
        }
        const access = async (): Promise<number> => {
          if (write) await gpuStore(t, mapping.at(offset + 4), step);
          return gpuLoad(t, mapping.at(offset));
        };
        if (step < torn) t.equal(await access(), round, `what the device reads in step ${step} of round ${round}`);
        else if (how === 'discard-rest')
          t.equal(
            await access(),
            memory === 'file' ? round : 0,
            `what the device reads in step ${step} of round ${round}`,
          );
        else await t.throws(access, 'ERR_SVM_GPU_FAULT', `access in step ${step} of round ${round}`);
      }
      if (how !== 'unmap-all' && torn > 0)
        t.equal(load(mapping, 0), round, `what the CPU reads at last in round ${round}`);
      if (how !== 'unmap-all') mapping.unmap();
    }
  });
