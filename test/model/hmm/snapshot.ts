/** hmm-tests snapshot: what the device's page table holds, page by page, is the assertion. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { Letters, Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { SvmAttributeType as T } from '../../../lib/uapi/constants.ts';
import {
  allocate,
  chunkAt,
  gpuLoad,
  gpuStore,
  load,
  MEMORY,
  memoryNeeds,
  store,
} from '../../../lib/conformance/support/memory.ts';
import type { Memory } from '../../../lib/conformance/support/memory.ts';
import { CHUNK_2M, KIB } from '../../../lib/conformance/support/units.ts';

export const snapshotGroup = new CaseGroup(
  'hmm,snapshot',
  "The device's page table page by page (hmm-tests snapshot, compound)",
);

const LETTERS: Readonly<Record<string, Letters>> = { '-': '-', r: 'r', w: 'rw', x: 'rx' };

/** Permissions of 32 pages, a letter for each: none, read, read and write, read and execute. */
const LAYOUTS = {
  uniform: 'w'.repeat(32),
  'one-without': `${'w'.repeat(10)}-${'w'.repeat(21)}`,
  'one-read-only': `${'w'.repeat(20)}r${'w'.repeat(11)}`,
  'read-only-half': 'w'.repeat(16) + 'r'.repeat(16),
  'each-kind': '-rwx'.repeat(8),
  alternating: 'rw'.repeat(16),
  'chunk-and-rest': 'r'.repeat(17) + 'w'.repeat(15),
  'first-and-last': `-${'w'.repeat(30)}-`,
} as const;
type Layout = keyof typeof LAYOUTS;
const LAYOUT_NAMES = Object.keys(LAYOUTS) as Layout[];

function runsOf(words: readonly string[]): string {
  const runs: [string, number][] = [];
  for (const word of words) {
    const last = runs[runs.length - 1];
    if (last?.[0] === word) last[1]++;
    else runs.push([word, 1]);
  }
  return runs.map(([word, count]) => `${word}*${count}`).join(' ');
}

function protectPages(mapping: Mapping, layout: string): void {
  for (const [page, letter] of [...layout].entries())
    if (letter !== 'w') mapping.protect(LETTERS[letter]!, pages(page), pages(1));
}

snapshotGroup
  .case('permissions', 'each page is mapped as its part of the memory permits, none is mapped beyond it')
  .source('hmm-tests snapshot; spec/03-gpu-ranges §A.6, §A.7')
  .parameters(
    parameters()
      .combine('memory', ['anon', 'heap', 'file'])
      .combine('layout', LAYOUT_NAMES)
      .combine('write', [false, true])
      .combine('registered', [false, true]),
  )
  .needs('gpu-fault', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, layout, write, registered }) => {
    const letters: string = LAYOUTS[layout];
    const mapping = allocate(t, memory, pages(letters.length));
    if (registered) t.set(mapping, [[T.access, 2]]);
    protectPages(mapping, letters);
    const expected: string[] = [];
    for (const [page, letter] of [...letters].entries()) {
      const may = letter === 'w' || (!write && letter !== '-');
      const { outcome } = t.access(mapping.at(pages(page)), 4, { write }).runs[0]!;
      t.equal(outcome !== 'failed', may, `whether page ${page} was reached`);
      expected.push(!may ? '-' : letter === 'w' ? 'rw' : 'r');
    }
    t.equal(t.ptes(mapping), runsOf(expected), 'PTEs');
    const reached = expected.filter((word) => word !== '-').length;
    t.equal(t.state().counters.dmaPages, reached, 'DMA mapped pages');
    t.equal(
      t.ranges(mapping).reduce((sum, [, length]) => sum + length, 0),
      pages(reached),
      'bytes in GPU ranges',
    );
  });

const EXTENTS = { first: [0, 1], two: [100, 2], middle: [128, 256], last: [511, 1], all: [0, 512] } as const;
type Extent = keyof typeof EXTENTS;
const EVENTS = ['discard', 'read-only', 'no-access', 'unmap', 'cpu-read', 'cpu-write'] as const;
type Event = (typeof EVENTS)[number];

function happen(mapping: Mapping, event: Event, offset: number, length: number): void {
  if (event === 'discard') mapping.discard(offset, length);
  else if (event === 'read-only') mapping.protect('r', offset, length);
  else if (event === 'no-access') mapping.protect('-', offset, length);
  else if (event === 'unmap') mapping.unmap(offset, length);
  else if (event === 'cpu-read') load(mapping, offset);
  else store(mapping, offset, 0xc0);
}

snapshotGroup
  .case(
    'after-event',
    "an event clears the pages it is about, at once and with one flush; the CPU's own accesses clear none",
  )
  .source('test_hmm invalidation; spec/04-invalidation-and-gc §3.3, §3.4')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('event', EVENTS)
      .combine('extent', Object.keys(EXTENTS) as Extent[]),
  )
  .needs('gpu-fault', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, event, extent }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    t.equal(t.fault(mapping.address, { write: true }), 0, 'answer to the fault');
    const [first, count] = EXTENTS[extent];
    const { tlb, clearCalls } = t.state().counters;
    happen(mapping, event, pages(first), pages(count));
    const changes = !event.startsWith('cpu-');
    // The split of a huge page is announced for all of it; with MADV_DONTNEED only after the pages themselves.
    const [from, length] = !changes ? [0, 0] : memory === 'huge' && event !== 'discard' ? [0, 512] : [first, count];
    const words = Array.from({ length: 512 }, (_, page) => (page >= from && page < from + length ? '-' : 'rw'));
    t.equal(t.ptes(mapping, { states: false }), runsOf(words), 'PTEs');
    const after = t.state();
    t.equal(
      [after.counters.tlb - tlb, after.counters.clearCalls - clearCalls],
      changes ? [1, 1] : [0, 0],
      'TLB flushes and calls that clear PTEs',
    );
    t.equal(after.counters.dmaPages, changes ? 0 : 512, 'DMA mapped pages');
    t.equal(
      after.ranges.map(({ mapped, dmaMapped, unmapped, partiallyUnmapped, queued }) => [
        mapped,
        dmaMapped,
        unmapped,
        partiallyUnmapped,
        queued,
      ]),
      [[!changes, !changes, event === 'unmap', event === 'unmap' && extent !== 'all', event === 'unmap']],
      'state of the GPU range: GPU mapped, DMA mapped, unmapped, partially unmapped, queued',
    );
    t.equal(after.collectorQueued, event === 'unmap', 'whether the collector is queued');
  });

snapshotGroup
  .case('two-events', 'the second event on another page of a range reaches its PTE as well')
  .source('spec/04-invalidation-and-gc §3.1; spec/07-quirks §Q35')
  .parameters(
    parameters()
      .combine('memory', ['anon', 'heap', 'file'])
      .combine('first', ['discard', 'read-only', 'no-access', 'unmap'])
      .combine('second', ['discard', 'read-only', 'no-access', 'unmap']),
  )
  .needs('gpu-fault', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, first, second }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    t.equal(t.fault(mapping.address, { write: true }), 0, 'answer to the fault');
    happen(mapping, first, pages(3), pages(1));
    t.equal(t.ptes(mapping.range(pages(3), pages(1))), '-*1', 'PTE of the first page');
    const flushes = t.state().counters.tlb;
    happen(mapping, second, pages(40), pages(2));
    const ptes = t.ptes(mapping.range(pages(40), pages(2)), { states: false });
    const flushed = t.state().counters.tlb - flushes;
    // An unmap queues the range whether or not it was mapped.
    t.equal(t.state().ranges[0]?.unmapped, first === 'unmap' || second === 'unmap', 'whether the range is unmapped');
    // A correct device either clears these pages now or has cleared all of the range before.
    t.shows(
      'Q35',
      { quirk: ptes === 'rw*2' && flushed === 0, correct: ptes === '-*2' },
      `PTEs of the second event: ${ptes}, ${flushed} flushes`,
    );
  });

snapshotGroup
  .case('refault', 'after any event but an unmap one fault brings all of the range back, current')
  .source('spec/04-invalidation-and-gc §3.5; spec/05-faults §5')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('event', ['discard', 'read-only'])
      .combine('extent', Object.keys(EXTENTS) as Extent[]),
  )
  .needs('gpu-work', 'gpu-fault', 'introspection', 'virtual-clock')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, event, extent }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    const [first, count] = EXTENTS[extent];
    await gpuStore(t, mapping.at(pages(first)), 0x77);
    happen(mapping, event, pages(first), pages(count));
    t.advance();
    t.equal(t.fault(mapping.at(pages(first))), 0, 'answer to the fault');
    t.equal(t.ptes(mapping), `${event === 'read-only' ? 'r' : 'rw'}*512`, 'PTEs');
    t.equal(
      await gpuLoad(t, mapping.at(pages(first))),
      event === 'discard' && memory !== 'file' ? 0 : 0x77,
      'what the device reads',
    );
    t.equal(t.fault(mapping.at(pages(first))), 0, 'answer to a fault that was not needed');
    t.equal(t.ranges(mapping), [[0, CHUNK_2M]], 'GPU ranges');
  });

snapshotGroup
  .case('window', 'a fault within 2 ms of the last mapping is put off, one at the end of them is not')
  .source('spec/05-faults §8; spec/07-quirks §Q57')
  .parameters(
    parameters()
      .combine('nanoseconds', [0, 1, 1_000_000, 1_999_999, 2_000_000, 2_000_001])
      .combine('by', ['fault', 'prefetch']),
  )
  .needs('gpu-fault', 'introspection', 'virtual-clock')
  .run((t, { nanoseconds, by }) => {
    const mapping = t.map(CHUNK_2M);
    if (by === 'prefetch') t.set(mapping, [[T.prefetchLocation, 1]]);
    else t.equal(t.fault(mapping.address), 0, 'answer to the first fault');
    mapping.discard();
    if (nanoseconds > 0) t.advance(nanoseconds);
    t.equal(t.fault(mapping.address), 0, 'answer to the fault');
    const ptes = t.ptes(mapping);
    if (nanoseconds >= 2_000_000) t.equal(ptes, 'rw*512', 'PTEs');
    else t.shows('Q57', { quirk: ptes === '-*512', correct: ptes === 'rw*512' }, `PTEs: ${ptes}`);
  });

snapshotGroup
  .case('compound', 'a huge page is mapped by one entry, pages of 4 KiB by one each')
  .source('hmm-tests compound; spec/03-gpu-ranges §A.8.2, §B.7.1')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('size', [64 * KIB, CHUNK_2M, 2 * CHUNK_2M])
      .combine('by', ['fault', 'prefetch']),
  )
  .needs('gpu-fault', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, size, by }) => {
    const mapping = allocate(t, memory, size);
    if (by === 'prefetch') t.set(mapping, [[T.prefetchLocation, 1]]);
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

snapshotGroup
  .case('populate', 'the device has every page of its range made, and no page twice')
  .source('spec/03-gpu-ranges §A.8; test_hmm: cpages')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('touched', ['none', 'one', 'every-second', 'all'])
      .combine('write', [false, true])
      .combine('gpuReadOnly', [false, true]),
  )
  .needs('gpu-fault', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, touched, write, gpuReadOnly }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    const step = { none: 512, one: 512, 'every-second': 2, all: 1 }[touched];
    if (touched !== 'none')
      for (let page = 0; page < 512; page += step) t.machine.process.touch(mapping.at(pages(page)), 4, write);
    const made: Partial<Record<Memory, number>> = { huge: 512 };
    const before = touched === 'none' ? 0 : (made[memory] ?? 512 / step);
    t.equal(t.state().counters.pagesAllocated, before, 'pages of the CPU before');
    if (gpuReadOnly) t.set(mapping, [[T.gpuReadOnly, 1]]);
    t.equal(t.fault(mapping.at(pages(9))), 0, 'answer to the fault');
    t.equal(
      [t.state().counters.pagesAllocated, t.state().counters.dmaPages],
      [512, 512],
      'pages of the CPU and DMA mapped pages',
    );
    t.equal(t.ptes(mapping), gpuReadOnly ? 'r*512' : 'rw*512', 'PTEs');
  });

snapshotGroup
  .case('chunks', 'wherever the fault is, the range is the largest aligned chunk inside the memory')
  .source('spec/03-gpu-ranges §A.7')
  .parameters(
    parameters()
      .combine('size', [4 * KIB, 68 * KIB, 128 * KIB, CHUNK_2M, CHUNK_2M + 72 * KIB])
      .combine('place', [0, 1, 2, 3])
      .combine('write', [false, true]),
  )
  .needs('gpu-fault', 'introspection')
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

snapshotGroup
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
  .needs('configuration', 'gpu-fault', 'introspection')
  .run((t, { granularity, page, neighbour }) => {
    t.setup({ machine: { defaultGranularity: granularity } });
    const mapping = t.map(2 * CHUNK_2M);
    const base = Number(mapping.address >> 12n);
    const near = neighbour === 'below' ? page - 3 : page + 3;
    const hasNear = neighbour !== 'none' && near >= 0 && near < 1024;
    if (hasNear) t.set(mapping.range(pages(near), pages(1)), [[T.gpuExecutable, 1]]);
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

snapshotGroup
  .case(
    'valid',
    'a fault on what is mapped already writes nothing; only a write that GPU_RO forbids maps again and again',
  )
  .source('spec/05-faults §5 step 6; spec/07-quirks §Q56')
  .parameters(
    parameters().combine('memory', MEMORY).combine('gpuReadOnly', [false, true]).combine('write', [false, true]),
  )
  .needs('gpu-fault', 'introspection', 'virtual-clock')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, gpuReadOnly, write }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    if (gpuReadOnly) t.set(mapping, [[T.gpuReadOnly, 1]]);
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
          { quirk: result === 0 && commits === 1, correct: result !== 0 },
          `answer ${result} after ${commits} commits`,
        );
      else t.equal([result, commits], [0, 0], 'answer and commits');
      t.equal(t.ptes(mapping), ptes, `PTEs in round ${round}`);
    }
  });
