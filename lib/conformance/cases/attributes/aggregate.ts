/** What GET answers where pages differ. The expectations are written out, not computed. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { ModelledMemory } from '../../support/attribute-model.ts';
import {
  allTypes,
  change,
  CHANGEABLE,
  defaults,
  defaultOf,
  otherOf,
  QUIET,
  typeOf,
  UNDEFINED,
} from '../../support/attributes.ts';
import type { SvmAttributeName } from '../../../uapi/constants.ts';
import type { AttributePair } from '../../../uapi/call.ts';

export const aggregateGroup = new CaseGroup(
  'attributes,aggregate',
  'GET over pages that differ (spec/02-attributes §7, §7.1)',
);

/** Values of two neighbours and what GET makes of them. */
const MIXED: readonly (readonly [attribute: SvmAttributeName, one: number, other: number, both: number])[] = [
  ['preferredLocation', 0, 0, 0],
  ['preferredLocation', 0, 1, UNDEFINED],
  ['preferredLocation', 5, 5, 5],
  ['preferredLocation', 5, 6, UNDEFINED],
  ['preferredLocation', UNDEFINED, 0, UNDEFINED],
  ['preferredLocation', 0xffff_fffe, 0x7fff_fffe, UNDEFINED],
  ['preferredLocation', 0x8000_0000, 0x8000_0000, 0x8000_0000],
  ['prefetchLocation', 0, 0, 0],
  ['prefetchLocation', 0, 1, UNDEFINED],
  ['prefetchLocation', 1, 1, 1],
  ['prefetchLocation', 1, 2, UNDEFINED],
  ['access', 0, 0, 0],
  ['access', 1, 1, 1],
  ['access', 2, 2, 2],
  ['access', 0, 1, 0],
  ['access', 0, 2, 0],
  ['access', 1, 2, 0],
  ['granularity', 9, 9, 9],
  ['granularity', 0, 9, 0],
  ['granularity', 8, 9, 8],
  ['granularity', 10, 63, 10],
  ['granularity', 9, 10, 9],
  ...CHANGEABLE.slice(4).flatMap(
    (flag) =>
      [
        [flag, 0, 0, 0],
        [flag, 0, 1, 0],
        [flag, 1, 1, 1],
      ] as const,
  ),
];

aggregateGroup
  .case(
    'two-intervals',
    'of two intervals GET gives the common location or UNDEFINED, the common access or INACCESSIBLE, the smaller granularity, the common flags',
  )
  .source('spec/02-attributes §7.1')
  .parameters(
    parameters()
      .combine(
        'mix',
        MIXED.map(([attribute, one, other]) => `${attribute} ${one} ${other}`),
      )
      .combine('order', ['given', 'swapped']),
  )
  .run((t, { mix, order }) => {
    const [attribute, one, other, both] = MIXED.find((each) => `${each[0]} ${each[1]} ${each[2]}` === mix)!;
    const type = typeOf(attribute);
    const memory = t.map(pages(4));
    const [front, back] = order === 'given' ? [one, other] : [other, one];
    t.set(memory.range(0, pages(2)), [[type, front]]);
    t.set(memory.range(pages(2), pages(2)), [[type, back]]);
    t.equal(t.get(memory.range(0, pages(2)), [type]), [front], 'the first interval');
    t.equal(t.get(memory.range(pages(2), pages(2)), [type]), [back], 'the second interval');
    t.equal(t.get(memory.range(), [type]), [both], 'both');
    t.equal(t.get(memory.range(pages(1), pages(2)), [type]), [both], 'one page of each');
  });

/** What the attribute reads as over pages of which some have `otherOf`, some the default. */
function mixedWithHole(attribute: SvmAttributeName): number {
  switch (attribute) {
    case 'preferredLocation':
    case 'prefetchLocation':
      return UNDEFINED;
    case 'access':
      return 0;
    case 'granularity':
      return Math.min(otherOf(attribute), 9);
    default:
      return 0;
  }
}

aggregateGroup
  .case('holes', 'a hole takes part with the default record, wherever it lies')
  .source('spec/02-attributes §7 step 3, §7.1')
  .parameters(
    parameters()
      .combine('attribute', CHANGEABLE)
      .combine('hole', ['before', 'behind', 'between', 'one-page-between', 'around', 'none']),
  )
  .run((t, { attribute, hole }) => {
    const memory = t.map(pages(16));
    const type = typeOf(attribute);
    const spans = {
      before: [[4, 12]],
      behind: [[0, 12]],
      between: [
        [0, 4],
        [12, 4],
      ],
      'one-page-between': [
        [0, 8],
        [9, 7],
      ],
      around: [[7, 2]],
      none: [
        [0, 8],
        [8, 8],
      ],
    }[hole];
    for (const [first, count] of spans) t.set(memory.range(pages(first!), pages(count!)), [change(attribute)]);
    t.equal(
      t.get(memory.range(pages(spans[0]![0]!), pages(spans[0]![1]!)), [type]),
      [otherOf(attribute)],
      'the interval alone',
    );
    t.equal(t.get(memory.range(), [type]), [hole === 'none' ? otherOf(attribute) : mixedWithHole(attribute)], 'all');
  });

aggregateGroup
  .case('granularity-of-a-hole', 'a hole has the default granularity, which can be the smaller one')
  .source('spec/02-attributes §7.1')
  .parameters(parameters().combine('granularity', [0, 8, 9, 10, 63]).combine('hole', ['before', 'behind', 'between']))
  .run((t, { granularity, hole }) => {
    const memory = t.map(pages(9));
    const first = hole === 'before' ? 3 : 0;
    t.set(memory.range(pages(first), pages(3)), { granularity });
    t.set(memory.range(pages(hole === 'behind' ? 3 : 6), pages(3)), { granularity });
    t.has(memory.range(), { granularity: Math.min(granularity, 9) }, 'granularity of all');
  });

aggregateGroup
  .case('the-odd-one', 'one page that differs decides, wherever it lies among many')
  .source('spec/02-attributes §7.1')
  .parameters(parameters().combine('attribute', QUIET).combine('page', [0, 1, 15, 30, 31]))
  .run((t, { attribute, page }) => {
    const memory = t.map(pages(32));
    const type = typeOf(attribute);
    t.set(memory.range(), [change(attribute)]);
    t.equal(t.get(memory.range(), [type]), [otherOf(attribute)], 'before');
    t.set(memory.range(pages(page), pages(1)), [[type, defaultOf(t, attribute)]]);
    t.equal(t.get(memory.range(), [type]), [mixedWithHole(attribute)], 'with one page set back');
    if (page > 0) t.equal(t.get(memory.range(0, pages(page)), [type]), [otherOf(attribute)], 'the pages before it');
    if (page < 31) t.equal(t.get(memory.range(pages(page + 1)), [type]), [otherOf(attribute)], 'the pages after it');
  });

aggregateGroup
  .case('three', 'UNDEFINED and INACCESSIBLE stay once two differ, also if the third agrees with one of them')
  .source('spec/02-attributes §7.1')
  .parameters(parameters().combine('pattern', ['aba', 'aab', 'abb', 'abc', 'a-a', 'a-b', '-a-', 'aaa']))
  .run((t, { pattern }) => {
    const memory = t.map(pages(3));
    const records: Readonly<Record<string, readonly AttributePair[]>> = {
      a: [
        [0, 3],
        [1, 0],
        [2, 1],
      ],
      b: [
        [0, 4],
        [1, 7],
        [2, 2],
      ],
      c: [
        [0, 5],
        [1, 8],
        [2, 0],
      ],
    };
    for (const [page, letter] of [...pattern].entries()) {
      if (letter !== '-') t.set(memory.range(pages(page), pages(1)), records[letter]!);
    }
    t.equal(
      t.get(memory.range(), ['preferredLocation', 'prefetchLocation', 'access']),
      pattern === 'aaa' ? [3, 0, 1] : [UNDEFINED, UNDEFINED, 0],
      'locations and access',
    );
  });

aggregateGroup
  .case('undefined-then-location', 'a location after pages with UNDEFINED does not win')
  .source('spec/02-attributes §7.1')
  .parameters(
    parameters()
      .combine('attribute', ['preferredLocation', 'prefetchLocation'] as const)
      .combine('location', [0, 1, 9]),
  )
  .run((t, { attribute, location }) => {
    const memory = t.map(pages(4));
    const type = typeOf(attribute);
    t.set(memory.range(0, pages(1)), { granularity: 5 });
    t.set(memory.range(pages(2), pages(2)), [[type, location]]);
    t.equal(t.get(memory.range(), [type]), [UNDEFINED], 'all');
    t.equal(t.get(memory.range(pages(2), pages(2)), [type]), [location], 'the part that has it');
  });

aggregateGroup
  .case('inaccessible-then-access', 'an access after pages that are INACCESSIBLE does not win')
  .source('spec/02-attributes §7.1')
  .parameters(parameters().combine('first', [0, 1, 2]).combine('second', [0, 1, 2]).combine('third', [0, 1, 2]))
  .run((t, { first, second, third }) => {
    const memory = t.map(pages(3));
    for (const [page, access] of [first, second, third].entries())
      t.set(memory.range(pages(page), pages(1)), { access });
    t.has(memory.range(), { access: first === second && second === third ? first : 0 }, 'access of all');
  });

aggregateGroup
  .case('every-span', 'GET over every span of a small window agrees with its pages')
  .source('spec/02-attributes §7')
  .parameters(parameters().combine('layout', ['stairs', 'islands', 'head-only', 'tail-only', 'alternating']))
  .run((t, { layout }) => {
    const size = 10;
    const modelled = new ModelledMemory(t, size);
    const spans = {
      stairs: [
        [0, 3],
        [3, 3],
        [6, 4],
      ],
      islands: [
        [1, 2],
        [4, 1],
        [7, 2],
      ],
      'head-only': [[0, 4]],
      'tail-only': [[6, 4]],
      alternating: [
        [0, 1],
        [2, 1],
        [4, 1],
        [6, 1],
        [8, 1],
      ],
    }[layout];
    for (const [index, [first, count]] of spans.entries()) {
      modelled.set(
        { first: first!, count: count! },
        {
          preferredLocation: index % 2,
          access: index % 3,
          granularity: 7 + index,
          gpuExecutable: true,
          hostAccess: index % 2,
          gpuReadMostly: true,
        },
      );
    }
    for (let first = 0; first < size; first++) {
      for (let count = 1; first + count <= size; count++) modelled.checkSpan({ first, count }, layout);
    }
  });

aggregateGroup
  .case('neighbours-left-out', 'what lies next to the request takes no part')
  .source('spec/02-attributes §7')
  .parameters(parameters().combine('attribute', CHANGEABLE))
  .run((t, { attribute }) => {
    const memory = t.map(pages(6));
    t.set(memory.range(0, pages(2)), [change(attribute)]);
    t.set(memory.range(pages(4), pages(2)), [change(attribute)]);
    t.equal(t.get(memory.range(pages(2), pages(2)), allTypes(t)), defaults(t), 'the hole between two intervals');
    t.has(memory.range(pages(4), pages(2)), { [attribute]: otherOf(attribute) }, 'the second interval');
  });
