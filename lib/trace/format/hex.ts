/** Numbers as the trace format writes them: lower-case hex without padding (spec/trace-format §1). */

const CHUNK = 0x1000;
// toString(16) of a number goes through a general conversion; three digits a look-up are much faster.
const digits = Array.from({ length: CHUNK }, (_, value) => value.toString(16));
const paddedDigits = digits.map((text) => text.padStart(3, '0'));

/** "0x..." of a bigint or a whole number, not negative. */
export function hex(value: number | bigint): string {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  let text = '';
  let rest = value;
  while (rest >= CHUNK) {
    const above = Math.floor(rest / CHUNK);
    text = paddedDigits[rest - above * CHUNK]! + text;
    rest = above;
  }
  return `0x${digits[rest]!}${text}`;
}

/** "0x..." byte address of a page number. */
export function hexAddress(page: number): string {
  return page === 0 ? '0x0' : `${hex(page)}000`;
}
