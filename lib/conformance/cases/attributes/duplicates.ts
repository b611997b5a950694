/** Several records of one type in one call, and their order. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EINVAL } from '../../support/errno.ts';
import {
  allTypes,
  attributeNeeds,
  ATTRIBUTES,
  CHANGEABLE,
  change,
  defaults,
  otherOf,
  QUIET,
  thirdOf,
  typeOf,
} from '../../support/attributes.ts';
import type { AttributePair } from '../../../uapi/call.ts';

export const duplicatesGroup = new CaseGroup(
  'attributes,duplicates',
  'Duplicated types in one call (spec/02-attributes §8)',
);

duplicatesGroup
  .case('last-wins', 'of several records of one type the last one is stored')
  .source('spec/02-attributes §8')
  .parameters(parameters().combine('attribute', QUIET).combine('order', ['other-last', 'third-last', 'apart', 'many']))
  .run((t, { attribute, order }) => {
    const memory = t.map(pages(2));
    const type = typeOf(attribute);
    const [other, third]: AttributePair[] = [
      [type, otherOf(attribute)],
      [type, thirdOf(attribute)],
    ];
    const filler: AttributePair = attribute === 'granularity' ? [9, 1] : [3, 7];
    const records = {
      'other-last': [third!, other!],
      'third-last': [other!, third!],
      apart: [other!, filler, filler, third!],
      many: Array.from({ length: 64 }, (_, index) => (index % 2 === 0 ? third! : other!)),
    }[order];
    t.set(memory.range(), records);
    t.equal(
      t.get(memory.range(), [type]),
      [order === 'other-last' || order === 'many' ? otherOf(attribute) : thirdOf(attribute)],
      attribute,
    );
  });

duplicatesGroup
  .case('get-all-alike', 'every occurrence of a type in a GET receives the same value')
  .source('spec/02-attributes §8')
  .parameters(parameters().combine('attribute', ATTRIBUTES).combine('times', [2, 5, 64]))
  .needsAt(attributeNeeds)
  .run((t, { attribute, times }) => {
    const memory = t.map(pages(2));
    t.set(memory.range(), [change(attribute)]);
    t.equal(
      t.get(
        memory.range(),
        Array.from({ length: times }, () => typeOf(attribute)),
      ),
      Array.from({ length: times }, () => otherOf(attribute)),
      'the values',
    );
  });

duplicatesGroup
  .case('get-order', 'GET answers in the order of its records')
  .source('spec/02-attributes §7 step 5')
  .parameters(parameters().combine('order', ['up', 'down', 'inside-out', 'twice']))
  .run((t, { order }) => {
    const memory = t.map(pages(2));
    t.set(
      memory.range(),
      QUIET.map((each) => change(each)),
    );
    const types = {
      up: allTypes(t),
      down: allTypes(t).toReversed(),
      'inside-out': [6, 5, 7, 4, 8, 3, 9, 2, 10, 1, 11, 0].filter((type) => type < t.attributes.length),
      twice: [...allTypes(t), ...allTypes(t)],
    }[order];
    const expected = types.map((type) => (type === 1 ? 0xffff_ffff : otherOf(ATTRIBUTES[type]!)));
    t.equal(t.get(memory.range(), types), expected, 'the values');
  });

duplicatesGroup
  .case('each-validated', 'each duplicate is validated, also one that a later record would overrule')
  .source('spec/02-attributes §8, §4.1')
  .parameters(
    parameters()
      .combine(
        'attribute',
        ATTRIBUTES.filter((name) => name !== 'preferredLocation' && name !== 'granularity'),
      )
      .combine('bad', ['first', 'last', 'between']),
  )
  .needsAt(attributeNeeds)
  .run((t, { attribute, bad }) => {
    const memory = t.map(pages(2));
    const type = typeOf(attribute);
    const illegal: AttributePair = [
      type,
      attribute === 'prefetchLocation' ? 0xffff_ffff : attribute === 'gpuAlwaysMapped' ? 1 : 3,
    ];
    const good: AttributePair = [type, otherOf(attribute)];
    const records = { first: [illegal, good], last: [good, illegal], between: [good, illegal, good] }[bad];
    t.equal(t.trySet(memory.range(), records), -EINVAL, 'result of SET_ATTR');
    t.equal(t.get(memory.range(), allTypes(t)), defaults(t), 'all attributes afterwards');
    t.equal(t.trySet(memory.range(), [good, good]), 0, 'the good records alone');
    t.equal(t.get(memory.range(), [type]), [otherOf(attribute)], 'the attribute');
  });

duplicatesGroup
  .case('flags-together', 'records of different flags do not overwrite each other')
  .source('spec/02-attributes §4.9')
  .parameters(parameters().combine('rotation', [0, 1, 2, 3, 4, 5, 6]))
  .run((t, { rotation }) => {
    const memory = t.map(pages(2));
    const flags = CHANGEABLE.slice(4);
    const turned = [...flags.slice(rotation), ...flags.slice(0, rotation)];
    // Alternating: set, clear, set ... in this order, in one call.
    t.set(
      memory.range(),
      turned.map((flag, index): AttributePair => [typeOf(flag), (index + 1) % 2]),
    );
    t.equal(
      t.get(memory.range(), turned.map(typeOf)),
      turned.map((_, index) => (index + 1) % 2),
      'the flags',
    );
  });
