/** The 2 ms after a commit, and the stale-fault filter: faults that are answered without a look. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { answerOf, answerWithoutMemory, during, NEEDS_EFFECTS, region } from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

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
  .needs(...NEEDS_EFFECTS)
  .run((t, { nanoseconds, by, lost }) => {
    const memory = region(t);
    if (by === 'fault') t.equal(t.fault(memory.address), 0, 'first fault');
    else t.set(memory, { prefetchLocation: 'device' });
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
  .case('not-extended', 'a fault that is answered inside the window does not extend it, a commit opens it again')
  .source('spec/05-faults §5 step 4, §8')
  .needs(...NEEDS_EFFECTS)
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
  .needs(...NEEDS_EFFECTS)
  .run((t, { other }) => {
    const memory = region(t, 2 * CHUNK_2M);
    t.equal(t.fault(memory.address), 0, 'fault');
    if (other === 'old-range') {
      t.advance(1_999_999);
      t.equal(t.fault(memory.at(CHUNK_2M)), 0, 'fault next to it');
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
      t.set(memory.range(0, 16 * PAGE), { gpuReadOnly: true });
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
  .needs(...NEEDS_EFFECTS)
  .run((t, { page, write, change }) => {
    const memory = region(t);
    t.set(memory, { access: 'in-place' });
    t.equal(t.fault(memory.address), 0, 'fault');
    if (change === 'flags') t.set(memory, { gpuExecutable: true });
    if (change === 'read-only') t.set(memory, { gpuReadOnly: true });
    const fault = (): [number, string] => answerOf(t, () => t.fault(memory.at(page * PAGE), { write }));
    t.equal(fault(), [0, 'recently-mapped'], 'answer inside the window');
    // Where a change takes the pages away, the GPU faults in vain until the window ends.
    const taken = change !== 'none' && t.can('changes-invalidate');
    t.equal(t.ptes(memory), taken ? '-*512' : 'rw*512', 'PTEs inside the window');
    t.advance(2_000_000);
    t.equal(fault(), [0, change === 'none' ? 'already-valid' : 'mapped'], 'answer after the window');
    t.equal(
      t.ptes(memory),
      change === 'flags' ? 'rwx*512' : change === 'read-only' ? 'r*512' : 'rw*512',
      'PTEs after the window',
    );
  });

windowGroup
  .case('failed-commit', 'a commit that failed opens no window')
  .source('spec/05-faults §8')
  .parameters(parameters().combine('place', ['write-ptes', 'update-directories', 'collect-pages']))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { place }) => {
    const memory = region(t);
    t.gpu().failures.plan(place, 'ENOMEM');
    t.equal(
      answerOf(t, () => t.fault(memory.address))[1],
      place === 'collect-pages' ? answerWithoutMemory(t)[1] : 'commit-failed',
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
  .needs(...NEEDS_EFFECTS)
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
  .needs(...NEEDS_EFFECTS, 'preemption')
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
  .needs(...NEEDS_EFFECTS, 'preemption')
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
