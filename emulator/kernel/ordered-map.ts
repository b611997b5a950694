// Models: nothing of the kernel - it is the ordered index (interval tree and list) that several rooms share.
//
// A map from number to object over a B+-tree. The leaf of the last operation is
// remembered, which makes neighbouring operations cheap; the last leaf is also
// that of every greater key, which makes appending cheap.
import { countBelow, countUpTo, MERGE_AT, OrderedTree } from './ordered-tree.ts';
import type { Leaf } from './ordered-tree.ts';

/** Ordered multimap from numbers to objects. */
export class OrderedMap<T extends object> {
  #tree = new OrderedTree<T>();
  #size = 0;
  #recent: Leaf<T> = this.#tree.leafAfter(0);

  get size(): number {
    return this.#size;
  }

  /** The item with the greatest key that is at most `key`; the last inserted of equal ones. */
  floor(key: number): T | undefined {
    const leaf = this.#leafAfter(key);
    const position = countUpTo(leaf.keys, leaf.count, key);
    return position > 0 ? leaf.items[position - 1] : lastOf(leaf.previous);
  }

  /** The item with the smallest key that is at least `key`; the first inserted of equal ones. */
  ceiling(key: number): T | undefined {
    const leaf = this.#leafBefore(key);
    const position = countBelow(leaf.keys, leaf.count, key);
    return position < leaf.count ? leaf.items[position] : firstOf(leaf.next);
  }

  /** The first item with a key greater than `key`. */
  higher(key: number): T | undefined {
    const leaf = this.#leafAfter(key);
    const position = countUpTo(leaf.keys, leaf.count, key);
    return position < leaf.count ? leaf.items[position] : firstOf(leaf.next);
  }

  /** What `floor` and `higher` give, in one search. */
  neighbours(key: number): { readonly before: T | undefined; readonly after: T | undefined } {
    const leaf = this.#leafAfter(key);
    const position = positionAfter(leaf, key);
    return {
      before: position > 0 ? leaf.items[position - 1] : lastOf(leaf.previous),
      after: position < leaf.count ? leaf.items[position] : firstOf(leaf.next),
    };
  }

  /** The last item with a key less than `key`. */
  lower(key: number): T | undefined {
    const leaf = this.#leafBefore(key);
    const position = countBelow(leaf.keys, leaf.count, key);
    return position > 0 ? leaf.items[position - 1] : lastOf(leaf.previous);
  }

  first(): T | undefined {
    return this.ceiling(Number.NEGATIVE_INFINITY);
  }

  last(): T | undefined {
    return this.floor(Number.POSITIVE_INFINITY);
  }

  /** Adds `item` after all items with a key of at most `key`. */
  insert(key: number, item: T): void {
    let leaf = this.#leafAfter(key);
    if (leaf.count === leaf.keys.length && !leaf.grow()) leaf = this.#recent = this.#tree.split(key);
    const { keys, items } = leaf;
    const position = positionAfter(leaf, key);
    for (let index = leaf.count; index > position; index--) {
      keys[index] = keys[index - 1]!;
      items[index] = items[index - 1];
    }
    keys[position] = key;
    items[position] = item;
    leaf.count++;
    this.#size++;
  }

  /** Takes out the item that was inserted with `key`; says whether it was there. */
  remove(key: number, item: T): boolean {
    let leaf: Leaf<T> | null = this.#leafBefore(key);
    let position = countBelow(leaf.keys, leaf.count, key);
    // Equal keys may go on in the next leaf.
    while (true) {
      if (position === leaf.count) {
        leaf = leaf.next;
        if (leaf === null) return false;
        position = 0;
        continue;
      }
      if (leaf.keys[position] !== key) return false;
      if (leaf.items[position] === item) break;
      position++;
    }
    const { keys, items } = leaf;
    const count = --leaf.count;
    for (let index = position; index < count; index++) {
      keys[index] = keys[index + 1]!;
      items[index] = items[index + 1];
    }
    items[count] = undefined;
    this.#size--;
    if (count < MERGE_AT && this.#tree.shrink(leaf, key)) this.#recent = this.#tree.leafAfter(key);
    return true;
  }

  /** Puts `replacement` in the place of `item`, both with `key`; says whether `item` was there. */
  replace(key: number, item: T, replacement: T): boolean {
    let leaf: Leaf<T> | null = this.#leafBefore(key);
    let position = countBelow(leaf.keys, leaf.count, key);
    while (leaf !== null) {
      for (; position < leaf.count; position++) {
        if (leaf.keys[position] !== key) return false;
        if (leaf.items[position] === item) {
          leaf.items[position] = replacement;
          return true;
        }
      }
      leaf = leaf.next;
      position = 0;
    }
    return false;
  }

  /** Moves an item from one key to another. */
  rekey(oldKey: number, newKey: number, item: T): boolean {
    const leaf = this.#leafBefore(oldKey);
    const { keys, count } = leaf;
    const position = countBelow(keys, count, oldKey);
    // In place when the new key stays between the neighbours inside this leaf; what is at its ends may only
    // move away from the leaf that would become its neighbour.
    if (
      position < count &&
      leaf.items[position] === item &&
      (position > 0 ? newKey > keys[position - 1]! : newKey > oldKey) &&
      (position < count - 1 ? newKey < keys[position + 1]! : newKey < oldKey)
    ) {
      keys[position] = newKey;
      return true;
    }
    if (!this.remove(oldKey, item)) return false;
    this.insert(newKey, item);
    return true;
  }

  /** All items in ascending order of their keys; the map must not be changed meanwhile. */
  *values(): Generator<T, undefined> {
    let leaf: Leaf<T> | null = this.#leafBefore(Number.NEGATIVE_INFINITY);
    while (leaf !== null) {
      for (let index = 0; index < leaf.count; index++) yield leaf.items[index]!;
      leaf = leaf.next;
    }
    return undefined;
  }

  /**
   * Visits the items with keys of at least `from`, and their keys, in ascending order until
   * `visit` returns false; the map must not be changed meanwhile.
   */
  scan(from: number, visit: (item: T, key: number) => boolean): void {
    let leaf: Leaf<T> | null = this.#leafBefore(from);
    let index = countBelow(leaf.keys, leaf.count, from);
    while (leaf !== null) {
      for (; index < leaf.count; index++) if (!visit(leaf.items[index]!, leaf.keys[index]!)) return;
      leaf = leaf.next;
      index = 0;
    }
  }

  clear(): void {
    this.#tree = new OrderedTree<T>();
    this.#size = 0;
    this.#recent = this.#tree.leafAfter(0);
  }

  /** The leaf in which the last key of at most `key` stands, or would be inserted. */
  #leafAfter(key: number): Leaf<T> {
    const { keys, count, next } = this.#recent;
    if (count > 0 && key >= keys[0]! && (next === null || key < keys[count - 1]!)) return this.#recent;
    return (this.#recent = this.#tree.leafAfter(key));
  }

  /** The leaf in which the first key of at least `key` stands, or the one before it. */
  #leafBefore(key: number): Leaf<T> {
    const { keys, count, next } = this.#recent;
    if (count > 0 && key > keys[0]! && (next === null || key <= keys[count - 1]!)) return this.#recent;
    return (this.#recent = this.#tree.leafBefore(key));
  }
}

/** As `countUpTo`, for who mostly asks for the end of a leaf: keys often come in ascending order. */
function positionAfter<T>(leaf: Leaf<T>, key: number): number {
  const { keys, count } = leaf;
  return count > 0 && keys[count - 1]! <= key ? count : countUpTo(keys, count, key);
}

function firstOf<T>(leaf: Leaf<T> | null): T | undefined {
  return leaf === null ? undefined : leaf.items[0];
}

function lastOf<T>(leaf: Leaf<T> | null): T | undefined {
  return leaf === null ? undefined : leaf.items[leaf.count - 1];
}
