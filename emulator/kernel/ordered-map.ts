// Models: nothing of the kernel - it is the ordered index (interval tree and list) that several rooms share.
import { NONE } from './packed-nodes.ts';
import { PackedTree } from './packed-tree.ts';

/** Ordered multimap from numbers to objects: a B+-tree of the places where the objects lie. */
export class OrderedMap<T extends object> {
  #tree = new PackedTree();
  // The objects; a place that is not in use holds undefined and is in #unused.
  readonly #items: (T | undefined)[] = [];
  readonly #unused: number[] = [];

  get size(): number {
    return this.#tree.size;
  }

  /** The item with the greatest key that is at most `key`; the last inserted of equal ones. */
  floor(key: number): T | undefined {
    return this.#itemOf(this.#tree.floor(key));
  }

  /** The item with the smallest key that is at least `key`; the first inserted of equal ones. */
  ceiling(key: number): T | undefined {
    return this.#itemOf(this.#tree.ceiling(key));
  }

  /** The first item with a key greater than `key`. */
  higher(key: number): T | undefined {
    return this.#itemOf(this.#tree.higher(key));
  }

  /** The last item with a key less than `key`. */
  lower(key: number): T | undefined {
    return this.#itemOf(this.#tree.lower(key));
  }

  first(): T | undefined {
    return this.ceiling(Number.NEGATIVE_INFINITY);
  }

  last(): T | undefined {
    return this.floor(Number.POSITIVE_INFINITY);
  }

  /** Adds `item` after all items with a key of at most `key`. */
  insert(key: number, item: T): void {
    const place = this.#unused.length > 0 ? this.#unused.pop()! : this.#items.length;
    this.#items[place] = item;
    this.#tree.insert(key, place);
  }

  /** Takes out the item that was inserted with `key`; says whether it was there. */
  remove(key: number, item: T): boolean {
    const entry = this.#entryOf(key, item);
    if (entry === NONE) return false;
    const place = this.#tree.valueAt(entry);
    this.#tree.remove(entry);
    this.#items[place] = undefined;
    this.#unused.push(place);
    return true;
  }

  /** All items in ascending order of their keys; the map must not be changed meanwhile. */
  *values(): Generator<T, undefined> {
    const tree = this.#tree;
    for (let entry = tree.ceiling(Number.NEGATIVE_INFINITY); entry !== NONE; entry = tree.after(entry))
      yield this.#items[tree.valueAt(entry)]!;
    return undefined;
  }

  /**
   * Visits the items with keys of at least `from` in ascending order until
   * `visit` returns false; the map must not be changed meanwhile.
   */
  scan(from: number, visit: (item: T) => boolean): void {
    const tree = this.#tree;
    for (let entry = tree.ceiling(from); entry !== NONE; entry = tree.after(entry))
      if (!visit(this.#items[tree.valueAt(entry)]!)) return;
  }

  clear(): void {
    this.#tree = new PackedTree();
    this.#items.length = 0;
    this.#unused.length = 0;
  }

  #itemOf(entry: number): T | undefined {
    return entry === NONE ? undefined : this.#items[this.#tree.valueAt(entry)];
  }

  #entryOf(key: number, item: T): number {
    const tree = this.#tree;
    let entry = tree.ceiling(key);
    for (; entry !== NONE && tree.keyAt(entry) === key; entry = tree.after(entry))
      if (this.#items[tree.valueAt(entry)] === item) return entry;
    return NONE;
  }
}
