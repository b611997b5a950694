/** Rounding to pages (spec/hsa §3 step 2, §4.1, §5.1): unaligned input is never an error. */
import { PAGE_SIZE } from '../uapi/constants.ts';
import { addressOf, sizeOf } from '../uapi/range.ts';
import type { ByteRange } from '../uapi/range.ts';

const OFFSET_MASK = BigInt(PAGE_SIZE - 1);

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
