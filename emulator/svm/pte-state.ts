// Models: nothing - it judges a PTE against the process's memory (spec/trace-format §6, "state of a present PTE").
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import type { PageBlock } from '../kernel/page-block.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { PRESENT, WRITE_FAULTED } from '../mm/cpu-pages.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { Protection } from '../mm/vma.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import type { GpuVm } from './context.ts';

/**
 * What a PTE is worth: `stale` maps another physical page than the CPU does;
 * `perm` allows more than the VMA; `cow` would write to a page shared
 * copy-on-write; `orphan` belongs to no range; `nodma` to a range without DMA
 * mapping; `ok` is none of these. The first that applies.
 */
export type PteState = 'stale' | 'perm' | 'cow' | 'orphan' | 'nodma' | 'ok';

/** PTEs from a page on that have the same flags and the same state. */
export interface PteStateRun {
  readonly state: PteState;
  /** First page after the run, which need not be as long as possible. */
  readonly endPage: number;
}

/**
 * State of the PTE of `page`, which must be present, and of those after it that
 * share it, below `limit`. Pages of one VMA and one range, or between two of them, are judged together.
 */
export function pteStateRun(
  vm: GpuVm,
  device: GpuDevice,
  process: AddressSpace,
  page: number,
  limit: number,
): PteStateRun {
  const blockNumber = Math.floor(page / PAGES_PER_BLOCK);
  const firstPage = blockNumber * PAGES_PER_BLOCK;
  const most = Math.min(limit - firstPage, PAGES_PER_BLOCK);
  const gpu = vm.pageTable.blocks.get(blockNumber)!;
  const cpu = process.pages.blocks.get(blockNumber);
  const offset = page - firstPage;
  const flags = gpu.marks[gpu.base + offset]!;
  const frame = gpu.frames[gpu.base + offset]!;
  // A page kept in the page cache counts as current.
  if (cpu === undefined || isStale(gpu, cpu, offset)) {
    let behind = offset + 1;
    while (behind < most && gpu.marks[gpu.base + behind] === flags && isStale(gpu, cpu, behind)) behind++;
    return { state: 'stale', endPage: firstPage + behind };
  }
  const vma = process.findVma(page);
  const writable = device.pteFlags.permits(flags, true);
  if (vma === undefined || (vma.protection & Protection.read) === 0) return { state: 'perm', endPage: page + 1 };
  if (writable && (vma.protection & Protection.write) === 0) return { state: 'perm', endPage: page + 1 };
  const marks = cpu.marks[cpu.base + offset]!;
  // A page of the page cache that is not mapped now is nobody's copy-on-write page.
  if (writable && (marks & (PRESENT | WRITE_FAULTED)) === PRESENT && frame < SYSTEM_FRAMES_END)
    return { state: 'cow', endPage: page + 1 };
  const framework = vm.context?.framework;
  const range = framework?.findRange(page, page + 1);
  const endOfRange = range === undefined ? framework?.ranges.higher(page)?.startPage : range.endPage;
  const end = Math.min(most, vma.endPage - firstPage, (endOfRange ?? limit) - firstPage);
  let behind = offset + 1;
  while (
    behind < end &&
    gpu.marks[gpu.base + behind] === flags &&
    cpu.marks[cpu.base + behind] === marks &&
    gpu.frames[gpu.base + behind] !== 0 &&
    gpu.frames[gpu.base + behind] === cpu.frames[cpu.base + behind]
  ) {
    behind++;
  }
  const state = range === undefined ? 'orphan' : range.pagesValid ? 'ok' : 'nodma';
  return { state, endPage: firstPage + behind };
}

/** Whether the PTE of a page of the block maps another physical page than the CPU does. */
function isStale(gpu: PageBlock, cpu: PageBlock | undefined, offset: number): boolean {
  const frame = gpu.frames[gpu.base + offset]!;
  return frame === 0 || cpu === undefined || cpu.frames[cpu.base + offset]! !== frame;
}
