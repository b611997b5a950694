import { describe, expect, it } from 'vitest';
import { AttributeInterval } from './attribute-interval.ts';
import { defaultRecord } from './attribute-record.ts';
import { AttributeTree } from './attribute-tree.ts';
import { FoundIntervals } from './found-intervals.ts';

const SPACING = 16;
const BASE = 2 ** 40;

function interval(first: number, last: number): AttributeInterval {
  return new AttributeInterval(first, last, defaultRecord(9, 2));
}

/** Intervals of 8 pages with holes between them, each of them searched as often as it takes to be noted. */
function searched(count: number): { tree: AttributeTree; intervals: AttributeInterval[] } {
  const tree = new AttributeTree();
  const intervals = Array.from({ length: count }, (_, index) =>
    interval(BASE + index * SPACING, BASE + index * SPACING + 7),
  );
  for (const each of intervals) tree.insert(each);
  for (let round = 0; round < 3; round++) for (const each of intervals) look(tree, each.first + 3);
  return { tree, intervals };
}

/** As SET_ATTR and GET_ATTR do. */
const look = (tree: AttributeTree, page: number): AttributeInterval | undefined =>
  tree.found.find(page) ?? tree.findAndNote(page);
const isNoted = (tree: AttributeTree, page: number): boolean => tree.found.find(page) !== undefined;

describe('an interval', () => {
  it('is noted once as many were searched as there are', () => {
    const tree = new AttributeTree();
    const [a, b] = [interval(10, 19), interval(30, 39)];
    tree.insert(a);
    tree.insert(b);
    const noted = [];
    for (let time = 0; time < 3; time++) {
      expect(look(tree, 15)).toBe(a);
      noted.push(isNoted(tree, 15));
    }
    expect(noted).toEqual([false, false, true]);
    expect(tree.found.find(25)).toBeUndefined();
  });

  it('is not found for a page that it does not contain any more', () => {
    const { tree, intervals } = searched(1);
    const a = intervals[0]!;
    expect(isNoted(tree, BASE + 3)).toBe(true);
    tree.split(a, BASE + 4, BASE + 5);
    expect(look(tree, BASE + 3)).not.toBe(a);
    expect(look(tree, BASE + 4)).toBe(a);
    tree.trimFront(a, BASE + 5);
    expect([look(tree, BASE + 4), look(tree, BASE + 5)]).toEqual([undefined, a]);
    tree.remove(a);
    expect([a.freed, a.first, look(tree, BASE + 5)]).toEqual([true, BASE + 5, undefined]);
  });

  it('is not found in a tree that was cleared', () => {
    const { tree } = searched(1);
    tree.clear();
    expect(look(tree, BASE + 3)).toBeUndefined();
  });

  it('that begins later is not found where a race has made intervals overlap', () => {
    const { tree } = searched(1);
    const wide = interval(BASE - 8, BASE + 7);
    tree.insert(wide);
    expect(look(tree, BASE + 3)).toBe(wide);
  });
});

describe('the number of intervals', () => {
  it.each([1, 2, 3, 64, 1000, 4096])('makes no difference to what is found: %i', (count) => {
    const { tree, intervals } = searched(count);
    for (const each of intervals) {
      expect(look(tree, each.first + 3)).toBe(each);
      expect(look(tree, each.first - 1)).toBeUndefined();
    }
    const noted = intervals.filter((each) => isNoted(tree, each.first + 3)).length;
    expect(noted).toBeGreaterThan(count * 0.6);
  });

  it('grows past what is noted', () => {
    const { tree, intervals } = searched(4096);
    const last = interval(BASE - SPACING, BASE - SPACING + 7);
    tree.insert(last);
    for (let time = 0; time < 3; time++) expect(look(tree, last.first)).toBe(last);
    expect(isNoted(tree, last.first)).toBe(false);
    expect(intervals.some((each) => isNoted(tree, each.first + 3))).toBe(false);
    for (const each of intervals) expect(look(tree, each.first + 3)).toBe(each);
  });
});

it('forgets', () => {
  const found = new FoundIntervals();
  const a = interval(1, 2);
  for (let time = 0; time < 2; time++) found.note(1, a, 1);
  expect(found.find(1)).toBe(a);
  found.clear();
  expect(found.find(1)).toBeUndefined();
});
