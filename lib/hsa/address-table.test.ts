import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressTable } from './address-table.ts';
import type { AddressEntry } from './address-table.ts';

const PAGE = 4096;
function memoryAt(page: number, size: number): AddressEntry {
  return { page, end: (BigInt(page) << 12n) + BigInt(size) };
}

describe('AddressTable', () => {
  it('finds what a map of every page finds, through any history of insertions and removals', () => {
    const step = fc.record({
      page: fc.integer({ min: 1, max: 400 }),
      size: fc.integer({ min: 1, max: 6 * PAGE }),
      remove: fc.boolean(),
      probe: fc.integer({ min: 0, max: 410 * PAGE }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const table = new AddressTable();
        const model = new Map<number, AddressEntry>();
        for (const { page, size, remove, probe } of steps) {
          const pages = Array.from({ length: Math.ceil(size / PAGE) }, (_, index) => page + index);
          const there = model.get(page);
          if (remove && there !== undefined) {
            expect(table.remove(there)).toBe(true);
            expect(table.remove(there)).toBe(false);
            for (const [key, value] of model) if (value === there) model.delete(key);
          } else if (pages.every((one) => !model.has(one))) {
            const memory = memoryAt(page, size);
            table.insert(memory);
            for (const one of pages) model.set(one, memory);
          }
          for (const address of [
            BigInt(probe),
            BigInt(page * PAGE),
            BigInt(page * PAGE + size - 1),
            BigInt(page * PAGE + size),
          ]) {
            const candidate = model.get(Number(address >> 12n));
            const expected = candidate !== undefined && address < candidate.end ? candidate : undefined;
            expect(table.find(address)).toBe(expected);
          }
          const live = [...new Set(model.values())].sort((left, right) => left.page - right.page);
          expect(table.size).toBe(live.length);
          expect(table.all()).toEqual(live);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('keeps its order over many chunks, whatever order things come in', () => {
    const order = Array.from({ length: 5000 }, (_, index) => (index * 1237) % 5000);
    const table = new AddressTable();
    const memories = order.map((slot) => memoryAt(slot * 4 + 1, 2 * PAGE));
    for (const memory of memories) table.insert(memory);
    expect(table.all().map(({ page }) => page)).toEqual(Array.from({ length: 5000 }, (_, slot) => slot * 4 + 1));
    for (const memory of memories) {
      expect(table.find((BigInt(memory.page) << 12n) + 4097n)).toBe(memory);
      expect(table.find(memory.end)).toBeUndefined();
    }
    for (const memory of memories.slice(0, 4999)) expect(table.remove(memory)).toBe(true);
    expect(table.all()).toEqual(memories.slice(4999));
    table.remove(memories[4999]!);
    expect([table.size, table.find(BigInt(memories[4999]!.page) << 12n)]).toEqual([0, undefined]);
  });
});
