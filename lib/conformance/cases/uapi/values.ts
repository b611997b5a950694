/** Which types and values SET takes, and what GET gives back. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EINVAL } from '../../support/errno.ts';
import {
  allTypes,
  ATTRIBUTES,
  CHANGEABLE,
  change,
  defaults,
  FLAGS,
  isAccepted,
  storedValue,
  typeOf,
} from '../../support/attributes.ts';
import type { AttributePair } from '../../../uapi/call.ts';

export const valuesGroup = new CaseGroup('uapi,values', 'Types and values that SET takes (spec/01-uapi §4)');

const EDGES = [
  0, 1, 2, 3, 4, 27, 28, 62, 63, 64, 127, 128, 255, 256, 257, 0x10000, 0x1_0001, 0x7fff_ffff, 0x8000_0000, 0x8000_0001,
  0xffff_fffe, 0xffff_ffff,
] as const;
const UNKNOWN_TYPES = [
  12, 13, 15, 16, 31, 32, 36, 64, 255, 256, 258, 0x1_0002, 0x7fff_ffff, 0x8000_0000, 0x8000_0002, 0xffff_ffff,
] as const;

valuesGroup
  .case('accepted', 'each attribute takes the values of its row and refuses the others; GET gives back what was stored')
  .source('spec/01-uapi §4; spec/02-attributes §4.1, §4.9')
  .parameters(parameters().combine('attribute', ATTRIBUTES).combine('value', EDGES))
  .run((t, { attribute, value }) => {
    const memory = t.map(pages(1));
    const pair: AttributePair = [typeOf(attribute), value];
    const taken = isAccepted(t, pair);
    t.equal(t.trySet(memory.range(), [pair]), taken ? 0 : -EINVAL, 'result of SET_ATTR');
    const expected = defaults(t);
    if (taken) expected[pair[0]] = storedValue(pair);
    t.equal(t.get(memory.range(), allTypes(t)), expected, 'all attributes afterwards');
  });

valuesGroup
  .case(
    'unknown-type',
    'an unknown type is refused by both operations wherever it is, and nothing is changed or written back',
  )
  .source('spec/02-attributes §4.1, §7 step 5; spec/01-uapi §6.2')
  .parameters(
    parameters()
      .combine('operation', [0, 1])
      .combine('type', UNKNOWN_TYPES)
      .combine('place', ['first', 'middle', 'last', 'alone']),
  )
  .run((t, { operation, type, place }) => {
    const memory = t.map(pages(2));
    const legal: AttributePair[] = [
      [2, 1],
      [9, 1],
      [3, 5],
    ];
    const unknown: AttributePair = [type, 0];
    const attributes = {
      first: [unknown, ...legal],
      middle: [legal[0]!, unknown, legal[1]!],
      last: [...legal, unknown],
      alone: [unknown],
    }[place];
    const { result, values } = t.ioctl({ operation, ...memory.range(), attributes });
    t.equal(result, -EINVAL, 'result');
    t.equal(
      values,
      attributes.map(([, value]) => value),
      'the records afterwards',
    );
    t.equal(t.get(memory.range(), allTypes(t)), defaults(t), 'all attributes afterwards');
  });

const ILLEGAL: Readonly<Record<string, AttributePair>> = {
  'prefetch-undefined': [1, 0xffff_ffff],
  'access-3': [2, 3],
  'access-largest': [2, 0xffff_ffff],
  'flag-2': [4, 2],
  'flag-256': [8, 256],
  'flag-largest': [10, 0xffff_ffff],
  'always-mapped-1': [11, 1],
  'type-12': [12, 0],
};

valuesGroup
  .case('one-illegal-record', 'one bad record among 64 good ones refuses the whole call; no tree change has happened')
  .source('spec/02-attributes §4.1')
  .parameters(
    parameters()
      .combine('illegal', Object.keys(ILLEGAL))
      .combine('index', [0, 1, 32, 63])
      .combine('onto', ['hole', 'interval']),
  )
  .run((t, { illegal, index, onto }) => {
    const memory = t.map(pages(4));
    const before = defaults(t);
    if (onto === 'interval') {
      t.set(memory.range(), [
        [3, 6],
        [8, 1],
      ]);
      before[3] = 6;
      before[8] = 1;
    }
    const attributes = Array.from({ length: 64 }, (_, position) => change(CHANGEABLE[position % CHANGEABLE.length]!));
    attributes[index] = ILLEGAL[illegal]!;
    t.equal(t.trySet(memory.range(), attributes), -EINVAL, 'result of SET_ATTR');
    t.equal(t.get(memory.range(), allTypes(t)), before, 'all attributes afterwards');
    attributes[index] = [3, 6];
    t.equal(t.trySet(memory.range(), attributes), 0, 'the same call without the bad record');
    t.ok(t.get(memory.range(), [9])[0] === 1, 'the good call changed the attributes');
  });

valuesGroup
  .case('flag-bits', 'each flag has a bit of its own: any two of them are set without the others')
  .source('spec/02-attributes §1')
  .parameters(
    parameters()
      .combine('one', FLAGS.slice(0, 7))
      .expand('other', ({ one }) => FLAGS.slice(FLAGS.indexOf(one), 7)),
  )
  .run((t, { one, other }) => {
    const memory = t.map(pages(1));
    const flags = t.attributes.slice(4);
    const types = flags.map(typeOf);
    t.set(
      memory.range(),
      types.map((type): AttributePair => [type, 0]),
    );
    t.equal(
      t.get(memory.range(), types),
      types.map(() => 0),
      'no flag',
    );
    t.set(memory.range(), [
      [typeOf(one), 1],
      [typeOf(other), 1],
    ]);
    t.equal(
      t.get(memory.range(), types),
      flags.map((flag) => (flag === one || flag === other ? 1 : 0)),
      'the flags',
    );
    t.set(memory.range(), [[typeOf(one), 0]]);
    t.equal(
      t.get(memory.range(), types),
      flags.map((flag) => (flag === other && flag !== one ? 1 : 0)),
      'the flags without the first',
    );
  });

valuesGroup
  .case('access-values', 'every access value can follow every other one')
  .source('spec/01-uapi §4')
  .parameters(parameters().combine('before', [0, 1, 2]).combine('after', [0, 1, 2]))
  .run((t, { before, after }) => {
    const memory = t.map(pages(1));
    t.set(memory.range(), [[2, before]]);
    t.equal(t.get(memory.range(), [2]), [before], 'access before');
    t.set(memory.range(), [[2, after]]);
    t.equal(t.get(memory.range(), [2]), [after], 'access after');
  });

valuesGroup
  .case('locations-are-u32', 'a location comes back as the u32 that was set, also with the upper bit')
  .source('spec/02-attributes §4.9, §7.2, §9')
  .parameters(
    parameters()
      .combine('attribute', ['preferredLocation', 'prefetchLocation'] as const)
      .combine('value', [0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xdead_beef, 0xffff_fffe])
      .combine('before', [0, 1, 0xffff_fffe]),
  )
  .run((t, { attribute, value, before }) => {
    const memory = t.map(pages(1));
    const type = typeOf(attribute);
    t.set(memory.range(), [[type, before]]);
    t.equal(t.get(memory.range(), [type]), [before], 'location before');
    t.set(memory.range(), [[type, value]]);
    t.equal(t.get(memory.range(), [type]), [value], 'location after');
    t.equal(t.get(memory.range(), [1 - type]), [0xffff_ffff], 'the other location');
  });
