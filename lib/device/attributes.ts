/** Attributes by name: from the caller's object to records of the ioctl and back (spec/01-uapi §4, spec/02-attributes §7.2). */
import { SvmAccess, SvmAttributeType, SvmLocation } from '../uapi/constants.ts';
import type { SvmAccessName, SvmAttributeName, SvmLocationName } from '../uapi/constants.ts';
import type { SvmAttributeRecord } from '../uapi/call.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import { rangeError, show, typeError } from '../uapi/errors.ts';

/** A location: by word, or any u32 as it is written. 'device' is "this GPU". */
export type SvmLocationValue = SvmLocationName | { readonly raw: number };

/** All attributes. What is set is sent in the order in which it was written. */
export interface SvmAttributes {
  /** Where pages should live. Stored and returned; V4 never migrates (Q19). */
  preferredLocation: SvmLocationValue;
  /** 'device' maps the range on the GPU at once; 'undefined' is refused by the device (spec/02-attributes §4.1). */
  prefetchLocation: SvmLocationValue;
  /** What the GPU may do. Stored and returned; V4 never enforces it (Q14). */
  access: SvmAccessName;
  /** log2 of pages, u32; the device stores at most 63. Stored and returned only (Q19). */
  granularity: number;
  hostAccess: boolean;
  coherent: boolean;
  extCoherent: boolean;
  hiveLocal: boolean;
  /** The GPU may not write; takes effect when the range is next mapped (Q13). */
  gpuReadOnly: boolean;
  gpuExecutable: boolean;
  gpuReadMostly: boolean;
  /** Only in profile v4, where the device refuses true (spec/02-attributes §4.1). */
  gpuAlwaysMapped: boolean;
}

/** Names of the attributes of all revisions, in the order of their type numbers; `device.profile.attributeNames` are those of a device. */
export const ATTRIBUTE_NAMES = Object.keys(SvmAttributeType) as readonly SvmAttributeName[];

const LARGEST_U32 = 0xffff_ffff;

function isAttributeName(profile: UapiProfile, name: string): name is SvmAttributeName {
  return Object.hasOwn(profile.attributeTypes, name);
}

function unknownAttribute(profile: UapiProfile, field: string, name: unknown): TypeError {
  return typeError(
    'ERR_SVM_UNKNOWN_ATTRIBUTE',
    `${field}: unknown attribute ${show(name)}; profile ${profile.name} has ${profile.attributeNames.join(', ')}`,
  );
}

/**
 * The records for an object of attributes, in its order; `profile` says which there are. Throws TypeError
 * (`ERR_SVM_UNKNOWN_ATTRIBUTE`, `ERR_SVM_INVALID_TYPE`) or RangeError
 * (`ERR_SVM_INVALID_VALUE`); an empty object is one of them.
 */
export function encodeAttributeValues(profile: UapiProfile, attributes: Partial<SvmAttributes>): SvmAttributeRecord[] {
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    throw typeError('ERR_SVM_INVALID_TYPE', `attributes: expected an object, got ${show(attributes)}`);
  }
  const names = Object.keys(attributes);
  if (names.length === 0) {
    throw rangeError('ERR_SVM_INVALID_VALUE', 'attributes: expected at least one attribute');
  }
  return names.map((name) => {
    if (!isAttributeName(profile, name)) throw unknownAttribute(profile, 'attributes', name);
    return { type: SvmAttributeType[name], value: encodeValue(name, attributes[name]) };
  });
}

/** The attribute types for a list of names. Throws TypeError for those that `profile` does not have. */
export function attributeTypes(profile: UapiProfile, names: readonly SvmAttributeName[]): number[] {
  if (!Array.isArray(names)) {
    throw typeError('ERR_SVM_INVALID_TYPE', `names: expected a list of attribute names, got ${show(names)}`);
  }
  if (names.length === 0) throw rangeError('ERR_SVM_INVALID_VALUE', 'names: expected at least one attribute name');
  return names.map((name: unknown) => {
    if (typeof name !== 'string' || !isAttributeName(profile, name)) throw unknownAttribute(profile, 'names', name);
    return SvmAttributeType[name];
  });
}

/** The attributes in answered records, by name. */
export function decodeAttributeValues(
  names: readonly SvmAttributeName[],
  records: readonly SvmAttributeRecord[],
): Partial<SvmAttributes> {
  return Object.fromEntries(names.map((name, index) => [name, decodeValue(name, records[index]!.value)]));
}

/** The record value of a location. */
function encodeLocation(field: string, value: unknown): number {
  if (typeof value === 'string' && Object.hasOwn(SvmLocation, value)) return SvmLocation[value as SvmLocationName];
  if (typeof value === 'object' && value !== null && 'raw' in value) return u32(`${field}.raw`, value.raw);
  throw rangeError(
    'ERR_SVM_INVALID_VALUE',
    `${field}: expected 'undefined', 'system', 'device' or { raw: number }, got ${show(value)}`,
  );
}

function encodeValue(name: SvmAttributeName, value: unknown): number {
  switch (name) {
    case 'preferredLocation':
    case 'prefetchLocation':
      return encodeLocation(name, value);
    case 'access':
      if (typeof value === 'string' && Object.hasOwn(SvmAccess, value)) return SvmAccess[value as SvmAccessName];
      throw rangeError(
        'ERR_SVM_INVALID_VALUE',
        `access: expected ${Object.keys(SvmAccess).map(show).join(', ')}, got ${show(value)}`,
      );
    case 'granularity':
      return u32('granularity', value);
    default:
      if (typeof value !== 'boolean') {
        throw typeError('ERR_SVM_INVALID_TYPE', `${name}: expected true or false, got ${show(value)}`);
      }
      return value ? 1 : 0;
  }
}

function decodeValue(name: SvmAttributeName, value: number): SvmAttributes[SvmAttributeName] {
  switch (name) {
    case 'preferredLocation':
    case 'prefetchLocation':
      if (value === SvmLocation.system) return 'system';
      if (value === SvmLocation.undefined) return 'undefined';
      return value === SvmLocation.device ? 'device' : { raw: value };
    case 'access': {
      const names = Object.keys(SvmAccess) as SvmAccessName[];
      // A later kernel may know more values; they are shown, not hidden.
      return names[value] ?? (String(value) as SvmAccessName);
    }
    case 'granularity':
      return value;
    default:
      return value !== 0;
  }
}

function u32(name: string, value: unknown): number {
  if (typeof value !== 'number') {
    throw typeError('ERR_SVM_INVALID_TYPE', `${name}: expected a number, got ${show(value)}`);
  }
  if (!Number.isInteger(value) || value < 0 || value > LARGEST_U32) {
    throw rangeError('ERR_SVM_INVALID_VALUE', `${name}: expected a whole number from 0 to 2^32 - 1, got ${value}`);
  }
  return value;
}
