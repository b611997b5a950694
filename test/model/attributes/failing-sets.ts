/** What is left of a SET that fails on its way. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EFAULT, EINTR, ENOMEM } from '../../../lib/conformance/support/errno.ts';
import { SEGMENTS, LENGTH, segments, stored, changed } from '../../../lib/conformance/support/attribute-layout.ts';

export const failingSetsGroup = new CaseGroup(
  'attributes,failing-sets',
  'Partial effects of a SET that fails (spec/02-attributes §4.4, §4.8; spec/07-quirks §Q20)',
);

failingSetsGroup
  .case('mapped-so-far', 'what was mapped before the failure stays mapped, nothing behind it is')
  .source('spec/02-attributes §4.8 step 3; spec/03-gpu-ranges §B.8')
  .parameters(parameters().combine('failing', [0, 1, 2, 3, 4]))
  .needs('introspection')
  .run((t, { failing }) => {
    const memory = segments(t, 'hole');
    memory.protect('-', pages(failing * LENGTH), pages(LENGTH));
    t.equal(t.trySet(memory.range(), { prefetchLocation: 'device' }), -EFAULT, 'result of SET_ATTR');
    const behind = `-*${(SEGMENTS - failing) * LENGTH}`;
    t.equal(t.ptes(memory.range()), failing === 0 ? behind : `rw*${failing * LENGTH} ${behind}`, 'PTEs');
    const intervals = t.state().attributes.length;
    // Two intervals were there; holes up to and with the failing segment became some.
    t.equal(intervals, 2 + Math.floor(failing / 2) + 1, 'intervals');
  });

failingSetsGroup
  .case(
    'no-memory-for-an-interval',
    'the segment for which no interval can be allocated is unchanged, earlier ones are changed',
  )
  .source('spec/02-attributes §4.4 step 4, §4.5 step 2')
  .parameters(parameters().combine('allocation', [0, 1, 2]))
  .needs('failure-injection', 'introspection')
  .run((t, { allocation }) => {
    const memory = segments(t, 'hole');
    t.gpu().failures.plan('allocate-interval', 'ENOMEM', 1, allocation);
    t.equal(
      t.trySet(memory.range(), { prefetchLocation: 'device', gpuExecutable: true }),
      -ENOMEM,
      'result of SET_ATTR',
    );
    t.equal(stored(t, memory), changed(2 * allocation), 'prefetch location and GPU_EXEC of the segments');
    t.equal(t.state().attributes.length, 2 + allocation, 'intervals');
    t.equal(
      t.trySet(memory.range(), { prefetchLocation: 'device', gpuExecutable: true }),
      0,
      'the same SET_ATTR again',
    );
    t.equal(stored(t, memory), changed(SEGMENTS), 'the segments after the second call');
    t.equal(t.ptes(memory.range()), 'rwx*20', 'PTEs');
  });

failingSetsGroup
  .case('no-memory-for-a-piece', 'a split for which no piece can be allocated leaves the interval whole')
  .source('spec/02-attributes §4.6 step 5')
  .parameters(parameters().combine('part', ['head', 'middle', 'tail']))
  .needs('failure-injection', 'introspection')
  .run((t, { part: which }) => {
    const memory = t.map(pages(16));
    t.set(memory.range(), { prefetchLocation: 'device' });
    const [first, count] = { head: [0, 4], middle: [4, 4], tail: [12, 4] }[which] as [number, number];
    t.gpu().failures.plan('allocate-interval', 'ENOMEM');
    t.equal(t.trySet(memory.range(pages(first), pages(count)), { gpuExecutable: true }), -ENOMEM, 'result of SET_ATTR');
    t.equal(
      [t.state().attributes.length, t.get(memory.range(pages(first), pages(count)), ['gpuExecutable'])[0]],
      [1, 0],
      'intervals and GPU_EXEC of the part',
    );
    t.equal(t.ptes(memory.range()), 'rw*16', 'PTEs: nothing was invalidated');
    t.equal(
      t.trySet(memory.range(), { gpuExecutable: true }),
      0,
      'SET_ATTR of the whole interval, which needs no piece',
    );
    t.equal(t.ptes(memory.range()), 'rwx*16', 'PTEs');
  });

failingSetsGroup
  .case('failed-split', 'a split whose invalidation fails keeps the new intervals and does not prefetch')
  .source('spec/02-attributes §5.2')
  .parameters(parameters().combine('location', [0, 2]))
  .needs('failure-injection', 'introspection', 'events')
  .needs('retry-faults')
  .run((t, { location }) => {
    const memory = t.map(pages(512));
    t.set(memory.range(), { prefetchLocation: 'device' });
    memory.discard();
    t.gpu().failures.plan('lock-page-directory', 'EINTR');
    const counts = t.countEvents(() =>
      t.equal(t.trySet(memory.range(0, pages(256)), { prefetchLocation: location }), -EINTR, 'result of SET_ATTR'),
    );
    t.equal(counts.get('prefetch') ?? 0, 0, 'prefetches');
    t.equal(t.state().attributes.length, 2, 'intervals');
    t.has(memory.range(0, pages(256)), { prefetchLocation: location }, 'prefetch location of the part');
    t.equal(t.ptes(memory.range()), '-*512', 'PTEs');
  });
