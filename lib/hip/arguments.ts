/** Arguments as callers give them: types are checked here, before the rules of HIP look at them. */
import { show, typeError } from '../uapi/errors.ts';
import { addressOf, integerOf, sizeOf } from '../uapi/range.ts';
import { HipMemory } from './memory.ts';
import type { HipMemLocation } from './constants.ts';

/**
 * A pointer: a byte address, an allocation of the runtime, or anything else with an
 * address (a `HostBuffer`: memory that HIP does not know). null and 0n are the null pointer.
 */
export type HipPointer = bigint | HipMemory | { readonly address: bigint } | null;

/** A pointer with its type checked. */
export interface Pointer {
  /** 0n: null. */
  readonly address: bigint;
  /** The allocation, if the caller passed one; it may be freed, or of another runtime. */
  readonly memory: HipMemory | undefined;
}

const LEAST_INT = -(2 ** 31);
const MOST_INT = 2 ** 31 - 1;
const MOST_UNSIGNED = 2 ** 32 - 1;

/** A pointer. TypeError or RangeError names the field. */
export function pointerOf(field: string, value: unknown): Pointer {
  if (typeof value === 'bigint') return { address: addressOf(field, value), memory: undefined };
  if (value instanceof HipMemory) return { address: value.address, memory: value };
  if (value === null) return { address: 0n, memory: undefined };
  if (typeof value === 'object' && 'address' in value) {
    return { address: addressOf(`${field}.address`, value.address), memory: undefined };
  }
  throw typeError(
    'ERR_SVM_INVALID_TYPE',
    `${field}: expected an address (a bigint), memory of the runtime, or null, got ${show(value)}`,
  );
}

/** A `size_t`. */
export { sizeOf as countOf };

/** An `int`. */
export function intOf(field: string, value: unknown): number {
  return integerOf(field, value, LEAST_INT, MOST_INT);
}

/** An `unsigned int`. */
export function unsignedOf(field: string, value: unknown): number {
  return integerOf(field, value, 0, MOST_UNSIGNED);
}

/** A place with both fields. */
export function locationOf(field: string, value: unknown): Required<HipMemLocation> {
  if (typeof value !== 'object' || value === null) {
    throw typeError('ERR_SVM_INVALID_TYPE', `${field}: expected a location { type, id }, got ${show(value)}`);
  }
  const { type, id } = value as { type?: unknown; id?: unknown };
  return { type: intOf(`${field}.type`, type), id: id === undefined ? 0 : intOf(`${field}.id`, id) };
}

/** A list; null stays null, which HIP judges itself. TypeError for anything else. */
export function listOf(field: string, value: unknown): readonly unknown[] | null {
  if (value === null || Array.isArray(value)) return value as readonly unknown[] | null;
  throw typeError('ERR_SVM_INVALID_TYPE', `${field}: expected a list or null, got ${show(value)}`);
}

/** A `size_t` that counts or numbers the entries of a list. */
export function integerOfIndex(field: string, value: unknown): number {
  return integerOf(field, value, 0, Number.MAX_SAFE_INTEGER);
}
