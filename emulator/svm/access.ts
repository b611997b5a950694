// Models: what a shader or DMA engine does - look at the PTE, raise a retry fault, look again (spec/trace-format §3, `access`).
import type { AddressSpace } from '../mm/address-space.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import { pteStateRun } from './pte-state.ts';
import type { PteState } from './pte-state.ts';
import type { GpuVm } from './vm.ts';

/** How often one page is faulted before the access gives up. Time does not pass in between. */
export const MOST_FAULTS_PER_PAGE = 4;

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

/**
 * The GPU touches the pages `[startPage, endPage)` in ascending order; `fault` raises a retry fault.
 * By the definition of the trace operation a killed access is repeated like any other. With `onKilled` it ends
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
  onKilled?: (killed: KilledPage) => void,
): AccessResult {
  const runs: AccessRun[] = [];
  let faults = 0;
  let result = 0;
  let page = startPage;
  while (page < endPage) {
    let outcome: AccessRun['outcome'] = 'hit';
    for (let attempt = 0; !device.pteFlags.permits(vm.pageTable.flagsOf(page), write); attempt++) {
      if (attempt === MOST_FAULTS_PER_PAGE) {
        outcome = 'failed';
        break;
      }
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
    if (outcome !== 'failed') {
      // Pages behind a hit with equal PTEs are hits too; one that faulted stands for itself.
      const judged = pteStateRun(vm, device, process, page, outcome === 'hit' ? endPage : next);
      state = judged.state;
      next = judged.endPage;
    }
    const run = runs[runs.length - 1];
    if (run !== undefined && run.outcome === outcome && run.state === state) run.pages += next - page;
    else runs.push({ outcome, startPage: page, pages: next - page, state });
    page = next;
  }
  return { result, faults, runs };
}
