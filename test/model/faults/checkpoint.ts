/** Stale faults: the checkpoint of the last unmapping. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { answerOf, NEEDS_EFFECTS, intervals, moved, onGpu, region } from '../support/scene.ts';
import { PAGE } from '../../../lib/conformance/support/units.ts';

export const checkpointGroup = new CaseGroup(
  'faults,window',
  'Faults within 2 ms of a commit, and stale ones (spec/05-faults §3, §5 step 4, §8)',
);

const HALF = 2 ** 47;

const FULL = 2 ** 48;

// Checkpoint and difference of the timestamp to it.
const CHECKPOINTS = [1, 5_000, HALF, FULL - 1] as const;

const DIFFERENCES = [-5_000, -1, 0, 1, 2, HALF - 1, HALF, HALF + 1, -HALF, 1 - HALF] as const;

checkpointGroup
  .case(
    'stale',
    'a fault that is not younger than the checkpoint in a half range of 48 bits is dropped; a younger one disarms the filter',
  )
  .source('spec/05-faults §3; quirk Q64')
  .parameters(
    parameters()
      .combine('checkpoint', CHECKPOINTS)
      .combine('difference', DIFFERENCES)
      .combine('write', [false, true])
      // -HALF and HALF are the same tick.
      .where(({ write, difference, checkpoint }) => (!write || checkpoint === 5_000) && difference !== -HALF),
  )
  .needs(...NEEDS_EFFECTS, 'interrupt-ring')
  .run((t, { checkpoint, difference, write }) => {
    const memory = onGpu(t);
    const other = region(t);
    t.gpu().setInterruptRing('soft', true, checkpoint);
    memory.unmap();
    t.equal(t.state().checkpoint, checkpoint, 'checkpoint');
    const timestamp = (((checkpoint + difference) % FULL) + FULL) % FULL;
    const stale = difference <= 0 ? difference > -HALF : difference > HALF;
    let answer: [number, string] = [0, ''];
    const { filterRemove } = moved(
      t,
      ['filterRemove'],
      () => (answer = answerOf(t, () => t.fault(other.address, { write, timestamp }))),
    );
    t.equal(answer, [0, stale ? 'stale' : 'mapped'], 'answer');
    t.equal([filterRemove, t.state().checkpoint], stale ? [1, checkpoint] : [0, 0], 'expiry requested, and checkpoint');
    t.equal(t.ptes(other), stale ? '-*512' : 'rw*512', 'PTEs');
    t.equal(
      intervals(t, other).some(([first]) => first === 0),
      !stale,
      'an interval was made',
    );
  });

checkpointGroup
  .case('disarmed', 'after the first younger fault also older ones are served')
  .source('spec/05-faults §3 step 3; quirk Q63')
  .parameters(parameters().combine('younger', ['mapped', 'no-vma', 'killed']))
  .needs(...NEEDS_EFFECTS, 'interrupt-ring')
  .run((t, { younger }) => {
    const memory = onGpu(t);
    const other = region(t);
    const forbidden = t.map(PAGE, { protection: '-' });
    const third = region(t);
    t.gpu().setInterruptRing('soft', true, 5_000);
    memory.unmap();
    t.equal(
      answerOf(t, () => t.fault(third.address, { timestamp: 4_000 })),
      [0, 'stale'],
      'an older fault before',
    );
    const address = younger === 'mapped' ? other.address : younger === 'killed' ? forbidden.address : 0n;
    t.equal(t.fault(address, { timestamp: 5_001 }), younger === 'killed' ? -EPERM : 0, 'the younger fault');
    t.equal(t.state().checkpoint, 0, 'checkpoint');
    t.equal(
      answerOf(t, () => t.fault(third.address, { timestamp: 4_000 })),
      [0, 'mapped'],
      'the older fault again',
    );
  });

checkpointGroup
  .case('stale-does-nothing', 'a stale fault neither collects nor makes an interval')
  .source('spec/05-faults §2, §9')
  .needs(...NEEDS_EFFECTS, 'interrupt-ring')
  .run((t) => {
    const memory = onGpu(t);
    const other = region(t);
    t.gpu().setInterruptRing('soft', true, 5_000);
    memory.unmap();
    const before = t.state();
    t.equal(
      answerOf(t, () => t.fault(other.address, { timestamp: 5_000 })),
      [0, 'stale'],
      'answer',
    );
    t.equal(
      [t.state().attributes, t.state().ranges, t.state().collectorPending],
      [before.attributes, before.ranges, 1],
      'state',
    );
  });

checkpointGroup
  .case('no-checkpoint', 'without a checkpoint no fault is stale, however old')
  .source('spec/05-faults §3 step 1')
  .parameters(parameters().combine('timestamp', [0, 1, HALF, FULL - 1]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { timestamp }) => {
    const memory = region(t);
    t.equal(
      answerOf(t, () => t.fault(memory.address, { timestamp })),
      [0, 'mapped'],
      'answer',
    );
  });
