import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PageSet } from './page-set.ts';

it('is a set of pages, in as few intervals as there can be', () => {
  const interval = fc.tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 10 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), interval), { maxLength: 30 }), interval, (changes, [at, length]) => {
      const set = new PageSet();
      const model = new Set<number>();
      for (const [add, [first, pages]] of changes) {
        if (add) set.add(first, first + pages);
        else set.remove(first, first + pages);
        for (let page = first; page < first + pages; page++) {
          if (add) model.add(page);
          else model.delete(page);
        }
      }
      const asked = Array.from({ length }, (_, index) => at + index);
      expect(set.covers(at, at + length)).toBe(asked.every((page) => model.has(page)));
      expect(set.intersects(at, at + length)).toBe(asked.some((page) => model.has(page)));
      expect(set.size).toBe([...model].filter((page) => !model.has(page - 1)).length);
    }),
    { numRuns: 1000 },
  );
});

it('takes an empty interval for nothing', () => {
  const set = new PageSet();
  set.add(5, 5);
  set.add(1, 3);
  set.remove(2, 2);
  expect([set.size, set.covers(1, 3)]).toEqual([1, true]);
});
