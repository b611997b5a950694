/** Several records of one type in one call, and their order. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { defaultOf, otherOf, QUIET, typeOf } from '../../../lib/conformance/support/attributes.ts';
import type { AttributePair } from '../../../lib/uapi/call.ts';

export const duplicatesGroup = new CaseGroup(
  'attributes,duplicates',
  'Duplicated types in one call (spec/02-attributes §8)',
);

duplicatesGroup
  .case('net-zero', 'records that end where they began are a change of nothing: no split')
  .source('spec/02-attributes §8, §4.6 step 2')
  .parameters(parameters().combine('attribute', QUIET))
  .needs('introspection')
  .run((t, { attribute }) => {
    const memory = t.map(pages(8));
    const type = typeOf(attribute);
    t.set(memory.range(), [[type, defaultOf(t, attribute)]]);
    t.set(memory.range(pages(2), pages(2)), [
      [type, otherOf(attribute)],
      [type, defaultOf(t, attribute)],
    ]);
    t.equal(t.state().attributes.length, 1, 'intervals after the change and back');
    t.set(memory.range(pages(2), pages(2)), [
      [type, defaultOf(t, attribute)],
      [type, otherOf(attribute)],
    ]);
    t.equal(t.state().attributes.length, 3, 'intervals after a change that stays');
  });

duplicatesGroup
  .case('one-trigger', 'a GPU prefetch location that a later record takes back maps nothing; one that comes last maps')
  .source('spec/02-attributes §8, §5.1')
  .parameters(
    parameters().combine('order', ['gpu-then-system', 'system-then-gpu']).combine('onto', ['hole', 'interval']),
  )
  .needs('introspection')
  .run((t, { order, onto }) => {
    const memory = t.map(pages(16));
    if (onto === 'interval') t.set(memory.range(), { granularity: 5 });
    const records: AttributePair[] =
      order === 'gpu-then-system'
        ? [
            [1, 1],
            [1, 0],
          ]
        : [
            [1, 0],
            [1, 1],
          ];
    t.set(memory.range(), records);
    t.has(memory.range(), { prefetchLocation: order === 'gpu-then-system' ? 'system' : 'device' }, 'prefetch location');
    t.equal(t.ptes(memory.range()), order === 'gpu-then-system' ? '-*16' : 'rw*16', 'PTEs');
  });
