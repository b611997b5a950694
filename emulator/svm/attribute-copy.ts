// Models: attribute records between the caller's memory and the handler of the ioctl (spec/01-uapi §6).
import { readU32, writeU32 } from '../../lib/uapi/little-endian.ts';
import type { AttributeRequest } from './attribute-record.ts';

/** Bytes of one record. */
export const ATTRIBUTE_BYTES = 8;

/** Fills `request` with the first `count` records. */
export function copyFromUser(request: AttributeRequest, bytes: Uint8Array, count: number): void {
  request.begin(count);
  for (let index = 0; index < count; index++) {
    const at = index * ATTRIBUTE_BYTES;
    request.types[index] = readU32(bytes, at);
    request.values[index] = readU32(bytes, at + 4);
  }
}

/** Writes the first `count` records back. */
export function copyToUser(bytes: Uint8Array, request: AttributeRequest, count: number): void {
  for (let index = 0; index < count; index++) {
    const at = index * ATTRIBUTE_BYTES;
    writeU32(bytes, at, request.types[index]!);
    writeU32(bytes, at + 4, request.values[index]!);
  }
}
