// Models: bytes as the GPU sees them - through its own page table, stale or not.
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { addressOfPage, PAGE_BYTES } from '../kernel/page-number.ts';
import type { EmulatedDevice } from './device.ts';
import type { EmulatedFile } from './file.ts';

const NOTHING = new Uint8Array(0);

/** Reads `length` bytes at `address` through the GPU's PTEs, which must be there (see `EmulatedDevice.access`). */
export function gpuRead(
  device: EmulatedDevice,
  file: EmulatedFile,
  address: bigint,
  length: number,
): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(length);
  const { contents, moved } = device.surroundings.process;
  if (contents.foreign !== null) {
    const { foreign } = contents;
    eachRun(device, file, address, length, (at, offset, count) => {
      // Old contents of memory that is not ours are not kept: they read as zeros.
      if (at >= 0n) foreign.read(at, result.subarray(offset, offset + count));
    });
    return result;
  }
  eachPage(address, length, (page, within, offset, count) => {
    if (moved.anyLost && moved.isLost(file.vm.pageTable.frameOf(page)))
      file.effects.current?.hazard('V8-D4', 'the GPU reads a page that was not copied', page, 1);
    const target = result.subarray(offset, offset + count);
    const other = presentOwner(device, file, page);
    if (other >= 0) contents.read(other, within, target);
    else if (isCurrent(device, file, page)) contents.read(page, within, target);
    else target.set(oldBytes(device, file, page)?.subarray(within, within + count) ?? NOTHING);
  });
  return result;
}

/** Writes `data` at `address` through the GPU's PTEs. */
export function gpuWrite(device: EmulatedDevice, file: EmulatedFile, address: bigint, data: Uint8Array): void {
  const { contents } = device.surroundings.process;
  if (contents.foreign !== null) {
    const { foreign } = contents;
    eachRun(device, file, address, data.length, (at, offset, count) => {
      if (at >= 0n) foreign.write(at, data.subarray(offset, offset + count));
    });
    return;
  }
  eachPage(address, data.length, (page, within, offset, count) => {
    const source = data.subarray(offset, offset + count);
    const other = presentOwner(device, file, page);
    if (other >= 0) contents.write(other, within, source);
    else if (isCurrent(device, file, page)) contents.write(page, within, source);
    else
      (oldBytes(device, file, page) ?? contents.keepGhost(page, file.vm.pageTable.frameOf(page))).set(source, within);
  });
}

/** Whether the PTE of `page` points at the physical page that the CPU sees there. */
function isCurrent(device: EmulatedDevice, file: EmulatedFile, page: number): boolean {
  const frame = file.vm.pageTable.frameOf(page);
  return frame !== 0 && device.surroundings.process.pages.frameOf(page, true) === frame;
}

/** The page of the CPU in whose place the page in VRAM lies that a stale PTE points at; -1: it is nobody's. */
function presentOwner({ surroundings: { process } }: EmulatedDevice, file: EmulatedFile, page: number): number {
  const frame = file.vm.pageTable.frameOf(page);
  if (frame < SYSTEM_FRAMES_END || process.devices === null) return -1;
  const owner = process.devices.cpuPageOf(frame);
  if (owner >= 0 && owner !== page)
    file.effects.current?.hazard('I1', 'the GPU uses VRAM that holds another page of the process now', page, 1);
  return owner;
}

/** What was kept of the old page that a stale PTE points at. */
function oldBytes(device: EmulatedDevice, file: EmulatedFile, page: number): Uint8Array | undefined {
  file.effects.current?.hazard('I1', 'the GPU uses a PTE of a page that the CPU does not map there any more', page, 1);
  // Nobody wrote to the old page before it left: it reads as zeros.
  return device.surroundings.process.contents.ghostOf(file.vm.pageTable.frameOf(page));
}

/** Where the CPU has the page that the PTE of `page` points at; -1: nowhere any more. */
function cpuPageOf(device: EmulatedDevice, file: EmulatedFile, page: number): number {
  const other = presentOwner(device, file, page);
  if (other >= 0) return other;
  if (isCurrent(device, file, page)) return page;
  file.effects.current?.hazard('I1', 'the GPU uses a PTE of a page that the CPU does not map there any more', page, 1);
  return -1;
}

/** The bytes in pieces that lie together in the CPU's memory too: each costs a system call there. `at` is -1 for old pages. */
function eachRun(
  device: EmulatedDevice,
  file: EmulatedFile,
  address: bigint,
  length: number,
  visit: (at: bigint, offset: number, count: number) => void,
): void {
  let runPage = -2;
  let runAt = 0n;
  let runOffset = 0;
  let runEnd = 0;
  let next = -2;
  eachPage(address, length, (page, within, offset, count) => {
    const cpuPage = cpuPageOf(device, file, page);
    if (runEnd > 0 && cpuPage === next) {
      runEnd = offset + count;
      if (runPage >= 0) next++;
      return;
    }
    if (runEnd > 0) visit(runAt, runOffset, runEnd - runOffset);
    runPage = cpuPage;
    runAt = cpuPage < 0 ? -1n : addressOfPage(cpuPage) + BigInt(within);
    runOffset = offset;
    runEnd = offset + count;
    next = cpuPage < 0 ? -1 : cpuPage + 1;
  });
  if (runEnd > 0) visit(runAt, runOffset, runEnd - runOffset);
}

function eachPage(
  address: bigint,
  length: number,
  visit: (page: number, within: number, offset: number, count: number) => void,
): void {
  let page = Number(address >> 12n);
  let within = Number(address & 0xfffn);
  for (let offset = 0; offset < length;) {
    const count = Math.min(PAGE_BYTES - within, length - offset);
    visit(page, within, offset, count);
    offset += count;
    page++;
    within = 0;
  }
}
