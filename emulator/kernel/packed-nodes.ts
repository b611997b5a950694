// Models: nothing of the kernel - the nodes of the B+-tree under every ordered index.
//
// All nodes lie in the same few typed arrays, one after the other, so that a search touches few cache lines and no
// objects.

/** Entries of a leaf and children of a branch, at most. */
export const CAPACITY = 32;
export const NODE_SHIFT = 5;
const FEW_NODES = 256;
/** The first leaf of a tree is small until it is full: most trees of small machines stay so, and its arrays lie in V8's own heap. */
const FIRST_CAPACITY = 8;
/** Numbers kept of each node: entries of a leaf or children of a branch; the next leaf; the previous one. */
export const LINKS = 3;
export const NEXT = 1;
export const PREVIOUS = 2;

/** No entry, or no node. */
export const NONE = -1;

/** Nodes of a tree: leaves and branches. */
export class PackedNodes {
  /** Of a branch, `keys[i]` separates its children i and i + 1. */
  protected keys = new Float64Array(FIRST_CAPACITY);
  /** Of a branch, the numbers of its children. */
  protected values = new Int32Array(FIRST_CAPACITY);
  protected links = Int32Array.of(0, NONE, NONE);
  // Nodes in the arrays, and the first of those that are not in use, linked by NEXT.
  protected nodes = 1;
  protected unused = NONE;

  // Both searches quarter without a branch on the outcome: which part it is can't be predicted, and a wrong guess costs
  // more than a step; the three comparisons of a step don't wait for each other. Keys beyond the part are greater.

  /** The place after those of the `count` keys from `start` on that are below `key`. */
  protected countBelow(start: number, count: number, key: number): number {
    const keys = this.keys;
    let base = start;
    let length = count;
    while (length > 3) {
      const quarter = length >>> 2;
      const first = base + quarter - 1;
      const passed =
        Number(keys[first]! < key) + Number(keys[first + quarter]! < key) + Number(keys[first + 2 * quarter]! < key);
      base += quarter * passed;
      length -= 3 * quarter;
    }
    let found = base;
    for (const end = base + length; base < end; base++) found += Number(keys[base]! < key);
    return found;
  }

  /** The place after those of the `count` keys from `start` on that are at most `key`. */
  protected countUpTo(start: number, count: number, key: number): number {
    const keys = this.keys;
    let base = start;
    let length = count;
    while (length > 3) {
      const quarter = length >>> 2;
      const first = base + quarter - 1;
      const passed =
        Number(keys[first]! <= key) + Number(keys[first + quarter]! <= key) + Number(keys[first + 2 * quarter]! <= key);
      base += quarter * passed;
      length -= 3 * quarter;
    }
    let found = base;
    for (const end = base + length; base < end; base++) found += Number(keys[base]! <= key);
    return found;
  }

  protected move(from: number, to: number, count: number): void {
    this.keys.copyWithin(to, from, from + count);
    this.values.copyWithin(to, from, from + count);
  }

  /** An empty leaf without neighbours. */
  protected makeNode(): number {
    let node = this.unused;
    if (node === NONE) {
      node = this.nodes++;
      this.reserve(this.nodes);
    } else {
      this.unused = this.links[node * LINKS + NEXT]!;
    }
    this.links[node * LINKS] = 0;
    this.links[node * LINKS + NEXT] = NONE;
    this.links[node * LINKS + PREVIOUS] = NONE;
    return node;
  }

  protected dropNode(node: number): void {
    this.links[node * LINKS + NEXT] = this.unused;
    this.unused = node;
  }

  /** Makes room for `nodes` whole nodes: twice as many as few, a quarter more than many, so that little of it is empty. */
  protected reserve(nodes: number): void {
    if (nodes << NODE_SHIFT <= this.keys.length) return;
    const room = nodes < FEW_NODES ? 2 * nodes : nodes + (nodes >>> 2);
    const keys = new Float64Array(room << NODE_SHIFT);
    const values = new Int32Array(room << NODE_SHIFT);
    const links = new Int32Array(room * LINKS);
    keys.set(this.keys);
    values.set(this.values);
    links.set(this.links);
    this.keys = keys;
    this.values = values;
    this.links = links;
  }
}
