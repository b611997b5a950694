/** IGT prefetch sections, xe_prefetch_fault and the prefetch benchmarks. */
import { CaseGroup } from '../../framework/case.ts';
import { EFAULT } from '../../support/errno.ts';
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
  prefetchToGpu,
  store,
} from '../../support/memory.ts';
import { hasWithoutMemory } from '../../support/without-memory.ts';
import { CHUNK_2M, KIB, MIB } from '../../support/units.ts';

export const prefetchGroup = new CaseGroup(
  'igt,prefetch',
  'Prefetches to the GPU and home (xe_exec_system_allocator -prefetch*, xe_prefetch_fault)',
);

const NO_LOCATION = 0xffff_ffff;

prefetchGroup
  .case(
    'unmapped',
    'a prefetch of addresses without memory is refused and stores nothing; once they are mapped it works',
  )
  .source('IGT xe_prefetch_fault prefetch-fault-svm')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [4 * KIB, 64 * KIB, CHUNK_2M])
      .combine('location', [0, 1]),
  )
  .needs('gpu-work', 'retry-faults', 'address-choice')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, location }) => {
    const gone = allocate(t, memory, size);
    gone.unmap();
    const hole = gone.range();
    for (let round = 0; round < 3; round++)
      t.equal(t.trySet(hole, { prefetchLocation: location }), -EFAULT, 'result of the prefetch without memory');
    hasWithoutMemory(t, hole, { prefetchLocation: NO_LOCATION }, 'prefetch location');
    const mapping = allocate(t, memory, size, { address: hole.address });
    if (location === 0) t.set(mapping, { prefetchLocation: location });
    else if (!prefetchToGpu(t, mapping, memory)) return;
    const before = faultCount(t);
    await gpuStore(t, mapping.at(size - 4), 91);
    expectFaults(t, before, location === 1 ? 0 : 1);
    t.equal(load(mapping, size - 4), 91, 'what the CPU reads');
  });

prefetchGroup
  .case('swing', 'memory that goes to the GPU and home again and again keeps every word')
  .source('IGT xe_exec_system_allocator prefetch-benchmark, prefetch-sys-benchmark')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [64 * KIB, 1.5 * MIB, CHUNK_2M]),
  )
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size }) => {
    const mapping = allocate(t, memory, size);
    const before = faultCount(t);
    for (let round = 0; round < 12; round++) {
      if (round % 2 === 1) t.set(mapping, { prefetchLocation: 'system' });
      else if (!prefetchToGpu(t, mapping, memory)) return;
      const offset = ((round * size) / 12) & ~3;
      if (round % 3 === 0) store(mapping, offset, round);
      else await gpuStore(t, mapping.at(offset), round);
    }
    for (let round = 0; round < 12; round++) {
      const offset = ((round * size) / 12) & ~3;
      t.equal([load(mapping, offset), await gpuLoad(t, mapping.at(offset))], [round, round], `word of round ${round}`);
    }
    // Where a change takes the pages away, the way home makes the GPU fault.
    if (t.can('changes-invalidate')) expectSomeFaults(t, before);
    else expectFaults(t, before, 0);
  });

prefetchGroup
  .case('benchmark', 'a prefetch of 64 MiB maps all of it')
  .source('IGT xe_exec_system_allocator prefetch-benchmark: 64 MiB')
  .parameters(parameters().combine('memory', ['anon', 'huge']).combine('location', [0, 1]))
  .needs('gpu-work', 'retry-faults')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, location }) => {
    const size = 64 * MIB;
    const mapping = allocate(t, memory, size);
    t.set(mapping, { prefetchLocation: location });
    const before = faultCount(t);
    for (let offset = 0; offset < size; offset += 4 * MIB) await gpuStore(t, mapping.at(offset), offset + 1);
    for (let offset = 0; offset < size; offset += 4 * MIB)
      t.equal(load(mapping, offset), offset + 1, `word at 0x${offset.toString(16)}`);
    expectFaults(t, before, location === 1 ? 0 : 16);
  });
