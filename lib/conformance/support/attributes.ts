/** The attributes as the tables of the specification have them (spec/01-uapi §4, spec/02-attributes §2, §4.1, §4.9). */
import type { CaseContext } from '../framework/context.ts';
import type { Feature } from '../framework/feature.ts';
import { SvmAccess, SvmAttributeType, SvmLocation } from '../../uapi/constants.ts';
import type { SvmAttributeName } from '../../uapi/constants.ts';
import type { AttributePair } from '../../uapi/call.ts';

export const ATTRIBUTES = Object.keys(SvmAttributeType) as readonly SvmAttributeName[];
export const UNDEFINED: number = SvmLocation.undefined;

// What a hole reads as, in the order of the types, on a GPU with retry faults.
const DEFAULTS: readonly number[] = [UNDEFINED, UNDEFINED, 2, 9, 1, 1, 0, 0, 0, 0, 0, 0];

/** All attribute types of the device, in their order. */
export function allTypes(t: CaseContext): number[] {
  return t.attributes.map(typeOf);
}

/** What a hole reads as, in the order of the types. */
export function defaults(t: CaseContext): number[] {
  return t.attributes.map((name) => defaultOf(t, name));
}

/** What the device must have for a case about the attribute. */
export function attributeNeeds({ attribute }: { readonly attribute: SvmAttributeName }): readonly Feature[] {
  return attribute === 'gpuAlwaysMapped' ? ['always-mapped-type'] : [];
}

// For each type a legal value that is not its default and asks for no GPU work.
const OTHER_VALUES: readonly number[] = [0, 0, 1, 4, 0, 0, 1, 1, 1, 1, 1, 0];
// And one that is neither the default nor the one above, where there is any.
const THIRD_VALUES: readonly number[] = [7, 0x8000_0001, 0, 12, 1, 1, 0, 0, 0, 0, 0, 0];

/** All attributes but the one that can only be 0. */
export const CHANGEABLE: readonly SvmAttributeName[] = ATTRIBUTES.filter((name) => name !== 'gpuAlwaysMapped');
/** Those that can be changed without asking for GPU work. */
export const QUIET: readonly SvmAttributeName[] = CHANGEABLE.filter((name) => name !== 'prefetchLocation');
export const FLAGS: readonly SvmAttributeName[] = ATTRIBUTES.slice(4);

export function typeOf(attribute: SvmAttributeName): number {
  return SvmAttributeType[attribute];
}

export function defaultOf(t: CaseContext, attribute: SvmAttributeName): number {
  // Without retry faults the GPU gets only what it was given.
  if (attribute === 'access' && t.can('xnack-off')) return SvmAccess.inaccessible;
  return DEFAULTS[typeOf(attribute)]!;
}

/** A value that differs from the default. */
export function otherOf(attribute: SvmAttributeName): number {
  return OTHER_VALUES[typeOf(attribute)]!;
}

/** A value that differs from the one of `otherOf`. */
export function thirdOf(attribute: SvmAttributeName): number {
  return THIRD_VALUES[typeOf(attribute)]!;
}

/** The record that changes an attribute away from its default. */
export function change(attribute: SvmAttributeName): AttributePair {
  return [typeOf(attribute), otherOf(attribute)];
}

/** Whether SET takes the record. */
export function isAccepted(t: CaseContext, [type, value]: AttributePair): boolean {
  switch (type) {
    case 0:
    case 3:
      return true;
    case 1:
      return value !== UNDEFINED;
    case 2:
      return value <= 2;
    case 11:
      return t.can('always-mapped-type') && value === 0;
    default:
      return type <= 10 && value <= 1;
  }
}

/** What GET gives after SET took the record. */
export function storedValue([type, value]: AttributePair): number {
  return type === 3 && value > 63 ? 63 : value;
}
