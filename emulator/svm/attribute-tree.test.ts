import { describe, expect, it } from 'vitest';
import { AttributeInterval } from './attribute-interval.ts';
import { defaultRecord } from './attribute-record.ts';
import { AttributeTree } from './attribute-tree.ts';

const MAX = 2 ** 52 - 1;

function interval(first: number, last: number, flags = 3): AttributeInterval {
  return new AttributeInterval(first, last, { ...defaultRecord(9, 2), flags });
}

function tree(...spans: readonly (readonly [number, number])[]): {
  tree: AttributeTree;
  intervals: AttributeInterval[];
} {
  const made = new AttributeTree();
  const intervals = spans.map(([first, last]) => interval(first, last));
  for (const each of intervals) made.insert(each);
  return { tree: made, intervals };
}

const spans = (it: AttributeTree): number[][] => Array.from(it.values(), ({ first, last }) => [first, last]);

describe('point lookup', () => {
  it('finds the interval that contains a page, or none', () => {
    const {
      tree: it,
      intervals: [a, b],
    } = tree([10, 19], [30, 39]);
    expect([9, 10, 19, 20, 29, 30, 39, 40].map((page) => it.find(page))).toEqual([
      undefined,
      a,
      a,
      undefined,
      undefined,
      b,
      b,
      undefined,
    ]);
  });

  it('finds the first of those that intersect', () => {
    const {
      tree: it,
      intervals: [a, b],
    } = tree([10, 19], [30, 39]);
    expect([
      it.findIntersecting(0, 9),
      it.findIntersecting(0, 10),
      it.findIntersecting(19, 50),
      it.findIntersecting(20, 50),
      it.findIntersecting(40, MAX),
    ]).toEqual([undefined, a, a, b, undefined]);
  });
});

describe('bounds lookup', () => {
  const {
    tree: known,
    intervals: [a],
  } = tree([10, 19], [30, 39]);
  for (const [page, first, last] of [
    [0, 0, 9],
    [9, 0, 9],
    [20, 20, 29],
    [25, 20, 29],
    [29, 20, 29],
    [40, 40, Infinity],
    [MAX, 40, Infinity],
  ] as const) {
    it(`gives the hole ${first} to ${last} around page ${page}`, () => {
      expect(known.lookupBounds(page)).toEqual({ interval: undefined, first, last });
    });
  }

  it('gives the interval with its own bounds', () => {
    expect(known.lookupBounds(15)).toEqual({ interval: a, first: 10, last: 19 });
  });

  it('gives everything for an empty tree', () => {
    expect(new AttributeTree().lookupBounds(7)).toEqual({ interval: undefined, first: 0, last: Infinity });
  });

  it('gives a hole of one page', () => {
    const { tree: narrow } = tree([10, 19], [21, 39]);
    expect(narrow.lookupBounds(20)).toEqual({ interval: undefined, first: 20, last: 20 });
  });
});

describe('filling a hole', () => {
  it.each([
    ['of objects', Number.POSITIVE_INFINITY],
    ['of rows', 1],
  ])('%s ends where the next interval begins, and takes intervals in any order', (_what, mostObjects) => {
    const it = new AttributeTree(mostObjects);
    const ends: number[] = [];
    for (const [first, last] of [
      [30, 39],
      [50, 59],
      [10, 19],
      [20, 29],
      [45, 45],
      [60, MAX],
    ] as const) {
      it.hold();
      const end = it.endOfHole(first);
      it.insertIntoHole(interval(first, last), end);
      it.release();
      ends.push(end);
    }
    expect(ends).toEqual([Infinity, Infinity, 30, 30, 50, Infinity]);
    expect([spans(it).map(([first]) => first), it.overlapping]).toEqual([[10, 20, 30, 45, 50, 60], false]);
    expect([29, 45, 46].map((page) => it.find(page)?.first)).toEqual([20, 45, undefined]);
  });

  it('goes on in many leaves', () => {
    const it = new AttributeTree();
    // In an order that is neither ascending nor descending: 7 and 1,009 have no divisor in common.
    for (let index = 0; index < 1009; index++) {
      const first = ((index * 7) % 1009) * 4;
      it.insertIntoHole(interval(first, first + 1), it.endOfHole(first));
    }
    expect(spans(it)).toEqual(Array.from({ length: 1009 }, (_, index) => [index * 4, index * 4 + 1]));
  });

  it('ends at the interval that starts lowest where others overlap', () => {
    const { tree: it } = tree([20, 39], [30, 60]);
    expect([it.endOfHole(5), it.endOfHole(61)]).toEqual([20, Infinity]);
    it.insertIntoHole(interval(61, 70), it.endOfHole(61));
    expect([spans(it).join(' '), it.find(65)?.first]).toEqual(['20,39 30,60 61,70', 61]);
  });

  it('is left by an interval that goes on, and overlaps the next one then', () => {
    const { tree: it } = tree([20, 39]);
    it.insertIntoHole(interval(10, 25), it.endOfHole(10));
    expect([spans(it).join(' '), it.overlapping]).toEqual(['10,25 20,39', true]);
  });
});

describe('splitting', () => {
  for (const [first, last, expected, position] of [
    [
      15,
      24,
      [
        [10, 14],
        [15, 24],
        [25, 39],
      ],
      1,
    ],
    [
      10,
      24,
      [
        [10, 24],
        [25, 39],
      ],
      0,
    ],
    [
      15,
      39,
      [
        [10, 14],
        [15, 39],
      ],
      1,
    ],
    [
      10,
      10,
      [
        [10, 10],
        [11, 39],
      ],
      0,
    ],
    [
      39,
      39,
      [
        [10, 38],
        [39, 39],
      ],
      1,
    ],
  ] as const) {
    it(`at ${first} to ${last} keeps the identity in the middle and gives the old record to both sides`, () => {
      const it = new AttributeTree();
      const whole = interval(10, 39, 0x13);
      it.insert(interval(0, 9));
      it.insert(whole);
      it.insert(interval(40, 50));
      it.split(whole, first, last);
      expect(spans(it)).toEqual([[0, 9], ...expected, [40, 50]]);
      const pieces = [...it.values()];
      expect(pieces.indexOf(whole)).toBe(position + 1);
      expect(pieces.slice(1, -1).map(({ flags }) => flags)).toEqual(expected.map(() => 0x13));
      expect([it.size, it.overlapping]).toEqual([pieces.length, false]);
    });
  }
});

describe('changing', () => {
  it('trims the front of an interval', () => {
    const {
      tree: it,
      intervals: [a, b],
    } = tree([10, 19], [20, 29]);
    it.trimFront(a!, 15);
    expect([spans(it), it.find(14), it.find(15), it.after(a!)]).toEqual([
      [
        [15, 19],
        [20, 29],
      ],
      undefined,
      a,
      b,
    ]);
  });

  it('removes what is asked for and nothing else', () => {
    const {
      tree: it,
      intervals: [a, b],
    } = tree([10, 19], [20, 29]);
    it.remove(a!);
    expect([spans(it), it.find(15), it.find(20)]).toEqual([[[20, 29]], undefined, b]);
    it.clear();
    expect([it.size, it.find(20)]).toEqual([0, undefined]);
  });
});

describe('overlapping intervals (Q31)', () => {
  it('show the one that starts lower where both match, and the other one behind it', () => {
    const {
      tree: it,
      intervals: [inner, outer],
    } = tree([20, 60], [10, 39]);
    expect(it.overlapping).toBe(true);
    expect([9, 10, 20, 39, 40, 60, 61].map((page) => it.find(page))).toEqual([
      undefined,
      outer,
      outer,
      outer,
      inner,
      inner,
      undefined,
    ]);
    expect(it.after(outer!)).toBe(inner);
  });

  it('show the one inserted first where both start at the same page', () => {
    const {
      tree: it,
      intervals: [first, second],
    } = tree([10, 19], [10, 39]);
    expect([it.find(15), it.find(25), it.after(first!), it.after(second!)]).toEqual([first, second, second, undefined]);
  });

  it('are split with the identity in the middle too', () => {
    const {
      tree: it,
      intervals: [outer],
    } = tree([10, 39], [20, 60]);
    it.split(outer!, 15, 19);
    expect(spans(it)).toEqual([
      [10, 14],
      [15, 19],
      [20, 60],
      [20, 39],
    ]);
    expect(it.find(17)).toBe(outer);
  });

  it('are the last with their first page after a trim or a split, as they are inserted again', () => {
    const {
      tree: trimmed,
      intervals: [back, front],
    } = tree([20, 60], [10, 39]);
    trimmed.trimFront(front!, 20);
    expect([trimmed.find(25), trimmed.after(back!)]).toEqual([back, front]);
    trimmed.trimBack(back!, 59);
    expect([trimmed.find(25), trimmed.after(front!)]).toEqual([front, back]);
    const {
      tree: split,
      intervals: [first, second],
    } = tree([10, 19], [10, 39]);
    split.split(first!, 10, 15);
    expect([split.find(12), split.after(second!)]).toEqual([second, first]);
  });

  it('break the order of the list only where an interval enters before one that starts lower', () => {
    const { tree: sorted, intervals } = tree([10, 39], [20, 60]);
    expect([sorted.overlapping, sorted.listBroken]).toEqual([true, false]);
    // The next one in the list is the first that reaches beyond page 30, and that starts lower.
    const inner = interval(25, 30);
    sorted.insert(inner);
    expect([spans(sorted), sorted.listBroken]).toEqual([
      [
        [10, 39],
        [20, 60],
        [25, 30],
      ],
      true,
    ]);
    sorted.remove(inner);
    expect(sorted.listBroken).toBe(false);
    for (const each of intervals) sorted.remove(each);
    expect(sorted.overlapping).toBe(false);
  });

  it('are over when the tree was empty', () => {
    const { tree: it, intervals } = tree([10, 19], [15, 39]);
    for (const each of intervals) it.remove(each);
    expect([it.overlapping, it.size]).toEqual([false, 0]);
  });
});
