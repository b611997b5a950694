// Models: the list of attribute intervals next to the tree (spec/02-attributes §3). It has the order of the tree until a race
// makes intervals overlap (Q31); only from then on is it kept.

/** A place in the list; the list is a ring through its head, whose `row` is null. */
interface Link {
  readonly row: number | null;
  previous: Link;
  next: Link;
}

/** The order in which the kernel's list holds the intervals, which are named by their rows. */
export class AttributeList {
  readonly #head: Link = ring();
  readonly #links = new Map<number, Link>();

  constructor(rows: Iterable<number>) {
    for (const row of rows) this.insertBefore(undefined, row);
  }

  /** Adds `row` before `next`, or at the end. */
  insertBefore(next: number | undefined, row: number): void {
    const after = next === undefined ? this.#head : this.#links.get(next)!;
    const link: Link = { row, previous: after.previous, next: after };
    after.previous.next = link;
    after.previous = link;
    this.#links.set(row, link);
  }

  remove(row: number): void {
    const link = this.#links.get(row)!;
    link.previous.next = link.next;
    link.next.previous = link.previous;
    this.#links.delete(row);
  }

  /** Whether these are the intervals of the list in its order. */
  hasOrderOf(rows: Iterable<number>): boolean {
    let link = this.#head.next;
    for (const row of rows) {
      if (link.row !== row) return false;
      link = link.next;
    }
    return link === this.#head;
  }
}

function ring(): Link {
  const head = { row: null } as Link;
  head.previous = head;
  head.next = head;
  return head;
}
