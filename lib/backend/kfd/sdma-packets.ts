/** Packets of the SDMA engines 4.x (gfx9), dword by dword (spec/kfd-queue §7). Pure: they are written into an array. */
import { atomicCode } from '../../uapi/atomic.ts';
import type { Atomic } from '../../uapi/atomic.ts';
import { rangeError } from '../../uapi/errors.ts';
import { FillSize, MOST_BYTES_PER_PACKET, MOST_WRITE_DWORDS, PacketDwords, SdmaOperation } from '../../uapi/sdma.ts';

const FILL_DWORDS = FillSize.dword << 30;

/** COPY_LINEAR of `bytes` (1 to 4 MiB); source and destination have no alignment. Returns the index after the packet. */
export function putCopy(words: Uint32Array, at: number, destination: bigint, source: bigint, bytes: number): number {
  assertCount('bytes', bytes, MOST_BYTES_PER_PACKET);
  words[at] = SdmaOperation.copy;
  words[at + 1] = bytes - 1;
  words[at + 2] = 0;
  putAddress(words, at + 3, source, 1n);
  putAddress(words, at + 5, destination, 1n);
  return at + PacketDwords.copy;
}

/** CONST_FILL of `bytes` (4 to 4 MiB, a multiple of 4) with the u32 `value`; the destination is a multiple of 4. */
export function putFill(words: Uint32Array, at: number, destination: bigint, value: number, bytes: number): number {
  assertCount('bytes', bytes, MOST_BYTES_PER_PACKET);
  if (bytes % 4 !== 0) throw rangeError('ERR_SVM_OUT_OF_RANGE', `bytes: expected a multiple of 4, got ${bytes}`);
  words[at] = SdmaOperation.fill | FILL_DWORDS;
  putAddress(words, at + 1, destination, 4n);
  words[at + 3] = value;
  words[at + 4] = bytes - 4;
  return at + PacketDwords.fill;
}

/** WRITE_LINEAR of the dwords of `data` (1 to 2^20); the destination is a multiple of 4. */
export function putWrite(words: Uint32Array, at: number, destination: bigint, data: Uint32Array): number {
  assertCount('data', data.length, MOST_WRITE_DWORDS);
  words[at] = SdmaOperation.write;
  putAddress(words, at + 1, destination, 4n);
  words[at + 3] = data.length - 1;
  words.set(data, at + PacketDwords.writeHeader);
  return at + PacketDwords.writeHeader + data.length;
}

/** FENCE: what was given before it has ended when the u32 `value` appears at `address`, a multiple of 4. */
export function putFence(words: Uint32Array, at: number, address: bigint, value: number): number {
  words[at] = SdmaOperation.fence;
  putAddress(words, at + 1, address, 4n);
  words[at + 3] = value;
  return at + PacketDwords.fence;
}

/** ATOMIC: changes the word at `address`, a multiple of its bytes. */
export function putAtomic(words: Uint32Array, at: number, address: bigint, atomic: Atomic): number {
  words[at] = (SdmaOperation.atomic | (atomicCode(atomic) << 25)) >>> 0;
  putAddress(words, at + 1, address, BigInt(atomic.bits / 8));
  putWord(words, at + 3, atomic.value);
  putWord(words, at + 5, atomic.compare);
  words[at + 7] = 0;
  return at + PacketDwords.atomic;
}

function putAddress(words: Uint32Array, at: number, address: bigint, alignment: bigint): void {
  if (address < 0n || address >> 64n !== 0n)
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `address: expected 0n to 2^64 - 1, got ${address}n`);
  if (address % alignment !== 0n)
    throw rangeError(
      'ERR_SVM_OUT_OF_RANGE',
      `address: expected a multiple of ${alignment}, got 0x${address.toString(16)}`,
    );
  putWord(words, at, address);
}

/** A u64, the lower dword first. */
function putWord(words: Uint32Array, at: number, value: bigint): void {
  words[at] = Number(value & 0xffff_ffffn);
  words[at + 1] = Number(value >> 32n);
}

function assertCount(name: string, count: number, most: number): void {
  if (!Number.isSafeInteger(count) || count < 1 || count > most)
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `${name}: expected a whole number from 1 to ${most}, got ${count}`);
}
