/** Where intervals begin and end after a SET: every situation against every request. */
import { CaseGroup } from '../../framework/case.ts';
import type { AttributePair, CaseContext } from '../../framework/context.ts';
import { parameters } from '../../framework/parameters.ts';
import { ModelledMemory } from './model.ts';
import type { Span } from './model.ts';
import { change, CHANGEABLE, otherOf, QUIET, thirdOf, typeOf } from '../../support/attributes.ts';

export const geometryGroup = new CaseGroup(
  'attributes,geometry',
  'Splitting, and what stays apart (spec/02-attributes §4.4 to §4.6)',
);

const SIZE = 32;
const span = (first: number, count: number): Span => ({ first, count });

/** What was set before: spans, each with its own or with one common record. */
const SITUATIONS: Readonly<Record<string, readonly Span[]>> = {
  empty: [],
  one: [span(8, 16)],
  'one-page': [span(16, 1)],
  'two-adjacent': [span(8, 8), span(16, 8)],
  'two-apart': [span(8, 4), span(20, 4)],
  islands: [span(4, 2), span(10, 2), span(16, 1), span(22, 4)],
  'every-second-page': Array.from({ length: 8 }, (_, index) => span(8 + 2 * index, 1)),
  all: [span(0, 32)],
};

const REQUESTS: Readonly<Record<string, Span>> = {
  exact: span(8, 16),
  head: span(8, 4),
  tail: span(20, 4),
  middle: span(12, 8),
  'one-page-inside': span(16, 1),
  'first-page': span(8, 1),
  'last-page': span(23, 1),
  superset: span(4, 24),
  'over-the-front': span(4, 8),
  'over-the-back': span(20, 8),
  before: span(4, 4),
  behind: span(24, 4),
  everything: span(0, 32),
  'window-start': span(0, 1),
  'window-end': span(31, 1),
};

/** Prepares the situation; `alike`: with one record everywhere, else each span with its own granularity. */
function prepare(t: CaseContext, situation: string, alike: boolean): ModelledMemory {
  const modelled = new ModelledMemory(t, SIZE);
  for (const [index, each] of SITUATIONS[situation]!.entries())
    modelled.set(
      each,
      alike
        ? [[9, 1]]
        : [
            [3, 20 + index],
            [9, index % 2],
          ],
    );
  return modelled;
}

geometryGroup
  .case('pages', 'a SET changes the attribute on its pages, and keeps every other attribute and every other page')
  .source('spec/02-attributes §4.4 to §4.6')
  .parameters(parameters().combine('situation', Object.keys(SITUATIONS)).combine('request', Object.keys(REQUESTS)))
  .run((t, { situation, request }) => {
    const modelled = prepare(t, situation, false);
    modelled.set(REQUESTS[request]!, [
      [8, 1],
      [2, 1],
    ]);
    modelled.checkPages('after the SET');
    modelled.set(REQUESTS[request]!, [[8, 0]]);
    modelled.checkPages('after the SET of one attribute back');
  });

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
    modelled.set(REQUESTS[request]!, [[8, 1]]);
    modelled.checkIntervals('after the SET');
    modelled.set(REQUESTS[request]!, [[8, 1]]);
    modelled.checkIntervals('after the same SET again');
    modelled.set(REQUESTS[request]!, [[8, 0]]);
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
    modelled.set(REQUESTS['exact']!, [change(attribute), [3, 4]]);
    modelled.set(REQUESTS[part]!, [change(attribute)]);
    modelled.checkIntervals('the same value on a part');
    t.equal(t.state().attributes.length, 1, 'intervals');
    modelled.set(REQUESTS[part]!, [[typeOf(attribute), thirdOf(attribute)]]);
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
    modelled.set(REQUESTS['exact']!, [[3, before]]);
    modelled.set(REQUESTS['middle']!, [[3, after]]);
    modelled.checkIntervals('after the SET of a part');
    modelled.set(REQUESTS['middle']!, [[3, 62]]);
    modelled.checkIntervals('after the SET of a smaller number');
  });

geometryGroup
  .case('each-attribute', 'a split keeps all attributes of the interval on both sides, for a change of each of them')
  .source('spec/02-attributes §4.6 steps 5 and 6')
  .parameters(
    parameters()
      .combine('attribute', QUIET)
      .combine('request', ['head', 'middle', 'tail', 'over-the-front', 'over-the-back', 'superset']),
  )
  .run((t, { attribute, request }) => {
    const modelled = new ModelledMemory(t, SIZE);
    modelled.set(
      REQUESTS['exact']!,
      QUIET.map((each): AttributePair => [typeOf(each), otherOf(each)]),
    );
    modelled.set(REQUESTS[request]!, [[typeOf(attribute), thirdOf(attribute)]]);
    modelled.checkPages('after the SET');
  });

geometryGroup
  .case('repeated', 'halving an interval again and again makes the pieces that were asked for')
  .source('spec/02-attributes §4.6')
  .parameters(parameters().combine('side', ['front', 'back', 'inside']).combine('depth', [1, 2, 3, 4, 5]))
  .needs('introspection')
  .run((t, { side, depth }) => {
    const modelled = new ModelledMemory(t, SIZE);
    modelled.set(span(0, SIZE), [[3, 1]]);
    for (let step = 1; step <= depth; step++) {
      const count = SIZE >> step;
      const first = side === 'front' ? 0 : side === 'back' ? SIZE - count : Math.floor((SIZE - count) / 2);
      modelled.set(span(first, count), [[3, 1 + step]]);
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
    t.set(memory.range(), [[8, 1]]);
    const base = Number(address >> 12n);
    t.equal(
      t.state().attributes.map(({ firstPage, lastPage }) => [firstPage - base, lastPage - base]),
      [[0, before + behind - 1]],
      'attribute intervals',
    );
  });
