/** hmm-tests snapshot: what the device's page table holds, page by page, is the assertion. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { Letters, Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  allocate,
  gpuLoad,
  gpuStore,
  load,
  MEMORY,
  memoryNeeds,
  store,
} from '../../../lib/conformance/support/memory.ts';
import { CHUNK_2M } from '../../../lib/conformance/support/units.ts';

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

export function runsOf(words: readonly string[]): string {
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
  .needs('fault-handler', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run((t, { memory, layout, write, registered }) => {
    const letters: string = LAYOUTS[layout];
    const mapping = allocate(t, memory, pages(letters.length));
    if (registered) t.set(mapping, { access: 'allow-migrate' });
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
  .needs('fault-handler', 'introspection')
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
  .needs('fault-handler', 'introspection')
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
  .needs('gpu-work', 'fault-handler', 'introspection', 'virtual-clock')
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
  .needs('fault-handler', 'introspection', 'virtual-clock')
  .run((t, { nanoseconds, by }) => {
    const mapping = t.map(CHUNK_2M);
    if (by === 'prefetch') t.set(mapping, { prefetchLocation: 'device' });
    else t.equal(t.fault(mapping.address), 0, 'answer to the first fault');
    mapping.discard();
    if (nanoseconds > 0) t.advance(nanoseconds);
    t.equal(t.fault(mapping.address), 0, 'answer to the fault');
    const ptes = t.ptes(mapping);
    if (nanoseconds >= 2_000_000) t.equal(ptes, 'rw*512', 'PTEs');
    else t.shows('Q57', { quirk: ptes === '-*512', correct: ptes === 'rw*512' }, `PTEs: ${ptes}`);
  });
