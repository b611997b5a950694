/** SETs whose mapping meets a change of the memory, and begin again. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EFAULT, ENOENT } from '../../../lib/conformance/support/errno.ts';

export const retryGroup = new CaseGroup('attributes,retry', 'The retry rule of SET (spec/02-attributes §4.7)');

const BLOCK = pages(512);

/** Does `change` when the pages of the range with this number (from 1) have been collected, and SETs; gives the result and the retries. */
function setDuring(
  t: CaseContext,
  range: { address: bigint; size: number },
  pass: number,
  change: () => void,
): { result: number; retries: number } {
  let ran = 0;
  let retries = 0;
  const stops = [
    t.machine.at(
      'pages-got',
      () => {
        ran++;
        change();
      },
      { pass },
    ),
    t.machine.on('retry', ({ of }) => {
      if (of === 'set') retries++;
    }),
  ];
  const result = t.trySet(range, { prefetchLocation: 'device' });
  for (const stop of stops) stop();
  t.equal(ran, 1, 'changes of the memory');
  return { result, retries };
}

retryGroup
  .case(
    'effect-is-not-repeated',
    'the second pass finds equal records: it returns 0 and maps nothing of what was missed (V4), or all of it',
  )
  .source('spec/02-attributes §4.7; spec/07-quirks §Q15; spec/revisions §4')
  .parameters(parameters().combine('pass', [1, 2, 3, 4]))
  .needs('preemption', 'introspection', 'events')
  .run((t, { pass }) => {
    const memory = t.map(4 * BLOCK);
    const { result, retries } = setDuring(t, memory.range(), pass, () => memory.discard((pass - 1) * BLOCK, pages(1)));
    t.equal({ result, retries }, { result: 0, retries: 1 }, 'result and retries');
    const mapped = (pass - 1) * 512;
    const missed = mapped === 0 ? '-*2048' : `rw*${mapped} -*${2048 - mapped}`;
    const all = 'rw*2048';
    t.equal(t.ptes(memory.range()), t.perRevision({ v4: missed, v7: all, 'v7-xnack-off': all, v8: all }), 'PTEs');
    t.has(memory.range(), { prefetchLocation: 'device' }, 'prefetch location');
  });

retryGroup
  .case(
    'later-segments',
    'a segment that met EAGAIN does not keep the later ones from their effect; from V5 on the second pass has its own',
  )
  .source('spec/02-attributes §4.4 step 6; spec/revisions §4')
  .parameters(parameters().combine('segment', [1, 2, 3]))
  .needs('preemption', 'introspection', 'events')
  .run((t, { segment }) => {
    const memory = t.map(3 * BLOCK);
    for (const index of [0, 1, 2]) t.set(memory.range(index * BLOCK, BLOCK), { granularity: index });
    const { result, retries } = setDuring(t, memory.range(), segment, () =>
      memory.discard((segment - 1) * BLOCK, pages(1)),
    );
    t.equal({ result, retries }, { result: 0, retries: 1 }, 'result and retries');
    const missed = t.perRevision({ v4: '-*512', v7: 'rw*512', 'v7-xnack-off': 'rw*512', v8: 'rw*512' });
    for (const index of [0, 1, 2])
      t.equal(
        t.ptes(memory.range(index * BLOCK, BLOCK)),
        index === segment - 1 ? missed : 'rw*512',
        `PTEs of segment ${index + 1}`,
      );
  });

retryGroup
  .case('error-wins', 'an error of a later segment ends the call without a second pass')
  .source('spec/02-attributes §4.4, end of pass')
  .needs('preemption', 'introspection', 'events')
  .run((t) => {
    const memory = t.map(2 * BLOCK);
    t.set(memory.range(0, BLOCK), { granularity: 5 });
    memory.protect('-', BLOCK, pages(1));
    const { result, retries } = setDuring(t, memory.range(), 1, () => memory.discard(0, pages(1)));
    t.equal({ result, retries }, { result: -EFAULT, retries: 0 }, 'result and retries');
    t.has(memory.range(BLOCK), { prefetchLocation: 'device' }, 'prefetch location of the failing segment');
  });

retryGroup
  .case(
    'collected-between',
    'the second pass works where the collector removed the interval: memory that was mapped again is mapped on the GPU',
  )
  .source('spec/02-attributes §4.7')
  .needs('preemption', 'introspection', 'events', 'address-choice')
  .run((t) => {
    const memory = t.map(BLOCK);
    const { result, retries } = setDuring(t, memory.range(), 1, () => {
      memory.unmap();
      t.map(BLOCK, { address: memory.address });
    });
    t.equal({ result, retries }, { result: 0, retries: 1 }, 'result and retries');
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs');
    t.has(memory.range(), { prefetchLocation: 'device' }, 'prefetch location');
  });

retryGroup
  .case(
    'not-validated-again',
    'the second pass does not look at the memory again: what is gone shows as ENOENT of the mapping',
  )
  .source('spec/02-attributes §4.7; spec/07-quirks §Q21')
  .needs('preemption', 'introspection', 'events')
  .run((t) => {
    const memory = t.map(BLOCK);
    const { result, retries } = setDuring(t, memory.range(), 1, () => memory.unmap());
    t.equal({ result, retries }, { result: -ENOENT, retries: 1 }, 'result and retries');
    t.equal(t.state().attributes.length, 1, 'intervals over memory that is gone');
  });

retryGroup
  .case('quiet-change', 'a change elsewhere in the window while pages are collected does not disturb')
  .source('spec/02-attributes §4.7; spec/03-gpu-ranges §A.8 step 8')
  .needs('preemption', 'introspection', 'events')
  .run((t) => {
    const memory = t.map(2 * BLOCK);
    const { result, retries } = setDuring(t, memory.range(0, BLOCK), 1, () => memory.discard(BLOCK));
    t.equal({ result, retries }, { result: 0, retries: 0 }, 'result and retries');
    t.equal(t.ptes(memory.range()), 'rw*512 -*512', 'PTEs');
  });
