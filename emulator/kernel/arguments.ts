// Models: nothing - checks what callers of the emulator pass in, with errors that name the field.

const U64_END = 1n << 64n;

/** An error about an argument, with its code. */
export function argumentError(kind: typeof TypeError | typeof RangeError, message: string): Error {
  return Object.assign(new kind(message), { code: 'ERR_SVM_INVALID_ARGUMENT' });
}

/** A value as it is shown in an error: short, and never a surprise. */
export function describe(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}

/** A byte address: a bigint from 0 to 2^64 - 1. */
export function addressArgument(name: string, value: unknown): bigint {
  if (typeof value !== 'bigint' || value < 0n || value >= U64_END) throw addressError(name, value);
  return value;
}

function addressError(name: string, value: unknown): Error {
  return typeof value === 'bigint'
    ? argumentError(RangeError, `${name}: expected an address from 0n to 2^64 - 1, got ${value}n`)
    : argumentError(TypeError, `${name}: expected a bigint (a byte address), got ${describe(value)}`);
}

/** A size in bytes: a bigint or a whole number up to 2^53 - 1, from 1 (from 0 with `zero`). */
export function sizeArgument(name: string, value: unknown, options: { zero?: boolean } = {}): bigint {
  const least = options.zero === true ? 0n : 1n;
  let size: bigint;
  if (typeof value === 'bigint') size = value;
  else if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) {
      throw argumentError(
        RangeError,
        `${name}: expected a whole number of bytes up to 2^53 - 1 (larger: a bigint), got ${value}`,
      );
    }
    size = BigInt(value);
  } else throw argumentError(TypeError, `${name}: expected a number or a bigint (bytes), got ${describe(value)}`);
  if (size < least || size >= U64_END) {
    throw argumentError(RangeError, `${name}: expected from ${least} to 2^64 - 1 bytes, got ${size}`);
  }
  return size;
}

/** A whole number from 0 to 2^53 - 1. */
export function countArgument(name: string, value: unknown): number {
  if (typeof value !== 'number') throw argumentError(TypeError, `${name}: expected a number, got ${describe(value)}`);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw argumentError(RangeError, `${name}: expected a whole number from 0 to 2^53 - 1, got ${value}`);
  }
  return value;
}

/** What modelled code is to return: 0 or a negative errno down to -4095. */
export function errnoArgument(name: string, value: unknown): number {
  if (typeof value !== 'number') throw argumentError(TypeError, `${name}: expected a number, got ${describe(value)}`);
  if (!Number.isInteger(value) || value > 0 || value < -4095) {
    throw argumentError(RangeError, `${name}: expected 0 or a negative errno down to -4095, got ${value}`);
  }
  return value;
}

/** A whole number from `least` to `most`. */
export function rangeArgument(name: string, value: unknown, least: number, most: number): number {
  const count = countArgument(name, value);
  if (count < least || count > most) {
    throw argumentError(RangeError, `${name}: expected ${least} to ${most}, got ${count}`);
  }
  return count;
}

/** An object that is no list. */
export function objectArgument(name: string, value: unknown, what: string): object {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw argumentError(TypeError, `${name}: expected ${what}, got ${describe(value)}`);
}

export function textArgument(name: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw argumentError(TypeError, `${name}: expected a string, got ${describe(value)}`);
}

export function booleanArgument(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean')
    throw argumentError(TypeError, `${name}: expected true or false, got ${describe(value)}`);
  return value;
}

/** One of the listed words. */
export function wordArgument<T extends string>(name: string, value: unknown, words: readonly T[]): T {
  if (typeof value === 'string' && (words as readonly string[]).includes(value)) return value as T;
  const error = typeof value === 'string' ? RangeError : TypeError;
  throw argumentError(error, `${name}: expected one of ${words.join(', ')}, got ${describe(value)}`);
}

/** The bytes of a typed array or DataView, of any realm; nothing is copied. */
export function bytesArgument(name: string, value: unknown): Uint8Array {
  if (!ArrayBuffer.isView(value))
    throw argumentError(TypeError, `${name}: expected a typed array or a DataView, got ${describe(value)}`);
  return value instanceof Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** A function that is called later. */
export function functionArgument(name: string, value: unknown): void {
  if (typeof value !== 'function')
    throw argumentError(TypeError, `${name}: expected a function, got ${describe(value)}`);
}

/** One value for each GPU, from a list of so many or from one for all. */
export function perGpuArgument<T>(
  name: string,
  value: T | readonly T[],
  gpus: number,
  check: (name: string, value: T) => T,
): T[] {
  if (!Array.isArray(value)) return Array.from({ length: gpus }, () => check(name, value as T));
  const list = value as readonly T[];
  if (list.length !== gpus)
    throw argumentError(RangeError, `${name}: expected ${gpus} values, one for each GPU, got ${list.length}`);
  return list.map((each, gpu) => check(`${name}[${gpu}]`, each));
}
