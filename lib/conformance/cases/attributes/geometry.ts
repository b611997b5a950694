/** Where intervals begin and end after a SET: every situation against every request. */
import { CaseGroup } from '../../framework/case.ts';
import { parameters } from '../../framework/parameters.ts';
import { ModelledMemory } from '../../support/attribute-model.ts';
import { otherOf, QUIET, thirdOf, typeOf } from '../../support/attributes.ts';
import { SIZE, SITUATIONS, REQUESTS, prepare } from '../../support/overlaps.ts';
import type { AttributePair } from '../../../uapi/call.ts';

export const geometryGroup = new CaseGroup(
  'attributes,geometry',
  'Splitting, and what stays apart (spec/02-attributes §4.4 to §4.6)',
);

geometryGroup
  .case('pages', 'a SET changes the attribute on its pages, and keeps every other attribute and every other page')
  .source('spec/02-attributes §4.4 to §4.6')
  .parameters(parameters().combine('situation', Object.keys(SITUATIONS)).combine('request', Object.keys(REQUESTS)))
  .run((t, { situation, request }) => {
    const modelled = prepare(t, situation, false);
    modelled.set(REQUESTS[request]!, { gpuReadOnly: true, access: 'in-place' });
    modelled.checkPages('after the SET');
    modelled.set(REQUESTS[request]!, { gpuReadOnly: false });
    modelled.checkPages('after the SET of one attribute back');
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
    modelled.set(REQUESTS[request]!, { [attribute]: thirdOf(attribute) });
    modelled.checkPages('after the SET');
  });
