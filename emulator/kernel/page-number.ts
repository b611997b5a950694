// Models: the arithmetic of byte addresses and page numbers (spec/01-uapi §0): u64, wrapping, pages of 4 KiB.

/** Bytes of a page. */
export const PAGE_BYTES = 4096;
/** Pages of a 2 MiB block, the unit of huge CPU mappings and of page-table leaves. */
export const PAGES_PER_BLOCK = 512;
/** Number of pages in 2^64 bytes; page numbers are below it. */
export const PAGE_NUMBER_END: number = 2 ** 52;

// A u64 as its halves: bigint shifts allocate, a store into this array does not.
const word = new BigUint64Array(1);
const halves = new Uint32Array(word.buffer);
word[0] = 1n;
const LOW = halves[0] === 1 ? 0 : 1;
const HIGH = 1 - LOW;

/** Page number of a byte address given as two u32 halves. */
export function pageOfHalves(high: number, low: number): number {
  return high * 0x10_0000 + (low >>> 12);
}

/** Page number of a u64 byte address (rounded down). */
export function pageOfAddress(address: bigint): number {
  word[0] = address; // modulo 2^64
  return pageOfHalves(halves[HIGH]!, halves[LOW]!);
}

/** Byte address of a page number; the page number 2^52 gives 2^64, which a u64 would wrap to 0. */
export function addressOfPage(page: number): bigint {
  return BigInt(page) << 12n;
}

/** Whether a u64 byte address or size is a multiple of the page size. */
export function isPageAligned(value: bigint): boolean {
  word[0] = value;
  return (halves[LOW]! & 0xfff) === 0;
}

/** Largest multiple of `pages` (a power of two up to 2^52) that is at most `page`. */
export function alignDown(page: number, pages: number): number {
  return Math.floor(page / pages) * pages;
}

/** Smallest multiple of `pages` that is at least `page`. */
export function alignUp(page: number, pages: number): number {
  return Math.ceil(page / pages) * pages;
}
