/** The arguments of GPU work, checked in the same way on every backend. */
import { bytesOf } from '../uapi/bytes.ts';
import { ATOMIC_OPERATIONS } from '../uapi/atomic.ts';
import type { Atomic, AtomicOperation } from '../uapi/atomic.ts';
import { show, typeError } from '../uapi/errors.ts';
import { addressOf, integerOf, sizeOf, wordOf } from '../uapi/range.ts';
import type { AtomicOptions } from './queue.ts';

const LARGEST_U32 = 0xffff_ffff;

/** Of `GpuQueue.fill`. */
export function fillArguments(
  address: bigint,
  value: number,
  size: number | bigint,
): { start: bigint; pattern: number; bytes: number } {
  const start = addressOf('address', address);
  const pattern = integerOf('value', value, 0, LARGEST_U32);
  const bytes = extent(start, size);
  if (start % 4n !== 0n || bytes % 4 !== 0)
    throw typeError('ERR_SVM_INVALID_TYPE', `address, size: expected multiples of 4, got ${start}n, ${bytes}`);
  return { start, pattern, bytes };
}

/** Of `GpuQueue.copy`. */
export function copyArguments(
  destination: bigint,
  source: bigint,
  size: number | bigint,
): { to: bigint; from: bigint; bytes: number } {
  const to = addressOf('destination', destination);
  const from = addressOf('source', source);
  const bytes = extent(from, size);
  extent(to, size);
  if (from < to + BigInt(bytes) && to < from + BigInt(bytes))
    throw typeError('ERR_SVM_INVALID_TYPE', 'destination, source: the ranges must not overlap');
  return { to, from, bytes };
}

/** Of `GpuQueue.write`; the data are copied. */
export function writeArguments(address: bigint, data: ArrayBufferView): { start: bigint; bytes: Uint8Array } {
  const start = addressOf('address', address);
  const bytes = bytesOf('data', data).slice();
  extent(start, bytes.length);
  return { start, bytes };
}

/** Of `GpuQueue.read`. */
export function readArguments(address: bigint, size: number): { start: bigint; bytes: number } {
  const start = addressOf('address', address);
  return { start, bytes: extent(start, size) };
}

/** Of `GpuQueue.atomic`. */
export function atomicArguments(
  operation: AtomicOperation,
  address: bigint,
  value: bigint,
  { bits = 64, compare }: AtomicOptions = {},
): { start: bigint; atomic: Atomic } {
  if (!ATOMIC_OPERATIONS.includes(operation))
    throw typeError(
      'ERR_SVM_INVALID_TYPE',
      `operation: expected one of ${ATOMIC_OPERATIONS.join(', ')}, got ${show(operation)}`,
    );
  if (bits !== 32 && bits !== 64) throw typeError('ERR_SVM_INVALID_TYPE', `bits: expected 32 or 64, got ${show(bits)}`);
  if ((compare !== undefined) !== (operation === 'compare-swap'))
    throw typeError(
      'ERR_SVM_INVALID_TYPE',
      `compare: ${operation === 'compare-swap' ? 'compare-swap needs it' : `${operation} has none`}`,
    );
  const start = addressOf('address', address);
  const bytes = bits / 8;
  extent(start, bytes);
  if (start % BigInt(bytes) !== 0n)
    throw typeError('ERR_SVM_INVALID_TYPE', `address: expected a multiple of ${bytes}, got ${start}n`);
  const word = (name: string, given: bigint): bigint => wordOf(name, given, bits);
  return {
    start,
    atomic: {
      operation,
      bits,
      value: word('value', value),
      compare: compare === undefined ? 0n : word('compare', compare),
    },
  };
}

/** The size as a number; what lies beyond 2^64 can't be accessed. */
function extent(address: bigint, size: unknown): number {
  const bytes = sizeOf('size', size);
  if (bytes > BigInt(Number.MAX_SAFE_INTEGER) || address + bytes > 1n << 64n) {
    throw typeError(
      'ERR_SVM_INVALID_TYPE',
      `size: ${bytes} bytes from 0x${address.toString(16)} reach beyond what can be accessed`,
    );
  }
  return Number(bytes);
}
