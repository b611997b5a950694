/** The 2 ms after a commit, and the stale-fault filter: faults that are answered without a look. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { answerOf, during, FOLLOW, intervals, moved, onGpu, region } from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';
import { SvmAttributeType } from '../../../lib/uapi/constants.ts';

export const windowGroup = new CaseGroup(
  'faults,window',
  'Faults within 2 ms of a commit, and stale ones (spec/05-faults §3, §5 step 4, §8)',
);

const EDGES = [0, 1, 1_000_000, 1_999_999, 2_000_000, 2_000_001, 3_000_000] as const;

windowGroup
  .case(
    'edges',
    'less than 2 ms after the last commit a range is not looked at, whatever was lost since; at 2 ms it is',
  )
  .source('spec/05-faults §5 step 4, §8; quirk Q57')
  .parameters(
    parameters()
      .combine('nanoseconds', EDGES)
      .combine('by', ['fault', 'prefetch'])
      .combine('lost', ['discard', 'protect', 'nothing']),
  )
  .needs(...FOLLOW)
  .run((t, { nanoseconds, by, lost }) => {
    const memory = region(t);
    if (by === 'fault') t.equal(t.fault(memory.address), 0, 'first fault');
    else t.set(memory, [[SvmAttributeType.prefetchLocation, 1]]);
    if (lost === 'discard') memory.discard();
    else if (lost === 'protect') memory.protect('r');
    if (nanoseconds > 0) t.advance(nanoseconds);
    const recent = nanoseconds < 2_000_000;
    t.equal(
      answerOf(t, () => t.fault(memory.at(PAGE))),
      [0, recent ? 'recently-mapped' : lost === 'nothing' ? 'already-valid' : 'mapped'],
      'answer',
    );
    t.equal(
      t.ptes(memory),
      lost === 'nothing' ? 'rw*512' : recent ? '-*512' : lost === 'protect' ? 'r*512' : 'rw*512',
      'PTEs',
    );
  });

windowGroup
  .case('not-extended', 'a fault that is answered inside the window does not extend it, a commit opens it anew')
  .source('spec/05-faults §5 step 4, §8')
  .needs(...FOLLOW)
  .run((t) => {
    const memory = region(t);
    const answer = (): string => answerOf(t, () => t.fault(memory.address))[1];
    t.equal(answer(), 'mapped', 'first fault');
    memory.discard();
    t.advance(1_500_000);
    t.equal(answer(), 'recently-mapped', 'after 1.5 ms');
    t.advance(500_000);
    t.equal(answer(), 'mapped', 'after 2 ms');
    memory.discard();
    t.advance(1_999_999);
    t.equal(answer(), 'recently-mapped', 'just before 2 ms after the second commit');
    t.advance(1);
    t.equal(answer(), 'mapped', 'at 2 ms after the second commit');
  });

windowGroup
  .case('each-range', 'every range has a window of its own; a new one has none')
  .source('spec/05-faults §5 step 4, §8')
  .parameters(parameters().combine('other', ['new-range', 'old-range', 'removed-range']))
  .needs(...FOLLOW)
  .run((t, { other }) => {
    const memory = region(t, 2 * CHUNK_2M);
    t.equal(t.fault(memory.address), 0, 'fault');
    if (other === 'old-range') {
      t.advance(1_999_999);
      t.equal(t.fault(memory.at(CHUNK_2M)), 0, 'fault beside it');
      t.advance(1);
      memory.discard();
      t.equal(
        answerOf(t, () => t.fault(memory.address)),
        [0, 'mapped'],
        'answer on the older',
      );
      t.equal(
        answerOf(t, () => t.fault(memory.at(CHUNK_2M))),
        [0, 'recently-mapped'],
        'answer on the younger',
      );
    } else if (other === 'new-range') {
      t.equal(
        answerOf(t, () => t.fault(memory.at(CHUNK_2M))),
        [0, 'mapped'],
        'answer',
      );
    } else {
      t.set(memory.range(0, 16 * PAGE), [[SvmAttributeType.gpuReadOnly, 1]]);
      t.equal(
        answerOf(t, () => t.fault(memory.address)),
        [0, 'mapped'],
        'answer on a range that was removed and made again',
      );
      t.equal(t.ptes(memory.range(0, CHUNK_2M)), 'r*16 -*496', 'PTEs');
    }
  });

windowGroup
  .case('whatever-page', 'the window is that of the range: page, kind of access and changed attributes do not matter')
  .source('spec/05-faults §5 step 4; quirk Q57')
  .parameters(
    parameters()
      .combine('page', [0, 511])
      .combine('write', [false, true])
      .combine('change', ['none', 'flags', 'read-only']),
  )
  .needs(...FOLLOW)
  .run((t, { page, write, change }) => {
    const memory = region(t);
    t.set(memory, [[SvmAttributeType.access, 1]]);
    t.equal(t.fault(memory.address), 0, 'fault');
    if (change === 'flags') t.set(memory, [[SvmAttributeType.gpuExecutable, 1]]);
    if (change === 'read-only') t.set(memory, [[SvmAttributeType.gpuReadOnly, 1]]);
    const fault = (): [number, string] => answerOf(t, () => t.fault(memory.at(page * PAGE), { write }));
    t.equal(fault(), [0, 'recently-mapped'], 'answer inside the window');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs inside the window');
    t.advance(2_000_000);
    t.equal(fault(), [0, change === 'none' ? 'already-valid' : 'mapped'], 'answer behind the window');
    t.equal(
      t.ptes(memory),
      change === 'flags' ? 'rwx*512' : change === 'read-only' ? 'r*512' : 'rw*512',
      'PTEs behind the window',
    );
  });

windowGroup
  .case('failed-commit', 'a commit that failed opens no window')
  .source('spec/05-faults §8')
  .parameters(parameters().combine('place', ['write-ptes', 'update-directories', 'collect-pages']))
  .needs(...FOLLOW, 'failure-injection')
  .run((t, { place }) => {
    const memory = region(t);
    t.gpu().failures.plan(place, 'ENOMEM');
    t.equal(
      answerOf(t, () => t.fault(memory.address))[1],
      place === 'collect-pages' ? 'pages-unavailable' : 'commit-failed',
      'first answer',
    );
    t.equal(t.state().ranges[0]!.validationTime, 0, 'validation time');
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [0, 'mapped'],
      'second answer',
    );
  });

windowGroup
  .case('permission-first', 'permission is checked inside the window too')
  .source('spec/05-faults §5 steps 2 and 4')
  .needs(...FOLLOW)
  .run((t) => {
    const memory = region(t);
    t.equal(t.fault(memory.address, { write: true }), 0, 'fault');
    memory.protect('r');
    t.equal(t.fault(memory.address, { write: true }), -EPERM, 'write fault');
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [0, 'recently-mapped'],
      'read fault',
    );
  });

windowGroup
  .case('entry-time', 'the time of a fault is that of its entry: time that passes inside it does not count')
  .source('spec/05-faults §5')
  .needs(...FOLLOW, 'preemption')
  .run((t) => {
    const memory = region(t);
    t.equal(t.fault(memory.address), 0, 'first fault');
    memory.discard();
    t.advance(1_999_999);
    const answer = during(
      t,
      'mmap-unlock',
      () => t.advance(10),
      () => answerOf(t, () => t.fault(memory.address)),
    );
    t.equal(answer, [0, 'recently-mapped'], 'answer');
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [0, 'mapped'],
      'the next answer',
    );
  });

windowGroup
  .case('commit-time', 'the window begins at the end of the commit')
  .source('spec/05-faults §8; spec/03-gpu-ranges §B.7 step 7')
  .needs(...FOLLOW, 'preemption')
  .run((t) => {
    const memory = region(t);
    during(
      t,
      'pte-committed',
      () => t.advance(700),
      () => t.equal(t.fault(memory.address), 0, 'first fault'),
    );
    t.equal(t.state().ranges[0]!.validationTime, t.state().clock, 'validation time');
    memory.discard();
    t.advance(1_999_999);
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [0, 'recently-mapped'],
      'answer',
    );
  });

const HALF = 2 ** 47;
const FULL = 2 ** 48;
// Checkpoint and difference of the timestamp to it.
const CHECKPOINTS = [1, 5_000, HALF, FULL - 1] as const;
const DIFFERENCES = [-5_000, -1, 0, 1, 2, HALF - 1, HALF, HALF + 1, -HALF, 1 - HALF] as const;

windowGroup
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
  .needs(...FOLLOW, 'interrupt-ring')
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

windowGroup
  .case('disarmed', 'after the first younger fault also older ones are served')
  .source('spec/05-faults §3 step 3; quirk Q63')
  .parameters(parameters().combine('younger', ['mapped', 'no-vma', 'killed']))
  .needs(...FOLLOW, 'interrupt-ring')
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

windowGroup
  .case('stale-does-nothing', 'a stale fault neither collects nor makes an interval')
  .source('spec/05-faults §2, §9')
  .needs(...FOLLOW, 'interrupt-ring')
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

windowGroup
  .case('no-checkpoint', 'without a checkpoint no fault is stale, however old')
  .source('spec/05-faults §3 step 1')
  .parameters(parameters().combine('timestamp', [0, 1, HALF, FULL - 1]))
  .needs(...FOLLOW)
  .run((t, { timestamp }) => {
    const memory = region(t);
    t.equal(
      answerOf(t, () => t.fault(memory.address, { timestamp })),
      [0, 'mapped'],
      'answer',
    );
  });
