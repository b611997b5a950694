import { describe, expect, it } from 'vitest';
import { AttributeInterval } from './attribute-interval.ts';
import { defaultRecord } from './attribute-record.ts';
import type { AttributeRecord } from './attribute-record.ts';
import { AttributeTree } from './attribute-tree.ts';

const spans = (it: AttributeTree): number[][] => Array.from(it.values(), ({ first, last }) => [first, last]);

describe('in a tree with rows above no intervals', () => {
  const members = ({
    first,
    last,
    preferredLocation,
    prefetchLocation,
    access,
    granularity,
    flags,
  }: AttributeInterval) => [first, last, preferredLocation, prefetchLocation, access, granularity, flags];

  function packed(...records: readonly AttributeRecord[]): AttributeTree {
    const it = new AttributeTree(0);
    it.hold();
    for (const [index, record] of records.entries())
      it.insert(new AttributeInterval(2 ** 40 + 10 * index, 2 ** 40 + 10 * index + 4, record));
    it.release();
    return it;
  }

  it('an interval keeps every value of its members', () => {
    const [low, high] = [-(2 ** 31), 2 ** 31 - 1];
    const records: AttributeRecord[] = [
      { preferredLocation: -1, prefetchLocation: -1, access: 0, granularity: 0, flags: 0 },
      { preferredLocation: 0, prefetchLocation: 0, access: 2, granularity: 63, flags: 0xff },
      { preferredLocation: low, prefetchLocation: high, access: 1, granularity: 9, flags: 0x80 },
      { preferredLocation: high, prefetchLocation: low, access: 2, granularity: 63, flags: 0xff },
    ];
    const it = packed(...records);
    const expected = records.map((record, index) => [
      2 ** 40 + 10 * index,
      2 ** 40 + 10 * index + 4,
      ...Object.values(record),
    ]);
    expect(Array.from(it.values(), members)).toEqual(expected);
    expect(records.map((_, index) => members(it.find(2 ** 40 + 10 * index + 2)!))).toEqual(expected);
  });

  it('an interval is one object until everybody has released the tree', () => {
    const it = packed(defaultRecord(9, 2));
    it.hold();
    const interval = it.find(2 ** 40)!;
    it.hold();
    expect(it.find(2 ** 40 + 4)).toBe(interval);
    it.release();
    expect(it.findIntersecting(0, 2 ** 40)).toBe(interval);
    interval.flags = 0x41;
    it.release();
    it.hold();
    const again = it.find(2 ** 40)!;
    expect(again).not.toBe(interval);
    expect(again.flags).toBe(0x41);
    // Who kept it does not see what was true before.
    expect([interval.first, interval.last]).toEqual([Number.NaN, Number.NaN]);
  });

  it('what was removed while somebody held it keeps its values for as long', () => {
    const it = packed(defaultRecord(9, 2), defaultRecord(5, 1));
    it.hold();
    const interval = it.find(2 ** 40)!;
    it.remove(interval);
    it.insert(new AttributeInterval(2 ** 40, 2 ** 40 + 1, defaultRecord(3, 0)));
    expect(members(interval)).toEqual([2 ** 40, 2 ** 40 + 4, -1, -1, 2, 9, 3]);
    it.release();
    expect(spans(it)).toEqual([
      [2 ** 40, 2 ** 40 + 1],
      [2 ** 40 + 10, 2 ** 40 + 14],
    ]);
    for (const each of [2 ** 40, 2 ** 40 + 10]) it.remove(it.find(each)!);
    expect([it.size, spans(it)]).toEqual([0, []]);
  });

  it('all are objects once a race has made two overlap', () => {
    const it = packed(defaultRecord(9, 2), defaultRecord(5, 1), defaultRecord(4, 0));
    it.insert(new AttributeInterval(2 ** 40 + 3, 2 ** 40 + 12, defaultRecord(9, 2)));
    expect(it.overlapping).toBe(true);
    const found = it.find(2 ** 40 + 20)!;
    it.hold();
    it.release();
    expect(it.find(2 ** 40 + 20)).toBe(found);
    expect(spans(it)).toEqual([
      [2 ** 40, 2 ** 40 + 4],
      [2 ** 40 + 3, 2 ** 40 + 12],
      [2 ** 40 + 10, 2 ** 40 + 14],
      [2 ** 40 + 20, 2 ** 40 + 24],
    ]);
  });
});

describe('in a tree that becomes large', () => {
  it('all intervals become rows, and are objects again where it has become small', () => {
    const it = new AttributeTree(100);
    const expected = Array.from({ length: 1000 }, (_, index) => [10 * index, 10 * index + 5]);
    for (const [index, [first, last]] of expected.entries()) {
      it.hold();
      it.insert(new AttributeInterval(first!, last!, defaultRecord(9, 2)));
      it.release();
      if (index === 50) expect(it.find(0)).toBe(it.find(0));
    }
    const inRows = it.find(0)!;
    it.hold();
    it.release();
    expect([inRows.first, spans(it)]).toEqual([Number.NaN, expected]);
    for (const [first] of expected.slice(50)) it.remove(it.find(first!)!);
    const object = it.find(0)!;
    it.hold();
    it.release();
    expect([it.find(0) === object, spans(it)]).toEqual([true, expected.slice(0, 50)]);
  });
});
