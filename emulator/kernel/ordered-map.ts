// Models: nothing of the kernel - it is the ordered index (interval tree and list) that several rooms share.
//
// A map from number to item over a B+-tree. The leaf of the last operation is
// remembered, which makes neighbouring operations cheap; the last leaf is also
// that of every greater key, which makes appending cheap.
import { firstAfter, firstFrom, MERGE_AT, OrderedTree } from './ordered-tree.ts';
import type { Leaf } from './ordered-tree.ts';

/** After every key. */
const NO_KEY = Number.POSITIVE_INFINITY;

/** Ordered multimap from numbers to items: objects, or small integers that stand for them. */
export class OrderedMap<T extends object | number> {
  private tree = new OrderedTree<T>();
  private count = 0;
  private recent: Leaf<T> = this.tree.leafAfter(0);
  // Where `seek` and `next` are, and the key before which they end: kept, since a number that is handed over for each step gets a box.
  private leaf: Leaf<T> = this.recent;
  private index = 0;
  private end = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.count;
  }

  /** The item with the greatest key that is at most `key`; the last inserted of equal ones. */
  floor(key: number): T | undefined {
    const leaf = this.leafAfter(key);
    const { keys, from, to } = leaf;
    // What goes in ascending order is the first of its leaf each time.
    if (from < to && keys[from] === key && (from + 1 === to || keys[from + 1]! > key)) return leaf.items[from];
    const position = firstAfter(keys, from, to, key);
    return position > from ? leaf.items[position - 1] : lastOf(leaf.previous);
  }

  /** The item with the smallest key that is at least `key`; the first inserted of equal ones. */
  ceiling(key: number): T | undefined {
    const leaf = this.leafBefore(key);
    const position = firstFrom(leaf.keys, leaf.from, leaf.to, key);
    return position < leaf.to ? leaf.items[position] : firstOf(leaf.next);
  }

  /** The first item with a key greater than `key`. */
  higher(key: number): T | undefined {
    const leaf = this.leafAfter(key);
    const position = firstAfter(leaf.keys, leaf.from, leaf.to, key);
    return position < leaf.to ? leaf.items[position] : firstOf(leaf.next);
  }

  /**
   * The first key greater than `key`, which costs no look at its item, infinity if there is none; `beforeSeek` is the item before it, and
   * `insertHere` inserts between them. The map must not be changed meanwhile.
   */
  seekAfter(key: number): number {
    const leaf = this.leafAfter(key);
    const index = positionAfter(leaf, key);
    this.leaf = leaf;
    this.index = index;
    if (index < leaf.to) return leaf.keys[index]!;
    const { next } = leaf;
    return next === null ? NO_KEY : next.keys[next.from]!;
  }

  /** The item before the one whose key `seekAfter` gave. */
  get beforeSeek(): T | undefined {
    const { leaf, index } = this;
    return index > leaf.from ? leaf.items[index - 1] : lastOf(leaf.previous);
  }

  /**
   * Adds `item` with a key between those of the items on both sides of where `seekAfter` was, and not above the key that was sought: a
   * greater one may belong to the next leaf, where others were before.
   */
  insertHere(key: number, item: T): void {
    const leaf = this.leaf;
    const index = this.index;
    // At the beginning of a leaf the key may belong to the one before it; and a key that is not between the two goes where it belongs.
    if (index > leaf.from && leaf.keys[index - 1]! <= key && leaf.to < leaf.keys.length)
      this.put(leaf, index, key, item);
    else this.insert(key, item);
  }

  /** What `floor` and `higher` give, in one search. */
  neighbours(key: number): { readonly before: T | undefined; readonly after: T | undefined } {
    const leaf = this.leafAfter(key);
    const position = positionAfter(leaf, key);
    return {
      before: position > leaf.from ? leaf.items[position - 1] : lastOf(leaf.previous),
      after: position < leaf.to ? leaf.items[position] : firstOf(leaf.next),
    };
  }

  /** The last item with a key less than `key`. */
  lower(key: number): T | undefined {
    const leaf = this.leafBefore(key);
    const position = firstFrom(leaf.keys, leaf.from, leaf.to, key);
    return position > leaf.from ? leaf.items[position - 1] : lastOf(leaf.previous);
  }

  first(): T | undefined {
    return this.ceiling(Number.NEGATIVE_INFINITY);
  }

  last(): T | undefined {
    return this.floor(Number.POSITIVE_INFINITY);
  }

  /** Adds `item` after all items with a key of at most `key`. */
  insert(key: number, item: T): void {
    let leaf = this.leafAfter(key);
    if (leaf.to === leaf.keys.length && !leaf.makeRoom()) leaf = this.recent = this.tree.split(key);
    this.put(leaf, positionAfter(leaf, key), key, item);
  }

  private put(leaf: Leaf<T>, position: number, key: number, item: T): void {
    const { keys, items } = leaf;
    for (let index = leaf.to; index > position; index--) {
      keys[index] = keys[index - 1]!;
      items[index] = items[index - 1];
    }
    keys[position] = key;
    items[position] = item;
    leaf.to++;
    this.count++;
  }

  /** Takes out `item` if it is the first of the leaf of the last operation, which leaves others there; says whether it was. */
  removeFirst(item: T): boolean {
    const recent = this.recent;
    if (recent.items[recent.from] !== item || recent.count <= 1) return false;
    recent.items[recent.from++] = undefined;
    this.count--;
    return true;
  }

  /** Takes out the item that was inserted with `key`; says whether it was there. */
  remove(key: number, item: T): boolean {
    const { keys, from } = this.recent;
    if (keys[from] === key && this.removeFirst(item)) return true;
    return this.removeFrom(this.leafBefore(key), key, item);
  }

  private removeFrom(first: Leaf<T>, key: number, item: T): boolean {
    let leaf: Leaf<T> | null = first;
    let position = firstFrom(leaf.keys, leaf.from, leaf.to, key);
    // Equal keys may go on in the next leaf.
    while (true) {
      if (position === leaf.to) {
        leaf = leaf.next;
        if (leaf === null) return false;
        position = leaf.from;
        continue;
      }
      if (leaf.keys[position] !== key) return false;
      if (leaf.items[position] === item) break;
      position++;
    }
    const { keys, items } = leaf;
    if (position === leaf.from) {
      items[position] = undefined;
      leaf.from++;
      // Nothing reads beyond the end of a leaf, also not of one that is empty.
      if (leaf.from === leaf.to) leaf.from = leaf.to = 0;
    } else {
      const last = --leaf.to;
      for (let index = position; index < last; index++) {
        keys[index] = keys[index + 1]!;
        items[index] = items[index + 1];
      }
      items[last] = undefined;
    }
    this.count--;
    if (leaf.count < MERGE_AT && this.tree.shrink(leaf, key)) this.recent = this.tree.leafAfter(key);
    return true;
  }

  /** Puts `replacement` in the place of `item`, both with `key`; says whether `item` was there. */
  replace(key: number, item: T, replacement: T): boolean {
    let leaf: Leaf<T> | null = this.leafBefore(key);
    let position = firstFrom(leaf.keys, leaf.from, leaf.to, key);
    while (leaf !== null) {
      for (; position < leaf.to; position++) {
        if (leaf.keys[position] !== key) return false;
        if (leaf.items[position] === item) {
          leaf.items[position] = replacement;
          return true;
        }
      }
      leaf = leaf.next;
      position = leaf === null ? 0 : leaf.from;
    }
    return false;
  }

  /** Moves an item from one key to another. */
  rekey(oldKey: number, newKey: number, item: T): boolean {
    const recent = this.recent;
    // What changes in ascending order is the first of its leaf each time.
    const isFirst = recent.items[recent.from] === item && recent.keys[recent.from] === oldKey;
    const leaf = isFirst ? recent : this.leafBefore(oldKey);
    const { keys, from, to } = leaf;
    const position = isFirst ? from : firstFrom(keys, from, to, oldKey);
    // In place when the new key stays between the neighbours inside this leaf; what is at its ends may only
    // move away from the leaf that would become its neighbour, if there is one.
    if (
      position < to &&
      leaf.items[position] === item &&
      (position > from ? newKey > keys[position - 1]! : newKey > oldKey || leaf.previous === null) &&
      (position < to - 1 ? newKey < keys[position + 1]! : newKey < oldKey || leaf.next === null)
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
    let leaf: Leaf<T> | null = this.leafBefore(Number.NEGATIVE_INFINITY);
    while (leaf !== null) {
      for (let index = leaf.from; index < leaf.to; index++) yield leaf.items[index]!;
      leaf = leaf.next;
    }
    return undefined;
  }

  /**
   * Visits the items with keys of at least `from`, and their keys, in ascending order until
   * `visit` returns false; the map must not be changed meanwhile.
   */
  scan(from: number, visit: (item: T, key: number) => boolean): void {
    let leaf: Leaf<T> | null = this.leafBefore(from);
    let index = firstFrom(leaf.keys, leaf.from, leaf.to, from);
    while (leaf !== null) {
      for (; index < leaf.to; index++) if (!visit(leaf.items[index]!, leaf.keys[index]!)) return;
      leaf = leaf.next;
      index = leaf === null ? 0 : leaf.from;
    }
  }

  /**
   * The first item with a key in `[from, to)`; `next` goes on from there. As `scan`, for what is asked most: V8 does not put a function that
   * is handed over into the code that calls it. The map must not be changed meanwhile, and one walk ends before the next begins.
   */
  seek(from: number, to: number): T | undefined {
    const leaf = this.leafBefore(from);
    this.leaf = leaf;
    this.index = firstFrom(leaf.keys, leaf.from, leaf.to, from);
    this.end = to;
    return this.here();
  }

  /** The item after the one that `seek` or `next` gave last, if its key is below the end that `seek` was given. */
  next(): T | undefined {
    this.index++;
    return this.here();
  }

  private here(): T | undefined {
    if (this.index === this.leaf.to) {
      const { next } = this.leaf;
      if (next === null) return undefined;
      this.leaf = next;
      this.index = next.from;
    }
    const { keys, items } = this.leaf;
    return keys[this.index]! < this.end ? items[this.index] : undefined;
  }

  /** The items with keys in `[from, to)`, in ascending order. */
  between(from: number, to: number): T[] {
    const found: T[] = [];
    let leaf: Leaf<T> | null = this.leafBefore(from);
    let index = firstFrom(leaf.keys, leaf.from, leaf.to, from);
    while (leaf !== null) {
      const { keys, items, to: end } = leaf;
      for (; index < end; index++) {
        if (keys[index]! >= to) return found;
        found.push(items[index]!);
      }
      leaf = leaf.next;
      index = leaf === null ? 0 : leaf.from;
    }
    return found;
  }

  clear(): void {
    this.tree = new OrderedTree<T>();
    this.count = 0;
    this.recent = this.tree.leafAfter(0);
  }

  /** The leaf in which the last key of at most `key` stands, or would be inserted. */
  private leafAfter(key: number): Leaf<T> {
    const recent = this.recent;
    const { keys, from, to, next } = recent;
    if (from < to && key >= keys[from]! && (next === null || key < keys[to - 1]!)) return recent;
    return (this.recent = this.tree.leafAfter(key));
  }

  /** The leaf in which the first key of at least `key` stands, or the one before it. */
  private leafBefore(key: number): Leaf<T> {
    const { keys, from, to, next } = this.recent;
    if (from < to && key > keys[from]! && (next === null || key <= keys[to - 1]!)) return this.recent;
    return (this.recent = this.tree.leafBefore(key));
  }
}

/** As `firstAfter`, for who mostly asks for the end of a leaf: keys often come in ascending order. */
function positionAfter<T>(leaf: Leaf<T>, key: number): number {
  const { keys, from, to } = leaf;
  return from < to && keys[to - 1]! <= key ? to : firstAfter(keys, from, to, key);
}

function firstOf<T>(leaf: Leaf<T> | null): T | undefined {
  return leaf === null ? undefined : leaf.items[leaf.from];
}

function lastOf<T>(leaf: Leaf<T> | null): T | undefined {
  return leaf === null ? undefined : leaf.items[leaf.to - 1];
}
