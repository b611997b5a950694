// Models: nothing of the kernel - the B+-tree under OrderedMap: its nodes, the way down, splitting and merging.
//
// Keys are doubles, one after the other, so that a search touches few cache lines;
// equal keys are allowed and keep their order of insertion.

/** Entries of a leaf and children of a branch, at most. */
const CAPACITY = 64;
/** A leaf with fewer entries looks whether its right neighbour fits into it. */
export const MERGE_AT = 12;

// Of no whole numbers, so that V8 keeps copies of it as bare doubles, whatever is written into them. Such a copy takes a
// tenth of the time of a Float64Array, whose memory lies outside of V8's heap: one for every 63 ranges was 5 % of a fault.
const NO_KEYS: readonly number[] = Array.from({ length: CAPACITY }, () => 0.5);
const NO_ITEMS: readonly undefined[] = Array.from({ length: CAPACITY }, () => undefined);
// The first leaf of a tree has no places until it gets an entry, and is small until it is full: most trees of small machines
// stay so. These two are never written to; they were emptied, since `[]` would be of another kind to V8.
const NO_PLACES_FOR_KEYS = [0.5];
NO_PLACES_FOR_KEYS.pop();
const NO_PLACES_FOR_ITEMS: undefined[] = [undefined];
NO_PLACES_FOR_ITEMS.pop();
const NO_WAY: never[] = [];

export class Leaf<T> {
  /** The entries are those with the indices `[from, to)`: what is taken out at the front, as in a munmap, moves nothing. */
  from = 0;
  to = 0;
  keys: number[];
  items: (T | undefined)[];
  next: Leaf<T> | null = null;
  previous: Leaf<T> | null = null;

  /** `isFirst`: the one that a tree begins with. */
  constructor(isFirst: boolean) {
    this.keys = isFirst ? NO_PLACES_FOR_KEYS : NO_KEYS.slice();
    this.items = isFirst ? NO_PLACES_FOR_ITEMS : NO_ITEMS.slice();
  }

  get count(): number {
    return this.to - this.from;
  }

  /** Makes room for one entry at the end; false: the leaf has to be split. */
  makeRoom(): boolean {
    if (this.from > 0) {
      this.moveToFront();
      return true;
    }
    if (this.keys.length === CAPACITY) return false;
    if (this.keys.length === 0) {
      // Literals take a third of the time of copies.
      this.keys = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5];
      this.items = [undefined, undefined, undefined, undefined, undefined, undefined, undefined, undefined];
      return true;
    }
    const keys = NO_KEYS.slice();
    for (let index = 0; index < this.to; index++) keys[index] = this.keys[index]!;
    this.keys = keys;
    while (this.items.length < CAPACITY) this.items.push(undefined);
    return true;
  }

  /** All free places are at the end. */
  moveToFront(): void {
    const { keys, items, from, to } = this;
    if (from === 0) return;
    for (let index = from; index < to; index++) {
      keys[index - from] = keys[index]!;
      items[index - from] = items[index];
    }
    for (let index = Math.max(from, to - from); index < to; index++) items[index] = undefined;
    this.from = 0;
    this.to = to - from;
  }
}

class Branch<T> {
  /** Number of children; `keys[i]` separates `children[i]` from `children[i + 1]`. */
  count = 0;
  readonly keys = NO_KEYS.slice();
  readonly children: (Leaf<T> | Branch<T>)[] = [];
}

// Both searches quarter without a branch on the outcome: which part it is can't be predicted, and a wrong guess costs more
// than the step; and three keys are looked at while halving would wait for one after the other.

/** Index of the first of the keys `[from, to)` that is not below `key`; `to`: all are. */
export function firstFrom(keys: readonly number[], from: number, to: number, key: number): number {
  let found = from;
  let length = to - from;
  while (length > 3) {
    const quarter = length >>> 2;
    const first = found + quarter - 1;
    const passed =
      Number(keys[first]! < key) + Number(keys[first + quarter]! < key) + Number(keys[first + 2 * quarter]! < key);
    found += quarter * passed;
    length -= 3 * quarter;
  }
  for (let index = found, end = found + length; index < end; index++) found += Number(keys[index]! < key);
  return found;
}

/** Index of the first of the keys `[from, to)` that is above `key`; `to`: none is. */
export function firstAfter(keys: readonly number[], from: number, to: number, key: number): number {
  let found = from;
  let length = to - from;
  while (length > 3) {
    const quarter = length >>> 2;
    const first = found + quarter - 1;
    const passed =
      Number(keys[first]! <= key) + Number(keys[first + quarter]! <= key) + Number(keys[first + 2 * quarter]! <= key);
    found += quarter * passed;
    length -= 3 * quarter;
  }
  for (let index = found, end = found + length; index < end; index++) found += Number(keys[index]! <= key);
  return found;
}

/** The shape of one tree. Code that changes a leaf without changing the shape does so directly. */
export class OrderedTree<T extends object | number> {
  private root: Leaf<T> | Branch<T> = new Leaf<T>(true);
  // Branches above a leaf; all leaves are equally deep.
  private height = 0;
  // The way from the root to a leaf that is about to be split or merged, once there are branches.
  private path: Branch<T>[] = NO_WAY;
  private pathIndex: number[] = NO_WAY;

  /** The leaf in which the first entry with a key of at least `key` stands, or the one before it. */
  leafBefore(key: number): Leaf<T> {
    let node = this.root;
    for (let height = this.height; height > 0; height--) {
      const branch = node as Branch<T>;
      node = branch.children[firstFrom(branch.keys, 0, branch.count - 1, key)]!;
    }
    return node as Leaf<T>;
  }

  /** The leaf after whose entries with a key of at most `key` a new one belongs. */
  leafAfter(key: number): Leaf<T> {
    let node = this.root;
    for (let height = this.height; height > 0; height--) {
      const branch = node as Branch<T>;
      node = branch.children[firstAfter(branch.keys, 0, branch.count - 1, key)]!;
    }
    return node as Leaf<T>;
  }

  /** Splits the full leaf that `leafAfter(key)` gives, and returns the half that `key` belongs to. */
  split(key: number): Leaf<T> {
    const leaf = this.recordPath(key, true);
    const right = new Leaf<T>(false);
    // Appending in ascending order keeps leaves full instead of half full.
    const half = leaf.next === null && key >= leaf.keys[CAPACITY - 1]! ? CAPACITY - 1 : CAPACITY >>> 1;
    for (let index = half; index < CAPACITY; index++) {
      right.keys[index - half] = leaf.keys[index]!;
      right.items[index - half] = leaf.items[index];
      leaf.items[index] = undefined;
    }
    right.to = CAPACITY - half;
    leaf.to = half;
    right.next = leaf.next;
    right.previous = leaf;
    if (right.next !== null) right.next.previous = right;
    leaf.next = right;
    this.addChild(this.height - 1, right.keys[0]!, leaf, right);
    return key >= right.keys[0]! ? right : leaf;
  }

  /**
   * Merges the right neighbour of a sparse leaf into it, or drops an empty leaf;
   * `key` is that of an entry just taken out of it. Says whether a leaf is gone.
   */
  shrink(leaf: Leaf<T>, key: number): boolean {
    const depth = this.height - 1;
    if (depth < 0) return false;
    this.recordPathTo(leaf, key);
    const branch = this.path[depth]!;
    const index = this.pathIndex[depth]!;
    if (leaf.count === 0) {
      unlink(leaf);
      this.removeChild(depth, index);
      return true;
    }
    if (index + 1 >= branch.count) return false;
    const right = branch.children[index + 1] as Leaf<T>;
    if (leaf.count + right.count > CAPACITY >>> 1) return false;
    leaf.moveToFront();
    for (let at = right.from; at < right.to; at++, leaf.to++) {
      leaf.keys[leaf.to] = right.keys[at]!;
      leaf.items[leaf.to] = right.items[at];
    }
    unlink(right);
    this.removeChild(depth, index + 1);
    return true;
  }

  private recordPath(key: number, after: boolean): Leaf<T> {
    let node = this.root;
    for (let depth = 0; depth < this.height; depth++) {
      const branch = node as Branch<T>;
      const separators = branch.count - 1;
      const index = after ? firstAfter(branch.keys, 0, separators, key) : firstFrom(branch.keys, 0, separators, key);
      this.path[depth] = branch;
      this.pathIndex[depth] = index;
      node = branch.children[index]!;
    }
    return node as Leaf<T>;
  }

  /** Records the way to a leaf that holds `key` or held it; a run of equal keys may reach it from another one. */
  private recordPathTo(target: Leaf<T>, key: number): void {
    let leaf = this.recordPath(key, false);
    while (leaf !== target) {
      let depth = this.height - 1;
      while (this.pathIndex[depth]! + 1 >= this.path[depth]!.count) depth--;
      this.pathIndex[depth] = this.pathIndex[depth]! + 1;
      let node = this.path[depth]!.children[this.pathIndex[depth]!]!;
      for (depth++; depth < this.height; depth++) {
        this.path[depth] = node as Branch<T>;
        this.pathIndex[depth] = 0;
        node = this.path[depth]!.children[0]!;
      }
      leaf = node as Leaf<T>;
    }
  }

  private addChild(depth: number, separator: number, left: Leaf<T> | Branch<T>, right: Leaf<T> | Branch<T>): void {
    if (depth < 0) {
      const root = new Branch<T>();
      root.children.push(left, right);
      root.keys[0] = separator;
      root.count = 2;
      this.root = root;
      if (this.height === 0) {
        this.path = [];
        this.pathIndex = [];
      }
      this.height++;
      return;
    }
    const branch = this.path[depth]!;
    const index = this.pathIndex[depth]!;
    branch.children.splice(index + 1, 0, right);
    // As copyWithin, which V8 does key by key through the slowest of its ways.
    for (let at = branch.count - 1; at > index; at--) branch.keys[at] = branch.keys[at - 1]!;
    branch.keys[index] = separator;
    branch.count++;
    if (branch.count < CAPACITY) return;
    const half = branch.count >>> 1;
    const sibling = new Branch<T>();
    sibling.children.push(...branch.children.splice(half));
    sibling.count = sibling.children.length;
    for (let index = half; index < branch.count - 1; index++) sibling.keys[index - half] = branch.keys[index]!;
    const middle = branch.keys[half - 1]!;
    branch.count = half;
    this.addChild(depth - 1, middle, branch, sibling);
  }

  private removeChild(depth: number, index: number): void {
    const branch = this.path[depth]!;
    branch.children.splice(index, 1);
    // The separator on the left of the child goes with it; of the first child, the one on its right.
    const separator = index === 0 ? 0 : index - 1;
    for (let at = separator; at < branch.count - 2; at++) branch.keys[at] = branch.keys[at + 1]!;
    branch.count--;
    if (branch.count === 0) {
      if (depth > 0) {
        this.removeChild(depth - 1, this.pathIndex[depth - 1]!);
        return;
      }
      this.root = new Leaf<T>(true);
      this.height = 0;
    } else if (depth === 0 && branch.count === 1) {
      this.root = branch.children[0]!;
      this.height--;
    }
  }
}

function unlink<T>(leaf: Leaf<T>): void {
  if (leaf.previous !== null) leaf.previous.next = leaf.next;
  if (leaf.next !== null) leaf.next.previous = leaf.previous;
}
