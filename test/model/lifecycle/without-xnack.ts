/** What the driver keeps of ranges on a GPU without retry faults. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EOPNOTSUPP } from '../../../lib/conformance/support/errno.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';
import { region } from '../support/scene.ts';

export const withoutXnackModelGroup = new CaseGroup(
  'lifecycle,restore',
  'Ranges of a GPU without retry faults (spec/xnack-off §3 to §7)',
);

withoutXnackModelGroup
  .case('refused-fault', 'every fault is refused, whatever is there')
  .source('spec/xnack-off §7')
  .parameters(parameters().combine('memory', ['untouched', 'given', 'hole']).combine('write', [false, true]))
  .needs('xnack-off', 'introspection')
  .run((t, { memory: kind, write }) => {
    const memory = region(t);
    if (kind === 'given') t.set(memory, { access: 'allow-migrate' });
    if (kind === 'hole') memory.unmap();
    t.equal(t.fault(memory.address, { write }), -EOPNOTSUPP, 'fault');
  });

withoutXnackModelGroup
  .case('event', 'an event that is no munmap takes the mark from its ranges and leaves their PTEs')
  .source('spec/xnack-off §3')
  .parameters(parameters().combine('event', ['discard', 'protect']))
  .needs('xnack-off', 'introspection')
  .run((t, { event }) => {
    const memory = region(t);
    t.set(memory, { access: 'allow-migrate' });
    if (event === 'discard') memory.discard(0, PAGE);
    else memory.protect('r', 0, PAGE);
    t.equal(
      t.state().ranges.map(({ mapped, dmaMapped }) => [mapped, dmaMapped]),
      [[false, false]],
      'mark and DMA mapping of the range',
    );
    t.equal(t.ptes(memory, { states: false }), 'rw*512', 'PTEs');
  });

withoutXnackModelGroup
  .case('rebuild', 'what a partial munmap leaves of a range is mapped again, on both sides of a hole')
  .source('spec/xnack-off §5')
  .parameters(parameters().combine('first', [0, 64, 496]).combine('count', [16]))
  .needs('xnack-off', 'introspection', 'deferred-work')
  .run((t, { first, count }) => {
    const memory = region(t);
    t.set(memory, { access: 'allow-migrate' });
    memory.unmap(first * PAGE, count * PAGE);
    t.collect();
    // The rest is covered by ranges without a gap, but for the hole.
    const covered = t.ranges(memory).reduce((sum, [, size]) => sum + size, 0);
    t.equal(covered, CHUNK_2M - count * PAGE, 'bytes in ranges');
    t.ok(
      t.state().ranges.every(({ mapped }) => mapped),
      'every range is mapped',
    );
  });

withoutXnackModelGroup
  .case('granularity-alone', 'a change of the granularity of a part leaves the range that crosses it')
  .source('spec/xnack-off §2')
  .parameters(parameters().combine('page', [0, 100, 511]))
  .needs('xnack-off', 'introspection')
  .run((t, { page }) => {
    const memory = region(t);
    t.set(memory, { access: 'allow-migrate' });
    t.set(memory.range(page * PAGE, PAGE), { granularity: 4 });
    t.equal(t.ranges(memory), [[0, CHUNK_2M]], 'ranges');
    t.set(memory.range(page * PAGE, PAGE), { gpuExecutable: true });
    t.ok(t.ranges(memory)[0]?.[1] !== CHUNK_2M, 'a change of flags does not leave it');
  });
