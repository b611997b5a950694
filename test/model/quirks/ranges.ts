/** Quirks of section C: invalidation and ranges. Each case states the quirk and the correct behaviour, and reports which one it met. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { EBUSY, EINTR } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  NEEDS_COLLECTOR,
  during,
  effects,
  EXECUTABLE,
  NEEDS_EFFECTS,
  intervals,
  moved,
  onGpu,
  pteAt,
  region,
  NEEDS_TIME,
  WRITEABLE,
} from '../support/scene.ts';
import { CHUNK_2M, MIB, PAGE } from '../../../lib/conformance/support/units.ts';
import { SvmAttributeType } from '../../../lib/uapi/constants.ts';

export const quirkRangesGroup = new CaseGroup(
  'quirks,ranges',
  'Quirks Q35 to Q38, Q42, Q47, Q68 and Q69: invalidation and ranges (spec/07-quirks §C)',
);

quirkRangesGroup
  .case('q35-second-event', 'the second of two events on a range is not zapped')
  .source('spec/07-quirks §Q35')
  .parameters(parameters().combine('first', ['discard', 'protect']).combine('second', ['discard', 'protect']))
  .needs(...NEEDS_EFFECTS)
  .run((t, { first, second }) => {
    const memory = onGpu(t);
    const act = (event: string, page: number): void =>
      event === 'discard' ? memory.discard(page * PAGE, PAGE) : memory.protect('r', page * PAGE, PAGE);
    act(first, 0);
    t.equal(pteAt(t, memory.address), 0n, 'PTE of the first page');
    const seen = effects(t, memory, () => act(second, 1), ['ptes-zapped', 'tlb-flushed']);
    const left = pteAt(t, memory.at(PAGE));
    t.shows('Q35', { quirk: left !== 0n && seen.length === 0, correct: left === 0n }, 'the PTE of the second page');
  });

quirkRangesGroup
  .case('q36', 'unmapping memory after a partial discard leaves PTEs of freed memory')
  .source('spec/07-quirks §Q36')
  .parameters(parameters().combine('page', [0, 100]).combine('collected', [false, true]))
  .needs(...NEEDS_COLLECTOR)
  .run((t, { page, collected }) => {
    const memory = onGpu(t);
    memory.discard(page * PAGE, PAGE);
    memory.unmap();
    if (collected) t.equal([t.collect(), t.state().ranges], [1, []], 'collectors and ranges');
    const live = t.access(memory.at(200 * PAGE), PAGE, { write: true });
    const words = t.ptes(memory);
    t.shows(
      'Q36',
      {
        quirk: words.includes('rw:stale*') && live.faults === 0,
        correct: words === '-*512' && live.faults > 0,
      },
      'the PTEs of the unmapped memory',
    );
  });

quirkRangesGroup
  .case('q37', 'a partial unmap removes the whole range: the PTEs of the rest belong to nobody')
  .source('spec/07-quirks §Q37; spec/revisions §4')
  .parameters(parameters().combine('page', [0, 255, 511]))
  .needs(...NEEDS_COLLECTOR)
  .run((t, { page }) => {
    const memory = onGpu(t);
    memory.unmap(page * PAGE, PAGE);
    t.equal(t.collect(), 1, 'collectors');
    const rest = t.ptes(memory);
    t.shows(
      'Q37',
      { quirk: rest.includes('orphan'), correct: !rest.includes('rw') || !rest.includes(':') },
      'the PTEs of the rest',
    );
    const [low, high] = [page === 0 ? 1 : 0, page === 511 ? 511 : page === 0 ? 512 : page];
    const seen = effects(t, memory, () => memory.unmap(low * PAGE, (high - low) * PAGE), [
      'ptes-zapped',
      'collection-queued',
    ]);
    t.collect();
    // From V5 on attributes say nothing about it: they stay in any case.
    const survive = t.can('attributes-survive-unmap');
    const kept = intervals(t, memory).some(([first]) => first === low);
    t.shows(
      'Q37',
      {
        quirk: seen.length === 0 && (survive || kept) && t.ptes(memory).includes('stale'),
        correct: seen.length > 0 && (survive || !kept),
      },
      'unmapping the rest',
    );
  });

quirkRangesGroup
  .case('q38', 'a split removes a range after a partial discard without zapping what is left of it')
  .source('spec/07-quirks §Q38')
  .parameters(parameters().combine('page', [0, 300]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { page }) => {
    const memory = onGpu(t);
    memory.discard(page * PAGE, PAGE);
    const seen = effects(t, memory, () => t.set(memory.range(0, MIB), { gpuReadOnly: true }), [
      'ptes-zapped',
      'tlb-flushed',
    ]);
    const words = t.ptes(memory);
    t.shows(
      'Q38',
      { quirk: seen.length === 0 && words.includes('rw:orphan*'), correct: words === '-*512' },
      'the PTEs after the split',
    );
  });

quirkRangesGroup
  .case('q42', 'a fault that rewrites live PTEs flushes no TLB; from V5 on a change of flags leaves none')
  .source('spec/07-quirks §Q42; spec/revisions §4')
  .parameters(parameters().combine('why', ['second-event', 'flags']))
  .needs(...NEEDS_EFFECTS)
  .run((t, { why }) => {
    const memory = onGpu(t);
    if (why === 'flags') t.set(memory, { gpuReadOnly: true });
    else {
      memory.discard(0, PAGE);
      memory.discard(PAGE, PAGE);
    }
    const before = pteAt(t, memory.at(PAGE));
    const seen = effects(t, memory, () => t.equal(t.fault(memory.address), 0, 'fault'), [
      'ptes-written',
      'tlb-flushed',
    ]);
    t.equal(seen[0], 'pte 0+512', 'first effect');
    if (why === 'flags' && t.can('changes-invalidate')) {
      t.equal([before, seen], [0n, ['pte 0+512']], 'PTE before, and effects of the fault');
      return;
    }
    // Where the old PTE was cleared before, no flush is needed.
    t.shows(
      'Q42',
      { quirk: before !== 0n && !seen.includes('tlb'), correct: before === 0n || seen.includes('tlb') },
      'the commit over live PTEs',
    );
  });

quirkRangesGroup
  .case('q47-wide', 'a SET on one page zaps the whole range around it')
  .source('spec/07-quirks §Q47')
  .parameters(parameters().combine('page', [0, 7, 511]))
  .needs(...NEEDS_TIME)
  .run((t, { page }) => {
    const memory = onGpu(t);
    t.set(memory.range(page * PAGE, PAGE), { gpuReadOnly: true });
    t.equal(pteAt(t, memory.at(page * PAGE)) & WRITEABLE, 0n, 'the page is not writable for the GPU');
    const words = t.ptes(memory);
    t.shows('Q47', { quirk: words === '-*512', correct: words.includes('rw*') }, 'the PTEs of the other pages');
  });

quirkRangesGroup
  .case('q47-flush', 'when a zap of a split fails, what was zapped before is not flushed')
  .source('spec/07-quirks §Q47')
  .needs(...NEEDS_TIME, 'failure-injection')
  .run((t) => {
    const memory = region(t, 2 * CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal(t.access(memory.address, memory.size, { write: true }).faults, 2, 'faults');
    t.gpu().failures.plan('zap-ptes', 'EBUSY', 1, 1);
    const { tlb } = moved(t, ['tlb'], () =>
      t.equal(t.trySet(memory.range(MIB, CHUNK_2M), { gpuReadOnly: true }), -EBUSY, 'SET'),
    );
    t.equal(t.ptes(memory), '-*512 rw*512', 'PTEs');
    t.shows('Q47', { quirk: tlb === 0, correct: tlb > 0 }, 'the flush');
  });

/** A range over two intervals: the split of the first MiB was stored, its invalidation interrupted (Q25). */
function interrupted(t: CaseContext, attribute: number): ReturnType<typeof onGpu> {
  const memory = onGpu(t);
  t.gpu().failures.plan('lock-page-directory', 'EINTR');
  t.equal(t.trySet(memory.range(0, MIB), [[attribute, 1]]), -EINTR, 'SET');
  t.equal(t.trySet(memory.range(0, MIB), [[attribute, 1]]), 0, 'SET again');
  t.equal(
    intervals(t, memory).map(([first, last]) => [first, last]),
    [
      [0, 255],
      [256, 511],
    ],
    'intervals',
  );
  return memory;
}

quirkRangesGroup
  .case('q68', 'a range over two intervals is mapped as a whole with the record of whichever faults')
  .source('spec/07-quirks §Q68')
  .parameters(parameters().combine('attribute', ['gpuReadOnly', 'gpuExecutable']))
  .needs(...NEEDS_TIME, 'failure-injection')
  .run((t, { attribute }) => {
    const memory = interrupted(t, SvmAttributeType[attribute]);
    memory.discard();
    const bit = attribute === 'gpuReadOnly' ? WRITEABLE : EXECUTABLE;
    const first = (): boolean => (pteAt(t, memory.address) & bit) !== 0n;
    t.equal(t.fault(memory.at(MIB), { write: true }), 0, 'fault in the second MiB');
    const live = pteAt(t, memory.address) !== 0n;
    const wrong = live && first() === (attribute === 'gpuReadOnly');
    t.shows('Q68', { quirk: wrong, correct: !wrong }, 'the PTE of the first MiB');
    t.advance();
    t.equal(t.fault(memory.address), 0, 'fault in the first MiB');
    const second = (pteAt(t, memory.at(MIB)) & bit) !== 0n;
    t.shows(
      'Q68',
      { quirk: second === (attribute === 'gpuExecutable'), correct: second === (attribute === 'gpuReadOnly') },
      'the PTE of the second MiB',
    );
  });

quirkRangesGroup
  .case('q68-full-cover', 'a SET on exactly one of the intervals under a range does not invalidate it (V4)')
  .source('spec/07-quirks §Q68; spec/revisions §4')
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t) => {
    const memory = interrupted(t, SvmAttributeType.gpuReadOnly);
    const seen = effects(t, memory, () => t.set(memory.range(0, MIB), { gpuExecutable: true }));
    if (t.can('changes-invalidate'))
      t.equal(seen, ['zap 0+512', 'dma- 0+512', 'range- 0+512', 'tlb'], 'what becomes of the range over both');
    else t.shows('Q68', { quirk: seen.length === 0, correct: seen.includes('range- 0+512') }, 'the range over both');
  });

quirkRangesGroup
  .case('q69-populates', 'a prefetch allocates every page of an untouched mapping')
  .source('spec/07-quirks §Q69')
  .parameters(parameters().combine('mebibytes', [2, 32]))
  .needs('introspection')
  .run((t, { mebibytes }) => {
    const memory = t.map(mebibytes * MIB);
    const { pagesAllocated } = moved(t, ['pagesAllocated'], () => t.set(memory, { prefetchLocation: 'device' }));
    t.shows(
      'Q69',
      { quirk: pagesAllocated === mebibytes * 256, correct: pagesAllocated < mebibytes * 256 },
      'pages allocated',
    );
  });

quirkRangesGroup
  .case('q69-blocks', 'a fault waits until a prefetch is done with its whole interval')
  .source('spec/07-quirks §Q69')
  .needs(...NEEDS_EFFECTS, 'preemption')
  .unrecorded('the fault is raised below the layer that is recorded, so that it can sleep')
  .run((t) => {
    const memory = t.map(4 * CHUNK_2M);
    const other = region(t);
    const order: string[] = [];
    t.onEnd(
      t.machine.on('ptes-written', ({ address }) => void order.push(address === other.address ? 'fault' : 'prefetch')),
    );
    let answer = 1;
    during(
      t,
      'pages-got',
      () => {
        t.gpu().raiseFault({ address: other.address, write: true }, (result) => (answer = result));
      },
      () => t.set(memory, { prefetchLocation: 'device' }),
    );
    t.equal([answer, order.length], [0, 5], 'answer of the fault, and commits');
    t.shows(
      'Q69',
      { quirk: order.indexOf('fault') === 4, correct: order.indexOf('fault') < 4 },
      'when the fault is served',
    );
  });
