/** Numbers as the inspector writes them. */
import { errnoMessage, errnoName } from '../../uapi/errno.ts';
import { roundedBytes } from '../../words/sizes.ts';

/** Size of a number of pages. */
export function pagesSize(pages: number): string {
  return roundedBytes(pages * 4096);
}

/** "0x10000000" of a page number; groups of four digits above 32 bits. */
export function address(page: number): string {
  const digits = (BigInt(Math.floor(page)) << 12n).toString(16);
  return digits.length <= 8 ? `0x${digits}` : `0x${digits.slice(0, -8)}_${digits.slice(-8)}`;
}

/** "[0x10000000, 0x10200000) 2 MiB" */
export function interval(page: number, pages: number): string {
  return `[${address(page)}, ${address(page + pages)}) ${pagesSize(pages)}`;
}

/** "1.002 000 s": the virtual clock. */
export function time(nanoseconds: number): string {
  const [whole, fraction] = (nanoseconds / 1e9).toFixed(6).split('.') as [string, string];
  return `${whole}.${fraction.slice(0, 3)} ${fraction.slice(3)} s`;
}

/** "250 ns", "1.5 us", "2.048 ms", "3.1 s": a length of time, to four digits. */
export function duration(nanoseconds: number): string {
  const unit = TIME_UNITS.findLast(([least]) => nanoseconds >= least) ?? TIME_UNITS[0];
  return `${Number((nanoseconds / unit[0]).toPrecision(4))} ${unit[1]}`;
}
const TIME_UNITS = [
  [1, 'ns'],
  [1e3, 'us'],
  [1e6, 'ms'],
  [1e9, 's'],
] as const;

/** "0", "EINVAL", "1 (sleeps)" of an operation's result. */
export function result(value: number): string {
  if (value === 0) return 'ok';
  return errnoName(value) ?? String(value);
}

/** "EINVAL: invalid argument" */
export function resultSentence(value: number): string {
  const name = errnoName(value);
  return name === undefined ? `result ${value}` : `${name}: ${errnoMessage(name)}`;
}
