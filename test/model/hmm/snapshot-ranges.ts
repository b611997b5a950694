/** hmm_snapshot, extended: how much of the memory one fault maps. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { allocate, chunkAt, MEMORY, memoryNeeds } from '../../../lib/conformance/support/memory.ts';
import type { Memory } from '../../../lib/conformance/support/memory.ts';
import { CHUNK_2M, KIB } from '../../../lib/conformance/support/units.ts';
import { runsOf } from './snapshot.ts';

export const snapshotRangesGroup = new CaseGroup(
  'hmm,snapshot',
  "The device's page table page by page (hmm-tests snapshot, compound)",
);

snapshotRangesGroup
  .case('compound', 'a huge page is mapped by one entry, pages of 4 KiB by one each')
  .source('hmm-tests compound; spec/03-gpu-ranges §A.8.2, §B.7.1')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [64 * KIB, CHUNK_2M, 2 * CHUNK_2M])
      .combine('by', ['fault', 'prefetch']),
  )
  .needs('fault-handler', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, size, by }) => {
    const mapping = allocate(t, memory, size);
    if (by === 'prefetch') t.set(mapping, { prefetchLocation: 'device' });
    else t.equal(t.access(mapping.address, size, { write: true }).result, 0, 'result of the access');
    const all = size / 4096;
    t.equal(t.ptes(mapping), `rw*${all}`, 'PTEs');
    t.equal(t.state().counters.mapCalls, memory === 'huge' && size >= CHUNK_2M ? size / CHUNK_2M : all, 'entries');
    t.equal(t.state().counters.pagesAllocated, all, 'pages of the CPU');
    mapping.protect('r');
    t.equal(t.ptes(mapping), `-*${all}`, 'PTEs after the memory became read-only');
    if (by === 'fault') t.advance();
    t.advance();
    const again = t.access(mapping.address, size);
    t.equal([again.result, again.faults], [0, Math.max(1, size / CHUNK_2M)], 'result and faults of the next access');
    t.equal(t.ptes(mapping), `r*${all}`, 'PTEs afterwards');
  });

snapshotRangesGroup
  .case('populate', 'the device has every page of its range made, and no page twice')
  .source('spec/03-gpu-ranges §A.8; test_hmm: cpages')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('touched', ['none', 'one', 'every-second', 'all'])
      .combine('write', [false, true])
      .combine('gpuReadOnly', [false, true]),
  )
  .needs('fault-handler', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, touched, write, gpuReadOnly }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    const step = { none: 512, one: 512, 'every-second': 2, all: 1 }[touched];
    if (touched !== 'none')
      for (let page = 0; page < 512; page += step) t.machine.process.touch(mapping.at(pages(page)), 4, write);
    const made: Partial<Record<Memory, number>> = { huge: 512 };
    const before = touched === 'none' ? 0 : (made[memory] ?? 512 / step);
    t.equal(t.state().counters.pagesAllocated, before, 'pages of the CPU before');
    if (gpuReadOnly) t.set(mapping, { gpuReadOnly: true });
    t.equal(t.fault(mapping.at(pages(9))), 0, 'answer to the fault');
    t.equal(
      [t.state().counters.pagesAllocated, t.state().counters.dmaPages],
      [512, 512],
      'pages of the CPU and DMA mapped pages',
    );
    t.equal(t.ptes(mapping), gpuReadOnly ? 'r*512' : 'rw*512', 'PTEs');
  });

snapshotRangesGroup
  .case('chunks', 'wherever the fault is, the range is the largest aligned chunk inside the memory')
  .source('spec/03-gpu-ranges §A.7')
  .parameters(
    parameters()
      .combine('size', [4 * KIB, 68 * KIB, 128 * KIB, CHUNK_2M, CHUNK_2M + 72 * KIB])
      .combine('place', [0, 1, 2, 3])
      .combine('write', [false, true]),
  )
  .needs('fault-handler', 'introspection')
  .run((t, { size, place, write }) => {
    const mapping = t.map(size);
    const offset = Math.floor(((size - 4096) * place) / 3 / 4096) * 4096;
    t.equal(t.fault(mapping.at(offset), { write }), 0, 'answer to the fault');
    t.equal(t.ranges(mapping), [[...chunkAt(offset, size)]], 'GPU ranges');
    const [start, length] = chunkAt(offset, size);
    const words = Array.from({ length: size / 4096 }, (_, page) =>
      pages(page) >= start && pages(page) < start + length ? 'rw' : '-',
    );
    t.equal(t.ptes(mapping), runsOf(words), 'PTEs');
  });

snapshotRangesGroup
  .case(
    'interval',
    'a fault on unregistered memory makes an interval of the default granularity, inside its mapping and its hole',
  )
  .source('spec/05-faults §4; spec/02-attributes §3.2')
  .parameters(
    parameters()
      .combine('granularity', [0, 4, 9, 10])
      .combine('page', [0, 5, 511, 512, 1023])
      .combine('neighbour', ['none', 'below', 'above']),
  )
  .needs('configuration', 'fault-handler', 'introspection')
  .run((t, { granularity, page, neighbour }) => {
    t.setup({ machine: { defaultGranularity: granularity } });
    const mapping = t.map(2 * CHUNK_2M);
    const base = Number(mapping.address >> 12n);
    const near = neighbour === 'below' ? page - 3 : page + 3;
    const hasNear = neighbour !== 'none' && near >= 0 && near < 1024;
    if (hasNear) t.set(mapping.range(pages(near), pages(1)), { gpuExecutable: true });
    t.equal(t.fault(mapping.at(pages(page))), 0, 'answer to the fault');
    const granule = 2 ** granularity;
    // Granules are those of the address space, which the mapping need not be aligned to.
    let first = Math.max(0, Math.floor((base + page) / granule) * granule - base);
    let last = Math.min(1023, Math.floor((base + page) / granule) * granule + granule - 1 - base);
    if (hasNear && near < page) first = Math.max(first, near + 1);
    if (hasNear && near > page) last = Math.min(last, near - 1);
    const found = t
      .state()
      .attributes.find(({ firstPage, lastPage }) => firstPage <= base + page && lastPage >= base + page);
    t.equal([(found?.firstPage ?? 0) - base, (found?.lastPage ?? 0) - base], [first, last], 'interval');
    t.equal(found?.granularity, granularity, 'granularity of the interval');
    t.equal(t.state().attributes.length, hasNear ? 2 : 1, 'intervals');
  });

snapshotRangesGroup
  .case(
    'valid',
    'a fault on what is mapped already writes nothing; only a write that GPU_RO forbids maps again and again (V4)',
  )
  .source('spec/05-faults §5 step 6; spec/07-quirks §Q56; spec/revisions §5')
  .parameters(
    parameters().combine('memory', MEMORY).combine('gpuReadOnly', [false, true]).combine('write', [false, true]),
  )
  .needs('fault-handler', 'introspection', 'virtual-clock')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, gpuReadOnly, write }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    if (gpuReadOnly) t.set(mapping, { gpuReadOnly: true });
    t.equal(t.fault(mapping.address), 0, 'answer to the first fault');
    const ptes = `${gpuReadOnly ? 'r' : 'rw'}*512`;
    t.equal(t.ptes(mapping), ptes, 'PTEs');
    for (let round = 0; round < 3; round++) {
      t.advance();
      const { pdes } = t.state().counters;
      const result = t.fault(mapping.address, { write });
      const commits = t.state().counters.pdes - pdes;
      if (write && gpuReadOnly)
        t.shows(
          'Q56',
          { quirk: result === 0 && commits === (t.can('read-only-retry') ? 0 : 1), correct: result !== 0 },
          `answer ${result} after ${commits} commits`,
        );
      else t.equal([result, commits], [0, 0], 'answer and commits');
      t.equal(t.ptes(mapping), ptes, `PTEs in round ${round}`);
    }
  });
