/** Windows of the CPU's notifiers: where they lie, and how long they live. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { EINVAL, EIO, ENOMEM, EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  BORDER,
  NEEDS_COLLECTOR,
  effects,
  NEEDS_EFFECTS,
  NEEDS_FAULTS,
  onGpu,
  rangeWords,
  region,
  WINDOW,
} from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const notifiersGroup = new CaseGroup(
  'ranges,notifiers',
  'Notifiers have windows of 512 MiB and live as long as their ranges (spec/03-gpu-ranges §A.4, §A.5, §A.14)',
);

/** Notifiers as [first, end) in windows, counted from BORDER. */
function windows(t: CaseContext): [number, number][] {
  return t.state().notifiers.map(({ start, end }) => [Number(start - BORDER) / WINDOW, Number(end - BORDER) / WINDOW]);
}

notifiersGroup
  .case('window', 'a notifier covers the aligned 512 MiB around the address')
  .source('spec/03-gpu-ranges §A.4')
  .parameters(
    parameters()
      .combine('offset', [
        -WINDOW,
        -CHUNK_2M,
        0,
        CHUNK_2M,
        WINDOW / 2,
        WINDOW - CHUNK_2M,
        WINDOW,
        2 * WINDOW - CHUNK_2M,
      ])
      .combine('page', [0, 1, 511]),
  )
  .needs(...NEEDS_FAULTS, 'address-choice')
  .run((t, { offset, page }) => {
    const memory = t.map(CHUNK_2M, { address: BORDER + BigInt(offset) });
    t.equal(t.fault(memory.at(page * PAGE)), 0, 'fault');
    const first = Math.floor(offset / WINDOW);
    t.equal(windows(t), [[first, first + 1]], 'notifiers');
  });

notifiersGroup
  .case('shared', 'ranges of one window share a notifier, those of two have one each, in ascending order')
  .source('spec/03-gpu-ranges §A.4, §A.14')
  .parameters(parameters().combine('order', ['ascending', 'descending']))
  .needs(...NEEDS_EFFECTS, 'address-choice')
  .run((t, { order }) => {
    const places = [-2 * CHUNK_2M, -CHUNK_2M, 0, CHUNK_2M].map((offset) =>
      region(t, CHUNK_2M, { address: BORDER + BigInt(offset) }),
    );
    const seen = effects(
      t,
      { address: BORDER },
      () => {
        for (const memory of order === 'ascending' ? places : places.toReversed())
          t.equal(t.fault(memory.address), 0, 'fault');
      },
      ['notifier-inserted', 'notifier-removed'],
    );
    const pages = WINDOW / PAGE;
    const below = `notifier+ ${-pages}+${pages}`;
    const above = `notifier+ 0+${pages}`;
    t.equal(seen, order === 'ascending' ? [below, above] : [above, below], 'notifiers made');
    t.equal(
      windows(t),
      [
        [-1, 0],
        [0, 1],
      ],
      'notifiers',
    );
    t.equal(
      rangeWords(t, { address: BORDER }),
      [-1024, -512, 0, 512].map((page) => `${page}+512 mapped dma`),
      'ranges',
    );
  });

notifiersGroup
  .case('border', 'an event over the border of two windows reaches both: each zaps and flushes for itself')
  .source('spec/04-invalidation-and-gc §1, §2, §3')
  .parameters(parameters().combine('event', ['discard', 'unmap', 'protect']))
  .needs(...NEEDS_COLLECTOR, 'address-choice')
  .run((t, { event }) => {
    const memory = onGpu(t, 2 * CHUNK_2M, { address: BORDER - BigInt(CHUNK_2M) });
    const seen = effects(t, { address: BORDER }, () => {
      if (event === 'discard') memory.discard(CHUNK_2M - PAGE, 2 * PAGE);
      else if (event === 'unmap') memory.unmap(CHUNK_2M - PAGE, 2 * PAGE);
      else memory.protect('r', CHUNK_2M - PAGE, 2 * PAGE);
    });
    const half = (page: number, block: number): string[] => [
      `zap ${page}+1`,
      'tlb',
      `dma- ${block}+512`,
      ...(event === 'unmap' ? [`gc+ ${page}+1`] : []),
    ];
    t.equal(seen, [...half(-1, -512), ...half(0, 0)], 'effects');
  });

notifiersGroup
  .case('prefetch-over-border', 'a prefetch over the border makes a range and a notifier on each side')
  .source('spec/03-gpu-ranges §A.4, §B.8')
  .parameters(parameters().combine('pages', [1, 16, 512]))
  .needs('introspection', 'address-choice')
  .run((t, { pages }) => {
    const memory = t.map(2 * CHUNK_2M, { address: BORDER - BigInt(CHUNK_2M) });
    t.set(memory.range(CHUNK_2M - pages * PAGE, 2 * pages * PAGE), { prefetchLocation: 'device' });
    t.equal(rangeWords(t, { address: BORDER }), [`${-pages}+${pages} mapped dma`, `0+${pages} mapped dma`], 'ranges');
    t.equal(
      windows(t),
      [
        [-1, 0],
        [0, 1],
      ],
      'notifiers',
    );
  });

notifiersGroup
  .case('last-range', 'a notifier goes with its last range, not before')
  .source('spec/03-gpu-ranges §A.4, §A.11')
  .parameters(parameters().combine('by', ['collection', 'split']))
  .needs(...NEEDS_COLLECTOR)
  .run((t, { by }) => {
    const memory = onGpu(t, 2 * CHUNK_2M);
    const remove = (offset: number): void => {
      if (by === 'split') {
        t.set(memory.range(offset, PAGE), { gpuReadOnly: true });
        return;
      }
      memory.unmap(offset, CHUNK_2M);
      t.equal(t.collect(), 1, 'collectors');
    };
    const count = (action: () => void): string[] =>
      effects(t, memory, action, ['notifier-removed', 'range-removed']).map((word) => word.split(' ')[0]!);
    t.equal(
      count(() => remove(0)),
      ['range-'],
      'removed with the first range',
    );
    t.equal(t.state().notifiers.length, 1, 'notifiers with one range left');
    t.equal(
      count(() => remove(CHUNK_2M)),
      ['range-', 'notifier-'],
      'removed with the last range',
    );
    t.equal(t.state().notifiers, [], 'notifiers in the end');
  });

notifiersGroup
  .case('undone', 'a notifier made for a range that cannot be made is unregistered again')
  .source('spec/03-gpu-ranges §A.6')
  .parameters(parameters().combine('failure', ['no-vma', 'io', 'pfnmap', 'no-memory', 'no-chunk']))
  .needs(...NEEDS_EFFECTS, 'address-choice', 'special-mapping', 'failure-injection')
  .run((t, { failure }) => {
    const memory = t.map(CHUNK_2M);
    if (failure === 'no-chunk')
      t.equal(
        t.trySet({ address: memory.address, size: (1n << 64n) - memory.address }, { access: 'in-place' }),
        0,
        'SET up to 2^64',
      );
    else t.set(memory, { access: 'in-place' });
    if (failure === 'no-vma' || failure === 'io' || failure === 'pfnmap') memory.unmap();
    if (failure === 'io' || failure === 'pfnmap')
      t.machine.process.mmap({ address: memory.address, size: CHUNK_2M, kind: failure });
    if (failure === 'no-memory') t.gpu().failures.plan('allocate-range', 'ENOMEM');
    let result = 0;
    const seen = effects(t, memory, () => (result = t.fault(memory.address)), [
      'notifier-inserted',
      'notifier-removed',
      'range-inserted',
    ]);
    t.equal(
      result,
      failure === 'no-vma' ? 0 : failure === 'no-memory' ? -ENOMEM : failure === 'no-chunk' ? -EINVAL : -EIO,
      'fault',
    );
    t.equal(
      seen.map((word) => word.split(' ')[0]),
      ['notifier+', 'notifier-'],
      'notifiers',
    );
    t.equal([t.state().notifiers, t.state().ranges], [[], []], 'notifiers and ranges');
  });

notifiersGroup
  .case('read-only-again', 'the read-only fallback makes its notifier a second time')
  .source('spec/03-gpu-ranges §A.6, §B.3')
  .needs(...NEEDS_EFFECTS)
  .run((t) => {
    const memory = t.map(CHUNK_2M, { protection: 'r' });
    const seen = effects(t, memory, () => t.equal(t.fault(memory.address), 0, 'fault'), [
      'notifier-inserted',
      'notifier-removed',
      'range-inserted',
    ]);
    t.equal(
      seen.map((word) => word.split(' ')[0]),
      ['notifier+', 'notifier-', 'notifier+', 'range+'],
      'objects',
    );
  });

notifiersGroup
  .case(
    'existing-range-permission',
    'the VMA is looked at also where a range exists: a read-only one makes the mapping read-only',
  )
  .source('spec/03-gpu-ranges §A.6, steps 6 to 8')
  .parameters(parameters().combine('write', [false, true]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { write }) => {
    const memory = onGpu(t);
    memory.protect('r');
    t.equal(rangeWords(t, memory), ['0+512'], 'ranges');
    t.equal(t.fault(memory.address, { write }), write ? -EPERM : 0, 'fault');
    t.equal(t.ptes(memory), write ? '-*512' : 'r*512', 'PTEs');
  });

notifiersGroup
  .case('no-memory', 'without memory for a notifier nothing is registered and the access is killed')
  .source('spec/03-gpu-ranges §A.6, step 3')
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t) => {
    const memory = t.map(CHUNK_2M);
    t.gpu().failures.plan('allocate-notifier', 'ENOMEM');
    const seen = effects(t, memory, () => t.equal(t.fault(memory.address), -ENOMEM, 'fault'), [
      'notifier-inserted',
      'notifier-removed',
      'range-inserted',
    ]);
    t.equal(seen, [], 'objects');
    t.equal(t.fault(memory.address), 0, 'the next fault');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
  });
