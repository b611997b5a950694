// Models: the buffer objects that are mapped into a VM, as far as SVM looks at them - where they are (spec/trace-format-v7 §2).
import { Errno } from '../../lib/uapi/errno.ts';
import { OrderedMap } from '../kernel/ordered-map.ts';
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';

/** The pages `[startPage, endPage)` of one mapping. */
export interface BufferObjectMapping {
  readonly startPage: number;
  readonly endPage: number;
}

/** The mappings of one VM; they do not overlap. They have no PTEs here: only their existence counts. */
export class BufferObjectMappings {
  private readonly byStart = new OrderedMap<BufferObjectMapping>();

  /** Maps `pages` pages; 0, or -EINVAL for none, for an end beyond 2^64, or where another one is. SVM ranges are not looked at. */
  map(startPage: number, pages: number): number {
    const endPage = startPage + pages;
    if (pages === 0 || endPage > PAGE_NUMBER_END) return -Errno.EINVAL;
    if (this.firstIn(startPage, endPage - 1) !== undefined) return -Errno.EINVAL;
    this.byStart.insert(startPage, { startPage, endPage });
    return 0;
  }

  /** Unmaps the one that starts at `startPage`; 0, or -ENOENT. */
  unmap(startPage: number): number {
    const mapping = this.byStart.floor(startPage);
    if (mapping === undefined || mapping.startPage !== startPage) return -Errno.ENOENT;
    this.byStart.remove(startPage, mapping);
    return 0;
  }

  /** The lowest one that has any of the pages `[first, last]`, both inclusive. */
  firstIn(first: number, last: number): BufferObjectMapping | undefined {
    // Most VMs have none, and the hazard monitor asks at each fault.
    if (this.byStart.size === 0) return undefined;
    const before = this.byStart.floor(first);
    if (before !== undefined && before.endPage > first) return before;
    const after = this.byStart.higher(first);
    return after !== undefined && after.startPage <= last ? after : undefined;
  }

  /** In ascending order. */
  values(): Generator<BufferObjectMapping, undefined> {
    return this.byStart.values();
  }
}
