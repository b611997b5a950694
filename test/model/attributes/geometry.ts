/** Where intervals begin and end after a SET: every situation against every request. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { ModelledMemory } from '../../../lib/conformance/support/attribute-model.ts';
import { change, CHANGEABLE, thirdOf } from '../../../lib/conformance/support/attributes.ts';
import { SIZE, SITUATIONS, REQUESTS, prepare, span } from '../../../lib/conformance/support/overlaps.ts';

export const geometryGroup = new CaseGroup(
  'attributes,geometry',
  'Splitting, and what stays apart (spec/02-attributes §4.4 to §4.6)',
);

geometryGroup
  .case('intervals', 'intervals are split at the ends of the request, made in its holes, and never merged')
  .source('spec/02-attributes §3, §4.5, §4.6')
  .parameters(
    parameters()
      .combine('situation', Object.keys(SITUATIONS))
      .combine('request', Object.keys(REQUESTS))
      .combine('alike', [false, true]),
  )
  .needs('introspection')
  .run((t, { situation, request, alike }) => {
    const modelled = prepare(t, situation, alike);
    modelled.checkIntervals('before');
    modelled.set(REQUESTS[request]!, { gpuReadOnly: true });
    modelled.checkIntervals('after the SET');
    modelled.set(REQUESTS[request]!, { gpuReadOnly: true });
    modelled.checkIntervals('after the same SET again');
    modelled.set(REQUESTS[request]!, { gpuReadOnly: false });
    modelled.checkIntervals('after the SET back: pieces stay apart');
  });

geometryGroup
  .case('no-op', 'a SET that would change nothing splits nothing; one that changes any member splits')
  .source('spec/02-attributes §4.6 steps 1 and 2')
  .parameters(
    parameters().combine('attribute', CHANGEABLE).combine('part', ['head', 'middle', 'tail', 'one-page-inside']),
  )
  .needs('introspection')
  .run((t, { attribute, part }) => {
    const modelled = new ModelledMemory(t, SIZE);
    modelled.set(REQUESTS['exact']!, [change(attribute), { granularity: 4 }]);
    modelled.set(REQUESTS[part]!, [change(attribute)]);
    modelled.checkIntervals('the same value on a part');
    t.equal(t.state().attributes.length, 1, 'intervals');
    modelled.set(REQUESTS[part]!, { [attribute]: thirdOf(attribute) });
    modelled.checkIntervals('another value on the part');
    t.equal(t.state().attributes.length, part === 'head' || part === 'tail' ? 2 : 3, 'intervals');
  });

geometryGroup
  .case('equal-after-clamp', 'a granularity that is stored as the same number changes nothing')
  .source('spec/02-attributes §4.6 step 2, §4.9')
  .parameters(parameters().combine('before', [63, 64, 255, 0xffff_ffff]).combine('after', [63, 64, 255, 0x8000_0000]))
  .needs('introspection')
  .run((t, { before, after }) => {
    const modelled = new ModelledMemory(t, SIZE);
    modelled.set(REQUESTS['exact']!, { granularity: before });
    modelled.set(REQUESTS['middle']!, { granularity: after });
    modelled.checkIntervals('after the SET of a part');
    modelled.set(REQUESTS['middle']!, { granularity: 62 });
    modelled.checkIntervals('after the SET of a smaller number');
  });

geometryGroup
  .case('repeated', 'halving an interval again and again makes the pieces that were asked for')
  .source('spec/02-attributes §4.6')
  .parameters(parameters().combine('side', ['front', 'back', 'inside']).combine('depth', [1, 2, 3, 4, 5]))
  .needs('introspection')
  .run((t, { side, depth }) => {
    const modelled = new ModelledMemory(t, SIZE);
    modelled.set(span(0, SIZE), { granularity: 1 });
    for (let step = 1; step <= depth; step++) {
      const count = SIZE >> step;
      const first = side === 'front' ? 0 : side === 'back' ? SIZE - count : Math.floor((SIZE - count) / 2);
      modelled.set(span(first, count), { granularity: 1 + step });
      modelled.checkIntervals(`after step ${step}`);
    }
    modelled.checkPages('at the end');
  });

geometryGroup
  .case('two-blocks', 'intervals know nothing of blocks and windows: a SET over 2 MiB and 512 MiB borders makes one')
  .source('spec/02-attributes §3')
  .parameters(parameters().combine('border', ['2-mib', '512-mib']).combine('before', [1, 3]).combine('behind', [1, 5]))
  .needs('introspection', 'address-choice')
  .run((t, { border, before, behind }) => {
    const address = (border === '2-mib' ? 0x4020_0000n : 0x6000_0000n) - BigInt(before * 4096);
    const memory = t.map((before + behind) * 4096, { address });
    t.set(memory.range(), { gpuReadOnly: true });
    const base = Number(address >> 12n);
    t.equal(
      t.state().attributes.map(({ firstPage, lastPage }) => [firstPage - base, lastPage - base]),
      [[0, before + behind - 1]],
      'attribute intervals',
    );
  });
