// Models: nothing of the kernel - the B+-tree under every ordered index: doubles as keys, small integers as values.
//
// Equal keys are allowed and keep their order of insertion. An entry is named by its place in `keys` and
// `values`, which holds until the tree is changed. The leaf of the last operation is remembered, which makes
// neighbouring operations cheap; the last leaf is also that of every greater key, which makes appending cheap.
import { CAPACITY, LINKS, NEXT, NODE_SHIFT, NONE, PackedNodes, PREVIOUS } from './packed-nodes.ts';

/** A leaf with fewer entries looks whether its right neighbour fits into it. */
const MERGE_AT = 12;

/** Ordered multimap from numbers to 32-bit integers. */
export class PackedTree extends PackedNodes {
  #root = 0;
  // Branches above a leaf; all leaves are equally deep.
  #height = 0;
  #recent = 0;
  #size = 0;
  // The way from the root to a leaf that is about to be split or merged.
  readonly #path: number[] = [];
  readonly #pathIndex: number[] = [];

  get size(): number {
    return this.#size;
  }

  keyAt(entry: number): number {
    return this.keys[entry]!;
  }

  valueAt(entry: number): number {
    return this.values[entry]!;
  }

  setValue(entry: number, value: number): void {
    this.values[entry] = value;
  }

  /** The last entry with a key of at most `key`. */
  floor(key: number): number {
    const leaf = this.#leafAfter(key);
    return this.#before(leaf, this.countUpTo(leaf, this.links[leaf * LINKS]!, key));
  }

  /** The first entry with a key of at least `key`. */
  ceiling(key: number): number {
    const leaf = this.#leafBefore(key);
    return this.#at(leaf, this.countBelow(leaf, this.links[leaf * LINKS]!, key));
  }

  /** The first entry with a key greater than `key`. */
  higher(key: number): number {
    const leaf = this.#leafAfter(key);
    return this.#at(leaf, this.countUpTo(leaf, this.links[leaf * LINKS]!, key));
  }

  /** The last entry with a key less than `key`. */
  lower(key: number): number {
    const leaf = this.#leafBefore(key);
    return this.#before(leaf, this.countBelow(leaf, this.links[leaf * LINKS]!, key));
  }

  /** The entry after `entry`. */
  after(entry: number): number {
    const leaf = entry >> NODE_SHIFT;
    return this.#at(leaf, entry + 1 - (leaf << NODE_SHIFT));
  }

  /** The entry before `entry`. */
  before(entry: number): number {
    const leaf = entry >> NODE_SHIFT;
    return this.#before(leaf, entry - (leaf << NODE_SHIFT));
  }

  /** The entry with that key and value. */
  find(key: number, value: number): number {
    for (let entry = this.ceiling(key); entry !== NONE && this.keys[entry] === key; entry = this.after(entry))
      if (this.values[entry] === value) return entry;
    return NONE;
  }

  /** Adds an entry after all with a key of at most `key`. */
  insert(key: number, value: number): void {
    let leaf = this.#leafAfter(key);
    let count = this.links[leaf * LINKS]!;
    if (count === CAPACITY || (leaf << NODE_SHIFT) + count === this.keys.length) {
      if (count === CAPACITY) leaf = this.#recent = this.#split(key);
      else this.reserve(1);
      count = this.links[leaf * LINKS]!;
    }
    const keys = this.keys;
    const values = this.values;
    const base = leaf << NODE_SHIFT;
    const end = base + count;
    const isLast = count > 0 && keys[end - 1]! <= key;
    const place = isLast ? end : base + this.countUpTo(leaf, count, key);
    for (let entry = end; entry > place; entry--) {
      keys[entry] = keys[entry - 1]!;
      values[entry] = values[entry - 1]!;
    }
    keys[place] = key;
    values[place] = value;
    this.links[leaf * LINKS] = count + 1;
    this.#size++;
  }

  /** Takes out an entry. */
  remove(entry: number): void {
    const keys = this.keys;
    const values = this.values;
    const leaf = entry >> NODE_SHIFT;
    const key = keys[entry]!;
    const count = this.links[leaf * LINKS]! - 1;
    const end = (leaf << NODE_SHIFT) + count;
    for (let place = entry; place < end; place++) {
      keys[place] = keys[place + 1]!;
      values[place] = values[place + 1]!;
    }
    this.links[leaf * LINKS] = count;
    this.#size--;
    if (count < MERGE_AT && this.#height > 0) this.#shrink(leaf, key);
  }

  /** Changes the key of an entry in place, if its order allows that inside of its leaf; says whether it did. */
  rekey(entry: number, key: number): boolean {
    const keys = this.keys;
    const leaf = entry >> NODE_SHIFT;
    const base = leaf << NODE_SHIFT;
    const last = base + this.links[leaf * LINKS]! - 1;
    // What is at the ends of a leaf may only move away from the leaf that would become its neighbour.
    const isAbove = entry > base ? key > keys[entry - 1]! : key > keys[entry]!;
    if (!isAbove || !(entry < last ? key < keys[entry + 1]! : key < keys[entry]!)) return false;
    keys[entry] = key;
    return true;
  }

  /** The entry at `index` of `leaf`, or the first of the next one. */
  #at(leaf: number, index: number): number {
    if (index < this.links[leaf * LINKS]!) return (leaf << NODE_SHIFT) + index;
    const next = this.links[leaf * LINKS + NEXT]!;
    return next === NONE ? NONE : next << NODE_SHIFT;
  }

  /** The entry before `index` of `leaf`, or the last of the previous one. */
  #before(leaf: number, index: number): number {
    if (index > 0) return (leaf << NODE_SHIFT) + index - 1;
    const previous = this.links[leaf * LINKS + PREVIOUS]!;
    return previous === NONE ? NONE : (previous << NODE_SHIFT) + this.links[previous * LINKS]! - 1;
  }

  /** The leaf in which the last key of at most `key` stands, or would be inserted. */
  #leafAfter(key: number): number {
    const recent = this.#recent;
    const count = this.links[recent * LINKS]!;
    const base = recent << NODE_SHIFT;
    const isLast = this.links[recent * LINKS + NEXT]! === NONE;
    if (count > 0 && key >= this.keys[base]! && (isLast || key < this.keys[base + count - 1]!)) return recent;
    let node = this.#root;
    for (let height = this.#height; height > 0; height--)
      node = this.values[(node << NODE_SHIFT) + this.countUpTo(node, this.links[node * LINKS]! - 1, key)]!;
    return (this.#recent = node);
  }

  /** The leaf in which the first key of at least `key` stands, or the one before it. */
  #leafBefore(key: number): number {
    const recent = this.#recent;
    const count = this.links[recent * LINKS]!;
    const base = recent << NODE_SHIFT;
    const isLast = this.links[recent * LINKS + NEXT]! === NONE;
    if (count > 0 && key > this.keys[base]! && (isLast || key <= this.keys[base + count - 1]!)) return recent;
    let node = this.#root;
    for (let height = this.#height; height > 0; height--)
      node = this.values[(node << NODE_SHIFT) + this.countBelow(node, this.links[node * LINKS]! - 1, key)]!;
    return (this.#recent = node);
  }

  /** Splits the full leaf that `#leafAfter(key)` gives; the half that `key` belongs to. */
  #split(key: number): number {
    const leaf = this.#recordPath(key, true);
    const right = this.makeNode();
    const links = this.links;
    const keys = this.keys;
    const base = leaf << NODE_SHIFT;
    const next = links[leaf * LINKS + NEXT]!;
    // Appending in ascending order keeps leaves full instead of half full.
    const half = next === NONE && key >= keys[base + CAPACITY - 1]! ? CAPACITY - 1 : CAPACITY >>> 1;
    this.move(base + half, right << NODE_SHIFT, CAPACITY - half);
    links[leaf * LINKS] = half;
    links[leaf * LINKS + NEXT] = right;
    links[right * LINKS] = CAPACITY - half;
    links[right * LINKS + NEXT] = next;
    links[right * LINKS + PREVIOUS] = leaf;
    if (next !== NONE) links[next * LINKS + PREVIOUS] = right;
    const separator = keys[right << NODE_SHIFT]!;
    this.#addChild(this.#height - 1, separator, leaf, right);
    return key >= separator ? right : leaf;
  }

  /** Merges the right neighbour of a sparse leaf into it, or drops an empty leaf; `key` was just taken out of it. */
  #shrink(leaf: number, key: number): void {
    const depth = this.#height - 1;
    this.#recordPathTo(leaf, key);
    const branch = this.#path[depth]!;
    const index = this.#pathIndex[depth]!;
    const links = this.links;
    const count = links[leaf * LINKS]!;
    let gone = leaf;
    let goneIndex = index;
    if (count > 0) {
      if (index + 1 >= links[branch * LINKS]!) return;
      gone = this.values[(branch << NODE_SHIFT) + index + 1]!;
      goneIndex = index + 1;
      const more = links[gone * LINKS]!;
      if (count + more > CAPACITY >>> 1) return;
      this.move(gone << NODE_SHIFT, (leaf << NODE_SHIFT) + count, more);
      links[leaf * LINKS] = count + more;
    }
    const next = links[gone * LINKS + NEXT]!;
    const previous = links[gone * LINKS + PREVIOUS]!;
    if (previous !== NONE) links[previous * LINKS + NEXT] = next;
    if (next !== NONE) links[next * LINKS + PREVIOUS] = previous;
    this.dropNode(gone);
    this.#removeChild(depth, goneIndex);
    this.#recent = this.#recordPath(key, false);
  }

  #recordPath(key: number, after: boolean): number {
    let node = this.#root;
    for (let depth = 0; depth < this.#height; depth++) {
      const separators = this.links[node * LINKS]! - 1;
      const index = after ? this.countUpTo(node, separators, key) : this.countBelow(node, separators, key);
      this.#path[depth] = node;
      this.#pathIndex[depth] = index;
      node = this.values[(node << NODE_SHIFT) + index]!;
    }
    return node;
  }

  /** Records the way to a leaf that holds `key` or held it; a run of equal keys may reach it from another one. */
  #recordPathTo(target: number, key: number): void {
    let leaf = this.#recordPath(key, false);
    while (leaf !== target) {
      let depth = this.#height - 1;
      while (this.#pathIndex[depth]! + 1 >= this.links[this.#path[depth]! * LINKS]!) depth--;
      this.#pathIndex[depth] = this.#pathIndex[depth]! + 1;
      let node = this.values[(this.#path[depth]! << NODE_SHIFT) + this.#pathIndex[depth]!]!;
      for (depth++; depth < this.#height; depth++) {
        this.#path[depth] = node;
        this.#pathIndex[depth] = 0;
        node = this.values[node << NODE_SHIFT]!;
      }
      leaf = node;
    }
  }

  #addChild(depth: number, separator: number, left: number, right: number): void {
    if (depth < 0) {
      const root = this.makeNode();
      const base = root << NODE_SHIFT;
      this.values[base] = left;
      this.values[base + 1] = right;
      this.keys[base] = separator;
      this.links[root * LINKS] = 2;
      this.#root = root;
      this.#height++;
      return;
    }
    const branch = this.#path[depth]!;
    const base = branch << NODE_SHIFT;
    const count = this.links[branch * LINKS]!;
    const place = base + this.#pathIndex[depth]!;
    this.values.copyWithin(place + 2, place + 1, base + count);
    this.values[place + 1] = right;
    this.keys.copyWithin(place + 1, place, base + count - 1);
    this.keys[place] = separator;
    this.links[branch * LINKS] = count + 1;
    if (count + 1 < CAPACITY) return;
    const half = CAPACITY >>> 1;
    const sibling = this.makeNode();
    this.move(base + half, sibling << NODE_SHIFT, CAPACITY - half);
    this.links[branch * LINKS] = half;
    this.links[sibling * LINKS] = CAPACITY - half;
    this.#addChild(depth - 1, this.keys[base + half - 1]!, branch, sibling);
  }

  #removeChild(depth: number, index: number): void {
    const branch = this.#path[depth]!;
    const base = branch << NODE_SHIFT;
    const count = this.links[branch * LINKS]! - 1;
    this.values.copyWithin(base + index, base + index + 1, base + count + 1);
    // The separator on the left of the child goes with it; of the first child, the one on its right.
    const separator = base + (index === 0 ? 0 : index - 1);
    this.keys.copyWithin(separator, separator + 1, base + count);
    this.links[branch * LINKS] = count;
    if (count === 0) {
      this.dropNode(branch);
      if (depth > 0) {
        this.#removeChild(depth - 1, this.#pathIndex[depth - 1]!);
        return;
      }
      this.#root = this.makeNode();
      this.#height = 0;
    } else if (depth === 0 && count === 1) {
      this.#root = this.values[base]!;
      this.#height--;
      this.dropNode(branch);
    }
  }
}
