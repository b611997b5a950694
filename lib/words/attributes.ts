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
function attributeValue(type: number, value: number): string {
  if (type === SvmAttributeType.access) return accessName(value);
  if (type === SvmAttributeType.preferredLocation || type === SvmAttributeType.prefetchLocation)
    return locationName(value);
  return String(value);
}

/** `access=in-place gpuReadOnly=1`, with other signs between where they are given. */
export function attributesText(
  pairs: readonly (readonly [type: number, value: number])[],
  equals = '=',
  between = ' ',
): string {
  return pairs.map(([type, value]) => `${attributeName(type)}${equals}${attributeValue(type, value)}`).join(between);
}

/** The value that a person means by 'system', 'in-place', '7' or '0x10'; undefined for what is neither word nor u32. */
export function valueOfWord(word: string): number | undefined {
  for (const table of [SvmLocation, SvmAccess] as readonly Readonly<Record<string, number>>[])
    if (Object.hasOwn(table, word)) return table[word];
  const number = word === '' ? NaN : Number(word);
  return Number.isInteger(number) && number >= 0 && number <= 0xffff_ffff ? number : undefined;
}

/** Attribute types in the spelling of the kernel's header, without AMDGPU_SVM_ATTR_ (spec/01-uapi §4). */
const UAPI_NAMES: Readonly<Record<number, string>> = {
  [SvmAttributeType.preferredLocation]: 'PREFERRED_LOC',
  [SvmAttributeType.prefetchLocation]: 'PREFETCH_LOC',
  [SvmAttributeType.access]: 'ACCESS',
  [SvmAttributeType.granularity]: 'GRANULARITY',
  [SvmAttributeType.hostAccess]: 'HOST_ACCESS',
  [SvmAttributeType.coherent]: 'COHERENT',
  [SvmAttributeType.extCoherent]: 'EXT_COHERENT',
  [SvmAttributeType.hiveLocal]: 'HIVE_LOCAL',
  [SvmAttributeType.gpuReadOnly]: 'GPU_RO',
  [SvmAttributeType.gpuExecutable]: 'GPU_EXEC',
  [SvmAttributeType.gpuReadMostly]: 'GPU_READ_MOSTLY',
  [SvmAttributeType.gpuAlwaysMapped]: 'GPU_ALWAYS_MAPPED',
};

/** 'PREFERRED_LOC'; 'TYPE_99' for a type that the user ABI does not know. */
export function uapiAttributeName(type: number): string {
  return UAPI_NAMES[type] ?? `TYPE_${type}`;
}

/** 'UNDEFINED', 'SYSMEM', 'ALLOW_MIGRATE', or the number. */
export function uapiAttributeValue(type: number, value: number): string {
  switch (type) {
    case SvmAttributeType.preferredLocation:
    case SvmAttributeType.prefetchLocation:
      if (value === SvmLocation.undefined) return 'UNDEFINED';
      return value === SvmLocation.system ? 'SYSMEM' : String(value);
    case SvmAttributeType.access: {
      const name = Object.entries(SvmAccess).find(([, each]) => each === value)?.[0];
      return name === undefined ? String(value) : name.replace('-', '_').toUpperCase();
    }
    default:
      return String(value);
  }
}
