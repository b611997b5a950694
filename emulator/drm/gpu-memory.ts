// Models: bytes as the GPU sees them - through its own page table, stale or not (design §4).
import { PAGE_BYTES } from '../kernel/page-number.ts';
import type { EmulatedDevice } from './device.ts';
import type { EmulatedFile } from './file.ts';

/** Reads `length` bytes at `address` through the GPU's PTEs, which must be there (see `EmulatedDevice.access`). */
export function gpuRead(device: EmulatedDevice, file: EmulatedFile, address: bigint, length: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(length);
  eachPage(address, length, (page, within, offset, count) => {
    const bytes = bytesBehindPte(device, file, page, false);
    if (bytes !== undefined) result.set(bytes.subarray(within, within + count), offset);
  });
  return result;
}

/** Writes `data` at `address` through the GPU's PTEs. */
export function gpuWrite(device: EmulatedDevice, file: EmulatedFile, address: bigint, data: Uint8Array): void {
  eachPage(address, data.length, (page, within, offset, count) => {
    bytesBehindPte(device, file, page, true)?.set(data.subarray(offset, offset + count), within);
  });
}

/**
 * The bytes of the physical page that the PTE of `page` points at: those the CPU
 * sees there if it still maps the same one, else what was kept of the old page.
 */
function bytesBehindPte(device: EmulatedDevice, file: EmulatedFile, page: number, create: boolean): Uint8Array | undefined {
  const { process } = device.surroundings;
  const frame = file.vm.pageTable.frameOf(page);
  if (frame !== 0 && process.pages.frameOf(page, true) === frame) {
    return create ? process.contents.bytesOf(page) : process.contents.peek(page);
  }
  file.effects.current?.hazard('I1', 'the GPU uses a PTE of a page that the CPU does not map there any more', page, 1);
  // Nobody wrote to the old page before it left: it reads as zeros, and a write to it reaches nobody.
  return process.contents.ghostOf(frame);
}

function eachPage(
  address: bigint,
  length: number,
  visit: (page: number, within: number, offset: number, count: number) => void,
): void {
  let page = Number(address >> 12n);
  let within = Number(address & 0xfffn);
  for (let offset = 0; offset < length; ) {
    const count = Math.min(PAGE_BYTES - within, length - offset);
    visit(page, within, offset, count);
    offset += count;
    page++;
    within = 0;
  }
}
