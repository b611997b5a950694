/** IGT prefetch sections, xe_prefetch_fault and the prefetch benchmarks. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EFAULT } from '../../../lib/conformance/support/errno.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  allocate,
  chunkAt,
  expectFaults,
  faultCount,
  gpuLoad,
  gpuStore,
  load,
  MEMORY,
  memoryNeeds,
  store,
} from '../../../lib/conformance/support/memory.ts';
import { CHUNK_2M, KIB, MIB } from '../../../lib/conformance/support/units.ts';

export const prefetchGroup = new CaseGroup(
  'igt,prefetch',
  'Prefetches to the GPU and home (xe_exec_system_allocator -prefetch*, xe_prefetch_fault)',
);

const SIZES = [4 * KIB, 64 * KIB, 1.5 * MIB, CHUNK_2M, 4 * CHUNK_2M] as const;

/** Chunks of a mapping as [offset, length]. */
function chunksOf(size: number): [number, number][] {
  const chunks: [number, number][] = [];
  for (let offset = 0; offset < size; offset += chunks[chunks.length - 1]![1]) chunks.push([...chunkAt(offset, size)]);
  return chunks;
}

prefetchGroup
  .case('device', 'prefetched memory is mapped in the largest chunks, and the GPU uses all of it without a fault')
  .source('IGT xe_exec_system_allocator -prefetch; xe_prefetch_fault; spec/03-gpu-ranges §A.7, §B.8')
  .parameters(parameters().combine('memory', MEMORY).combine('size', SIZES).combine('cpuFirst', [false, true]))
  .needs('gpu-work', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, cpuFirst }) => {
    const mapping = allocate(t, memory, size);
    const words = [0, size / 2, size - 4];
    if (cpuFirst) for (const offset of words) store(mapping, offset, 0xcafe + offset);
    const { tlb, pdes } = t.state().counters;
    t.set(mapping, { prefetchLocation: 'device' });
    const chunks = chunksOf(size);
    t.equal(t.ptes(mapping), `rw*${size / 4096}`, 'PTEs');
    t.equal(t.ranges(mapping), chunks, 'GPU ranges');
    t.equal(
      [t.state().counters.tlb - tlb, t.state().counters.pdes - pdes],
      [chunks.length, chunks.length],
      'TLB flushes and updates of the page directories',
    );
    const before = faultCount(t);
    for (const offset of words) {
      t.equal(
        await gpuLoad(t, mapping.at(offset)),
        cpuFirst ? 0xcafe + offset : 0,
        `what the GPU reads at 0x${offset.toString(16)}`,
      );
      await gpuStore(t, mapping.at(offset), 0xf00d + offset);
      t.equal(load(mapping, offset), 0xf00d + offset, `what the CPU reads at 0x${offset.toString(16)}`);
    }
    expectFaults(t, before, 0);
  });

prefetchGroup
  .case('location', 'any location but that of system memory and none means this GPU, and a query gives it back')
  .source('spec/01-uapi §4; spec/02-attributes §5.1')
  .parameters(parameters().combine('location', [0, 1, 2, 7, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe]))
  .needs('introspection')
  .run((t, { location }) => {
    const mapping = t.map(CHUNK_2M);
    t.set(mapping, { prefetchLocation: location });
    t.has(mapping, { prefetchLocation: location }, 'prefetch location');
    t.equal(t.ptes(mapping), location === 0 ? '-*512' : 'rw*512', 'PTEs');
  });

const PARTS = [
  [0, 1],
  [0, 16],
  [1, 15],
  [0, 512],
  [16, 16],
  [8, 24],
  [256, 256],
  [256, 512],
  [511, 2],
  [0, 1024],
  [496, 32],
] as const;

prefetchGroup
  .case('part', 'a prefetch maps exactly its pages, in chunks that lie inside them')
  .source('spec/03-gpu-ranges §A.7, §B.8')
  .parameters(
    parameters()
      .combine(
        'part',
        PARTS.map((_, index) => index),
      )
      .combine('memory', ['anon', 'huge']),
  )
  .needs('introspection', 'gpu-work')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { part, memory }) => {
    const [first, count] = PARTS[part]!;
    const mapping = allocate(t, memory, 2 * CHUNK_2M);
    t.set(mapping.range(pages(first), pages(count)), { prefetchLocation: 'device' });
    const runs = [
      [first, '-'],
      [count, 'rw'],
      [1024 - first - count, '-'],
    ]
      .filter(([length]) => length !== 0)
      .map(([length, word]) => `${word}*${length}`);
    t.equal(t.ptes(mapping), runs.join(' '), 'PTEs');
    const ranges = t.ranges(mapping);
    t.equal(
      ranges.reduce((sum, [, length]) => sum + length, 0),
      pages(count),
      'bytes in GPU ranges',
    );
    t.ok(
      ranges.every(([offset, length]) => [4 * KIB, 64 * KIB, CHUNK_2M].includes(length) && offset % length === 0),
      'every GPU range is an aligned chunk',
    );
    // No smaller chunk where a larger one fits.
    for (const [offset, length] of ranges) {
      for (const larger of [64 * KIB, CHUNK_2M]) {
        const start = offset - (offset % larger);
        const fits = start >= pages(first) && start + larger <= pages(first + count);
        t.ok(!fits || length >= larger, `the chunk at 0x${offset.toString(16)} is as large as it can be`);
      }
    }
    t.equal(await gpuLoad(t, mapping.at(pages(first))), 0, 'what the GPU reads');
  });

prefetchGroup
  .case('system', 'a prefetch home moves nothing and loses nothing; from V5 on it clears PTEs')
  .source('IGT xe_exec_system_allocator -prefetch-sys; spec/02-attributes §5.1; spec/revisions §4; spec/xnack-off §2')
  .parameters(parameters().combine('memory', MEMORY).combine('state', ['untouched', 'cpu', 'gpu']))
  .needs('gpu-work', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .needsAt(({ state }) => (state === 'gpu' ? [] : ['retry-faults']))
  .run(async (t, { memory, state }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    t.set(mapping, { access: 'allow-migrate' });
    if (state === 'cpu') store(mapping, 0, 77);
    if (state === 'gpu') await gpuStore(t, mapping.address, 77);
    const ptes = t.ptes(mapping);
    t.equal(ptes, state === 'gpu' ? 'rw*512' : '-*512', 'PTEs before');
    const { pagesAllocated } = t.state().counters;
    t.set(mapping, { prefetchLocation: 'system' });
    t.has(mapping, { prefetchLocation: 'system' }, 'prefetch location');
    const cleared = '-*512';
    t.equal(
      t.ptes(mapping),
      t.perRevision({ v4: ptes, v7: cleared, 'v7-xnack-off': ptes, v8: cleared }),
      'PTEs afterwards',
    );
    t.equal(t.state().counters.pagesAllocated, pagesAllocated, 'pages of the CPU');
    t.equal(await gpuLoad(t, mapping.address), state === 'untouched' ? 0 : 77, 'what the GPU reads');
  });

prefetchGroup
  .case('system-part', 'a prefetch of a part home loses no word of it')
  .source('spec/07-quirks §Q18')
  .parameters(parameters().combine('first', [0, 128, 256]).combine('count', [1, 256]))
  .needs('gpu-work', 'introspection')
  .needs('retry-faults')
  .run(async (t, { first, count }) => {
    const mapping = t.map(CHUNK_2M);
    t.set(mapping, { prefetchLocation: 'device' });
    await gpuStore(t, mapping.at(pages(first)), 33);
    t.set(mapping.range(pages(first), pages(count)), { prefetchLocation: 'system' });
    const ptes = t.ptes(mapping);
    t.shows('Q18', { quirk: ptes === '-*512', correct: ptes === 'rw*512' }, `PTEs: ${ptes}`);
    t.equal(
      [load(mapping, pages(first)), await gpuLoad(t, mapping.at(pages(first)))],
      [33, 33],
      'what CPU and GPU read',
    );
  });

prefetchGroup
  .case('hole', 'a prefetch over memory with a hole is refused before anything is stored or mapped')
  .source('spec/02-attributes §4.2')
  .parameters(parameters().combine('hole', ['first', 'middle', 'last']))
  .needs('introspection')
  .run((t, { hole }) => {
    const mapping = t.map(CHUNK_2M);
    mapping.unmap(pages({ first: 0, middle: 256, last: 511 }[hole]), pages(1));
    t.equal(t.trySet(mapping, { prefetchLocation: 'device' }), -EFAULT, 'result');
    t.equal(
      [t.state().attributes.length, t.ranges(mapping).length, t.ptes(mapping)],
      [0, 0, '-*512'],
      'intervals, GPU ranges, PTEs',
    );
  });

prefetchGroup
  .case(
    'again',
    'a prefetch that is repeated after the memory was lost should map it again; the GPU sees zeros in any case',
  )
  .source('spec/07-quirks §Q16')
  .parameters(parameters().combine('memory', ['anon', 'heap', 'huge']).combine('lost', ['all', 'half']))
  .needs('gpu-work', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .needs('retry-faults')
  .run(async (t, { memory, lost }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    t.set(mapping, { prefetchLocation: 'device' });
    await gpuStore(t, mapping.address, 5);
    const count = lost === 'all' ? 512 : 256;
    mapping.discard(0, pages(count));
    t.equal(t.ptes(mapping.range(0, pages(count))), `-*${count}`, 'PTEs of what was lost');
    t.set(mapping, { prefetchLocation: 'device' });
    const ptes = t.ptes(mapping.range(0, pages(count)));
    t.shows(
      'Q16',
      { quirk: ptes === `-*${count}`, correct: ptes === `rw*${count}` },
      `PTEs after the second prefetch: ${ptes}`,
    );
    t.equal(await gpuLoad(t, mapping.address), 0, 'what the GPU reads');
  });

prefetchGroup
  .case('protection', 'a prefetch maps what the mapping permits, and stops where nothing may be read')
  .source('spec/03-gpu-ranges §A.6, §B.3, §B.8')
  .parameters(parameters().combine('protection', ['rw', 'r', 'rx', 'rwx', '-']).combine('gpuReadOnly', [0, 1]))
  .needs('introspection')
  .run((t, { protection, gpuReadOnly }) => {
    const mapping = t.map(CHUNK_2M, { protection });
    const result = t.trySet(mapping, { gpuReadOnly, prefetchLocation: 'device' });
    t.equal(result, protection === '-' ? -EFAULT : 0, 'result');
    // Execute permission of the CPU has nothing to do with that of the GPU.
    t.equal(
      t.ptes(mapping),
      protection === '-' ? '-*512' : protection.includes('w') && gpuReadOnly === 0 ? 'rw*512' : 'r*512',
      'PTEs',
    );
    t.has(mapping, { prefetchLocation: 'device' }, 'prefetch location, also after an error');
  });
