/** A range as runs of pages with equal attributes. */
import { PAGE_SIZE } from '../uapi/constants.ts';
import type { SvmAttributes } from './attributes.ts';
import type { ByteRange } from '../uapi/range.ts';

/** Pages with equal attributes; address and size in bytes. */
export interface AttributeSegment {
  readonly address: bigint;
  size: bigint;
  readonly attributes: SvmAttributes;
}

const PAGE = BigInt(PAGE_SIZE);

/**
 * Asks `get` for each page and joins equal neighbours. GET_ATTR aggregates with
 * AND, minimum and "common value or none", from which differences inside a range
 * can't be told; a single page has no such ambiguity.
 */
export function attributeSegments(range: ByteRange, get: (page: ByteRange) => SvmAttributes): AttributeSegment[] {
  // The device judges the range itself (unaligned, empty): its refusal is the caller's.
  get(range);
  const segments: AttributeSegment[] = [];
  let lastKey = '';
  for (let address = range.address; address < range.address + range.size; address += PAGE) {
    const attributes = get({ address, size: PAGE });
    const key = JSON.stringify(attributes);
    if (segments.length > 0 && key === lastKey) segments[segments.length - 1]!.size += PAGE;
    else segments.push({ address, size: PAGE, attributes });
    lastKey = key;
  }
  return segments;
}
