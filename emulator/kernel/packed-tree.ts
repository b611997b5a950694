// Models: nothing of the kernel - the B+-tree under every ordered index: doubles as keys, small integers as values.
//
// Equal keys are allowed and keep their order of insertion. An entry is named by its place in `keys` and
// `values`, which holds until the tree is changed. The leaf of the last operation is remembered, which makes
// neighbouring operations cheap; the last leaf is also that of every greater key, which makes appending cheap.
import { CAPACITY, LINKS, NEXT, NODE_SHIFT, NONE, PackedNodes, PREVIOUS } from './packed-nodes.ts';

/** A leaf with fewer entries looks whether its right neighbour fits into it. */
const MERGE_AT = 6;

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
    const place = this.#seekAfter(key);
    return place > this.#recent << NODE_SHIFT ? place - 1 : this.#endOfPrevious(this.#recent);
  }

  /** The first entry with a key greater than `key`. */
  higher(key: number): number {
    const place = this.#seekAfter(key);
    return place < this.#end(this.#recent) ? place : this.#startOfNext(this.#recent);
  }

  /** The first entry with a key of at least `key`. */
  ceiling(key: number): number {
    const place = this.#seekBefore(key);
    return place < this.#end(this.#recent) ? place : this.#startOfNext(this.#recent);
  }

  /** The last entry with a key less than `key`. */
  lower(key: number): number {
    const place = this.#seekBefore(key);
    return place > this.#recent << NODE_SHIFT ? place - 1 : this.#endOfPrevious(this.#recent);
  }

  /** The entry after `entry`. */
  after(entry: number): number {
    const leaf = entry >> NODE_SHIFT;
    return entry + 1 < this.#end(leaf) ? entry + 1 : this.#startOfNext(leaf);
  }

  /** The entry before `entry`. */
  before(entry: number): number {
    const leaf = entry >> NODE_SHIFT;
    return entry > leaf << NODE_SHIFT ? entry - 1 : this.#endOfPrevious(leaf);
  }

  /** The entry with that key and value. */
  find(key: number, value: number): number {
    for (let entry = this.ceiling(key); entry !== NONE && this.keys[entry] === key; entry = this.after(entry))
      if (this.values[entry] === value) return entry;
    return NONE;
  }

  /** Adds an entry after all with a key of at most `key`. */
  insert(key: number, value: number): void {
    let place = this.#seekAfter(key);
    const count = this.links[this.#recent * LINKS]!;
    if (count === CAPACITY || (this.#recent << NODE_SHIFT) + count === this.keys.length) {
      if (count === CAPACITY) this.#recent = this.#split(key);
      else this.reserve(1);
      place = this.#seekAfter(key);
    }
    const keys = this.keys;
    const values = this.values;
    for (let entry = this.#end(this.#recent); entry > place; entry--) {
      keys[entry] = keys[entry - 1]!;
      values[entry] = values[entry - 1]!;
    }
    keys[place] = key;
    values[place] = value;
    this.links[this.#recent * LINKS]!++;
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

  /** The place after the last entry of `leaf`. */
  #end(leaf: number): number {
    return (leaf << NODE_SHIFT) + this.links[leaf * LINKS]!;
  }

  #startOfNext(leaf: number): number {
    const next = this.links[leaf * LINKS + NEXT]!;
    return next === NONE ? NONE : next << NODE_SHIFT;
  }

  #endOfPrevious(leaf: number): number {
    const previous = this.links[leaf * LINKS + PREVIOUS]!;
    return previous === NONE ? NONE : this.#end(previous) - 1;
  }

  /** The place after the last key of at most `key`, in the leaf that is the recent one then. */
  #seekAfter(key: number): number {
    const { keys, links } = this;
    let node = this.#recent;
    const base = node << NODE_SHIFT;
    let count = links[node * LINKS]!;
    // Appending, and what lies near the last place.
    const isInside = count > 0 && key >= keys[base]!;
    if (isInside && key >= keys[base + count - 1]! && links[node * LINKS + NEXT]! === NONE) return base + count;
    if (!isInside || key >= keys[base + count - 1]!) {
      node = this.#root;
      for (let height = this.#height; height > 0; height--)
        node = this.values[this.countUpTo(node << NODE_SHIFT, links[node * LINKS]! - 1, key)]!;
      this.#recent = node;
      count = links[node * LINKS]!;
    }
    return this.countUpTo(node << NODE_SHIFT, count, key);
  }

  /** The place of the first key of at least `key`, in the leaf that is the recent one then. */
  #seekBefore(key: number): number {
    const { keys, links } = this;
    let node = this.#recent;
    const base = node << NODE_SHIFT;
    let count = links[node * LINKS]!;
    const isInside = count > 0 && key > keys[base]!;
    if (!isInside || (key > keys[base + count - 1]! && links[node * LINKS + NEXT]! !== NONE)) {
      node = this.#root;
      for (let height = this.#height; height > 0; height--)
        node = this.values[this.countBelow(node << NODE_SHIFT, links[node * LINKS]! - 1, key)]!;
      this.#recent = node;
      count = links[node * LINKS]!;
    }
    return this.countBelow(node << NODE_SHIFT, count, key);
  }

  /** Splits the full leaf in which `key` would come in; the half that `key` belongs to. */
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
      const base = node << NODE_SHIFT;
      const place = after ? this.countUpTo(base, separators, key) : this.countBelow(base, separators, key);
      this.#path[depth] = node;
      this.#pathIndex[depth] = place - base;
      node = this.values[place]!;
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
