// Models: nothing - one number as what a page holds, for who tells contents apart and needs no bytes (spec/trace-format-v8 §3).
import { addressOfPage } from '../kernel/page-number.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { EmulatedDevice } from './device.ts';
import type { EmulatedFile } from './file.ts';
import { gpuRead, gpuWrite } from './gpu-memory.ts';

/** The number is the first 32 bits of the page, little-endian. */
const VALUE_BYTES = 4;

/** What a page holds that nobody wrote since it was allocated, where nothing cleared it. */
const UNINITIALISED = '?';
/** What a page holds, as a number: traces tell contents in this form. */
export type PageValue = number | typeof UNINITIALISED;

/** What the CPU reads at the begin of `page`. */
export function cpuPageValue(space: AddressSpace, page: number): PageValue {
  if (space.moved.isUninitialised(space.pages.frameOf(page, true))) return UNINITIALISED;
  const bytes = new Uint8Array(VALUE_BYTES);
  space.contents.read(page, 0, bytes);
  return decode(bytes);
}

/** The CPU writes an unsigned 32-bit number at the begin of `page`, which must be there. */
export function setCpuPageValue(space: AddressSpace, page: number, value: number): void {
  space.moved.written(space.pages.frameOf(page, true));
  space.contents.write(page, 0, encode(value));
}

/** What the GPU reads at the begin of `page` through its PTE, right or stale, which must be there. */
export function gpuPageValue(device: EmulatedDevice, file: EmulatedFile, page: number): PageValue {
  const { process } = device.surroundings;
  if (process.moved.isUninitialised(file.vm.pageTable.frameOf(page))) return UNINITIALISED;
  return decode(gpuRead(device, file, addressOfPage(page), VALUE_BYTES));
}

/** The GPU writes an unsigned 32-bit number at the begin of `page` through its PTE, which must be there. */
export function setGpuPageValue(device: EmulatedDevice, file: EmulatedFile, page: number, value: number): void {
  device.surroundings.process.moved.written(file.vm.pageTable.frameOf(page));
  gpuWrite(device, file, addressOfPage(page), encode(value));
}

function decode(bytes: Uint8Array): number {
  return new DataView(bytes.buffer).getUint32(0, true);
}

function encode(value: number): Uint8Array {
  const bytes = new Uint8Array(VALUE_BYTES);
  new DataView(bytes.buffer).setUint32(0, value, true);
  return bytes;
}
