// Models: an attribute interval - its pages and its record (spec/02-attributes §1, §3).
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';
import type { AttributeRecord } from './attribute-record.ts';

/** One attribute interval: the pages `[first, last]`, both inclusive, and their record. It has identity. */
export class AttributeInterval implements AttributeRecord {
  first: number;
  last: number;
  preferredLocation: number;
  prefetchLocation: number;
  access: number;
  granularity: number;
  flags: number;
  /** Set when the clear procedure took it out of the tree and freed it; its members keep the last values (spec/05-faults §10). */
  freed = false;

  constructor(first: number, last: number, record: AttributeRecord) {
    this.first = first;
    this.last = last;
    this.preferredLocation = record.preferredLocation;
    this.prefetchLocation = record.prefetchLocation;
    this.access = record.access;
    this.granularity = record.granularity;
    this.flags = record.flags;
  }
}

/** First page after an interval, or 0 where the byte address wraps past 2^64 (spec/02-attributes §10). */
export function exclusiveEnd(interval: AttributeInterval): number {
  const end = interval.last + 1;
  return end === PAGE_NUMBER_END ? 0 : end;
}
