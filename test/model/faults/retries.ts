/** How often a fault is tried, and what each error of each step becomes. */
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EBUSY, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP, EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  answerOf,
  answerWithoutMemory,
  during,
  effects,
  moved,
  NEEDS_EFFECTS,
  onGpu,
  rangeWords,
  region,
} from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const retriesGroup = new CaseGroup(
  'faults,retries',
  'The budget of three attempts, and the answers to errors (spec/05-faults §5, §6, §7)',
);

retriesGroup
  .case('budget', 'EFAULT and EOPNOTSUPP of the collection are tried three times in all, then answered 0')
  .source('spec/05-faults §5; quirk Q55')
  .parameters(
    parameters()
      .combine('errno', ['EFAULT', 'EOPNOTSUPP'])
      .combine('times', [1, 2, 3, 4])
      .combine('write', [false, true]),
  )
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { errno, times, write }) => {
    const memory = region(t);
    t.gpu().failures.plan('collect-pages', errno, times);
    let answer: [number, string] = [0, ''];
    const retries = effects(t, memory, () => (answer = answerOf(t, () => t.fault(memory.address, { write }))), [
      'retry',
    ]);
    t.equal(answer, [0, times < 3 ? 'mapped' : 'pages-unavailable'], 'answer');
    t.equal(
      retries,
      Array.from({ length: Math.min(times, 2) }, () => 'retry 0+1'),
      'retries',
    );
    t.equal(t.ptes(memory), times < 3 ? 'rw*512' : '-*512', 'PTEs');
    // What is left of the failures shows how many attempts there were.
    t.advance();
    memory.discard();
    t.equal(t.fault(memory.address, { write }), 0, 'the next fault');
    t.equal(
      effects(t, memory, () => t.fault(memory.address), ['retry']),
      [],
      'failures left in the end',
    );
    t.equal(t.ptes(memory), 'rw*512', 'PTEs in the end');
  });

/** Whether the collection is tried again at once after the error (spec/revisions §4, V7 item 1; §5). */
function isTriedAgain(t: CaseContext, errno: string): boolean {
  if (errno === 'EPERM') return t.can('read-only-retry');
  return errno === 'EBUSY' && t.perRevision({ v4: false, v7: false, 'v7-xnack-off': false, v8: true });
}

retriesGroup
  .case(
    'at-once',
    'other errors of the collection end the fault without another attempt: EPERM kills, the others are answered 0',
  )
  .source('spec/05-faults §5, §7; quirks Q55, Q62')
  .parameters(parameters().combine('errno', ['EPERM', 'EBUSY', 'ENOMEM', 'EINVAL', 'ENODEV', 'EIO', 'EINTR']))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { errno }) => {
    const memory = region(t);
    t.gpu().failures.plan('collect-pages', errno);
    let answer: [number, string] = [0, ''];
    const seen = effects(t, memory, () => (answer = answerOf(t, () => t.fault(memory.address))), [
      'retry',
      'ptes-written',
    ]);
    if (isTriedAgain(t, errno)) {
      t.equal(answer, [0, 'mapped'], 'answer');
      return;
    }
    const answers: Readonly<Record<string, readonly [number, string]>> = {
      EPERM: [-EPERM, 'pages-not-writable'],
      ENOMEM: answerWithoutMemory(t),
    };
    t.equal<readonly [number, string]>(answer, answers[errno] ?? [0, 'pages-unavailable'], 'answer');
    t.equal([seen, rangeWords(t, memory)], [[], ['0+512']], 'effects and ranges');
    t.equal(t.fault(memory.address), 0, 'the next fault');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
  });

retriesGroup
  .case('commit-errors', 'errors of the commit are the answer, at once')
  .source('spec/05-faults §5, §7; quirk Q61')
  .parameters(
    parameters()
      .combine('errno', ['EBUSY', 'ENODEV', 'ENOMEM', 'EINVAL', 'EOPNOTSUPP'])
      .combine('place', ['write-ptes', 'update-directories']),
  )
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { errno, place }) => {
    const memory = region(t);
    t.gpu().failures.plan(place, errno);
    const result = -{ EBUSY, ENODEV, ENOMEM, EINVAL, EOPNOTSUPP }[errno];
    let answer: [number, string] = [0, ''];
    const retries = effects(t, memory, () => (answer = answerOf(t, () => t.fault(memory.address))), ['retry']);
    t.equal([answer, retries], [[result, 'commit-failed'], []], 'answer and retries');
  });

retriesGroup
  .case('allocations', 'ENOMEM for a notifier or a range kills the access, without another attempt')
  .source('spec/05-faults §5, §7; quirk Q62')
  .parameters(
    parameters().combine('place', ['allocate-notifier', 'allocate-range']).combine('errno', ['ENOMEM', 'EINVAL']),
  )
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { place, errno }) => {
    const memory = region(t);
    t.gpu().failures.plan(place, errno);
    t.equal(t.fault(memory.address), errno === 'ENOMEM' ? -ENOMEM : -EINVAL, 'fault');
    t.equal(t.fault(memory.address), 0, 'the next fault');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
  });

retriesGroup
  .case(
    'invalidated',
    'pages that go between collection and commit are collected again, three times; then all starts over with expiry of the filter',
  )
  .source('spec/05-faults §5 step 8, §6; quirk Q58')
  .parameters(parameters().combine('times', [0, 1, 2, 3, 5, 6, 9]).combine('page', [0, 511]))
  .needs(...NEEDS_EFFECTS, 'preemption')
  .run((t, { times, page }) => {
    const memory = region(t);
    let passes = 0;
    const remove = t.machine.at('pages-got', () => {
      if (++passes <= times) memory.discard(page * PAGE, PAGE);
    });
    let answer: [number, string] = [0, ''];
    const { filterRemove } = moved(t, ['filterRemove'], () => (answer = answerOf(t, () => t.fault(memory.address))));
    remove();
    // V4 starts over without end; later revisions leave it to the GPU, which may fault again.
    const exhausted = times >= 3 && t.can('read-only-retry');
    t.equal(answer, exhausted ? [0, 'retry-exhausted'] : [0, 'mapped'], 'answer');
    t.equal(
      [passes, filterRemove],
      exhausted ? [3, 1] : [times + 1, Math.floor(times / 3)],
      'commits, and requests to expire',
    );
    t.equal(t.ptes(memory), exhausted ? '-*512' : 'rw*512', 'PTEs');
  });

retriesGroup
  .case('shared-budget', 'both kinds of failure share the budget')
  .source('spec/05-faults §5')
  .parameters(parameters().combine('collections', [0, 1, 2, 3]).combine('commits', [0, 1, 2, 3]))
  .needs(...NEEDS_EFFECTS, 'preemption', 'failure-injection')
  .run((t, { collections, commits }) => {
    const memory = region(t);
    if (collections > 0) t.gpu().failures.plan('collect-pages', 'EFAULT', collections);
    let passes = 0;
    const remove = t.machine.at('pages-got', () => {
      if (++passes <= commits) memory.discard(0, PAGE);
    });
    let answer: [number, string] = [0, ''];
    const { filterRemove } = moved(t, ['filterRemove'], () => (answer = answerOf(t, () => t.fault(memory.address))));
    remove();
    if (collections === 3) {
      t.equal([answer, passes], [[0, 'pages-unavailable'], 0], 'answer and commits');
      return;
    }
    const exhausted = collections + commits >= 3 && t.can('read-only-retry');
    t.equal(answer, exhausted ? [0, 'retry-exhausted'] : [0, 'mapped'], 'answer');
    t.equal(
      [passes, filterRemove],
      exhausted ? [3 - collections, 1] : [commits + 1, collections + commits >= 3 ? 1 : 0],
      'commits, and requests to expire',
    );
  });

retriesGroup
  .case(
    'collects-again',
    'each attempt begins with a collection: memory unmapped between two attempts is gone in the second',
  )
  .source('spec/05-faults §5 step 1')
  .needs(...NEEDS_EFFECTS, 'preemption')
  .run((t) => {
    const memory = region(t);
    const other = onGpu(t);
    const seen = during(
      t,
      'pages-got',
      () => {
        memory.discard();
        other.unmap();
      },
      () => effects(t, memory, () => t.equal(t.fault(memory.address), 0, 'fault'), ['range-removed', 'ptes-written']),
    );
    t.equal(
      seen.map((word) => word.split(' ')[0]),
      ['range-', 'pte'],
      'effects',
    );
  });

retriesGroup
  .case('unmapped-between', 'memory unmapped between two attempts ends the fault with 0')
  .source('spec/05-faults §5 step 3, §7')
  .needs(...NEEDS_EFFECTS, 'preemption')
  .run((t) => {
    const memory = region(t);
    const answer = during(
      t,
      'pages-got',
      () => memory.unmap(),
      () => answerOf(t, () => t.fault(memory.address)),
    );
    t.equal(answer, [0, 'no-vma'], 'answer');
    t.equal([t.ptes(memory), t.state().ranges], ['-*512', []], 'PTEs and ranges');
  });

retriesGroup
  .case('read-only-kept', 'the read-only bit of the first attempt holds in the next ones')
  .source('spec/05-faults §5; quirk Q49')
  .needs(...NEEDS_EFFECTS, 'preemption')
  .run((t) => {
    const memory = region(t);
    memory.protect('r');
    during(
      t,
      'pages-got',
      () => memory.protect('rw'),
      () => t.equal(t.fault(memory.address), 0, 'fault'),
    );
    t.equal(t.ptes(memory), 'r*512', 'PTEs');
  });

retriesGroup
  .case('three-walks', 'a page that cannot be obtained is looked for three times in each fault')
  .source('spec/05-faults §5; quirk Q50')
  .parameters(parameters().combine('faults', [1, 2]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { faults }) => {
    const memory = onGpu(t);
    memory.discard();
    memory.protect('-', CHUNK_2M - PAGE, PAGE);
    const { hmm } = moved(t, ['hmm'], () => {
      for (let count = 0; count < faults; count++)
        t.equal(
          answerOf(t, () => t.fault(memory.address)),
          [0, 'pages-unavailable'],
          'answer',
        );
    });
    t.equal(hmm, 3 * faults, 'page table walks');
    memory.protect('rw');
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [0, 'mapped'],
      'answer when the page is back',
    );
  });

retriesGroup
  .case('access', 'an access without progress raises four faults and fails; time does not pass')
  .source('spec/trace-format §3')
  .parameters(parameters().combine('why', ['no-vma', 'forbidden', 'read-only-vma', 'gpu-read-only', 'recent']))
  .needs(...NEEDS_EFFECTS)
  .run((t, { why }) => {
    const memory = t.map(CHUNK_2M, { protection: why === 'forbidden' ? '-' : why === 'read-only-vma' ? 'r' : 'rw' });
    if (why === 'gpu-read-only') t.set(memory, { gpuReadOnly: true });
    if (why === 'no-vma') memory.unmap();
    if (why === 'recent') {
      t.equal(t.fault(memory.address), 0, 'fault');
      memory.discard();
    }
    const { result, faults, runs } = t.access(memory.address, 8, { write: true });
    t.equal(
      [result, faults, runs.map(({ outcome }) => outcome)],
      [why === 'forbidden' || why === 'read-only-vma' ? -EPERM : 0, 4, ['failed']],
      'access',
    );
    t.equal(t.ptes(memory.range(0, PAGE)), why === 'gpu-read-only' ? 'r*1' : '-*1', 'PTE');
  });
