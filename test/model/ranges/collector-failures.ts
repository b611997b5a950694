/** Collections that fail, and the checkpoint that one leaves (spec/04-invalidation-and-gc §6). */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { ENOMEM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { NEEDS_COLLECTOR, intervals, NEEDS_FAULTS, onGpu, rangeWords, region } from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const collectorFailuresGroup = new CaseGroup(
  'ranges,collector',
  'The garbage collector (spec/04-invalidation-and-gc §5 to §8)',
);

/** One interval over three blocks; the middle one is unmapped, and clearing its attributes meets no memory. */
collectorFailuresGroup
  .case(
    'no-memory',
    'when attributes cannot be cleared the range stays, is not queued again, and no later entry is collected in this run',
  )
  .source('spec/04-invalidation-and-gc §6.1, §8; quirk Q46')
  .parameters(parameters().combine('by', ['worker', 'fault', 'set']))
  .needs(...NEEDS_COLLECTOR, 'failure-injection')
  .needs('unmap-clears-attributes')
  .run((t, { by }) => {
    const memory = region(t, 4 * CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal(t.access(memory.at(CHUNK_2M), 2 * CHUNK_2M).faults, 2, 'faults');
    memory.unmap(CHUNK_2M, 2 * CHUNK_2M);
    t.gpu().failures.plan('clear-split', 'ENOMEM');
    if (by === 'worker') t.equal(t.collect(), 1, 'collectors');
    else if (by === 'fault') t.equal(t.fault(memory.address), -ENOMEM, 'fault');
    else t.set(memory.range(0, PAGE), { access: 'in-place' });
    t.equal(rangeWords(t, memory), ['512+512 unmapped', '1024+512 unmapped queued'], 'ranges');
    t.equal(intervals(t, memory), [[0, 2047, 3]], 'attribute intervals');
    t.equal([t.state().collectorPending, t.state().collectorQueued], [1, by === 'fault'], 'queue');
    // A fault collects what was left, but not the range that was lost.
    t.equal(t.fault(memory.address), 0, 'the next fault');
    t.equal(rangeWords(t, memory), ['0+512 mapped dma', '512+512 unmapped'], 'ranges in the end');
    t.equal(
      intervals(t, memory),
      [
        [0, 1023, 3],
        [1536, 2047, 3],
      ],
      'attribute intervals in the end',
    );
  });

collectorFailuresGroup
  .case('span-taken', 'the span that a failed collection took is not part of the next one')
  .source('spec/04-invalidation-and-gc §5.3; quirk Q46')
  .needs(...NEEDS_COLLECTOR, 'failure-injection')
  .needs('unmap-clears-attributes')
  .run((t) => {
    const memory = onGpu(t);
    memory.unmap(PAGE, PAGE);
    t.gpu().failures.plan('clear-split', 'ENOMEM');
    t.equal(t.collect(), 1, 'collectors');
    t.equal(intervals(t, memory), [[0, 511, 3]], 'attribute intervals after the failure');
    memory.unmap(5 * PAGE, PAGE);
    t.equal(t.collect(), 1, 'collectors');
    t.equal(
      [intervals(t, memory), t.state().ranges],
      [
        [
          [0, 4, 3],
          [6, 511, 3],
        ],
        [],
      ],
      'attribute intervals and ranges in the end',
    );
  });

collectorFailuresGroup
  .case(
    'checkpoint-source',
    'an UNMAP remembers the youngest interrupt of ring 1 if that is in use, else of the software ring',
  )
  .source('spec/04-invalidation-and-gc §4')
  .parameters(
    parameters()
      .combine('retryCam', [false, true])
      .combine('ih1', [false, true])
      .combine('ring1', [false, true])
      .combine('soft', [false, true]),
  )
  .needs(...NEEDS_FAULTS, 'configuration', 'interrupt-ring')
  .run((t, { retryCam, ih1, ring1, soft }) => {
    t.setup({ machine: { retryCam, ih1 } });
    const memory = region(t);
    t.equal(t.fault(memory.address), 0, 'fault');
    t.gpu().setInterruptRing('ih1', ring1, 111);
    t.gpu().setInterruptRing('soft', soft, 222);
    memory.unmap();
    t.equal(t.state().checkpoint, !retryCam && ih1 && ring1 ? 111 : soft ? 222 : 0, 'checkpoint');
  });

collectorFailuresGroup
  .case('checkpoint-when', 'only an UNMAP that meets a range is remembered, mapped or not; empty rings keep what was')
  .source('spec/04-invalidation-and-gc §3 step 5, §4')
  .parameters(
    parameters().combine('event', [
      'unmap',
      'discard',
      'protect',
      'unmap-elsewhere',
      'unmap-not-mapped',
      'unmap-empty',
      'unmap-second',
      'unmap-newer',
    ]),
  )
  .needs(...NEEDS_COLLECTOR, 'interrupt-ring')
  .run((t, { event }) => {
    const memory = region(t);
    const other = region(t);
    t.equal(t.fault(memory.address), 0, 'fault');
    if (event === 'unmap-not-mapped') memory.discard();
    t.gpu().setInterruptRing('soft', event !== 'unmap-empty', 5_000);
    if (event === 'discard') memory.discard();
    else if (event === 'protect') memory.protect('r');
    else if (event === 'unmap-elsewhere') other.unmap();
    else memory.unmap(0, PAGE);
    if (event === 'unmap-second' || event === 'unmap-newer')
      t.equal(t.state().checkpoint, 5_000, 'checkpoint of the first');
    if (event === 'unmap-second') t.gpu().setInterruptRing('soft', false, 6_000);
    if (event === 'unmap-newer') t.gpu().setInterruptRing('soft', true, 4_000);
    if (event === 'unmap-second' || event === 'unmap-newer') memory.unmap(PAGE, PAGE);
    const captured =
      event === 'unmap-newer'
        ? 4_000
        : ['discard', 'protect', 'unmap-elsewhere', 'unmap-empty'].includes(event)
          ? 0
          : 5_000;
    t.equal(t.state().checkpoint, captured, 'checkpoint');
  });
