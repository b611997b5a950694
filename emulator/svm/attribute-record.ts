// Models: the attribute record, its defaults, validation and change triggers (spec/02-attributes §1, §2, §4.1, §4.9, §5.1).
import {
  MAX_ATTRIBUTES_PER_CALL,
  SvmAccess,
  SvmAttributeType,
  SvmFlag,
  SvmLocation,
} from '../../lib/uapi/constants.ts';

/** Location UNDEFINED as the signed number that is stored. */
export const LOCATION_UNDEFINED = -1;
// mutant: granularity-clamp
const LARGEST_STORED_GRANULARITY = 63;
// V8 knows the values of constants that a module keeps to itself, and loads those of others each time.
const { preferredLocation, prefetchLocation, access, granularity, hostAccess, gpuAlwaysMapped } = SvmAttributeType;
const { system, undefined: undefinedLocation } = SvmLocation;
const GREATEST_ACCESS = SvmAccess['allow-migrate'];
const FIRST_FLAG_TYPE = hostAccess;

/** Flags that are in PTEs, and flags that concern the mapping; every flag is in exactly one of them. */
export const PTE_FLAG_MASK: number =
  SvmFlag.coherent | SvmFlag.extCoherent | SvmFlag.gpuReadOnly | SvmFlag.gpuExecutable;
export const MAPPING_FLAG_MASK: number = ~PTE_FLAG_MASK & 0xff;

/** Bits of a change trigger (spec/02-attributes §5.1). */
export const Trigger = {
  accessChange: 0x01,
  pteFlagChange: 0x02,
  mappingFlagChange: 0x04,
  locationChange: 0x08,
  granularityChange: 0x10,
  attributeOnly: 0x20,
  rangeSplit: 0x40,
  prefetch: 0x80,
} as const;
const { accessChange, pteFlagChange, mappingFlagChange, locationChange, granularityChange, prefetch } = Trigger;

/** The five members of a record. Locations are signed 32-bit numbers. */
export interface AttributeRecord {
  preferredLocation: number;
  prefetchLocation: number;
  access: number;
  /** log2 of pages. */
  granularity: number;
  /** Bits of `SvmFlag`. */
  flags: number;
}

const FIRST_CAPACITY = 16;

/** Up to 64 requested attributes of one call, as two columns. */
export class AttributeRequest {
  count = 0;
  // Few at first: so short arrays lie in V8's own heap, and nearly every call has few.
  types: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  values: Uint32Array = new Uint32Array(FIRST_CAPACITY);
  /** What a GET aggregates where no single interval covers its pages. */
  readonly aggregate: AttributeRecord = defaultRecord(0, SvmAccess.inaccessible);

  /** Begins a request of `count` attributes, at most 64; what the columns hold is left to the caller. */
  begin(count: number): void {
    this.count = count;
    if (count <= this.types.length) return;
    this.types = new Uint32Array(MAX_ATTRIBUTES_PER_CALL);
    this.values = new Uint32Array(MAX_ATTRIBUTES_PER_CALL);
  }
}

/** The record of pages in no interval. */
export function defaultRecord(granularity: number, access: number): AttributeRecord {
  return {
    preferredLocation: LOCATION_UNDEFINED,
    prefetchLocation: LOCATION_UNDEFINED,
    access,
    granularity,
    // mutant: default-flags
    flags: SvmFlag.hostAccess | SvmFlag.coherent,
  };
}

export function copyRecord(to: AttributeRecord, from: AttributeRecord): void {
  to.preferredLocation = from.preferredLocation;
  to.prefetchLocation = from.prefetchLocation;
  to.access = from.access;
  to.granularity = from.granularity;
  to.flags = from.flags;
}

export function recordsEqual(left: AttributeRecord, right: AttributeRecord): boolean {
  return (
    left.flags === right.flags &&
    left.access === right.access &&
    left.granularity === right.granularity &&
    left.prefetchLocation === right.prefetchLocation &&
    left.preferredLocation === right.preferredLocation
  );
}

/** Whether SET_ATTR of a revision whose attribute types end with `lastType` accepts every requested attribute. */
export function isValidRequest(request: AttributeRequest, lastType: number): boolean {
  for (let index = 0; index < request.count; index++) {
    const type = request.types[index]!;
    const value = request.values[index]!;
    if (type === prefetchLocation) {
      // mutant: prefetch-undefined-accepted
      if (value === undefinedLocation) return false;
    } else if (type === access) {
      // mutant: access-3-accepted
      if (value > GREATEST_ACCESS) return false;
    } else if (type >= FIRST_FLAG_TYPE) {
      // mutant: flag-value-2-accepted, type-12-accepted
      if (type > lastType || value > 1) return false;
      // mutant: always-mapped-accepted
      if (type === gpuAlwaysMapped && value === 1) return false;
    }
  }
  return true;
}

/** Applies the requested attributes to `record` in their order; the last of a type wins. */
export function applyRequest(record: AttributeRecord, request: AttributeRequest): void {
  for (let index = 0; index < request.count; index++) {
    const type = request.types[index]!;
    const value = request.values[index]!;
    switch (type) {
      case preferredLocation:
        record.preferredLocation = value | 0;
        break;
      case prefetchLocation:
        record.prefetchLocation = value | 0;
        break;
      case access:
        record.access = value;
        break;
      case granularity:
        record.granularity = Math.min(value, LARGEST_STORED_GRANULARITY);
        break;
      default: {
        const bit = 1 << (type - FIRST_FLAG_TYPE);
        record.flags = value !== 0 ? record.flags | bit : record.flags & ~bit;
      }
    }
  }
}

/** Trigger bits of the change from `before` to `after`, without RANGE_SPLIT and ATTR_ONLY. */
export function changeTrigger(before: AttributeRecord, after: AttributeRecord): number {
  let trigger = 0;
  const changedFlags = before.flags ^ after.flags;
  if (before.access !== after.access) trigger |= accessChange;
  if ((changedFlags & PTE_FLAG_MASK) !== 0) trigger |= pteFlagChange;
  if ((changedFlags & MAPPING_FLAG_MASK) !== 0) trigger |= mappingFlagChange;
  if (before.preferredLocation !== after.preferredLocation) trigger |= locationChange;
  if (before.granularity !== after.granularity) trigger |= granularityChange;
  // Q17: the new value counts, not a change of it.
  // mutant: prefetch-to-system-maps
  if (after.prefetchLocation !== LOCATION_UNDEFINED && after.prefetchLocation !== system) {
    // mutant: prefetch-only-on-change
    trigger |= prefetch;
  }
  return trigger;
}

/** A private copy of a record, for comparing. */
export function snapshotRecord(record: AttributeRecord): AttributeRecord {
  const copy: AttributeRecord = { preferredLocation: 0, prefetchLocation: 0, access: 0, granularity: 0, flags: 0 };
  copyRecord(copy, record);
  return copy;
}
