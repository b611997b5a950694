/** Attributes as cases write them: by name, in the order in which they are sent. */
import type { AttributePair } from '../../uapi/call.ts';
import { SvmAccess, SvmAttributeType, SvmLocation } from '../../uapi/constants.ts';
import type { SvmAccessName, SvmAttributeName, SvmLocationName } from '../../uapi/constants.ts';

export type { AttributePair };

/** A value in words, or any u32 as it is written. */
export type NamedValue = number | boolean | SvmAccessName | SvmLocationName;

/** Attributes by name: `{ access: 'in-place', granularity: 4, gpuReadOnly: true, preferredLocation: 'device' }`. */
export interface NamedAttributes extends Readonly<Partial<Record<SvmAttributeName, NamedValue>>> {
  readonly access?: SvmAccessName | number;
  readonly preferredLocation?: SvmLocationName | number;
  readonly prefetchLocation?: SvmLocationName | number;
  readonly granularity?: number;
}

/** Attributes by name; or, where one comes twice or has no name, a list with records among them. */
export type GivenAttributes = NamedAttributes | readonly (AttributePair | NamedAttributes)[];

/** The records of the attributes, in the order in which they were written. */
export function recordsOf(given: GivenAttributes): AttributePair[] {
  if (!isList(given)) return namedRecords(given);
  return given.flatMap((each) => (isRecord(each) ? [each] : namedRecords(each)));
}

/** What GET gives for these attributes, in the words of `NamedAttributes`: what it lacks a word for stays a number. */
export function inWords(attributes: NamedAttributes): Record<string, NamedValue> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, wordOf(name as SvmAttributeName, numberOf(name, value))]),
  );
}

function isList(given: GivenAttributes): given is readonly (AttributePair | NamedAttributes)[] {
  return Array.isArray(given);
}

function isRecord(each: AttributePair | NamedAttributes): each is AttributePair {
  return Array.isArray(each);
}

function namedRecords(attributes: NamedAttributes): AttributePair[] {
  return Object.entries(attributes).map(([name, value]) => [
    SvmAttributeType[name as SvmAttributeName],
    numberOf(name, value),
  ]);
}

function numberOf(name: string, value: NamedValue): number {
  if (typeof value !== 'string') return Number(value);
  return name === 'access' ? SvmAccess[value as SvmAccessName] : SvmLocation[value as SvmLocationName];
}

function wordOf(name: SvmAttributeName, value: number): NamedValue {
  switch (name) {
    case 'access':
      return nameIn(SvmAccess, value) ?? value;
    case 'preferredLocation':
    case 'prefetchLocation':
      return nameIn(SvmLocation, value) ?? value;
    case 'granularity':
      return value;
    default:
      return value > 1 ? value : value === 1;
  }
}

function nameIn<Name extends string>(words: Readonly<Record<Name, number>>, value: number): Name | undefined {
  return (Object.keys(words) as Name[]).find((name) => words[name] === value);
}
