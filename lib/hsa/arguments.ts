/** Arguments that are numbers, and ranges rounded to pages (spec/hsa §3 step 2, §4.1, §5.1): unaligned ones are never an error. */
import { PAGE_SIZE } from '../uapi/constants.ts';
import { rangeError, show, typeError } from '../uapi/errors.ts';
import { addressOf, sizeOf } from '../uapi/range.ts';
import type { ByteRange } from '../uapi/range.ts';

const OFFSET_MASK = BigInt(PAGE_SIZE - 1);
const U64_END = 1n << 64n;

/** A u64; as a number it must be a whole one up to 2^53 - 1. TypeError or RangeError names the field. */
export function u64Of(field: string, value: unknown): bigint {
  if (typeof value !== 'number' && typeof value !== 'bigint') {
    throw typeError('ERR_SVM_INVALID_TYPE', `${field}: expected a number or a bigint, got ${show(value)}`);
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw rangeError(
      'ERR_SVM_OUT_OF_RANGE',
      `${field}: expected a whole number (above 2^53 - 1 a bigint), got ${value}`,
    );
  }
  const whole = BigInt(value);
  if (whole < 0n || whole >= U64_END)
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `${field}: expected 0 to 2^64 - 1, got ${whole}`);
  return whole;
}

/**
 * The pages that contain `[address, address + size)`: base down, end up, in 64-bit
 * arithmetic that wraps. No bytes at an aligned address are no pages, at an unaligned
 * one they are one page.
 */
export function pageRange(address: bigint, size: number | bigint): ByteRange {
  const first = addressOf('address', address);
  const bytes = sizeOf('size', size);
  const base = first & ~OFFSET_MASK;
  return { address: base, size: BigInt.asUintN(64, ((first + bytes + OFFSET_MASK) & ~OFFSET_MASK) - base) };
}

/** What the libdrm wrappers refuse before the ioctl (7.2); the rest of their check, alignment, always holds here. */
export function isRefusedByWrapper({ address, size }: ByteRange): boolean {
  return address === 0n || size === 0n;
}
