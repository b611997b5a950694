// Models: the list of attribute intervals next to the tree (spec/02-attributes §3). It has the order of the tree until a race
// makes intervals overlap (Q31); only from then on is it kept.

/** A place in the list; the list is a ring through its head, whose `interval` is null. */
interface Link<T> {
  readonly interval: T | null;
  previous: Link<T>;
  next: Link<T>;
}

/** The order in which the kernel's list holds the intervals. */
export class AttributeList<T extends object> {
  private readonly head: Link<T> = ring();
  private readonly links = new Map<T, Link<T>>();

  constructor(intervals: Iterable<T>) {
    for (const interval of intervals) this.insertBefore(undefined, interval);
  }

  /** Adds `interval` before `next`, or at the end. */
  insertBefore(next: T | undefined, interval: T): void {
    const after = next === undefined ? this.head : this.links.get(next)!;
    const link: Link<T> = { interval, previous: after.previous, next: after };
    after.previous.next = link;
    after.previous = link;
    this.links.set(interval, link);
  }

  remove(interval: T): void {
    const link = this.links.get(interval)!;
    link.previous.next = link.next;
    link.next.previous = link.previous;
    this.links.delete(interval);
  }

  /** Whether these are the intervals of the list in its order. */
  hasOrderOf(intervals: Iterable<T>): boolean {
    let link = this.head.next;
    for (const interval of intervals) {
      if (link.interval !== interval) return false;
      link = link.next;
    }
    return link === this.head;
  }
}

function ring<T>(): Link<T> {
  const head = { interval: null } as Link<T>;
  head.previous = head;
  head.next = head;
  return head;
}
