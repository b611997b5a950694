/** The garbage collector: its queue, its work item, what it clears and removes, and the checkpoint of an UNMAP. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EFAULT, EINVAL } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { NEEDS_COLLECTOR, effects, intervals, mapAgain, moved, onGpu, rangeWords, region } from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const collectorGroup = new CaseGroup(
  'ranges,collector',
  'The garbage collector (spec/04-invalidation-and-gc §5 to §8)',
);

collectorGroup
  .case('work-item', 'one run of the work item collects everything queued; without anything queued none runs')
  .source('spec/04-invalidation-and-gc §5.2, §6.2')
  .parameters(parameters().combine('blocks', [1, 2, 5]))
  .needs(...NEEDS_COLLECTOR)
  .run((t, { blocks }) => {
    const memory = onGpu(t, blocks * CHUNK_2M);
    t.equal(t.collect(), 0, 'collectors before the unmapping');
    for (let block = blocks - 1; block >= 0; block--) memory.unmap(block * CHUNK_2M, CHUNK_2M);
    t.equal([t.state().collectorPending, t.state().collectorQueued], [blocks, true], 'queue');
    let ran = 0;
    const { gcRuns } = moved(t, ['gcRuns'], () => (ran = t.collect()));
    t.equal([ran, gcRuns], [1, 1], 'collectors');
    t.equal(
      [t.state().collectorPending, t.state().collectorQueued, t.state().ranges],
      [0, false, []],
      'queue in the end',
    );
    t.equal(t.collect(), 0, 'collectors afterwards');
  });

collectorGroup
  .case('order', 'ranges are collected in the order in which they were queued, not in that of addresses')
  .source('spec/04-invalidation-and-gc §5.3, §9')
  .parameters(parameters().combine('order', ['0 1 2', '2 1 0', '1 2 0']))
  .needs(...NEEDS_COLLECTOR)
  .run((t, { order }) => {
    const memory = onGpu(t, 3 * CHUNK_2M);
    const blocks = order.split(' ').map(Number);
    for (const block of blocks) memory.unmap(block * CHUNK_2M, CHUNK_2M);
    t.equal(
      effects(t, memory, () => t.collect(), ['range-removed']),
      blocks.map((block) => `range- ${block * 512}+512`),
      'removed',
    );
  });

collectorGroup
  .case('queued-once', 'a range that is queued is not queued again: it keeps its place, and its span grows')
  .source('spec/04-invalidation-and-gc §5.2; spec/revisions §4')
  .needs(...NEEDS_COLLECTOR)
  .run((t) => {
    const memory = onGpu(t, 2 * CHUNK_2M);
    memory.unmap(0, PAGE);
    memory.unmap(CHUNK_2M, PAGE);
    memory.unmap(8 * PAGE, PAGE);
    t.equal(t.state().collectorPending, 2, 'ranges on the list');
    t.equal(
      effects(t, memory, () => t.collect(), ['range-removed']),
      ['range- 0+512', 'range- 512+512'],
      'removed',
    );
    t.equal(
      intervals(t, memory).map(([first, last]) => [first, last]),
      t.can('attributes-survive-unmap')
        ? [
            [0, 511],
            [512, 1023],
          ]
        : [
            [9, 511],
            [513, 1023],
          ],
      'attribute intervals',
    );
  });

collectorGroup
  .case(
    'hull',
    'the span of a range is the hull of its unmapped pages; each range has its own; from V5 on nothing is cleared in it',
  )
  .source('spec/04-invalidation-and-gc §5.2; quirk Q27; spec/revisions §4')
  .parameters(
    parameters()
      .combine('first', [0, 3, 300])
      .combine('second', [5, 400, 511, 512, 1023])
      .combine('order', ['ascending', 'descending']),
  )
  .needs(...NEEDS_COLLECTOR)
  .run((t, { first, second, order }) => {
    const memory = region(t, 2 * CHUNK_2M);
    t.set(memory, { gpuExecutable: true });
    t.equal(t.access(memory.address, memory.size).faults, 2, 'faults');
    const [low, high] = [Math.min(first, second), Math.max(first, second)];
    for (const page of order === 'ascending' ? [low, high] : [high, low]) memory.unmap(page * PAGE, PAGE);
    t.equal(t.collect(), 1, 'collectors');
    const cleared = t.can('attributes-survive-unmap')
      ? []
      : high < 512
        ? [[low, high]]
        : [
            [low, low],
            [high, high],
          ];
    const expected: [number, number, number][] = [];
    let from = 0;
    for (const [one, end] of [...cleared, [1024, 1024]] as [number, number][]) {
      if (from < one) expected.push([from, one - 1, 0x23]);
      from = end + 1;
    }
    t.equal(intervals(t, memory), expected, 'attribute intervals');
    t.equal(rangeWords(t, memory), high < 512 ? ['512+512 mapped dma'] : [], 'ranges');
  });

collectorGroup
  .case('no-zap', 'collection removes ranges and clears attributes; it zaps nothing and flushes nothing')
  .source('spec/04-invalidation-and-gc §6.1')
  .parameters(parameters().combine('part', ['whole', 'page']))
  .needs(...NEEDS_COLLECTOR)
  .run((t, { part }) => {
    const memory = onGpu(t);
    memory.unmap(0, part === 'whole' ? CHUNK_2M : PAGE);
    const names = ['ptes-zapped', 'tlb-flushed', 'dma-unmapped', 'range-removed', 'notifier-removed'] as const;
    t.equal(
      effects(t, memory, () => t.collect(), names).map((word) => word.split(' ')[0]),
      ['range-', 'notifier-'],
      'effects',
    );
    t.equal(t.ptes(memory, { states: false }), part === 'whole' ? '-*512' : '-*1 rw*511', 'PTEs');
  });

// Attribute intervals and the unmapped span, in pages, over two blocks on the GPU.
const CLEARED = [
  '0-1023 0-512',
  '0-1023 512-512',
  '0-1023 256-512',
  '0-1023 0-1',
  '0-1023 511-2',
  '0-1023 1023-1',
  '0-511 0-512',
  '0-511 256-512',
  '16-31 0-512',
  '16-31 20-4',
  '16-31 31-2',
  '16-31 0-17',
] as const;

collectorGroup
  .case(
    'cleared',
    'exactly the attributes of the unmapped pages are cleared: intervals are trimmed, split or dropped; from V5 on none',
  )
  .source('spec/04-invalidation-and-gc §6.1; spec/02-attributes §6; spec/revisions §4')
  .parameters(
    parameters()
      .combine('pages', CLEARED)
      .combine('by', ['worker', 'fault', 'set', 'two-events'])
      .where(({ pages, by }) => by !== 'two-events' || !pages.endsWith('-1')),
  )
  .needs(...NEEDS_COLLECTOR)
  .run((t, { pages, by }) => {
    const [[first, last], [from, count]] = pages.split(' ').map((part) => part.split('-').map(Number)) as [
      [number, number],
      [number, number],
    ];
    const memory = region(t, 2 * CHUNK_2M);
    const other = region(t, PAGE);
    // Defaults everywhere, another value in the interval: intervals are not merged.
    if (first > 0) t.set(memory.range(0, first * PAGE), { access: 'in-place' });
    t.set(memory.range(first * PAGE, (last + 1 - first) * PAGE), { gpuExecutable: true });
    if (last < 1023) t.set(memory.range((last + 1) * PAGE), { access: 'in-place' });
    t.equal(t.access(memory.address, memory.size).result, 0, 'access');
    if (by === 'two-events') {
      const half = count >> 1;
      memory.unmap(from * PAGE, half * PAGE);
      memory.unmap((from + half) * PAGE, (count - half) * PAGE);
    } else memory.unmap(from * PAGE, count * PAGE);
    const before = intervals(t, memory);
    if (by === 'fault') t.equal(t.fault(other.address), 0, 'fault elsewhere');
    else if (by === 'set') t.set(other, { access: 'in-place' });
    else t.equal(t.collect(), 1, 'collectors');
    const trimmed = before.flatMap(
      ([one, end, flags]): [number, number, number][] =>
        [
          [one, Math.min(end, from - 1), flags],
          [Math.max(one, from + count), end, flags],
        ].filter(([low, high]) => low! <= high!) as [number, number, number][],
    );
    t.equal(
      intervals(t, memory).filter(([one]) => one < 1024),
      t.can('attributes-survive-unmap') ? before.filter(([one]) => one < 1024) : trimmed,
      'attribute intervals',
    );
  });

collectorGroup
  .case('when', 'a fault anywhere and a SET collect at once, from V5 on a GET as well; an event does not')
  .source('spec/04-invalidation-and-gc §6.3, §6.4; quirk Q30; spec/revisions §4')
  .parameters(
    parameters().combine('call', [
      'fault',
      'killed-fault',
      'fault-without-vma',
      'set',
      'refused-set',
      'get',
      'discard',
      'unmap',
    ]),
  )
  .needs(...NEEDS_COLLECTOR)
  .run((t, { call }) => {
    const walks = t.can('get-walks-vmas');
    const memory = region(t);
    const other = region(t);
    const forbidden = t.map(PAGE, { protection: '-' });
    t.set(memory, { gpuExecutable: true });
    t.equal(t.fault(memory.address), 0, 'fault');
    // An interval, so that the fault there goes as far as the collector.
    t.set(other, { access: 'in-place' });
    if (call === 'fault-without-vma') other.unmap();
    memory.unmap();
    if (call === 'fault' || call === 'fault-without-vma') t.equal(t.fault(other.address), 0, 'fault');
    else if (call === 'killed-fault') t.equal(t.fault(forbidden.address), -1, 'fault');
    else if (call === 'set') t.set(other, { access: 'inaccessible' });
    else if (call === 'refused-set') t.equal(t.trySet(other, { access: 9 }), -EINVAL, 'SET');
    else if (call === 'get' && walks) t.equal(t.tryGet(memory, ['gpuExecutable']), -EFAULT, 'GET without memory');
    else if (call === 'get') t.has(memory, { gpuExecutable: true }, 'GET');
    else if (call === 'discard') other.discard();
    else other.unmap();
    const waits = call.includes('set') || (call === 'get' && walks);
    const collects = call.includes('fault') || waits;
    t.equal(rangeWords(t, memory).includes('0+512 unmapped queued'), !collects, 'the range is still there');
    // The flag of the work item is not taken back by a fault.
    t.equal(t.state().collectorQueued, !waits, 'work item queued');
    const cleared = collects && !t.can('attributes-survive-unmap');
    t.equal(intervals(t, memory)[0]?.[2] === 0x23, !cleared, 'the interval with GPU_EXEC is still there');
  });

collectorGroup
  .case('uncovered', 'attributes of unmapped pages that no range covered stay; from V5 on all')
  .source('spec/04-invalidation-and-gc §7; quirk Q26; spec/revisions §4')
  .parameters(parameters().combine('mapped', ['none', 'first', 'second', 'both']))
  .needs(...NEEDS_COLLECTOR)
  .run((t, { mapped }) => {
    const memory = region(t, 2 * CHUNK_2M);
    t.set(memory, { gpuExecutable: true });
    if (mapped === 'first' || mapped === 'both') t.equal(t.fault(memory.address), 0, 'fault');
    if (mapped === 'second' || mapped === 'both') t.equal(t.fault(memory.at(CHUNK_2M)), 0, 'fault');
    memory.unmap();
    t.equal(t.collect(), mapped === 'none' ? 0 : 1, 'collectors');
    const left = { none: [[0, 1023, 0x23]], first: [[512, 1023, 0x23]], second: [[0, 511, 0x23]], both: [] } as const;
    t.equal(
      intervals(t, memory),
      left[t.can('attributes-survive-unmap') ? 'none' : mapped].map(([first, last, flags]) => [first, last, flags]),
      'attribute intervals',
    );
  });

collectorGroup
  .case(
    'mapped-again',
    'memory mapped again before the collection is served with the attributes of new memory behind it; from V5 on with the old ones',
  )
  .source('spec/04-invalidation-and-gc §9; spec/revisions §4')
  .needs(...NEEDS_COLLECTOR, 'address-choice')
  .run((t) => {
    const memory = region(t);
    t.set(memory, { gpuReadOnly: true });
    t.equal(t.fault(memory.address), 0, 'fault');
    memory.unmap();
    mapAgain(t, memory);
    t.equal(t.collect(), 1, 'collectors');
    const survives = t.can('attributes-survive-unmap');
    t.has(memory, { gpuReadOnly: survives }, 'GPU_RO');
    t.equal(
      [t.fault(memory.address, { write: true }), t.ptes(memory)],
      [0, survives ? 'r*512' : 'rw*512'],
      'write fault and PTEs',
    );
  });
