/** A naive model of attributes: one record and one interval number for each page of a small window. */
import type { CaseContext } from '../framework/context.ts';
import type { Mapping } from '../framework/mapping.ts';
import { pages } from '../framework/mapping.ts';
import { allTypes, defaults, storedValue, UNDEFINED } from './attributes.ts';
import { getsWithoutMemory } from './without-memory.ts';
import type { AttributePair } from '../../uapi/call.ts';
import { recordsOf } from '../framework/attributes.ts';
import type { GivenAttributes } from '../framework/attributes.ts';

/** Values of all types, in their order. */
export type Values = readonly number[];

/** A span of pages inside the window. */
export interface Span {
  readonly first: number;
  readonly count: number;
}

interface Page {
  /** Number of its attribute interval, 0 in a hole. */
  interval: number;
  values: Values;
}

/** One attribute interval; pages relative to the window, inclusive. */
export interface ModelInterval {
  readonly first: number;
  readonly last: number;
  readonly values: Values;
}

/** The attributes of `size` pages as spec 02 describes them, without any tree. */
export class AttributeModel {
  readonly #pages: Page[];
  #numbers = 0;

  readonly #defaults: Values;

  /** `defaults`: the values of a page in no interval. */
  constructor(size: number, defaults: Values) {
    this.#defaults = defaults;
    this.#pages = Array.from({ length: size }, () => ({ interval: 0, values: defaults }));
  }

  get size(): number {
    return this.#pages.length;
  }

  valuesAt(page: number): Values {
    return this.#pages[page]!.values;
  }

  /** A SET that succeeds; `attributes` must be legal. */
  set({ first, count }: Span, attributes: GivenAttributes): void {
    const records = recordsOf(attributes);
    for (const part of this.#runs(first, first + count)) this.#setPart(part, records);
  }

  #setPart({ first, last }: { first: number; last: number }, records: readonly AttributePair[]): void {
    const { interval, values } = this.#pages[first]!;
    const target = [...values];
    for (const record of records) target[record[0]] = storedValue(record);
    if (interval === 0) {
      this.#fill(first, last, target);
    } else if (target.some((value, type) => value !== values[type])) {
      // What the interval keeps on either side becomes an interval of its own.
      const from = this.#pages.findIndex((each) => each.interval === interval);
      const to = this.#pages.findLastIndex((each) => each.interval === interval);
      this.#fill(from, first - 1, values);
      this.#fill(last + 1, to, values);
      this.#fill(first, last, target);
    }
  }

  /** What the collector does to pages that were unmapped. */
  clear({ first, count }: Span): void {
    for (let page = first; page < first + count; page++) this.#pages[page] = { interval: 0, values: this.#defaults };
    // What lies after a cleared middle is an interval of its own.
    const behind = this.#pages[first + count]?.interval ?? 0;
    if (behind === 0) return;
    const to = this.#pages.findLastIndex((each) => each.interval === behind);
    this.#fill(first + count, to, this.valuesAt(first + count));
  }

  /** What GET answers for all types over the span. */
  get({ first, count }: Span): number[] {
    const seen = this.#pages.slice(first, first + count).map(({ values }) => values);
    return this.#defaults.map((_, type) => {
      const values = seen.map((each) => each[type]!);
      const one = values.every((value) => value === values[0]);
      if (type <= 1) return one ? values[0]! : UNDEFINED;
      if (type === 2) return one ? values[0]! : 0;
      if (type === 3) return Math.min(...values);
      return values.every((value) => value === 1) ? 1 : 0;
    });
  }

  intervals(): ModelInterval[] {
    return this.#runs(0, this.size)
      .filter(({ first }) => this.#pages[first]!.interval !== 0)
      .map(({ first, last }) => ({ first, last, values: this.valuesAt(first) }));
  }

  /** Runs of one interval or hole inside `[from, to)`. */
  #runs(from: number, to: number): { first: number; last: number }[] {
    const runs: { first: number; last: number }[] = [];
    for (let page = from; page < to; page++) {
      const run = runs[runs.length - 1];
      if (run !== undefined && this.#pages[run.first]!.interval === this.#pages[page]!.interval) run.last = page;
      else runs.push({ first: page, last: page });
    }
    return runs;
  }

  #fill(first: number, last: number, values: Values): void {
    if (first > last) return;
    const interval = ++this.#numbers;
    for (let page = first; page <= last; page++) this.#pages[page] = { interval, values };
  }
}

/** A window of memory and its model, changed together. */
export class ModelledMemory {
  readonly memory: Mapping;
  readonly model: AttributeModel;
  readonly #t: CaseContext;

  constructor(t: CaseContext, size: number) {
    this.#t = t;
    this.memory = t.map(pages(size));
    this.model = new AttributeModel(size, defaults(t));
  }

  range({ first, count }: Span): { address: bigint; size: number } {
    return this.memory.range(pages(first), pages(count));
  }

  set(span: Span, attributes: GivenAttributes): void {
    this.#t.set(this.range(span), attributes);
    this.model.set(span, attributes);
  }

  /** The GPU used these pages, they were unmapped and collected: what is left of their attributes is the revision's choice. */
  collected(span: Span): void {
    if (this.#t.can('unmap-clears-attributes')) this.model.clear(span);
  }

  /** GET of every page, all types, equals the model; `isMapped` tells pages without memory. */
  checkPages(what: string, isMapped: (page: number) => boolean = () => true): void {
    for (let page = 0; page < this.model.size; page++) {
      const range = this.range({ first: page, count: 1 });
      const values = [...this.model.valuesAt(page)];
      const subject = `${what}: attributes of page ${page}`;
      if (isMapped(page)) this.#t.equal(this.#t.get(range, allTypes(this.#t)), values, subject);
      else getsWithoutMemory(this.#t, range, allTypes(this.#t), values, subject);
    }
  }

  /** GET of a span, all types, equals the model. */
  checkSpan(span: Span, what: string): void {
    this.#t.equal(
      this.#t.get(this.range(span), allTypes(this.#t)),
      this.model.get(span),
      `${what}: attributes of ${span.count} pages from ${span.first}`,
    );
  }

  /** The attribute intervals of the device are those of the model (feature 'introspection'). */
  checkIntervals(what: string): void {
    const base = Number(this.memory.address >> 12n);
    const seen = this.#t.state().attributes.map((each) => ({
      first: each.firstPage - base,
      last: each.lastPage - base,
      values: [
        each.preferredLocation,
        each.prefetchLocation,
        each.access,
        each.granularity,
        ...Array.from({ length: this.#t.attributes.length - 4 }, (_, bit) => (each.flags >> bit) & 1),
      ],
    }));
    this.#t.equal(
      seen,
      this.model.intervals().map((each) => ({ ...each, values: [...each.values] })),
      `${what}: attribute intervals`,
    );
  }
}
