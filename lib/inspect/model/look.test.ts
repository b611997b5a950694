import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ATTRIBUTE_COLOURS, LANES } from './lanes.ts';
import { firstLook, fragmentOf, lookOf } from './look.ts';
import type { Look } from './look.ts';

const session = { steps: 5000, gpus: 4 };
const pages = fc.integer({ min: 0, max: 2 ** 35 });
// Parts of the map begin and end in the middle of pages; a byte is as exact as they are told.
const parts = fc
  .tuple(pages, fc.integer({ min: 1, max: 2 ** 30 }))
  .map(([firstPage, bytes]) => ({ firstPage, lastPage: firstPage + bytes / 4096 }));
const looks: fc.Arbitrary<Look> = fc.record({
  step: fc.integer({ min: 0, max: 4999 }),
  event: fc.integer({ min: -1, max: 1000 }),
  gpu: fc.integer({ min: 0, max: 3 }),
  selected: fc.option(
    fc.record({ lane: fc.constantFrom(...LANES), page: pages, pages: fc.integer({ min: 1, max: 2 ** 35 }) }),
    {
      nil: undefined,
    },
  ),
  part: fc.option(parts, { nil: undefined }),
  compress: fc.boolean(),
  showEvents: fc.boolean(),
  colour: fc.constantFrom(...ATTRIBUTE_COLOURS),
  filter: fc.record({
    text: fc.oneof(fc.string(), fc.constant('0x1000_0000 a+b & c%20=#')).map((text) => text.trim()),
    kind: fc.constantFrom('', 'mmap'),
    only: fc.constantFrom('', 'Q35', 'hazard'),
  }),
});

describe('the address', () => {
  it('says all of what is looked at, of two traces too', () => {
    fc.assert(
      fc.property(looks, looks, (look, other) => {
        const fragment = `#${fragmentOf(look)}&${fragmentOf(other, 'b-')}`;
        expect(lookOf(fragment, firstLook(7), session)).toEqual(look);
        expect(lookOf(fragment, firstLook(7), session, 'b-')).toEqual(other);
      }),
      { numRuns: 200 },
    );
  });

  it('is short and readable', () => {
    expect(fragmentOf(firstLook(11))).toBe('op=12');
    const selected = { lane: 'ptes', page: 0x10000, pages: 1 } as const;
    expect(fragmentOf({ ...firstLook(11), selected })).toBe('op=12&select=ptes:0x10000000:0x1000');
  });

  it.each([
    'op=0',
    'op=5001',
    'op=x',
    'gpu=4',
    'select=ptes:1',
    'select=what:0x1000:0x1000',
    'map=0x2000-0x1000',
    'colour=red',
    '',
  ])('that says nothing of use, %j, opens as ever', (fragment) =>
    expect(lookOf(`#${fragment}`, firstLook(7), session)).toEqual(firstLook(7)),
  );
});
