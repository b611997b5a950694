/** Attributes of pages that were unmapped. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EFAULT, EINTR, EINVAL } from '../../../lib/conformance/support/errno.ts';
import { ModelledMemory } from '../../../lib/conformance/support/attribute-model.ts';
import type { Span } from '../../../lib/conformance/support/attribute-model.ts';
import { allTypes, defaults } from '../../../lib/conformance/support/attributes.ts';
import type { AttributePair } from '../../../lib/uapi/call.ts';

export const clearGroup = new CaseGroup(
  'attributes,clear',
  'What the collector clears, and when (spec/02-attributes §6, §11; spec/04-invalidation-and-gc §6)',
);

const span = (first: number, count: number): Span => ({ first, count });
const LAYOUTS: Readonly<Record<string, readonly Span[]>> = {
  one: [span(0, 32)],
  two: [span(0, 16), span(16, 16)],
  three: [span(0, 8), span(8, 16), span(24, 8)],
  'every-page': Array.from({ length: 32 }, (_, page) => span(page, 1)),
};
const UNMAPPED: Readonly<Record<string, Span>> = {
  all: span(0, 32),
  'first-page': span(0, 1),
  'last-page': span(31, 1),
  'one-page': span(12, 1),
  front: span(0, 8),
  back: span(24, 8),
  middle: span(8, 16),
  'inside-the-middle': span(12, 4),
  'over-two': span(4, 8),
  'over-three': span(4, 24),
  'up-to-a-border': span(12, 4),
  'all-but-the-first': span(1, 31),
};

clearGroup
  .case('geometry', 'intervals are removed, trimmed or split around the unmapped pages, with their records')
  .source('spec/02-attributes §6')
  .parameters(parameters().combine('layout', Object.keys(LAYOUTS)).combine('unmapped', Object.keys(UNMAPPED)))
  .needs('introspection', 'deferred-work')
  .run((t, { layout, unmapped }) => {
    const modelled = new ModelledMemory(t, 32);
    for (const [index, each] of LAYOUTS[layout]!.entries())
      modelled.set(each, { granularity: 20 + index, gpuExecutable: index % 2, prefetchLocation: 'device' });
    const { first, count } = UNMAPPED[unmapped]!;
    modelled.memory.unmap(pages(first), pages(count));
    modelled.checkIntervals('before the collection');
    t.equal(t.collect(), 1, 'collectors that ran');
    modelled.collected({ first, count });
    modelled.checkIntervals('after the collection');
    modelled.checkPages('after the collection', (page) => page < first || page >= first + count);
  });

clearGroup
  .case(
    'several-intervals',
    'one unmapped span clears every interval that it meets (V4) or none, also where one range lies over all of them',
  )
  .source('spec/02-attributes §6; spec/07-quirks §Q68; spec/revisions §4')
  .parameters(
    parameters()
      .combine('first', [0, 64, 128, 200])
      .combine('last', [100, 127, 255, 256, 319, 511])
      .where(({ first, last }) => first <= last),
  )
  .needs('introspection', 'deferred-work', 'failure-injection')
  .run((t, { first, last }) => {
    const modelled = new ModelledMemory(t, 512);
    modelled.set(span(0, 512), { gpuExecutable: true, prefetchLocation: 'device' });
    // The split changes the intervals, but its effect is interrupted: the range stays. From V5 on GRANULARITY has none,
    // but without retry faults the SET of memory with a prefetch location maps.
    const result = t.perRevision({ v4: -EINTR, v7: 0, 'v7-xnack-off': -EINTR, v8: 0 });
    if (result !== 0) t.gpu().failures.plan('lock-page-directory', 'EINTR');
    t.equal(t.trySet(modelled.range(span(128, 128)), { granularity: 4 }), result, 'result of the SET_ATTR that splits');
    modelled.model.set(span(128, 128), { granularity: 4 });
    modelled.checkIntervals('before');
    t.equal(t.ranges(modelled.memory.range()), [[0, pages(512)]], 'ranges before');
    modelled.memory.unmap(pages(first), pages(last - first + 1));
    t.equal(t.collect(), 1, 'collectors that ran');
    modelled.collected(span(first, last - first + 1));
    modelled.checkIntervals('after the collection');
  });

clearGroup
  .case('without-range', 'pages without a GPU range keep their attributes')
  .source('spec/02-attributes §6; spec/07-quirks §Q26')
  .parameters(parameters().combine('unmapped', Object.keys(UNMAPPED)))
  .needs('introspection', 'deferred-work')
  .run((t, { unmapped }) => {
    const modelled = new ModelledMemory(t, 32);
    // Only the upper half is mapped on the GPU.
    modelled.set(span(0, 16), { gpuExecutable: true });
    modelled.set(span(16, 16), { gpuExecutable: true, prefetchLocation: 'device' });
    const { first, count } = UNMAPPED[unmapped]!;
    modelled.memory.unmap(pages(first), pages(count));
    t.collect();
    const from = Math.max(first, 16);
    if (first + count > from) modelled.collected(span(from, first + count - from));
    modelled.checkIntervals('after the collection');
  });

clearGroup
  .case('only-unmap', 'no other change of the memory clears attributes')
  .source('spec/04-invalidation-and-gc §3.4')
  .parameters(parameters().combine('event', ['discard', 'protect-none', 'protect-read', 'write']))
  .needs('introspection', 'deferred-work')
  .run((t, { event }) => {
    const modelled = new ModelledMemory(t, 32);
    modelled.set(span(0, 32), { gpuExecutable: true, prefetchLocation: 'device' });
    if (event === 'discard') modelled.memory.discard();
    else if (event === 'write') modelled.memory.write(0, new Uint8Array(pages(32)));
    else modelled.memory.protect(event === 'protect-none' ? '-' : 'r');
    t.equal(t.collect(), 0, 'collectors that ran');
    modelled.checkIntervals('after the event');
    modelled.memory.unmap();
    t.equal(t.collect(), 1, 'collectors that ran after munmap');
    modelled.collected(span(0, 32));
    modelled.checkIntervals('after munmap');
  });

const WAITS: Readonly<
  Record<string, { operation: number; records: readonly AttributePair[]; result: number; waits: boolean | 'from-v5' }>
> = {
  'good-set': { operation: 0, records: [[3, 5]], result: 0, waits: true },
  'set-of-nothing-new': { operation: 0, records: [[2, 2]], result: 0, waits: true },
  'illegal-value': { operation: 0, records: [[2, 3]], result: -EINVAL, waits: true },
  'unknown-type': { operation: 0, records: [[12, 0]], result: -EINVAL, waits: true },
  get: { operation: 1, records: [[2, 0]], result: 0, waits: 'from-v5' },
  'get-of-unknown-type': { operation: 1, records: [[12, 0]], result: -EINVAL, waits: 'from-v5' },
  'unknown-operation': { operation: 3, records: [[2, 2]], result: -EINVAL, waits: false },
  'no-records': { operation: 0, records: [], result: -EINVAL, waits: false },
};

clearGroup
  .case(
    'who-waits',
    'every SET that comes to its validation waits for the collector, whatever its answer is; from V5 on every GET as well',
  )
  .source('spec/01-uapi §6.1, §6.2; spec/02-attributes §11; spec/revisions §4')
  .parameters(parameters().combine('call', Object.keys(WAITS)))
  .needs('introspection', 'deferred-work')
  .run((t, { call }) => {
    const memory = t.map(pages(32));
    const elsewhere = t.map(pages(1));
    t.set(memory.range(), { gpuExecutable: true, prefetchLocation: 'device' });
    memory.unmap();
    t.equal(t.state().collectorQueued, true, 'the collector is queued');
    const { operation, records, result, ...each } = WAITS[call]!;
    const waits = each.waits === 'from-v5' ? t.can('get-walks-vmas') : each.waits;
    t.equal(t.ioctl({ operation, ...elsewhere.range(), attributes: records }).result, result, 'result');
    t.equal(t.state().collectorQueued, !waits, 'the collector is still queued');
    if (t.can('get-walks-vmas')) t.equal(t.tryGet(memory.range(), ['gpuExecutable']), -EFAULT, 'GET without memory');
    else t.has(memory.range(), { gpuExecutable: !waits }, 'GPU_EXEC of what was unmapped');
  });

clearGroup
  .case('who-waits-by-address', 'a SET that is refused for its range waits only if the range comes to its validation')
  .source('spec/01-uapi §6, §6.1; spec/02-attributes §4.2, §11')
  .parameters(parameters().combine('range', ['no-memory', 'wrapped', 'unaligned', 'zero']))
  .needs('introspection', 'deferred-work')
  .run((t, { range }) => {
    const memory = t.map(pages(32));
    t.set(memory.range(), { gpuExecutable: true, prefetchLocation: 'device' });
    memory.unmap();
    const { address, size } = {
      'no-memory': memory.range(),
      wrapped: { address: 2n ** 64n - 4096n, size: pages(2) },
      unaligned: { address: memory.address + 1n, size: pages(1) },
      zero: { address: 0n, size: pages(1) },
    }[range];
    t.equal(
      t.trySet({ address, size }, { granularity: 5 }),
      range === 'no-memory' ? -EFAULT : -EINVAL,
      'result of SET_ATTR',
    );
    const waits = range === 'no-memory' || range === 'wrapped';
    t.equal(t.state().collectorQueued, !waits, 'the collector is still queued');
    if (t.can('get-walks-vmas')) t.equal(t.tryGet(memory.range(), ['gpuExecutable']), -EFAULT, 'GET without memory');
    else t.has(memory.range(), { gpuExecutable: !waits }, 'GPU_EXEC of what was unmapped');
  });

clearGroup
  .case('no-memory', 'a split for which no piece can be allocated leaves that interval alone; earlier ones are cleared')
  .source('spec/02-attributes §6')
  .needs('introspection', 'deferred-work', 'failure-injection')
  .needs('unmap-clears-attributes')
  .run((t) => {
    const memory = t.map(pages(32));
    t.set(memory.range(), { gpuExecutable: true, prefetchLocation: 'device' });
    t.gpu().failures.plan('clear-split', 'ENOMEM');
    memory.unmap(pages(8), pages(8));
    t.equal(t.collect(), 1, 'collectors that ran');
    t.equal(t.state().attributes.length, 1, 'intervals');
    t.has(memory.range(), { gpuExecutable: true }, 'GPU_EXEC of the whole');
    // The range whose collection failed stays behind forever (Q46).
    t.leaksAllowed = true;
    t.set(memory.range(0, pages(8)), { granularity: 4 });
    t.equal(
      t.get(memory.range(pages(8), pages(8)), allTypes(t)),
      defaults(t).map((value, type) => (type === 9 || type === 1 ? 1 : value)),
      'the unmapped pages',
    );
  });

clearGroup
  .case(
    'mapped-again',
    'memory that is mapped at the address again begins with the defaults once the collector has run (V4), or with the old attributes',
  )
  .source('spec/02-attributes §6; spec/07-quirks §Q30; spec/revisions §4')
  .parameters(parameters().combine('ran', ['before', 'after', 'by-set']))
  .needs('deferred-work', 'address-choice')
  .run((t, { ran }) => {
    const memory = t.map(pages(16));
    t.set(memory.range(), { gpuExecutable: true, prefetchLocation: 'device', access: 'inaccessible' });
    const old = t.get(memory.range(), allTypes(t));
    memory.unmap();
    if (ran === 'before') t.equal(t.collect(), 1, 'collectors that ran');
    const again = t.map(pages(16), { address: memory.address });
    if (t.can('attributes-survive-unmap')) {
      t.equal(t.get(again.range(), allTypes(t)), old, 'all attributes');
      t.equal(t.collect(), 0, 'collectors that GET has left to run');
      if (ran === 'by-set') t.set(again.range(0, pages(1)), { access: 'inaccessible' });
      t.equal(t.get(again.range(), allTypes(t)), old, 'all attributes in the end');
      return;
    }
    t.has(again.range(), { gpuExecutable: ran === 'before' ? false : true }, 'GPU_EXEC before the collector has run');
    if (ran === 'after') t.equal(t.collect(), 1, 'collectors that ran');
    if (ran === 'by-set') t.set(again.range(0, pages(1)), { access: 'allow-migrate' });
    t.equal(t.get(again.range(), allTypes(t)), defaults(t), 'all attributes');
  });
