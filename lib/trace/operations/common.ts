/** What several operations share: intervals, protections and timestamps, read and written. */
import { protectionOfLetters } from '../../uapi/protection.ts';
import type { Fields } from '../format/fields.ts';
import { hex } from '../format/hex.ts';
import { TraceFormatError } from '../format/fields.ts';
import type { BareAnswer } from './descriptor.ts';

/** Bytes `[address, address + size)`. */
export interface Interval {
  readonly address: bigint;
  readonly size: bigint;
}

export function writeInterval({ address, size }: Interval): { addr: string; len: string } {
  return { addr: hex(address), len: hex(size) };
}

export function readProtection(fields: Fields): number {
  const letters = fields.text('prot');
  const bits = protectionOfLetters(letters);
  if (bits === undefined)
    throw new TraceFormatError(`${fields.operation}.prot: expected letters r, w, x or "-", got "${letters}"`);
  return bits;
}

const TIMESTAMP_MASK = 2n ** 48n - 1n;

/** The field `ts`. */
export function readTimestamp(fields: Fields): number {
  // The modelled code looks at the lower 48 bits only.
  return Number(fields.u64('ts') & TIMESTAMP_MASK);
}

export function writeTimestamp({ timestamp }: { readonly timestamp?: number | undefined }): { ts?: string } {
  return timestamp === undefined ? {} : { ts: hex(timestamp) };
}

/** The answer of an operation that has nothing to tell but its result. */
export function bareAnswer({ result }: { readonly result: number }): BareAnswer {
  return { ret: result };
}
