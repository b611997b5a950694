/** Address ranges as callers give them, and as the ioctl takes them. */
import { rangeError, show, typeError } from './errors.ts';

/** Anything with an address and a size: a `HostBuffer`, or an object of your own. */
export interface SvmRange {
  /** First byte, u64. */
  readonly address: bigint;
  /** Bytes. */
  readonly size: number | bigint;
}

/** A range with both numbers as bigint. */
export interface ByteRange {
  readonly address: bigint;
  readonly size: bigint;
}

const U64_END = 1n << 64n;

/**
 * Reads a range. What can't be a u64 throws (TypeError `ERR_SVM_INVALID_TYPE`,
 * RangeError `ERR_SVM_OUT_OF_RANGE`); what can, but is unaligned, empty or wraps,
 * is left to the device to refuse. `name`: of the argument, for the error.
 */
export function byteRange(range: SvmRange, name = 'range'): ByteRange {
  if (typeof range !== 'object' || range === null) {
    throw typeError('ERR_SVM_INVALID_TYPE', `${name}: expected an object with address and size, got ${show(range)}`);
  }
  return { address: addressOf(`${name}.address`, range.address), size: sizeOf(`${name}.size`, range.size) };
}

/** A u64 byte address. */
export function addressOf(name: string, value: unknown): bigint {
  if (typeof value !== 'bigint') {
    throw typeError('ERR_SVM_INVALID_TYPE', `${name}: expected a bigint (a byte address), got ${show(value)}`);
  }
  if (value < 0n || value >= U64_END) {
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `${name}: expected 0n to 2^64 - 1, got ${value}n`);
  }
  return value;
}

/** An unsigned number of so many bits that is no address. */
export function wordOf(name: string, value: unknown, bits: 32 | 64 = 64): bigint {
  if (typeof value !== 'bigint')
    throw typeError('ERR_SVM_INVALID_TYPE', `${name}: expected a bigint, got ${show(value)}`);
  if (value < 0n || value >> BigInt(bits) !== 0n) {
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `${name}: expected 0n to 2^${bits} - 1, got ${value}n`);
  }
  return value;
}

/** A u64 number of bytes; as a number it must be a whole one up to 2^53 - 1. */
export function sizeOf(name: string, value: unknown): bigint {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw rangeError(
        'ERR_SVM_OUT_OF_RANGE',
        `${name}: expected a whole number of bytes from 0 to 2^53 - 1 (larger: a bigint), got ${value}`,
      );
    }
    return BigInt(value);
  }
  if (typeof value !== 'bigint') {
    throw typeError('ERR_SVM_INVALID_TYPE', `${name}: expected a number or a bigint (bytes), got ${show(value)}`);
  }
  if (value < 0n || value >= U64_END) {
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `${name}: expected 0 to 2^64 - 1 bytes, got ${value}n`);
  }
  return value;
}

/** A whole number from `least` to `most`. */
export function integerOf(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number') {
    throw typeError('ERR_SVM_INVALID_TYPE', `${name}: expected a number, got ${show(value)}`);
  }
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `${name}: expected a whole number from ${least} to ${most}, got ${value}`);
  }
  return value;
}
