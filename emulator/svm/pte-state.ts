// Models: nothing - it judges a PTE against the process's memory (trace format §6, "state of a present PTE").
import { PRESENT, WRITE_FAULTED } from '../mm/cpu-pages.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { Protection } from '../mm/vma.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import type { GpuVm } from './vm.ts';

/**
 * What a PTE is worth: `stale` maps another physical page than the CPU does;
 * `perm` allows more than the VMA; `cow` would write to a page shared
 * copy-on-write; `orphan` belongs to no range; `nodma` to a range without DMA
 * mapping; `ok` is none of these. The first that applies.
 */
export type PteState = 'stale' | 'perm' | 'cow' | 'orphan' | 'nodma' | 'ok';

/** State of the PTE of `page`, which must be present, with flags of index `flags` and the physical page `frame`. */
export function pteState(
  vm: GpuVm,
  device: GpuDevice,
  process: AddressSpace,
  page: number,
  flags: number,
  frame: number,
): PteState {
  // A page kept in the page cache counts as current.
  if (frame === 0 || process.pages.frameOf(page, true) !== frame) return 'stale';
  const vma = process.findVma(page);
  const writable = device.pteFlags.permits(flags, true);
  if (vma === undefined || (vma.protection & Protection.read) === 0) return 'perm';
  if (writable && (vma.protection & Protection.write) === 0) return 'perm';
  // A page of the page cache that is not mapped now is nobody's copy-on-write page.
  if (writable && (process.pages.marksOf(page) & (PRESENT | WRITE_FAULTED)) === PRESENT) return 'cow';
  const range = vm.context?.framework.findRange(page, page + 1);
  if (range === undefined) return 'orphan';
  return range.pagesValid ? 'ok' : 'nodma';
}
