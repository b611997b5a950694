/** IGT range-invalidate-change-attr and no-range-invalidate-same-attr: which SETs take the memory from the GPU, and which must not. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import type { Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  allocate,
  expectFaults,
  faultCount,
  gpuLoad,
  gpuStore,
  load,
  memoryNeeds,
} from '../../../lib/conformance/support/memory.ts';
import type { Memory } from '../../../lib/conformance/support/memory.ts';
import { START, OTHER, ATTRIBUTES, CHANGES, PARTS } from '../../../lib/conformance/support/attribute-changes.ts';
import type { Attribute } from '../../../lib/conformance/support/attribute-changes.ts';
import { CHUNK_2M } from '../../../lib/conformance/support/units.ts';

export const invalidationGroup = new CaseGroup(
  'igt,invalidation',
  'Which changes of attributes take memory from the GPU (xe_exec_system_allocator: madvise-*)',
);

/** What the PTEs of the memory look like with the other value, where it matters to them. */
const LETTERS: Partial<Record<Attribute, string>> = { gpuReadOnly: 'r', gpuExecutable: 'rwx' };

type Part = keyof typeof PARTS;

const PART_NAMES = Object.keys(PARTS) as Part[];

const SPLITS = PART_NAMES.filter((part) => part !== 'whole');

/** What a SET takes from the GPU where one range crosses its ends. */
const CROSSED = ['ptes-zapped 1', 'tlb-flushed 1', 'range-removed 1', 'dma-unmapped 1'];

const INVALIDATIONS = ['ptes-zapped', 'ptes-written', 'tlb-flushed', 'range-removed', 'dma-unmapped'] as const;

/** Memory of 2 MiB with one interval, mapped on the GPU, with a word at both ends and in the middle. */
async function mapped(t: CaseContext, memory: Memory = 'anon', by: 'fault' | 'prefetch' = 'fault'): Promise<Mapping> {
  const mapping = allocate(t, memory, CHUNK_2M);
  t.set(
    mapping,
    ATTRIBUTES.map((each) => ({ [each]: START[each] })),
  );
  if (by === 'prefetch') {
    // Behind it the prefetch location is that of the start again: with that of a GPU every change would map (Q17).
    t.set(mapping, { prefetchLocation: 'device' });
    t.set(mapping, { prefetchLocation: START.prefetchLocation });
  }
  for (const page of WORDS) await gpuStore(t, mapping.at(pages(page)), 0x5e7 + page);
  return mapping;
}

const WORDS = [0, 300, 511];

/** The GPU and the CPU still see the words. */
async function checkWords(t: CaseContext, mapping: Mapping): Promise<void> {
  for (const page of WORDS) {
    t.equal(await gpuLoad(t, mapping.at(pages(page))), 0x5e7 + page, `what the GPU reads in page ${page}`);
    t.equal(load(mapping, pages(page)), 0x5e7 + page, `what the CPU reads in page ${page}`);
  }
}

/** What the action took from the GPU, in the words of the events; the changes of attributes are not among them. */
function invalidations(t: CaseContext, action: () => void): string[] {
  const counts = t.countEvents(action);
  return INVALIDATIONS.filter((name) => counts.has(name)).map((name) => `${name} ${counts.get(name)}`);
}

invalidationGroup
  .case(
    'same-value',
    'a SET of the value that is in force takes nothing from the GPU, while one of another value is stored',
  )
  .source('IGT xe_exec_system_allocator madvise-no-range-invalidate-same-attr; spec/02-attributes §4.6 rule 2')
  .parameters(
    parameters().combine('attribute', ATTRIBUTES).combine('part', PART_NAMES).combine('by', ['fault', 'prefetch']),
  )
  .needs('gpu-work', 'introspection', 'events')
  .needs('retry-faults')
  .run(async (t, { attribute, part, by }) => {
    const mapping = await mapped(t, 'anon', by);
    const [first, count] = PARTS[part];
    const range = mapping.range(pages(first), pages(count));
    const before = faultCount(t);
    const ranges = t.ranges(mapping);
    t.equal(ranges.length, 1, 'number of GPU ranges before');
    t.equal(
      invalidations(t, () => t.set(range, { [attribute]: START[attribute] })),
      [],
      'what the SET of the same value took from the GPU',
    );
    t.equal(t.state().attributes.length, 1, 'intervals');
    t.equal(t.ranges(mapping), ranges, 'GPU ranges');
    await checkWords(t, mapping);
    expectFaults(t, before, 0);
    // The same SET with another value is not lost.
    const other = attribute === 'prefetchLocation' ? 1 : OTHER[attribute];
    const seen = t.countEvents(() => t.set(range, { [attribute]: other }));
    t.equal(seen.get('attributes-changed'), 1, 'changes of attributes by the SET of another value');
    t.has(range, { [attribute]: other }, attribute);
    const zaps = t.can('changes-invalidate') && attribute === 'granularity' ? 0 : 1;
    if (part !== 'whole') t.equal(seen.get('ptes-zapped') ?? 0, zaps, 'zaps of the SET of another value on a part');
  });

invalidationGroup
  .case('same-values', 'a SET of all attributes as they are, in any order and twice, takes nothing from the GPU')
  .source('spec/02-attributes §4.6 rule 2, §8')
  .parameters(parameters().combine('part', PART_NAMES).combine('order', ['up', 'down', 'there-and-back']))
  .needs('gpu-work', 'introspection', 'events')
  .needs('retry-faults')
  .run(async (t, { part, order }) => {
    const mapping = await mapped(t);
    const [first, count] = PARTS[part];
    const up = ATTRIBUTES.map((each) => ({ [each]: START[each] }));
    // The last one of a type wins: the others in between don't count.
    const away = CHANGES.map((each) => ({ [each]: OTHER[each] }));
    const records = order === 'up' ? up : order === 'down' ? up.toReversed() : [...away, ...up];
    const before = faultCount(t);
    t.equal(
      invalidations(t, () => t.set(mapping.range(pages(first), pages(count)), records)),
      [],
      'what the SET took from the GPU',
    );
    t.equal(t.state().attributes.length, 1, 'intervals');
    t.equal(t.ptes(mapping), 'rw*512', 'PTEs');
    await checkWords(t, mapping);
    expectFaults(t, before, 0);
  });

invalidationGroup
  .case(
    'whole-change',
    'a change on exactly the interval leaves what is mapped (V4) or clears it; flags of PTEs should reach the PTEs',
  )
  .source(
    'IGT xe_exec_system_allocator madvise-range-invalidate-change-attr; spec/02-attributes §5.2; spec/revisions §4; spec/xnack-off §2',
  )
  .parameters(parameters().combine('attribute', CHANGES).combine('by', ['fault', 'prefetch']))
  .needs('gpu-work', 'introspection', 'events')
  .run(async (t, { attribute, by }) => {
    const mapping = await mapped(t, 'anon', by);
    const before = faultCount(t);
    const taken = invalidations(t, () => t.set(mapping, { [attribute]: OTHER[attribute] }));
    t.has(mapping, { [attribute]: OTHER[attribute] }, attribute);
    const letters = LETTERS[attribute];
    if (letters === undefined) {
      const cleared = attribute === 'granularity' ? [] : ['ptes-zapped 1', 'tlb-flushed 1'];
      // Without retry faults the SET maps again at once where a flag has changed.
      const isFlag = !['granularity', 'access', 'preferredLocation'].includes(attribute);
      const expected = t.perRevision({
        v4: [],
        v7: cleared,
        'v7-xnack-off': isFlag ? ['ptes-written 1', 'tlb-flushed 1'] : [],
        v8: cleared,
      });
      t.equal(taken, expected, 'what the SET took from the GPU');
    } else {
      const ptes = t.ptes(mapping);
      t.shows(
        'Q13',
        {
          quirk: taken.length === 0 && ptes === 'rw*512',
          correct: taken.length > 0 && (ptes === '-*512' || ptes === `${letters}*512`),
        },
        `PTEs: ${ptes}`,
      );
    }
    await checkWords(t, mapping);
    if (taken.length === 0) expectFaults(t, before, 0);
    // What the GPU maps from now on has the new flags.
    mapping.discard();
    t.advance();
    t.equal(await gpuLoad(t, mapping.address), 0, 'what the GPU reads after the memory was discarded');
    t.equal(t.ptes(mapping), `${letters ?? 'rw'}*512`, 'PTEs of the new mapping');
  });

invalidationGroup
  .case(
    'part-change',
    'a change on a part takes the GPU range that crosses its ends, and the parts come back with flags of their own; from V5 on GRANULARITY takes nothing',
  )
  .source(
    'IGT xe_exec_system_allocator madvise-range-invalidate-change-attr; spec/03-gpu-ranges §B.10; spec/revisions §4',
  )
  .parameters(parameters().combine('attribute', CHANGES).combine('part', SPLITS))
  .needs('gpu-work', 'introspection', 'events')
  .needs('retry-faults')
  .run(async (t, { attribute, part }) => {
    const mapping = await mapped(t);
    const [first, count] = PARTS[part];
    const changed = mapping.range(pages(first), pages(count));
    const flushes = t.state().counters.tlb;
    const taken = invalidations(t, () => t.set(changed, { [attribute]: OTHER[attribute] }));
    const kept = t.can('changes-invalidate') && attribute === 'granularity';
    t.equal(taken, kept ? [] : CROSSED, 'what the SET took from the GPU');
    t.equal(t.state().counters.tlb - flushes, kept ? 0 : 1, 'TLB flushes');
    t.equal(t.ranges(mapping), kept ? [[0, CHUNK_2M]] : [], 'GPU ranges');
    t.equal(t.ptes(changed), `${kept ? 'rw' : '-'}*${count}`, 'PTEs of the part');
    // The rest is zapped too, without need (Q47).
    const all = t.ptes(mapping);
    if (!kept) t.shows('Q47', { quirk: all === '-*512', correct: all !== '-*512' }, `PTEs: ${all}`);
    t.equal(t.state().attributes.length, first === 0 || first + count === 512 ? 2 : 3, 'intervals');
    await checkWords(t, mapping);
    for (const page of [first, first + count - 1])
      t.equal(
        await gpuLoad(t, mapping.at(pages(page))),
        WORDS.includes(page) ? 0x5e7 + page : 0,
        `what the GPU reads in page ${page}`,
      );
    const outside = first > 0 ? 0 : 511;
    t.equal(t.ptes(mapping.range(pages(outside), pages(1))), 'rw*1', 'PTE outside the part');
    t.equal(t.ptes(mapping.range(pages(first), pages(1))), `${LETTERS[attribute] ?? 'rw'}*1`, 'PTE in the part');
    t.has(mapping.range(pages(outside), pages(1)), { [attribute]: START[attribute] }, `${attribute} outside the part`);
  });

invalidationGroup
  .case('kinds', 'the memory survives a change on a part, whatever it is made of')
  .source('IGT xe_exec_system_allocator madvise-split-vma-with-mapping')
  .parameters(
    parameters()
      .combine('memory', ['heap', 'file', 'huge'])
      .combine('part', SPLITS)
      .combine('attribute', ['gpuExecutable', 'granularity']),
  )
  .needs('gpu-work', 'introspection', 'events')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .needs('retry-faults')
  .run(async (t, { memory, part, attribute }) => {
    const mapping = await mapped(t, memory);
    const [first, count] = PARTS[part];
    const taken = invalidations(t, () =>
      t.set(mapping.range(pages(first), pages(count)), { [attribute]: OTHER[attribute] }),
    );
    const kept = t.can('changes-invalidate') && attribute === 'granularity';
    t.equal(taken, kept ? [] : CROSSED, 'what the SET took from the GPU');
    await checkWords(t, mapping);
    for (const page of WORDS) {
      const inside = page >= first && page < first + count;
      t.equal(
        t.ptes(mapping.range(pages(page), pages(1))),
        `${inside && attribute === 'gpuExecutable' ? 'rwx' : 'rw'}*1`,
        `PTE of page ${page}`,
      );
    }
  });

invalidationGroup
  .case('neighbour', 'a change on a part that no GPU range crosses leaves the ranges and words of the other part')
  .source('IGT xe_exec_system_allocator madvise-split-vma; spec/03-gpu-ranges §B.10; spec/revisions §4')
  .parameters(parameters().combine('attribute', CHANGES).combine('half', ['first', 'second']))
  .needs('gpu-work', 'introspection', 'events')
  .needs('retry-faults')
  .run(async (t, { attribute, half }) => {
    const mapping = t.map(2 * CHUNK_2M);
    t.set(
      mapping,
      ATTRIBUTES.map((each) => ({ [each]: START[each] })),
    );
    await gpuStore(t, mapping.address, 11);
    await gpuStore(t, mapping.at(CHUNK_2M), 22);
    const [changed, kept] = half === 'first' ? [0, CHUNK_2M] : [CHUNK_2M, 0];
    const before = faultCount(t);
    // The range lies inside the part: it is zapped and kept; from V5 on GRANULARITY alone zaps nothing.
    const zapped = !(t.can('changes-invalidate') && attribute === 'granularity');
    const taken = invalidations(t, () => t.set(mapping.range(changed, CHUNK_2M), { [attribute]: OTHER[attribute] }));
    t.equal(taken, zapped ? ['ptes-zapped 1', 'tlb-flushed 1'] : [], 'what the SET took from the GPU');
    t.equal(
      [t.ptes(mapping.range(changed, CHUNK_2M)), t.ptes(mapping.range(kept, CHUNK_2M))],
      [zapped ? '-*512' : 'rw*512', 'rw*512'],
      'PTEs of the part and of the other',
    );
    t.equal(
      t.ranges(mapping),
      [
        [0, CHUNK_2M],
        [CHUNK_2M, CHUNK_2M],
      ],
      'GPU ranges',
    );
    t.equal(await gpuLoad(t, mapping.at(kept)), half === 'first' ? 22 : 11, 'what the GPU reads in the other part');
    expectFaults(t, before, 0);
    t.equal(await gpuLoad(t, mapping.at(changed)), half === 'first' ? 11 : 22, 'what the GPU reads in the part');
    t.equal(
      t.ptes(mapping.range(changed, CHUNK_2M)),
      `${LETTERS[attribute] ?? 'rw'}*512`,
      'PTEs of the part after the GPU used it',
    );
  });
