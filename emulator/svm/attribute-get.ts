// Models: GET_ATTR - aggregation over the runs of a request (spec/02-attributes §7).
import { SvmAccess, SvmAttributeType } from '../../lib/uapi/constants.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import type { AttributeInterval } from './attribute-interval.ts';
import { copyRecord, LOCATION_UNDEFINED } from './attribute-record.ts';
import type { AttributeRecord, AttributeRequest } from './attribute-record.ts';
import type { SvmContext } from './context.ts';

const { preferredLocation, prefetchLocation, access, granularity, hostAccess } = SvmAttributeType;

/**
 * Fills the values of `request` for the pages `[first, last]`, both inclusive;
 * a `last` below `first` (a wrapped interval) gives the defaults (Q23). Returns
 * 0, or -EINVAL at an unknown type, with the values before it filled in.
 */
export function getAttributes(context: SvmContext, first: number, last: number, request: AttributeRequest): number {
  const { tree, points, revision } = context;
  const interval = tree.found.find(first);
  // The usual case: one interval covers the request. There are no rows then, so that the tree needs not be held.
  const isCovered = interval !== undefined && first <= last && interval.last >= last;
  const record = isCovered ? interval : aggregateRecords(context, first, last, request.aggregate);
  const result = fillValues(request, record, revision.uapi.lastAttributeType);
  points.reach('tree-unlock');
  return result;
}

function fillValues(request: AttributeRequest, record: AttributeRecord, lastType: number): number {
  for (let index = 0; index < request.count; index++) {
    const type = request.types[index]!;
    if (type > lastType) return -Errno.EINVAL;
    request.values[index] = valueOf(record, type);
  }
  return 0;
}

function aggregateRecords(
  context: SvmContext,
  first: number,
  last: number,
  aggregate: AttributeRecord,
): AttributeRecord {
  const { tree, defaults } = context;
  tree.hold();
  const found = first <= last ? tree.findAndNote(first) : undefined;
  copyRecord(aggregate, found ?? defaults);
  if (found === undefined || found.last < last)
    combineAll(context, first, last, found ?? tree.afterHole(first), aggregate);
  tree.release();
  return aggregate;
}

/** `from`: the interval that contains the first page, or the next one. */
function combineAll(
  { tree, defaults }: SvmContext,
  first: number,
  last: number,
  from: AttributeInterval | undefined,
  aggregate: AttributeRecord,
): void {
  if (from === undefined || from.first > last) return;
  let interval: AttributeInterval | undefined = from;
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
    case preferredLocation:
      return record.preferredLocation;
    case prefetchLocation:
      return record.prefetchLocation;
    case access:
      return record.access;
    case granularity:
      return record.granularity;
    default:
      return (record.flags >>> (type - hostAccess)) & 1;
  }
}
