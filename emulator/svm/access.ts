// Models: what a shader or DMA engine does - look at the PTE, raise a retry fault, look again (spec/trace-format §3, `access`).
import { NotModelledError } from '../kernel/not-modelled.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { isSpecialVma, Protection } from '../mm/vma.ts';
import type { DeviceCounters, GpuDevice } from '../gpu/gpu-device.ts';
import { pteStateRun } from './pte-state.ts';
import type { PteState } from './pte-state.ts';
import type { GpuVm } from './context.ts';

/** How often one page is faulted before the access gives up. Time does not pass in between. */
const MOST_FAULTS_PER_PAGE = 4;

/** A run of pages with the same outcome and PTE state; `state` is undefined for 'failed'. */
export interface AccessRun {
  readonly outcome: 'hit' | 'faulted' | 'failed';
  readonly startPage: number;
  pages: number;
  readonly state: PteState | undefined;
}

/** Result of a GPU access. */
export interface AccessResult {
  /** Result of the last fault, 0 if there was none. */
  readonly result: number;
  /** Number of faults raised. */
  readonly faults: number;
  readonly runs: readonly AccessRun[];
}

/** A page at which an access was killed: how often it was faulted there, and the result that is not 0. */
export interface KilledPage {
  readonly page: number;
  readonly faults: number;
  readonly result: number;
}

/** What somebody does about an access while it goes on. */
export interface AccessWatcher {
  /** Called where an access is killed; without it, killed ones are repeated like any other. */
  readonly onKilled?: ((killed: KilledPage) => void) | undefined;
  /** The GPU has accessed the pages `[startPage, endPage)`, which lie in one memory. */
  readonly onAccessed?: (startPage: number, endPage: number) => void;
  /** Does `action` once, and counts it for `times` others that would be the same. */
  readonly repeat?: (times: number, action: () => void) => void;
}

/** Pages of one access that raise faults of their own; more are a mistake, or an attack on who runs this. */
const MOST_FAULTED_PAGES = 1 << 18;
/** Pages among them that fail, which takes several faults each. */
const MOST_FAILED_PAGES = 1 << 14;
/** Pages of a hole that are faulted one by one before the rest is counted: who listens to faults sees how it is. */
const TRIED_PAGES = 16;

/**
 * The GPU touches the pages `[startPage, endPage)` in ascending order; `fault` raises a retry fault.
 * Pages that all fail alike, since nothing is there, are counted rather than tried: the result, the
 * device's counters and the runs are those of trying. Throws `NotModelledError` for an access with
 * more than 2^18 faulting or 2^14 failing pages that cannot be counted so, and at the page limit of
 * the machine.
 * By the definition of the trace operation a killed access is repeated like any other. With `watcher.onKilled` it ends
 * there, as on silicon (spec/05-faults §1): the result is then that of the pages before.
 */
export function accessPages(
  vm: GpuVm,
  device: GpuDevice,
  process: AddressSpace,
  startPage: number,
  endPage: number,
  write: boolean,
  fault: (page: number) => number,
  { onKilled, onAccessed, repeat }: AccessWatcher = {},
): AccessResult {
  const runs: AccessRun[] = [];
  let faults = 0;
  let result = 0;
  let page = startPage;
  let faultedPages = 0;
  let failedPages = 0;
  let failedInRow = 0;
  while (page < endPage) {
    let outcome: AccessRun['outcome'] = 'hit';
    for (let attempt = 0; !device.pteFlags.permits(vm.pageTable.flagsOf(page), write); attempt++) {
      if (attempt === MOST_FAULTS_PER_PAGE) {
        outcome = 'failed';
        break;
      }
      if (attempt === 0 && ++faultedPages > MOST_FAULTED_PAGES)
        throw new NotModelledError(`an access that faults at more than ${MOST_FAULTED_PAGES} pages`);
      outcome = 'faulted';
      const answer = fault(page);
      if (answer !== 0 && onKilled !== undefined) {
        onKilled({ page, faults: attempt + 1, result: answer });
        return { result, faults: faults - attempt, runs };
      }
      faults++;
      result = answer;
    }
    let state: PteState | undefined;
    let next = page + 1;
    if (outcome === 'failed') {
      if (++failedPages > MOST_FAILED_PAGES)
        throw new NotModelledError(`an access that fails at more than ${MOST_FAILED_PAGES} pages`);
      if (process.pages.blocks.budget.exceeded)
        throw new NotModelledError('an access beyond the page limit of the machine');
      if (++failedInRow >= TRIED_PAGES && next < endPage) {
        const alike = endOfAlikePages(vm, device, process, page, endPage, write) - next;
        if (alike > 0) {
          // One more tells what each of them adds.
          const before = { ...device.counters };
          const tryOne = (): void => {
            for (let attempt = 0; attempt < MOST_FAULTS_PER_PAGE; attempt++) result = fault(next);
          };
          if (repeat === undefined) tryOne();
          else repeat(alike - 1, tryOne);
          addCounts(device.counters, before, alike - 1);
          faults += MOST_FAULTS_PER_PAGE * alike;
          next += alike;
        }
        failedInRow = 0;
      }
    } else {
      failedInRow = 0;
      // Pages after a hit with equal PTEs are hits too; one that faulted stands for itself.
      const judged = pteStateRun(vm, device, process, page, outcome === 'hit' ? endPage : next);
      state = judged.state;
      next = judged.endPage;
      onAccessed?.(page, next);
    }
    const run = runs[runs.length - 1];
    if (run !== undefined && run.outcome === outcome && run.state === state) run.pages += next - page;
    else runs.push({ outcome, startPage: page, pages: next - page, state });
    page = next;
  }
  return { result, faults, runs };
}

/**
 * End of the pages from `page` on at which the fault handler does the same as there and changes
 * nothing: without a context, or with neither an attribute interval nor a VMA, or with one that it
 * refuses, or that does not permit the access; `page` itself if it is none. None of them has a PTE that permits the access. Where another thread may get in at
 * a preemption point, no page is like another.
 */
function endOfAlikePages(
  vm: GpuVm,
  device: GpuDevice,
  process: AddressSpace,
  page: number,
  limit: number,
  write: boolean,
): number {
  const { context } = vm;
  let end = limit;
  if (context !== null) {
    if (context.points.listener !== null) return page;
    const bounds = context.tree.lookupBounds(page);
    const vma = process.findVmaFrom(page);
    if (bounds.interval !== undefined) {
      // Without permission the handler looks no further, once there is nothing left to collect.
      if (vma === undefined || vma.startPage > page || context.collector.pending > 0) return page;
      const needed = Protection.read | (write ? Protection.write : 0);
      if ((vma.protection & needed) === needed) return page;
      end = Math.min(end, vma.endPage);
    } else if (vma !== undefined && vma.startPage > page) end = Math.min(end, vma.startPage);
    else if (vma !== undefined && !isSpecialVma(vma)) return page;
    else if (vma !== undefined) end = Math.min(end, vma.endPage);
    end = Math.min(end, bounds.last + 1);
  }
  // A PTE may be stale, so that it is there without a VMA: up to the next one that lets the access through.
  return vm.pageTable.firstWhere(page, end, (flags) => device.pteFlags.permits(flags, write));
}

function addCounts(counters: DeviceCounters, before: Readonly<DeviceCounters>, times: number): void {
  for (const name of Object.keys(before) as (keyof DeviceCounters)[]) {
    const more = counters[name] - before[name];
    // What did not change stays a small integer.
    if (more !== 0) counters[name] += more * times;
  }
}
