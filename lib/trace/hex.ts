/** Numbers as the trace format writes them: lower-case hex without padding (trace format §1). */

/** "0x..." of a non-negative number or bigint. */
export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

/** "0x..." byte address of a page number. */
export function hexAddress(page: number): string {
  return `0x${(BigInt(page) << 12n).toString(16)}`;
}
