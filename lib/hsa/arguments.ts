/** Arguments that are plain numbers. */
import { rangeError, show, typeError } from '../uapi/errors.ts';

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
