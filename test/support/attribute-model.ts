/** A naive model of the attributes: one entry per page of a small window, and one for all pages after it. */

export interface ModelRecord {
  preferred: number;
  prefetch: number;
  access: number;
  granularity: number;
  flags: number;
}

/** An interval as the model sees it; `id` stands for its identity. */
export interface ModelInterval {
  readonly id: number;
  readonly first: number;
  readonly last: number;
  readonly record: ModelRecord;
}

interface Cell {
  /** Identity of the interval, 0 in a hole. */
  id: number;
  record: ModelRecord;
}

export type ModelPair = readonly [type: number, value: number];
const UNDEFINED = 0xffff_ffff;

/** Whether a SET accepts the records (spec/02-attributes §4.1), written down from the table row by row. */
export function accepts(attributes: readonly ModelPair[]): boolean {
  return attributes.every(([type, value]) => {
    if (type === 0 || type === 3) return true;
    if (type === 1) return value !== UNDEFINED;
    if (type === 2) return value === 0 || value === 1 || value === 2;
    if (type >= 4 && type <= 10) return value === 0 || value === 1;
    return type === 11 && value === 0;
  });
}

function applied(record: ModelRecord, attributes: readonly ModelPair[]): ModelRecord {
  const next = { ...record };
  for (const [type, value] of attributes) {
    if (type === 0) next.preferred = value;
    else if (type === 1) next.prefetch = value;
    else if (type === 2) next.access = value;
    else if (type === 3) next.granularity = value < 63 ? value : 63;
    else if (value === 1) next.flags |= 1 << (type - 4);
    else next.flags &= ~(1 << (type - 4));
  }
  return next;
}

function equal(left: ModelRecord, right: ModelRecord): boolean {
  return (Object.keys(left) as (keyof ModelRecord)[]).every((member) => left[member] === right[member]);
}

/** Attributes of the pages 0 ... window - 1; the cell number `window` stands for every page after. */
export class AttributeModel {
  readonly window: number;
  readonly defaults: ModelRecord;
  readonly #cells: Cell[];
  #lastId = 0;

  constructor(window: number, granularity: number) {
    this.window = window;
    this.defaults = { preferred: UNDEFINED, prefetch: UNDEFINED, access: 2, granularity, flags: 0x03 };
    this.#cells = Array.from({ length: window + 1 }, () => ({ id: 0, record: this.defaults }));
  }

  isHole(page: number): boolean {
    return this.#cells[page]!.id === 0;
  }

  recordAt(page: number): ModelRecord {
    return this.#cells[page]!.record;
  }

  /** The hole around `page`: as far as the cells on both sides belong to nobody. */
  holeAround(page: number): { first: number; last: number } {
    let first = page;
    let last = page;
    while (first > 0 && this.isHole(first - 1)) first--;
    while (last < this.window && this.isHole(last + 1)) last++;
    return { first, last };
  }

  /** Valid records on validated pages `[first, last]`: segment by segment (spec/02-attributes §4.4 - §4.6). */
  set(first: number, last: number, attributes: readonly ModelPair[]): void {
    let page = first;
    while (page <= last) {
      const { id } = this.#cells[page]!;
      let end = page;
      while (end < last && this.#cells[end + 1]!.id === id) end++;
      if (id === 0) this.create(page, end, applied(this.defaults, attributes));
      else this.#change(page, end, id, attributes);
      page = end + 1;
    }
  }

  create(first: number, last: number, record: ModelRecord): void {
    const id = ++this.#lastId;
    for (let page = first; page <= last; page++) this.#cells[page] = { id, record };
  }

  #change(first: number, last: number, id: number, attributes: readonly ModelPair[]): void {
    const old = this.#cells[first]!.record;
    const record = applied(old, attributes);
    if (equal(old, record)) return; // no split either
    // The middle keeps the identity, what is left and right of it gets one of its own.
    this.#renameRun(first - 1, -1, id);
    this.#renameRun(last + 1, 1, id);
    for (let page = first; page <= last; page++) this.#cells[page] = { id, record };
  }

  /** Clears the pages `[first, last]` (spec/02-attributes §6): a left rest keeps the identity, and a right one if it is alone. */
  clear(first: number, last: number): void {
    const before = first > 0 ? this.#cells[first - 1]!.id : 0;
    const after = last < this.window ? this.#cells[last + 1]!.id : 0;
    if (after !== 0 && after === before) this.#renameRun(last + 1, 1, after);
    for (let page = first; page <= last; page++) this.#cells[page] = { id: 0, record: this.defaults };
  }

  #renameRun(from: number, step: 1 | -1, id: number): void {
    if (this.#cells[from]?.id !== id) return;
    const fresh = ++this.#lastId;
    for (let page = from; this.#cells[page]?.id === id; page += step) {
      this.#cells[page] = { id: fresh, record: this.#cells[page]!.record };
    }
  }

  /** GET over the pages `[first, last]` (spec/02-attributes §7): page by page instead of run by run. */
  aggregate(first: number, last: number): ModelRecord {
    const result = { ...this.#cells[first]!.record };
    for (let page = first + 1; page <= last; page++) {
      const { record } = this.#cells[page]!;
      if (record.preferred !== result.preferred) result.preferred = UNDEFINED;
      if (record.prefetch !== result.prefetch) result.prefetch = UNDEFINED;
      result.granularity = Math.min(result.granularity, record.granularity);
      if (record.access !== result.access) result.access = 0;
      result.flags &= record.flags;
    }
    return result;
  }

  /** Runs of pages with one identity, ascending: equal neighbours stay apart (never merged). */
  intervals(): ModelInterval[] {
    const found: ModelInterval[] = [];
    for (let page = 0; page <= this.window; page++) {
      const { id, record } = this.#cells[page]!;
      if (id === 0) continue;
      const last = found[found.length - 1];
      if (last !== undefined && last.id === id && last.last === page - 1)
        found[found.length - 1] = { ...last, last: page };
      else found.push({ id, first: page, last: page, record });
    }
    return found;
  }
}

/** What GET writes for one type (spec/02-attributes §7.2). */
export function valueOf(record: ModelRecord, type: number): number {
  if (type === 0) return record.preferred;
  if (type === 1) return record.prefetch;
  if (type === 2) return record.access;
  if (type === 3) return record.granularity;
  return Math.floor(record.flags / 2 ** (type - 4)) % 2;
}
