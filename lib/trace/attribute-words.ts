/** Attributes as people write them: names of types, values and flags. */
import { SvmAccess, SvmAttributeType, SvmFlag, SvmLocation } from '../uapi/constants.ts';

/** Names of the bits of an attribute interval's flag mask. */
export function attributeFlagNames(flags: number): string[] {
  return Object.entries(SvmFlag)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name);
}

/** 'in-place', ... */
export function accessName(access: number): string {
  return Object.entries(SvmAccess).find(([, value]) => value === access)?.[0] ?? String(access);
}

/** 'system', 'undefined', or 'device' with the number that was given. */
export function locationName(location: number): string {
  if (location === SvmLocation.system) return 'system';
  if (location === SvmLocation.undefined) return 'undefined';
  return location === SvmLocation.device ? 'device' : `device (0x${location.toString(16)})`;
}

/** Name of an attribute type. */
export function attributeName(type: number): string {
  return Object.entries(SvmAttributeType).find(([, value]) => value === type)?.[0] ?? `type ${type}`;
}

/** The value of an attribute in words. */
export function attributeValue(type: number, value: number): string {
  if (type === SvmAttributeType.access) return accessName(value);
  if (type === SvmAttributeType.preferredLocation || type === SvmAttributeType.prefetchLocation)
    return locationName(value);
  return String(value);
}
