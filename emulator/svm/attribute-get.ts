// Models: GET_ATTR - aggregation over the runs of a request (spec/02-attributes §7).
import { SvmAccess, SvmAttributeType } from '../../lib/uapi/constants.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import { copyRecord, LOCATION_UNDEFINED } from './attribute-record.ts';
import type { AttributeRecord, AttributeRequest } from './attribute-record.ts';
import type { SvmContext } from './context.ts';

/**
 * Fills the values of `request` for the pages `[first, last]`, both inclusive;
 * a `last` below `first` (a wrapped interval) gives the defaults (Q23). Returns
 * 0, or -EINVAL at an unknown type, with the values before it filled in.
 */
export function getAttributes(context: SvmContext, first: number, last: number, request: AttributeRequest): number {
  // Of this call: while it is interrupted, another one may be made.
  const { aggregate } = request;
  context.tree.hold();
  aggregateRecords(context, first, last, aggregate);
  context.tree.release();
  context.points.reach('tree-unlock');
  const lastType = context.revision.uapi.lastAttributeType;
  for (let index = 0; index < request.count; index++) {
    const type = request.types[index]!;
    if (type > lastType) return -Errno.EINVAL;
    request.values[index] = valueOf(aggregate, type);
  }
  return 0;
}

function aggregateRecords(context: SvmContext, first: number, last: number, aggregate: AttributeRecord): void {
  const { tree, defaults } = context;
  let interval = first <= last ? tree.findIntersecting(first, last) : undefined;
  if (interval === undefined || interval.first > first) copyRecord(aggregate, defaults);
  else copyRecord(aggregate, interval);
  // The usual case: one interval covers the request.
  if (interval !== undefined && interval.first <= first && interval.last >= last) return;
  let cursor = first;
  while (interval !== undefined && cursor <= last) {
    if (interval.first > cursor) combine(aggregate, defaults);
    combine(aggregate, interval);
    cursor = interval.last + 1;
    // The next interval that reaches beyond what has been counted.
    do {
      interval = tree.after(interval);
    } while (interval !== undefined && interval.last < cursor);
    if (interval === undefined || interval.first > last) {
      // mutant: get-ignores-hole-at-end
      if (cursor <= last) combine(aggregate, defaults);
      return;
    }
  }
}

function combine(aggregate: AttributeRecord, record: AttributeRecord): void {
  if (record.preferredLocation !== aggregate.preferredLocation) aggregate.preferredLocation = LOCATION_UNDEFINED;
  if (record.prefetchLocation !== aggregate.prefetchLocation) aggregate.prefetchLocation = LOCATION_UNDEFINED;
  // mutant: get-granularity-largest
  if (record.granularity < aggregate.granularity) aggregate.granularity = record.granularity;
  // mutant: get-mixed-access
  if (record.access !== aggregate.access) aggregate.access = SvmAccess.inaccessible;
  // mutant: get-first-interval-wins
  aggregate.flags &= record.flags;
}

function valueOf(record: AttributeRecord, type: number): number {
  switch (type) {
    case SvmAttributeType.preferredLocation:
      return record.preferredLocation;
    case SvmAttributeType.prefetchLocation:
      return record.prefetchLocation;
    case SvmAttributeType.access:
      return record.access;
    case SvmAttributeType.granularity:
      return record.granularity;
    default:
      return (record.flags >>> (type - SvmAttributeType.hostAccess)) & 1;
  }
}
