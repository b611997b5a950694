/** The ordered index against a sorted array. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OrderedMap } from '../emulator/kernel/ordered-map.ts';
import { seedFor } from './support/emulator-rig.ts';

interface Item {
  readonly serial: number;
}
interface Entry {
  readonly key: number;
  readonly item: Item;
}

/** The same multimap as an array sorted by key; equal keys in order of insertion. */
class Oracle {
  readonly entries: Entry[] = [];

  /** Index of the first entry with a key of at least `key` (`after`: greater than `key`). */
  position(key: number, after = false): number {
    let [low, high] = [0, this.entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.entries[middle]!.key;
      if (other < key || (after && other === key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  insert(key: number, item: Item): void {
    this.entries.splice(this.position(key, true), 0, { key, item });
  }

  indexOf(key: number, item: Item): number {
    for (let index = this.position(key); this.entries[index]?.key === key; index++) {
      if (this.entries[index]!.item === item) return index;
    }
    return -1;
  }
}

/** Both sides, changed together; every answer is compared. */
class Pair {
  readonly map = new OrderedMap<Item>();
  readonly oracle = new Oracle();
  operations = 0;
  #serial = 0;

  insert(key: number): void {
    const item = { serial: this.#serial++ };
    this.map.insert(key, item);
    this.oracle.insert(key, item);
    this.#count();
  }

  /** Inserts where the search for `place` ended, with a key of at most that. */
  insertNear(place: number, distance: number): void {
    const { entries } = this.oracle;
    const at = this.oracle.position(place, true);
    expect(this.map.seekAfter(place)).toBe(entries[at]?.key ?? Number.POSITIVE_INFINITY);
    expect(this.map.beforeSeek).toBe(entries[at - 1]?.item);
    const item = { serial: this.#serial++ };
    this.map.insertHere(place - distance, item);
    this.oracle.insert(place - distance, item);
    this.#count();
  }

  remove(index: number): void {
    const entry = this.oracle.entries[index];
    if (entry === undefined) return;
    // Where it is not where `removeFirst` looks, it stays.
    const isGone = entry.item.serial % 2 === 0 && this.map.removeFirst(entry.item);
    if (!isGone) expect(this.map.remove(entry.key, entry.item)).toBe(true);
    this.oracle.entries.splice(index, 1);
    this.#count();
  }

  removeMissing(key: number): void {
    expect(this.map.remove(key, { serial: -1 })).toBe(false);
    expect(this.map.replace(key, { serial: -1 }, { serial: -2 })).toBe(false);
    expect(this.map.rekey(key, key + 1, { serial: -1 })).toBe(false);
    this.#count();
  }

  replace(index: number): void {
    const entry = this.oracle.entries[index];
    if (entry === undefined) return;
    const item = { serial: this.#serial++ };
    expect(this.map.replace(entry.key, entry.item, item)).toBe(true);
    this.oracle.entries[index] = { key: entry.key, item };
    this.#count();
  }

  rekey(index: number, key: number): void {
    const entry = this.oracle.entries[index];
    if (entry === undefined) return;
    expect(this.map.rekey(entry.key, key, entry.item)).toBe(true);
    // Also with the key it had: it goes after all items with that key.
    this.oracle.entries.splice(index, 1);
    this.oracle.insert(key, entry.item);
    this.#count();
  }

  query(key: number): void {
    const { entries } = this.oracle;
    const [from, behind] = [this.oracle.position(key), this.oracle.position(key, true)];
    const actual = [this.map.floor(key), this.map.ceiling(key), this.map.higher(key), this.map.lower(key)];
    const expected = [entries[behind - 1], entries[from], entries[behind], entries[from - 1]].map(
      (entry) => entry?.item,
    );
    for (const [index, item] of actual.entries()) {
      if (item !== expected[index]) expect({ key, index, item }).toEqual({ key, index, item: expected[index] });
    }
    if (this.map.size !== entries.length) expect(this.map.size).toBe(entries.length);
    this.#count();
  }

  scan(key: number, most: number): void {
    const from = this.oracle.position(key);
    const expected = this.oracle.entries.slice(from, from + most).map(({ item }) => item.serial);
    const found: number[] = [];
    this.map.scan(key, (item) => {
      found.push(item.serial);
      return found.length < most;
    });
    if (found.join() !== expected.join()) expect(found).toEqual(expected);
    const walked: number[] = [];
    const end = this.oracle.entries[from + most]?.key ?? Number.POSITIVE_INFINITY;
    const below = this.oracle.entries.slice(from, this.oracle.position(end)).map(({ item }) => item.serial);
    for (let item = this.map.seek(key, end); item !== undefined; item = this.map.next()) walked.push(item.serial);
    if (walked.join() !== below.join()) expect(walked).toEqual(below);
    this.#count();
  }

  between(from: number, to: number): void {
    const expected = this.oracle.entries.slice(this.oracle.position(from), this.oracle.position(to));
    const found = this.map.between(from, to);
    if (found.length !== expected.length || found.some((item, index) => item !== expected[index]!.item))
      expect(found).toEqual(expected.map(({ item }) => item));
    this.#count();
  }

  checkAll(): void {
    const found = Array.from(this.map.values(), (item) => item.serial).join();
    if (found !== this.oracle.entries.map(({ item }) => item.serial).join())
      throw new Error('values() differs from the sorted array');
    expect(this.map.first()).toBe(this.oracle.entries[0]?.item);
    expect(this.map.last()).toBe(this.oracle.entries.at(-1)?.item);
    expect(this.map.size).toBe(this.oracle.entries.length);
  }

  #count(): void {
    this.operations++;
  }
}

/** Numbers from 0 to `bound` - 1, the same for the same seed. */
function random(seed: number): (bound: number) => number {
  let state = seed >>> 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

describe('OrderedMap against a sorted array', () => {
  const seed = seedFor('property-ordered-map');

  it('agrees for short histories, with many equal keys', () => {
    const key = fc.oneof(
      fc.integer({ min: 0, max: 6 }),
      fc.integer({ min: 0, max: 300 }),
      fc.constantFrom(0, 2 ** 52 - 1, -1),
    );
    const place = fc.nat(400);
    const operation = fc.oneof(
      { weight: 6, arbitrary: fc.tuple(fc.constant('insert' as const), key, place) },
      { weight: 3, arbitrary: fc.tuple(fc.constant('near' as const), key, place) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('remove' as const), key, place) },
      {
        weight: 1,
        arbitrary: fc.tuple(
          fc.constantFrom('missing' as const, 'replace' as const, 'scan' as const, 'between' as const),
          key,
          place,
        ),
      },
      { weight: 2, arbitrary: fc.tuple(fc.constantFrom('rekey' as const, 'query' as const), key, place) },
    );
    let operations = 0;
    fc.assert(
      fc.property(fc.array(operation, { minLength: 1, maxLength: 600, size: 'max' }), (steps) => {
        const pair = new Pair();
        for (const [name, at, place_] of steps) {
          const index = place_ % Math.max(1, pair.oracle.entries.length);
          if (name === 'insert') pair.insert(at);
          else if (name === 'near') pair.insertNear(at, place_ % 9);
          else if (name === 'remove') pair.remove(index);
          else if (name === 'missing') pair.removeMissing(at);
          else if (name === 'replace') pair.replace(index);
          else if (name === 'rekey') pair.rekey(index, at);
          else if (name === 'scan') pair.scan(at, 1 + (place_ % 90));
          else if (name === 'between') pair.between(at, at + (place_ % 90));
          pair.query(at);
        }
        pair.checkAll();
        operations += pair.operations;
      }),
      { seed, numRuns: 150 },
    );
    expect(operations).toBeGreaterThan(10_000);
  });

  // How the map is filled, and in which order it is emptied again.
  const fillings: Record<string, (step: number, pick: (bound: number) => number) => number> = {
    ascending: (step) => step,
    descending: (step) => 20_000 - step,
    scattered: (_, pick) => pick(2 ** 30),
    'crowded, 40 keys': (_, pick) => pick(40),
    'one key': () => 7,
  };
  const emptyings: Record<string, (size: number, pick: (bound: number) => number) => number> = {
    'from the front': () => 0,
    'from the back': (size) => size - 1,
    anywhere: (size, pick) => pick(size),
  };
  for (const [filling, keyOf] of Object.entries(fillings)) {
    for (const [emptying, indexOf] of Object.entries(emptyings)) {
      // Removal looks through a run of equal keys, so the crowded maps stay smaller.
      const most = filling === 'one key' ? 1_500 : filling.startsWith('crowded') ? 5_000 : 10_500;
      it(`grows to ${most} items (${filling}) and is emptied ${emptying}`, () => {
        const pick = random(seed);
        const pair = new Pair();
        for (let step = 0; pair.oracle.entries.length < most; step++) {
          if (step % 3 === 0) pair.insertNear(keyOf(step, pick), pick(3));
          else pair.insert(keyOf(step, pick));
          if (step % 16 === 0) pair.query(keyOf(pick(step + 1), pick) + pick(3) - 1);
          if (step % 64 === 0) pair.rekey(pick(pair.oracle.entries.length), keyOf(step, pick) + pick(5));
          if (step % 50 === 0) pair.replace(pick(pair.oracle.entries.length));
          if (step % 500 === 0) pair.scan(keyOf(pick(step + 1), pick), 200);
        }
        pair.checkAll();
        while (pair.oracle.entries.length > 0) {
          const size = pair.oracle.entries.length;
          pair.remove(indexOf(size, pick));
          if (size % 16 === 0) pair.query(keyOf(pick(size), pick));
          if (size % 1000 === 0) pair.checkAll();
          if (size % 70 === 0) pair.rekey(pick(size), keyOf(pick(size), pick));
        }
        pair.checkAll();
        pair.insert(3);
        pair.insert(1);
        pair.query(2);
        pair.checkAll();
        pair.map.clear();
        expect([...pair.map.values()]).toEqual([]);
        expect(pair.map.size).toBe(0);
      });
    }
  }
});
