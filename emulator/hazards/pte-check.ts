// Models: nothing - it holds the PTEs of some pages against the process, the ranges and the attributes (07-quirks, I1 to I6).
import { SvmAccess, SvmFlag } from '../../lib/uapi/constants.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { frameAt, SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import type { Frames } from '../kernel/frame.ts';
import { PIECE_SHIFT } from '../kernel/page-block.ts';
import type { PageBlock } from '../kernel/page-block.ts';
import { PteMemory } from '../gpu/pte-format.ts';
import { DEVICE_PRIVATE, PRESENT, WRITE_FAULTED } from '../mm/cpu-pages.ts';
import { Protection } from '../mm/vma.ts';
import type { Vma } from '../mm/vma.ts';
import type { AttributeRecord } from '../svm/attribute-record.ts';
import type { AmdgpuSvmRange } from '../svm/svm-range.ts';
import type { WatchedFile } from './watched.ts';

/** What is wrong with a PTE; 'read-only' and 'flags' are both flags that are not those of the attributes. */
export type PteFault = 'stale' | 'uncovered' | 'permission' | 'copy-on-write' | 'inaccessible' | 'read-only' | 'flags';

/** Who is told of every PTE that is wrong. */
export interface PteFaultListener {
  /** `range` is the one it lies in, `hasInterval` says whether its attributes are set. */
  pteFault(page: number, fault: PteFault, range: AmdgpuSvmRange | undefined, hasInterval: boolean): void;
}

/** Checks the PTEs of the pages `[startPage, endPage)`; costs nothing where there are none. */
export function checkPtes(file: WatchedFile, startPage: number, endPage: number, listener: PteFaultListener): void {
  const { blocks } = file.vm.pageTable;
  if (blocks.size === 0) return;
  const first = Math.floor(startPage / PAGES_PER_BLOCK);
  const last = Math.floor((endPage - 1) / PAGES_PER_BLOCK);
  if (first === last) {
    const block = blocks.get(first);
    if (block !== undefined) checkBlock(file, block, first * PAGES_PER_BLOCK, startPage, endPage, listener);
    return;
  }
  for (const blockNumber of blocks.blockNumbersBetween(first, last)) {
    const blockStart = blockNumber * PAGES_PER_BLOCK;
    const from = Math.max(startPage, blockStart);
    checkBlock(
      file,
      blocks.get(blockNumber)!,
      blockStart,
      from,
      Math.min(endPage, blockStart + PAGES_PER_BLOCK),
      listener,
    );
  }
}

/** Whether any of the pages has a PTE that the GPU can use. They lie in one block of 2 MiB. */
export function hasLivePtes({ vm, gpu }: WatchedFile, startPage: number, pages: number): boolean {
  const blockNumber = Math.floor(startPage / PAGES_PER_BLOCK);
  const block = vm.pageTable.blocks.getPacked(blockNumber);
  if (block === undefined || block.used === 0) return false;
  const { pteFlags } = gpu;
  const from = startPage - blockNumber * PAGES_PER_BLOCK;
  const to = from + pages;
  for (let index = firstUsed(block, from, to); index < to; index = firstUsed(block, index + 1, to)) {
    if (block.frameAt(index) !== 0 && pteFlags.permits(block.markAt(index), false)) return true;
  }
  return false;
}

/**
 * How many PTEs that the GPU can use become others when the pages, which lie in one block of 2 MiB, get PTEs with the flags
 * `flags` and the frames `frames`.
 */
export function countReplaced(
  { vm, gpu }: WatchedFile,
  startPage: number,
  pages: number,
  flags: number,
  frames: Frames,
): number {
  const blockNumber = Math.floor(startPage / PAGES_PER_BLOCK);
  const block = vm.pageTable.blocks.getPacked(blockNumber);
  if (block === undefined || block.used === 0) return 0;
  const { pteFlags } = gpu;
  const from = startPage - blockNumber * PAGES_PER_BLOCK;
  const to = from + pages;
  let replaced = 0;
  for (let index = firstUsed(block, from, to); index < to; index = firstUsed(block, index + 1, to)) {
    const mark = block.markAt(index);
    if (mark === flags && block.frameAt(index) === frameAt(frames, index - from)) continue;
    if (pteFlags.permits(mark, false)) replaced++;
  }
  return replaced;
}

/** The pages `[from, to)` of one block, in pieces of one VMA, one range and one attribute interval. */
function checkBlock(
  file: WatchedFile,
  gpu: PageBlock,
  blockStart: number,
  from: number,
  to: number,
  listener: PteFaultListener,
): void {
  const { process, vm } = file;
  const cpu = process.pages.blocks.get(blockStart / PAGES_PER_BLOCK);
  let page = from;
  while (page < to) {
    // What has no PTE needs no look-ups.
    page = blockStart + firstUsed(gpu, page - blockStart, to - blockStart);
    if (page >= to) return;
    let end = to;
    const vma = process.findVma(page);
    end = Math.min(end, vma?.endPage ?? process.findVmaFrom(page)?.startPage ?? to);
    const range = vm.context?.framework.findRange(page, end);
    const inRange = range !== undefined && range.startPage <= page ? range : undefined;
    if (range !== undefined) end = Math.min(end, inRange === undefined ? range.startPage : range.endPage);
    const interval = vm.context?.tree.findIntersecting(page, end - 1);
    const inInterval = interval !== undefined && interval.first <= page ? interval : undefined;
    if (interval !== undefined) end = Math.min(end, inInterval === undefined ? interval.first : interval.last + 1);
    const piece = new Piece(file, vma, inRange, inInterval ?? vm.context?.defaults, inInterval !== undefined);
    piece.check(gpu, cpu, blockStart, page, end, listener);
    page = end;
  }
}

/** The first page with a PTE among those with the numbers `[from, to)` inside the block; `to` without one. */
function firstUsed(block: PageBlock, from: number, to: number): number {
  let index = from;
  // What is packed has one mark, and is asked once.
  while (index < to && block.markAt(index) === 0)
    index = block.isPacked(index >> PIECE_SHIFT) ? ((index >> PIECE_SHIFT) + 1) << PIECE_SHIFT : index + 1;
  return Math.min(index, to);
}

/** Pages that are judged alike. */
class Piece {
  readonly #file: WatchedFile;
  readonly #vma: Vma | undefined;
  readonly #range: AmdgpuSvmRange | undefined;
  readonly #record: AttributeRecord | undefined;
  readonly #hasInterval: boolean;
  // Indices of the flags that PTEs to system memory and to VRAM should have here.
  readonly #expected: number;
  readonly #expectedOfVram: number;

  constructor(
    file: WatchedFile,
    vma: Vma | undefined,
    range: AmdgpuSvmRange | undefined,
    record: AttributeRecord | undefined,
    hasInterval: boolean,
  ) {
    this.#file = file;
    this.#vma = vma;
    this.#range = range;
    this.#record = record;
    this.#hasInterval = hasInterval;
    const writable = vma !== undefined && (vma.protection & Protection.write) !== 0;
    const { pteFlags } = file.gpu;
    this.#expected = record === undefined ? 0 : pteFlags.indexFor(record.flags, !writable, PteMemory.system);
    this.#expectedOfVram =
      record === undefined || file.process.devices === null
        ? this.#expected
        : pteFlags.indexFor(record.flags, !writable, PteMemory.localVram);
  }

  check(
    gpu: PageBlock,
    cpu: PageBlock | undefined,
    blockStart: number,
    from: number,
    to: number,
    listener: PteFaultListener,
  ): void {
    // Small numbers from here on: page numbers do not fit into 31 bits, and arithmetic on them is slow.
    const offset = from - blockStart;
    const count = to - from;
    const { marks, frames } = gpu;
    const at = gpu.base + offset;
    const { pteFlags } = this.#file.gpu;
    let index = cpu !== undefined && this.#sound ? this.#countSound(gpu, cpu, offset, count) : 0;
    for (; index < count; index++) {
      const mark = marks[at + index]!;
      const frame = frames[at + index]!;
      // No PTE, one that nobody can use, or one that is not of SVM.
      if (mark === 0 || frame === 0 || !pteFlags.permits(mark, false)) continue;
      const isCurrent = cpu !== undefined && frame === cpu.frames[cpu.base + offset + index];
      const fault = this.#judge(mark, frame, isCurrent, cpu === undefined ? 0 : cpu.marks[cpu.base + offset + index]!);
      if (fault !== undefined) listener.pteFault(from + index, fault, this.#range, this.#hasInterval);
    }
  }

  /** How many pages from the first on are exactly as they should be: the usual case, all. */
  #countSound(gpu: PageBlock, cpu: PageBlock, offset: number, count: number): number {
    const { marks, frames } = gpu;
    const inVram = frames[gpu.base + offset]! >= SYSTEM_FRAMES_END;
    const expected = inVram ? this.#expectedOfVram : this.#expected;
    const system = this.#file.gpu.pteFlags.permits(expected, true) ? PRESENT | WRITE_FAULTED : PRESENT;
    // What lies in VRAM does so for one process only, whatever the CPU's entry permits.
    const wanted = !inVram ? system : (cpu.marks[cpu.base + offset]! & DEVICE_PRIVATE) !== 0 ? DEVICE_PRIVATE : PRESENT;
    const { marks: cpuMarks, frames: cpuFrames } = cpu;
    const at = gpu.base + offset;
    const cpuAt = cpu.base + offset;
    let index = 0;
    while (
      index < count &&
      marks[at + index] === expected &&
      frames[at + index] === cpuFrames[cpuAt + index] &&
      (cpuMarks[cpuAt + index]! & wanted) === wanted
    ) {
      index++;
    }
    return index;
  }

  /** Whether PTEs with the expected flags and the CPU's frame are right. */
  get #sound(): boolean {
    const readable = this.#vma !== undefined && (this.#vma.protection & Protection.read) !== 0;
    return readable && this.#covered && this.#record?.access !== SvmAccess.inaccessible;
  }

  get #covered(): boolean {
    return this.#range !== undefined && this.#range.gpuMapped && this.#range.pagesValid;
  }

  #judge(mark: number, frame: number, isCurrent: boolean, cpuMarks: number): PteFault | undefined {
    const { pteFlags } = this.#file.gpu;
    const vma = this.#vma;
    if (!isCurrent) return 'stale';
    const writable = pteFlags.permits(mark, true);
    if (vma === undefined || (vma.protection & Protection.read) === 0) return 'permission';
    if (writable && (vma.protection & Protection.write) === 0) return 'permission';
    if (this.#file.vm.context === null) return undefined;
    if (!this.#covered) return 'uncovered';
    const inVram = frame >= SYSTEM_FRAMES_END;
    if (writable && !inVram && (cpuMarks & (PRESENT | WRITE_FAULTED)) === PRESENT) return 'copy-on-write';
    const record = this.#record!;
    if (record.access === SvmAccess.inaccessible) return 'inaccessible';
    const memory = inVram ? PteMemory.localVram : PteMemory.system;
    if (mark === (inVram ? this.#expectedOfVram : this.#expected)) return undefined;
    const onlyReadOnly =
      (record.flags & SvmFlag.gpuReadOnly) === 0 && mark === pteFlags.indexFor(record.flags, true, memory);
    return onlyReadOnly ? 'read-only' : 'flags';
  }
}
