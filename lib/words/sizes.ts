/** Sizes and addresses as people write them. */
import { counted } from './counted.ts';

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;

/** "2 MiB", "12 KiB", "5 bytes": never rounded. */
export function exactBytes(size: bigint): string {
  for (let unit = UNITS.length - 1; unit > 0; unit--) {
    const shift = BigInt(10 * unit);
    if (size >= 1n << shift && size % (1n << shift) === 0n) return `${size >> shift} ${UNITS[unit]}`;
  }
  return counted(size, 'byte');
}

/** "2 MiB at 0x10000000" */
export function bytesAt({ address, size }: { readonly address: bigint; readonly size: bigint }): string {
  return `${exactBytes(size)} at 0x${address.toString(16)}`;
}

/** "2 MiB", "4 KiB", "1.5 GiB": at most two decimals. */
export function roundedBytes(count: number): string {
  let unit = 0;
  let value = count;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = value < 10 && !Number.isInteger(value) ? 2 : 1;
  return `${Number(value.toFixed(digits))} ${unit === 0 ? 'B' : UNITS[unit]}`;
}

/** A byte count or address as a person writes it: 0x..., 4096, 4k, 2M, 1G, 16T. Undefined if it is none. */
export function parseBytes(text: string): bigint | undefined {
  const match = /^\s*(0x[0-9a-f_]+|\d+)\s*([kmgt])?(?:i?b)?\s*$/i.exec(text);
  if (match === null) return undefined;
  const digits = match[1]!.replaceAll('_', '');
  if (digits === '0x') return undefined;
  const shift = { k: 10n, m: 20n, g: 30n, t: 40n }[(match[2] ?? '').toLowerCase()] ?? 0n;
  const value = BigInt(digits) << shift;
  return value < 1n << 64n ? value : undefined;
}
