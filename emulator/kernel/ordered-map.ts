// Models: nothing of the kernel - it is the ordered index (interval tree and list) that several rooms share.
//
// A B+-tree from number to object. Keys are doubles in typed arrays, so that a
// search touches few cache lines; equal keys are allowed and keep their order
// of insertion. A remembered leaf makes neighbouring operations cheap.

const CAPACITY = 64;
const MERGE_AT = 12;

class Leaf<T> {
  count = 0;
  readonly keys = new Float64Array(CAPACITY);
  readonly items: (T | undefined)[] = new Array<T | undefined>(CAPACITY).fill(undefined);
  next: Leaf<T> | null = null;
  previous: Leaf<T> | null = null;
}

class Branch<T> {
  /** Number of children; `keys[i]` separates `children[i]` from `children[i + 1]`. */
  count = 0;
  readonly keys = new Float64Array(CAPACITY);
  readonly children: (Leaf<T> | Branch<T>)[] = [];
}

/** Number of keys below `key` (`after` false) or up to `key` (`after` true) among the first `count`. */
function rank(keys: Float64Array, count: number, key: number, after: boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const candidate = keys[middle]!;
    if (candidate < key || (after && candidate === key)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Ordered multimap from numbers to objects. */
export class OrderedMap<T extends object> {
  #root: Leaf<T> | Branch<T> = new Leaf<T>();
  #size = 0;
  #recent: Leaf<T> | null = null;
  // The way from the root to the leaf of the last descent that asked for it.
  readonly #path: Branch<T>[] = [];
  readonly #pathIndex: number[] = [];

  get size(): number {
    return this.#size;
  }

  /** The item with the greatest key that is at most `key`; the last inserted of equal ones. */
  floor(key: number): T | undefined {
    const leaf = this.#leafFor(key);
    const position = rank(leaf.keys, leaf.count, key, true);
    if (position > 0) return leaf.items[position - 1];
    const previous = leaf.previous;
    return previous === null ? undefined : previous.items[previous.count - 1];
  }

  /** The item with the smallest key that is at least `key`; the first inserted of equal ones. */
  ceiling(key: number): T | undefined {
    let leaf: Leaf<T> | null = this.#descend(key, false);
    const position = rank(leaf.keys, leaf.count, key, false);
    if (position < leaf.count) return leaf.items[position];
    leaf = leaf.next;
    return leaf === null ? undefined : leaf.items[0];
  }

  /** The first item with a key greater than `key`. */
  higher(key: number): T | undefined {
    const leaf = this.#leafFor(key);
    const position = rank(leaf.keys, leaf.count, key, true);
    if (position < leaf.count) return leaf.items[position];
    return leaf.next === null ? undefined : leaf.next.items[0];
  }

  /** The last item with a key less than `key`. */
  lower(key: number): T | undefined {
    const leaf = this.#descend(key, false);
    const position = rank(leaf.keys, leaf.count, key, false);
    if (position > 0) return leaf.items[position - 1];
    const previous = leaf.previous;
    return previous === null ? undefined : previous.items[previous.count - 1];
  }

  first(): T | undefined {
    return this.ceiling(Number.NEGATIVE_INFINITY);
  }

  last(): T | undefined {
    return this.floor(Number.POSITIVE_INFINITY);
  }

  /** Adds `item` behind all items with a key of at most `key`. */
  insert(key: number, item: T): void {
    let leaf = this.#leafFor(key);
    if (leaf.count === CAPACITY) {
      leaf = this.#descend(key, true, true);
      leaf = this.#splitLeaf(leaf, key);
    }
    const position = rank(leaf.keys, leaf.count, key, true);
    for (let index = leaf.count; index > position; index--) {
      leaf.keys[index] = leaf.keys[index - 1]!;
      leaf.items[index] = leaf.items[index - 1];
    }
    leaf.keys[position] = key;
    leaf.items[position] = item;
    leaf.count++;
    this.#size++;
    this.#recent = leaf;
  }

  /** Takes out the item that was inserted with `key`; says whether it was there. */
  remove(key: number, item: T): boolean {
    let leaf: Leaf<T> | null = this.#descend(key, false, true);
    let position = rank(leaf.keys, leaf.count, key, false);
    let followed = false;
    // Equal keys may go on in the next leaf.
    while (true) {
      if (position >= leaf.count) {
        leaf = leaf.next;
        if (leaf === null) return false;
        position = 0;
        followed = true;
        continue;
      }
      if (leaf.keys[position] !== key) return false;
      if (leaf.items[position] === item) break;
      position++;
    }
    if (followed) this.#pathTo(leaf, key);
    leaf.count--;
    for (let index = position; index < leaf.count; index++) {
      leaf.keys[index] = leaf.keys[index + 1]!;
      leaf.items[index] = leaf.items[index + 1];
    }
    leaf.items[leaf.count] = undefined;
    this.#size--;
    if (leaf.count < MERGE_AT) this.#shrink(leaf);
    return true;
  }

  /** Puts `replacement` in the place of `item`, both with `key`; says whether `item` was there. */
  replace(key: number, item: T, replacement: T): boolean {
    let leaf: Leaf<T> | null = this.#descend(key, false);
    let position = rank(leaf.keys, leaf.count, key, false);
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
    const leaf = this.#descend(oldKey, false);
    const position = rank(leaf.keys, leaf.count, oldKey, false);
    // In place when the new key stays between the neighbours inside this leaf.
    if (
      position < leaf.count - 1 &&
      leaf.items[position] === item &&
      position > 0 &&
      newKey > leaf.keys[position - 1]! &&
      newKey < leaf.keys[position + 1]!
    ) {
      leaf.keys[position] = newKey;
      return true;
    }
    if (!this.remove(oldKey, item)) return false;
    this.insert(newKey, item);
    return true;
  }

  /** All items in ascending order of their keys; the map must not be changed meanwhile. */
  *values(): Generator<T, undefined> {
    let leaf: Leaf<T> | null = this.#descend(Number.NEGATIVE_INFINITY, false);
    while (leaf !== null) {
      for (let index = 0; index < leaf.count; index++) yield leaf.items[index]!;
      leaf = leaf.next;
    }
    return undefined;
  }

  /**
   * Visits the items with keys of at least `from` in ascending order until
   * `visit` returns false; the map must not be changed meanwhile.
   */
  scan(from: number, visit: (item: T) => boolean): void {
    let leaf: Leaf<T> | null = this.#descend(from, false);
    let index = rank(leaf.keys, leaf.count, from, false);
    while (leaf !== null) {
      for (; index < leaf.count; index++) if (!visit(leaf.items[index]!)) return;
      leaf = leaf.next;
      index = 0;
    }
  }

  clear(): void {
    this.#root = new Leaf<T>();
    this.#size = 0;
    this.#recent = null;
  }

  /** The leaf in which the last key of at most `key` stands, or would be inserted. */
  #leafFor(key: number): Leaf<T> {
    const recent = this.#recent;
    if (recent !== null && recent.count > 0 && key >= recent.keys[0]! && key < recent.keys[recent.count - 1]!) {
      return recent;
    }
    return (this.#recent = this.#descend(key, true));
  }

  #descend(key: number, after: boolean, record = false): Leaf<T> {
    let node = this.#root;
    let depth = 0;
    while (node instanceof Branch) {
      const index = rank(node.keys, node.count - 1, key, after);
      if (record) {
        this.#path[depth] = node;
        this.#pathIndex[depth] = index;
        depth++;
      }
      node = node.children[index]!;
    }
    if (record) this.#path.length = this.#pathIndex.length = depth;
    return node;
  }

  /** Records the way to a leaf that a run of equal keys reaches from the one the descent found. */
  #pathTo(target: Leaf<T>, key: number): void {
    let leaf = this.#descend(key, false, true);
    while (leaf !== target) {
      let depth = this.#path.length - 1;
      while (this.#pathIndex[depth]! + 1 >= this.#path[depth]!.count) depth--;
      this.#pathIndex[depth] = this.#pathIndex[depth]! + 1;
      let node = this.#path[depth]!.children[this.#pathIndex[depth]!]!;
      while (node instanceof Branch) {
        depth++;
        this.#path[depth] = node;
        this.#pathIndex[depth] = 0;
        node = node.children[0]!;
      }
      leaf = node;
    }
  }

  /** Splits a full leaf (the path to it is recorded) and returns the half that `key` belongs to. */
  #splitLeaf(leaf: Leaf<T>, key: number): Leaf<T> {
    const right = new Leaf<T>();
    // Appending in ascending order keeps leaves full instead of half full.
    const half = leaf.next === null && key >= leaf.keys[CAPACITY - 1]! ? CAPACITY - 1 : CAPACITY >>> 1;
    for (let index = half; index < CAPACITY; index++) {
      right.keys[index - half] = leaf.keys[index]!;
      right.items[index - half] = leaf.items[index];
      leaf.items[index] = undefined;
    }
    right.count = CAPACITY - half;
    leaf.count = half;
    right.next = leaf.next;
    right.previous = leaf;
    if (right.next !== null) right.next.previous = right;
    leaf.next = right;
    this.#addChild(this.#path.length - 1, right.keys[0]!, leaf, right);
    return key >= right.keys[0]! ? right : leaf;
  }

  #addChild(depth: number, separator: number, left: Leaf<T> | Branch<T>, right: Leaf<T> | Branch<T>): void {
    if (depth < 0) {
      const root = new Branch<T>();
      root.children.push(left, right);
      root.keys[0] = separator;
      root.count = 2;
      this.#root = root;
      return;
    }
    const branch = this.#path[depth]!;
    const index = this.#pathIndex[depth]!;
    branch.children.splice(index + 1, 0, right);
    branch.keys.copyWithin(index + 1, index, branch.count - 1);
    branch.keys[index] = separator;
    branch.count++;
    if (branch.count < CAPACITY) return;
    const half = branch.count >>> 1;
    const sibling = new Branch<T>();
    sibling.children.push(...branch.children.splice(half));
    sibling.count = sibling.children.length;
    sibling.keys.set(branch.keys.subarray(half, branch.count - 1));
    const middle = branch.keys[half - 1]!;
    branch.count = half;
    this.#addChild(depth - 1, middle, branch, sibling);
  }

  /** Merges a sparse leaf (the path to it is recorded) into its right sibling's place, or drops an empty one. */
  #shrink(leaf: Leaf<T>): void {
    const depth = this.#path.length - 1;
    if (depth < 0) return;
    const branch = this.#path[depth]!;
    const index = this.#pathIndex[depth]!;
    if (leaf.count === 0) {
      this.#unlink(leaf);
      this.#removeChild(depth, index);
      return;
    }
    if (index + 1 >= branch.count) return;
    const right = branch.children[index + 1] as Leaf<T>;
    if (leaf.count + right.count > CAPACITY >>> 1) return;
    for (let at = 0; at < right.count; at++) {
      leaf.keys[leaf.count + at] = right.keys[at]!;
      leaf.items[leaf.count + at] = right.items[at];
    }
    leaf.count += right.count;
    this.#unlink(right);
    this.#removeChild(depth, index + 1);
  }

  #unlink(leaf: Leaf<T>): void {
    if (leaf.previous !== null) leaf.previous.next = leaf.next;
    if (leaf.next !== null) leaf.next.previous = leaf.previous;
    this.#recent = null;
  }

  #removeChild(depth: number, index: number): void {
    const branch = this.#path[depth]!;
    branch.children.splice(index, 1);
    // The separator on the left of the child goes with it; of the first child, the one on its right.
    const separator = index === 0 ? 0 : index - 1;
    branch.keys.copyWithin(separator, separator + 1, branch.count - 1);
    branch.count--;
    if (branch.count === 0) {
      if (depth === 0) this.#root = new Leaf<T>();
      else this.#removeChild(depth - 1, this.#pathIndex[depth - 1]!);
    } else if (depth === 0 && branch.count === 1) {
      this.#root = branch.children[0]!;
    }
  }
}
