/** Reads the fields of a trace operation, with errors that name operation and field (spec/trace-format §1). */

import { RequestObject } from './request-reader.ts';

const U64_END = 1n << 64n;

/** Thrown for a line that is no operation of the trace format; the reader adds file and line number. */
export class TraceFormatError extends Error {
  readonly code = 'ERR_SVM_TRACE';
  constructor(message: string) {
    super(message);
    this.name = 'TraceFormatError';
  }
}

/** The fields of one operation. */
export class Fields {
  readonly operation: string;
  readonly #values: RequestObject;
  readonly #common: readonly string[];
  /** The GPU that the operation is about; 0 until `readGpu`. */
  gpu = 0;

  /** `values`: an object as JSON.parse gives it, or as the reader of requests does; `common`: fields that the operation may have besides its own. */
  constructor(operation: string, values: unknown, common: readonly string[] = []) {
    this.operation = operation;
    this.#common = common;
    if (values instanceof RequestObject) this.#values = values;
    else if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      throw new TraceFormatError(`${operation}: expected an object with the fields of the operation`);
    } else this.#values = RequestObject.of(values as Readonly<Record<string, unknown>>);
  }

  has(name: string): boolean {
    return this.#values.get(name) !== undefined;
  }

  readGpu(): void {
    if (this.has('gpu')) this.gpu = this.count('gpu', 0xff);
  }

  /** The value as JSON has it. */
  raw(name: string): unknown {
    const value = this.#values.get(name);
    return typeof value === 'bigint' ? `0x${value.toString(16)}` : value;
  }

  /** Refuses fields that the operation does not have. */
  only(...own: string[]): void {
    const { names, count } = this.#values;
    for (let index = 0; index < count; index++) {
      const name = names[index]!;
      if (own.includes(name) || this.#common.includes(name)) continue;
      const known = [...own, ...this.#common];
      this.#fail(name, `unknown field; known: ${known.length === 0 ? 'none' : known.join(', ')}`);
    }
  }

  /** A u64: a whole JSON number or an "0x..." string. */
  u64(name: string): bigint {
    const read = this.#values.get(name);
    // So many digits as a u64 has.
    if (typeof read === 'bigint') return read;
    const value = this.#required(name);
    let parsed: bigint | undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value)) parsed = BigInt(value);
    else if (typeof value === 'string') {
      const number = hexValue(value);
      parsed = number === undefined ? undefined : number < EXACT ? BigInt(number) : BigInt(value);
    }
    if (parsed === undefined || parsed < 0n || parsed >= U64_END) {
      this.#fail(name, `expected a number or "0x..." from 0 to 2^64 - 1, got ${JSON.stringify(value)}`);
    }
    return parsed;
  }

  /** A whole number that a double holds, at most `largest`. */
  count(name: string, largest: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.u64(name);
    if (value > BigInt(largest)) this.#fail(name, `expected at most ${largest}, got ${value}`);
    return Number(value);
  }

  /** A whole number from `least` to `most`. */
  within(name: string, least: number, most: number): number {
    const value = this.u64(name);
    if (value < BigInt(least) || value > BigInt(most)) this.#fail(name, `expected ${least} to ${most}, got ${value}`);
    return Number(value);
  }

  boolean(name: string): boolean {
    const value = this.#required(name);
    if (typeof value !== 'boolean') this.#fail(name, `expected true or false, got ${JSON.stringify(value)}`);
    return value;
  }

  word<T extends string>(name: string, words: readonly T[]): T {
    const value = this.#required(name);
    if (typeof value !== 'string' || !(words as readonly string[]).includes(value)) {
      this.#fail(name, `expected one of ${words.join(', ')}, got ${JSON.stringify(value)}`);
    }
    return value as T;
  }

  text(name: string): string {
    const value = this.#required(name);
    if (typeof value !== 'string') this.#fail(name, `expected a string, got ${JSON.stringify(value)}`);
    return value;
  }

  list(name: string): readonly unknown[] {
    const value = this.#required(name);
    if (!Array.isArray(value)) this.#fail(name, `expected a list, got ${JSON.stringify(value)}`);
    return value;
  }

  /** One value as `read` reads it, or a list of such. */
  perGpu<T>(name: string, read: (fields: Fields, name: string) => T): T | T[] {
    const value = this.raw(name);
    if (!Array.isArray(value)) return read(this, name);
    return value.map((each, gpu) => read(new Fields(this.operation, { [`${name}[${gpu}]`]: each }), `${name}[${gpu}]`));
  }

  /** A list of u32 numbers. */
  u32List(name: string): number[] {
    return this.list(name).map((value) => this.u32(name, value));
  }

  /** A list of `[type, value]` pairs of u32 numbers. */
  pairs(name: string): [number, number][] {
    return this.list(name).map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2)
        this.#fail(name, `expected [type, value] pairs, got ${JSON.stringify(pair)}`);
      return [this.u32(name, pair[0]), this.u32(name, pair[1])];
    });
  }

  u32(name: string, value: unknown): number {
    const parsed = typeof value === 'string' ? hexValue(value) : value;
    if (typeof parsed !== 'number' || !Number.isInteger(parsed) || parsed < 0 || parsed > 0xffff_ffff) {
      this.#fail(name, `expected numbers from 0 to 2^32 - 1, got ${JSON.stringify(value)}`);
    }
    return parsed;
  }

  #required(name: string): unknown {
    const value = this.raw(name);
    if (value === undefined) this.#fail(name, 'missing');
    return value;
  }

  #fail(name: string, message: string): never {
    throw new TraceFormatError(`${this.operation}.${name}: ${message}`);
  }
}

/** Numbers below it were read without loss. */
const EXACT = 2 ** 53;

/** The value of "0x" and digits, rounded where a double cannot hold it; undefined for other text. */
function hexValue(text: string): number | undefined {
  const { length } = text;
  if (length < 3 || text.charCodeAt(0) !== 0x30 || text.charCodeAt(1) !== 0x78) return undefined;
  let value = 0;
  for (let index = 2; index < length; index++) {
    const code = text.charCodeAt(index);
    // "0" to "9", and "a" to "f" or "A" to "F" as lower-case letters.
    const letter = code | 0x20;
    const digit = code >= 0x30 && code <= 0x39 ? code - 0x30 : letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
    if (digit < 0) return undefined;
    value = value * 16 + digit;
  }
  return value;
}
