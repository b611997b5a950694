/** The attribute tree and the ioctl against a model that knows pages only (spec 02). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clearAttributes } from '../emulator/svm/attribute-clear.ts';
import type { AttributeInterval } from '../emulator/svm/attribute-interval.ts';
import type { AmdgpuSvmRange } from '../emulator/svm/svm-range.ts';
import { accepts, AttributeModel, valueOf } from './support/attribute-model.ts';
import type { ModelPair } from './support/attribute-model.ts';
import { times } from './support/effort.ts';
import { at, GET, Rig, seedFor, SET, V } from './support/emulator-rig.ts';

// A whole 2 MiB block with pieces of its neighbours; the boundary of two notifiers is in it.
const BASE = V - 100;
const WINDOW = 700;
const RUNS = times(60, 30);
const OPERATIONS = 200;
const LAST_PAGE = 2 ** 52 - 1;
const [EFAULT, EEXIST, EINVAL, EOPNOTSUPP] = [-14, -17, -22, -95];

const page = fc.oneof(
  fc.integer({ min: 0, max: WINDOW - 1 }),
  fc.integer({ min: 0, max: 43 }).map((chunk) => chunk * 16 + 4),
);
const length = fc.oneof(
  fc.integer({ min: 1, max: 5 }),
  fc.constantFrom(16, 32, 100, 512),
  fc.integer({ min: 1, max: WINDOW }),
);
const span = fc.tuple(page, length).map(([first, pages]) => ({ first, pages: Math.min(pages, WINDOW - first) }));
const legal: fc.Arbitrary<ModelPair> = fc.oneof(
  fc.tuple(fc.constant(0), fc.constantFrom(0, 1, 7, 0x8000_0000, 0xffff_ffff)),
  fc.tuple(fc.constant(1), fc.constantFrom(0, 0, 1, 2)),
  fc.tuple(fc.constant(2), fc.integer({ min: 0, max: 2 })),
  fc.tuple(fc.constant(3), fc.constantFrom(0, 5, 9, 63, 64, 0xffff_ffff)),
  fc.tuple(fc.integer({ min: 4, max: 10 }), fc.integer({ min: 0, max: 1 })),
  fc.constant([11, 0] as const),
);
const any: fc.Arbitrary<ModelPair> = fc.tuple(
  fc.oneof(fc.integer({ min: 0, max: 13 }), fc.constant(0xffff_ffff)),
  fc.constantFrom(0, 1, 2, 3, 63, 64, 0x7fff_ffff, 0xffff_ffff),
);
const attributes = fc.oneof(
  { weight: 6, arbitrary: fc.array(legal, { minLength: 1, maxLength: 3 }) },
  // Few types, many records: duplicates, the last one wins.
  { weight: 1, arbitrary: fc.array(legal, { minLength: 4, maxLength: 64 }) },
  { weight: 1, arbitrary: fc.array(any, { minLength: 1, maxLength: 4 }) },
);
const types = fc.array(
  fc.oneof(
    { weight: 40, arbitrary: fc.integer({ min: 0, max: 11 }) },
    { weight: 1, arbitrary: fc.constantFrom(12, 0xffff_ffff) },
  ),
  {
    minLength: 1,
    maxLength: 16,
  },
);

const operation = fc.oneof(
  { weight: 12, arbitrary: fc.record({ name: fc.constant('set' as const), span, attributes }) },
  { weight: 6, arbitrary: fc.record({ name: fc.constant('get' as const), span, types }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('get-to-end' as const), first: page, types }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('set-to-end' as const), first: page, attributes }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('wrap' as const), first: page, attributes, types }) },
  {
    weight: 2,
    arbitrary: fc.record({
      name: fc.constant('map' as const),
      span,
      kind: fc.constantFrom('anon', 'anon', 'anon', 'io'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ name: fc.constant('unmap' as const), span }) },
  {
    weight: 1,
    arbitrary: fc.record({
      name: fc.constant('clear' as const),
      span,
      reversed: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
    }),
  },
  { weight: 2, arbitrary: fc.record({ name: fc.constant('fault' as const), first: page, write: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('discard' as const), span }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('collect' as const) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never;
/** A history keeps its length when it shrinks: what does not matter becomes null. */
const step = fc.option(operation, { freq: 10_000 });

/** One machine and its model, changed side by side. */
class Pair {
  readonly rig: Rig;
  readonly model: AttributeModel;
  readonly granularity: number;
  readonly #kinds: (undefined | 'anon' | 'io')[] = Array.from({ length: WINDOW });
  readonly #pending = new Map<AmdgpuSvmRange, { first: number; last: number }>();
  readonly #identity = new Map<number, AttributeInterval>();
  readonly #idOf = new WeakMap<AttributeInterval, number>();

  constructor(granularity: number) {
    this.granularity = granularity;
    this.rig = new Rig({ defaultGranularity: granularity });
    this.model = new AttributeModel(WINDOW, granularity);
    this.map(0, WINDOW, 'anon');
  }

  map(first: number, pages: number, kind: 'anon' | 'io'): void {
    const taken = this.#kinds.slice(first, first + pages).some((each) => each !== undefined);
    expect(this.rig.map(BASE + first, pages, 'rw', kind)).toBe(taken ? EEXIST : 0);
    if (!taken) this.#kinds.fill(kind, first, first + pages);
  }

  unmap(first: number, pages: number): void {
    if (this.#kinds.slice(first, first + pages).some((kind) => kind !== undefined)) {
      for (const range of this.rig.context.framework.ranges.values()) {
        const from = Math.max(range.startPage - BASE, first);
        const to = Math.min(range.endPage - BASE, first + pages) - 1;
        if (from > to) continue;
        const hull = this.#pending.get(range) ?? { first: from, last: to };
        this.#pending.set(range, { first: Math.min(hull.first, from), last: Math.max(hull.last, to) });
      }
    }
    expect(this.rig.unmap(BASE + first, pages)).toBe(0);
    this.#kinds.fill(undefined, first, first + pages);
  }

  /** The worker has run: the hull of what was unmapped of each range is cleared (Q27). */
  collected(): void {
    for (const { first, last } of this.#pending.values()) this.model.clear(first, last);
    this.#pending.clear();
  }

  set(first: number, pages: number, attributes: readonly ModelPair[]): void {
    const kind = this.#kinds.slice(first, first + pages).find((each) => each !== 'anon');
    const holes = this.#kinds.slice(first, first + pages).indexOf(undefined);
    const special = this.#kinds.slice(first, first + pages).indexOf('io');
    let expected = 0;
    if (!accepts(attributes)) expected = EINVAL;
    else if (holes >= 0 && (special < 0 || holes < special)) expected = EFAULT;
    else if (kind === 'io') expected = EOPNOTSUPP;
    this.collected();
    if (expected === 0) this.model.set(first, first + pages - 1, attributes);
    expect(this.rig.set(BASE + first, pages, ...attributes)).toBe(expected);
  }

  /** A SET up to 2^64: no VMA is looked at (Q22). Without prefetch, whose mapping of holes fails. */
  setToEnd(first: number, attributes: readonly ModelPair[]): void {
    const plain = attributes.filter(([type]) => type !== 1);
    if (plain.length === 0) return;
    this.collected();
    for (let index = first; index <= WINDOW; index++) {
      const { prefetch } = this.model.recordAt(index);
      if (prefetch !== 0 && prefetch !== 0xffff_ffff) return void this.rig.gc();
    }
    const expected = accepts(plain) ? 0 : EINVAL;
    if (expected === 0) this.model.set(first, WINDOW, plain);
    expect(this.rig.ioctl(SET, at(BASE + first), at(LAST_PAGE + 1 - BASE - first), plain).result).toBe(expected);
  }

  get(first: number, last: number, requested: readonly number[]): void {
    const size = last === WINDOW ? at(LAST_PAGE + 1 - BASE - first) : at(last - first + 1);
    const answer = this.rig.ioctl(
      GET,
      at(BASE + first),
      size,
      requested.map((type) => [type, 0xdead] as const),
    );
    this.#expectAnswer(answer, requested, first, last);
  }

  /** An interval beyond 2^64: refused by SET, defaults from GET (Q23). */
  wrap(first: number, attributes: readonly ModelPair[], requested: readonly number[]): void {
    const size = at(LAST_PAGE + 2 - BASE - first);
    this.collected();
    expect(this.rig.ioctl(SET, at(BASE + first), size, attributes).result).toBe(EINVAL);
    const answer = this.rig.ioctl(
      GET,
      at(BASE + first),
      size,
      requested.map((type) => [type, 0xdead] as const),
    );
    this.#expectAnswer(answer, requested);
  }

  #expectAnswer(
    answer: { result: number; values: readonly number[] },
    requested: readonly number[],
    first?: number,
    last?: number,
  ): void {
    const record = first === undefined ? this.model.defaults : this.model.aggregate(first, last!);
    const illegal = requested.some((type) => type > 11);
    const values = requested.map((type) => (illegal ? 0xdead : valueOf(record, type)));
    expect(answer).toEqual({ result: illegal ? EINVAL : 0, values });
  }

  fault(first: number, write: boolean): void {
    this.rig.gc();
    this.collected();
    const kind = this.#kinds[first];
    if (this.model.isHole(first) && kind === 'anon') {
      const granule = 2 ** this.granularity;
      const granuleStart = Math.floor((BASE + first) / granule) * granule - BASE;
      const hole = this.model.holeAround(first);
      let [low, high] = [first, first];
      while (this.#kinds[low - 1] === 'anon') low--;
      while (this.#kinds[high + 1] === 'anon') high++;
      this.model.create(
        Math.max(low, granuleStart, hole.first),
        Math.min(high, granuleStart + granule - 1, hole.last),
        this.model.defaults,
      );
      expect(this.rig.fault(BASE + first, write)).toBe(0);
    } else {
      const result = this.rig.fault(BASE + first, write);
      if (this.model.isHole(first)) expect(result).toBe(kind === 'io' ? EOPNOTSUPP : 0);
    }
  }

  check(): void {
    const expected = this.model.intervals();
    const actual = [...this.rig.context.tree.values()];
    const plain = actual.map((each) => ({
      first: each.first - BASE,
      last: each.last === LAST_PAGE ? WINDOW : each.last - BASE,
      record: {
        preferred: each.preferredLocation >>> 0,
        prefetch: each.prefetchLocation >>> 0,
        access: each.access,
        granularity: each.granularity,
        flags: each.flags,
      },
    }));
    const same =
      plain.length === expected.length &&
      plain.every((each, index) => {
        const other = expected[index]!;
        const { record } = other;
        return (
          each.first === other.first &&
          each.last === other.last &&
          each.record.flags === record.flags &&
          each.record.access === record.access &&
          each.record.granularity === record.granularity &&
          each.record.preferred === record.preferred &&
          each.record.prefetch === record.prefetch
        );
      });
    if (!same) expect(plain).toEqual(expected.map(({ first, last, record }) => ({ first, last, record })));
    // Sorted and disjoint, whatever the model says.
    for (let index = 1; index < actual.length; index++) {
      if (actual[index]!.first <= actual[index - 1]!.last) throw new Error('intervals overlap or are out of order');
    }
    for (const [index, interval] of actual.entries()) {
      const { id } = expected[index]!;
      if ((this.#identity.get(id) ?? interval) !== interval || (this.#idOf.get(interval) ?? id) !== id) {
        throw new Error(`the interval at page ${interval.first - BASE} has another identity than the model's`);
      }
      this.#identity.set(id, interval);
      this.#idOf.set(interval, id);
    }
    if (this.rig.context.tree.size !== actual.length) throw new Error('size does not count the intervals');
  }
}

function apply(pair: Pair, step: Operation): void {
  switch (step.name) {
    case 'set':
      return pair.set(step.span.first, step.span.pages, step.attributes);
    case 'get':
      return pair.get(step.span.first, step.span.first + step.span.pages - 1, step.types);
    case 'get-to-end':
      return pair.get(step.first, WINDOW, step.types);
    case 'set-to-end':
      return pair.setToEnd(step.first, step.attributes);
    case 'wrap':
      return pair.wrap(step.first, step.attributes, step.types);
    case 'map':
      return pair.map(step.span.first, step.span.pages, step.kind as 'anon' | 'io');
    case 'unmap':
      return pair.unmap(step.span.first, step.span.pages);
    case 'clear': {
      const [first, last] = [BASE + step.span.first, BASE + step.span.first + step.span.pages - 1];
      if (step.reversed) return void expect(clearAttributes(pair.rig.context, last + 1, first)).toBe(EINVAL);
      pair.model.clear(first - BASE, last - BASE);
      return void expect(clearAttributes(pair.rig.context, first, last)).toBe(0);
    }
    case 'fault':
      return pair.fault(step.first, step.write);
    case 'discard':
      return void pair.rig.discard(BASE + step.span.first, step.span.pages);
    case 'collect':
      pair.collected();
      return void pair.rig.gc();
  }
}

describe('attributes against a model of single pages', () => {
  it(`agrees after every operation of ${RUNS} random histories`, () => {
    let operations = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(0, 4, 9, 27),
        fc.array(step, { minLength: OPERATIONS, maxLength: OPERATIONS, size: 'max' }),
        (granularity, steps) => {
          const pair = new Pair(granularity);
          for (const each of steps) {
            operations++;
            if (each === null) continue;
            apply(pair, each);
            pair.check();
          }
          expect(pair.rig.heldLocks()).toEqual([]);
        },
      ),
      { seed: seedFor('property-attributes'), numRuns: RUNS },
    );
    expect(operations).toBeGreaterThanOrEqual(180 * RUNS);
  });
});
