/** Changes of the process's memory: what the callback zaps, flushes, DMA-unmaps, marks and queues. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  NEEDS_COLLECTOR,
  during,
  effects,
  NEEDS_EFFECTS,
  intervals,
  moved,
  onGpu,
  rangeWords,
  region,
} from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const invalidationGroup = new CaseGroup(
  'ranges,invalidation',
  "What a change of the process's memory does to the GPU (spec/04-invalidation-and-gc §2, §3)",
);

const EVENTS = ['unmap', 'discard', 'protect'] as const;
type EventKind = (typeof EVENTS)[number];

/** The memory of the pages `[first, end)` changes. */
function change(memory: Mapping, event: EventKind, first: number, end: number): void {
  const [offset, size] = [first * PAGE, (end - first) * PAGE];
  if (event === 'unmap') memory.unmap(offset, size);
  else if (event === 'discard') memory.discard(offset, size);
  else memory.protect('r', offset, size);
}

// The range of the GPU is the middle one of three blocks.
const SPANS = [
  [512, 513],
  [512, 1024],
  [600, 700],
  [1023, 1024],
  [0, 513],
  [511, 1025],
  [1023, 1536],
  [0, 1536],
  [0, 512],
  [1024, 1536],
] as const;

invalidationGroup
  .case(
    'event-part',
    'PTEs go inside the event only; mark and DMA mapping go for the whole range; UNMAP flags and queues, clipped to the range',
  )
  .source('spec/04-invalidation-and-gc §3')
  .parameters(
    parameters()
      .combine('event', EVENTS)
      .combine('first', [...new Set(SPANS.map(([first]) => first))])
      .expand('end', ({ first }) => SPANS.filter((span) => span[0] === first).map((span) => span[1])),
  )
  .needs(...NEEDS_EFFECTS)
  .run((t, { event, first, end }) => {
    const memory = region(t, 3 * CHUNK_2M);
    t.equal(t.access(memory.at(CHUNK_2M), CHUNK_2M, { write: true }).faults, 1, 'faults');
    const before = intervals(t, memory);
    const [from, to] = [Math.max(first, 512), Math.min(end, 1024)];
    const touched = from < to;
    const seen = effects(t, memory, () => change(memory, event, first, end));
    const zap = [
      `zap ${from}+${to - from}`,
      'tlb',
      'dma- 512+512',
      ...(event === 'unmap' ? [`gc+ ${from}+${to - from}`] : []),
    ];
    t.equal(seen, touched ? zap : [], 'effects');
    const flags = !touched
      ? ' mapped dma'
      : event !== 'unmap'
        ? ''
        : from === 512 && to === 1024
          ? ' unmapped queued'
          : ' unmapped partial queued';
    t.equal(rangeWords(t, memory), [`512+512${flags}`], 'ranges');
    const runs = [
      ['rw', from - 512],
      ['-', to - from],
      ['rw', 1024 - to],
    ] as const;
    const words = touched
      ? runs
          .filter(([, count]) => count > 0)
          .map(([word, count]) => `${word}*${count}`)
          .join(' ')
      : 'rw*512';
    t.equal(t.ptes(memory.range(CHUNK_2M, CHUNK_2M), { states: false }), words, 'PTEs');
    t.equal(intervals(t, memory), before, 'attribute intervals');
  });

invalidationGroup
  .case(
    'several-ranges',
    'all zaps come before the one flush, the flush before every DMA unmapping, and these with the queueing in order of addresses',
  )
  .source('spec/04-invalidation-and-gc §3, §9')
  .parameters(parameters().combine('event', EVENTS).combine('blocks', [2, 4]).combine('untouched', [false, true]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { event, blocks, untouched }) => {
    const memory = region(t, blocks * CHUNK_2M);
    const mapped = Array.from({ length: blocks }, (_, block) => block).filter((block) => !(untouched && block === 1));
    for (const block of mapped) t.equal(t.fault(memory.at(block * CHUNK_2M)), 0, 'fault');
    const seen = effects(t, memory, () => change(memory, event, 0, blocks * 512));
    const second = mapped.flatMap((block) => [
      `dma- ${block * 512}+512`,
      ...(event === 'unmap' ? [`gc+ ${block * 512}+512`] : []),
    ]);
    t.equal(seen, [...mapped.map((block) => `zap ${block * 512}+512`), 'tlb', ...second], 'effects');
    t.equal(t.ptes(memory), `-*${blocks * 512}`, 'PTEs');
  });

invalidationGroup
  .case(
    'second-event',
    'a second event before a refault zaps nothing and flushes nothing; UNMAP still flags and queues',
  )
  .source('spec/04-invalidation-and-gc §3.1, §3.5; quirks Q35, Q36')
  .parameters(parameters().combine('before', EVENTS).combine('event', EVENTS).combine('page', [0, 1, 511]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { before, event, page }) => {
    const memory = onGpu(t);
    change(memory, before, 100, 101);
    const seen = effects(t, memory, () => change(memory, event, page, page + 1), [
      'ptes-zapped',
      'tlb-flushed',
      'dma-unmapped',
      'collection-queued',
    ]);
    t.equal(seen, event === 'unmap' ? [`gc+ ${page}+1`] : [], 'effects');
    const unmapped = before === 'unmap' || event === 'unmap';
    t.equal(rangeWords(t, memory), [`0+512${unmapped ? ' unmapped partial queued' : ''}`], 'ranges');
    t.equal(t.ptes(memory, { states: false }), 'rw*100 -*1 rw*411', 'PTEs');
  });

invalidationGroup
  .case(
    'unmapped-and-marked',
    'a range that an UNMAP met is not zapped again, not even when a commit has marked it mapped since',
  )
  .source('spec/04-invalidation-and-gc §3.1 step 1; quirk Q40')
  .parameters(parameters().combine('event', EVENTS))
  .needs(...NEEDS_EFFECTS, 'preemption')
  .run((t, { event }) => {
    const memory = region(t);
    during(
      t,
      'pte-committed',
      () => memory.unmap(0, PAGE),
      () => t.equal(t.fault(memory.address), 0, 'fault'),
    );
    t.equal(rangeWords(t, memory), ['0+512 mapped unmapped partial queued'], 'ranges');
    t.equal(
      effects(t, memory, () => change(memory, event, 1, 2), ['ptes-zapped', 'tlb-flushed']),
      [],
      'effects',
    );
    t.equal(rangeWords(t, memory), ['0+512 mapped unmapped partial queued'], 'ranges after the second event');
  });

invalidationGroup
  .case('refault-repairs', 'after a refault the next event is zapped again')
  .source('spec/04-invalidation-and-gc §3.1')
  .parameters(parameters().combine('event', EVENTS))
  .needs(...NEEDS_EFFECTS)
  .run((t, { event }) => {
    const memory = onGpu(t);
    memory.discard(0, PAGE);
    t.equal(t.fault(memory.address, { write: true }), 0, 'refault');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs after the refault');
    t.equal(
      effects(t, memory, () => change(memory, event, 1, 2), ['ptes-zapped', 'tlb-flushed']),
      ['zap 1+1', 'tlb'],
      'effects',
    );
  });

invalidationGroup
  .case('partial-flag', 'partially unmapped is set when the event leaves a part, and never taken back')
  .source('spec/03-gpu-ranges §A.13; spec/04-invalidation-and-gc §3.5')
  .parameters(parameters().combine('parts', ['whole', 'head', 'tail', 'head tail', 'whole-and-more', 'head rest']))
  .needs(...NEEDS_COLLECTOR)
  .run((t, { parts }) => {
    const memory = region(t, 3 * CHUNK_2M);
    t.equal(t.fault(memory.at(CHUNK_2M)), 0, 'fault');
    const spans = {
      whole: [512, 1024],
      head: [512, 768],
      tail: [768, 1024],
      rest: [513, 1024],
      'whole-and-more': [500, 1100],
    } as const;
    for (const part of parts.split(' ')) {
      const [first, end] = spans[part as keyof typeof spans];
      change(memory, 'unmap', first, end);
    }
    const partial = !parts.startsWith('whole');
    t.equal(rangeWords(t, memory), [`512+512 unmapped${partial ? ' partial' : ''} queued`], 'ranges');
    t.equal(t.collect(), 1, 'collectors');
    t.equal(t.state().ranges, [], 'ranges in the end');
  });

invalidationGroup
  .case('no-event', 'what changes nothing is no event')
  .source('spec/04-invalidation-and-gc §1; spec/trace-format §3')
  .parameters(parameters().combine('what', ['same-protection', 'cpu-read', 'cpu-write', 'elsewhere']))
  .needs(...NEEDS_EFFECTS)
  .run((t, { what }) => {
    const memory = onGpu(t);
    const other = region(t);
    const act = (): void => {
      if (what === 'same-protection') memory.protect('rw');
      else if (what === 'cpu-read') memory.read(0, 8);
      else if (what === 'cpu-write') memory.write(0, new Uint8Array(8));
      else other.discard();
    };
    t.equal(effects(t, memory, act), [], 'effects');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
    // ... and a change is seen.
    t.equal(
      effects(t, memory, () => memory.protect('r'), ['ptes-zapped', 'tlb-flushed']),
      ['zap 0+512', 'tlb'],
      'effects of a change',
    );
  });

invalidationGroup
  .case('pieces', 'mprotect over pieces of different protection is an event for each piece that changes')
  .source('spec/04-invalidation-and-gc §1; spec/trace-format §3')
  .needs(...NEEDS_EFFECTS)
  .run((t) => {
    const memory = onGpu(t, 2 * CHUNK_2M);
    memory.protect('r', CHUNK_2M, 16 * PAGE);
    const seen = effects(t, memory, () => memory.protect('r'), ['notifier-called', 'ptes-zapped', 'tlb-flushed']);
    t.equal(seen, ['event protection-vma 0+512', 'zap 0+512', 'tlb', 'event protection-vma 528+496'], 'effects');
  });

invalidationGroup
  .case('attributes-stay', 'discarding and protecting change no attribute, now or later')
  .source('spec/04-invalidation-and-gc §3')
  .parameters(parameters().combine('event', ['discard', 'protect']))
  .needs(...NEEDS_COLLECTOR)
  .run((t, { event }) => {
    const memory = region(t);
    t.set(memory, { gpuExecutable: true, granularity: 3 });
    t.equal(t.fault(memory.address), 0, 'fault');
    change(memory, event as EventKind, 0, 512);
    t.equal(t.collect(), 0, 'collectors');
    t.has(memory, { gpuExecutable: true, granularity: 3 }, 'attributes');
    t.equal(t.ptes(memory), '-*512', 'PTEs');
  });

invalidationGroup
  .case('zap-fails', 'a zap that the page-table layer refuses is ignored: mark and DMA mapping go, the flush is done')
  .source('spec/04-invalidation-and-gc §3.1, §8; quirk Q39')
  .parameters(
    parameters().combine('event', EVENTS).combine('errno', ['EBUSY', 'ENODEV', 'ENOMEM']).combine('at', [0, 1]),
  )
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { event, errno, at }) => {
    const memory = onGpu(t, 2 * CHUNK_2M);
    t.gpu().failures.plan('zap-ptes', errno, 1, at);
    const seen = effects(t, memory, () => change(memory, event, 0, 1024), ['ptes-zapped', 'zap-failed', 'tlb-flushed']);
    t.equal(
      seen,
      [at === 0 ? 'zap-failed 0+512' : 'zap 0+512', at === 0 ? 'zap 512+512' : 'zap-failed 512+512', 'tlb'],
      'effects',
    );
    const flags = event === 'unmap' ? ' unmapped queued' : '';
    t.equal(rangeWords(t, memory), [`0+512${flags}`, `512+512${flags}`], 'ranges');
    t.equal(t.ptes(memory, { states: false }), at === 0 ? 'rw*512 -*512' : '-*512 rw*512', 'PTEs');
  });

invalidationGroup
  .case('two-gpus', 'an event reaches every GPU on which the memory is mapped')
  .source('spec/04-invalidation-and-gc §1')
  .parameters(parameters().combine('event', EVENTS).combine('mapped', ['first', 'second', 'both']))
  .needs(...NEEDS_EFFECTS, 'two-gpus')
  .run((t, { event, mapped }) => {
    t.setup({ gpus: 2 });
    const memory = region(t);
    const devices = mapped === 'both' ? [0, 1] : mapped === 'first' ? [0] : [1];
    for (const device of devices) t.equal(t.fault(memory.address, { write: true, device }), 0, 'fault');
    const flushed: number[] = [];
    t.onEnd(t.machine.on('tlb-flushed', ({ device }) => void flushed.push(device)));
    change(memory, event, 8, 9);
    t.equal(flushed, devices, 'GPUs that flush');
    for (const device of [0, 1]) {
      t.equal(
        t.ptes(memory, { device, states: false }),
        devices.includes(device) ? 'rw*8 -*1 rw*503' : '-*512',
        `PTEs of GPU ${device}`,
      );
    }
  });

invalidationGroup
  .case('counters', 'an event over many ranges is one zap for each range that was mapped, and one flush')
  .source('spec/04-invalidation-and-gc §3; spec/06-lifecycle §8')
  .parameters(parameters().combine('event', EVENTS).combine('chunk', [1, 16, 512]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { event, chunk }) => {
    const memory = region(t);
    for (let page = 0; page < 512; page += chunk)
      if (chunk < 512) t.set(memory.range(page * PAGE, chunk * PAGE), { preferredLocation: page + 1 });
    t.equal(t.access(memory.address, CHUNK_2M, { write: true }).faults, 512 / chunk, 'faults');
    const counts = moved(t, ['clearCalls', 'tlb', 'dmaPages'], () => change(memory, event, 0, 512));
    t.equal(counts, { clearCalls: 512 / chunk, tlb: 1, dmaPages: -512 }, 'counters');
  });
