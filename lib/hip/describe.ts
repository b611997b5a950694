/** Calls as the traffic view shows them. Takes whatever a caller passed: it is shown before it is checked. */
import { show } from '../uapi/errors.ts';
import { HipMemLocationType, HipMemoryAdvise, HipMemRangeAttribute } from './constants.ts';

const ADVICE_NAMES = namesOf(HipMemoryAdvise);
const ATTRIBUTE_NAMES = namesOf(HipMemRangeAttribute);

/** 'hipMemAdvise(SetPreferredLocation, 1)'. */
export function describeAdvise(advice: unknown, device: unknown): string {
  return `hipMemAdvise(${named(ADVICE_NAMES, advice)}, ${show(device)})`;
}

/** 'hipMemAdvise_v2(SetPreferredLocation, Device 1)'. */
export function describeAdviseV2(advice: unknown, location: unknown): string {
  return `hipMemAdvise_v2(${named(ADVICE_NAMES, advice)}, ${describeLocation(location)})`;
}

/** 'Device 1', 'Host', 'HostNuma 0'. */
export function describeLocation(location: unknown): string {
  if (typeof location !== 'object' || location === null) return show(location);
  const { type, id } = location as { type?: unknown; id?: unknown };
  switch (type) {
    case HipMemLocationType.device:
      return `Device ${show(id ?? 0)}`;
    case HipMemLocationType.host:
      return 'Host';
    case HipMemLocationType.hostNuma:
      return `HostNuma ${show(id ?? 0)}`;
    case HipMemLocationType.hostNumaCurrent:
      return 'HostNumaCurrent';
    default:
      return `type ${show(type)}`;
  }
}

/** 'ReadMostly, AccessedBy'. */
export function describeAttributes(attributes: unknown): string {
  if (!Array.isArray(attributes)) return show(attributes);
  return Array.from(attributes, (attribute) => named(ATTRIBUTE_NAMES, attribute)).join(', ');
}

function named(names: Readonly<Record<number, string>>, value: unknown): string {
  return (typeof value === 'number' ? names[value] : undefined) ?? show(value);
}

/** HIP's names, without prefix, by number. */
function namesOf(numbers: Readonly<Record<string, number>>): Readonly<Record<number, string>> {
  return Object.fromEntries(
    Object.entries(numbers).map(([name, number]) => [number, name.charAt(0).toUpperCase() + name.slice(1)]),
  );
}
