// Models: nothing - which entry of the catalogue a wrong PTE belongs to, where nothing was met that led to it.
import { SvmAccess } from '../../lib/uapi/constants.ts';
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';
import { Protection } from '../mm/vma.ts';
import type { AttributeInterval } from '../svm/attribute-interval.ts';
import type { AmdgpuSvmRange } from '../svm/svm-range.ts';
import type { PteFault } from './pte-check.ts';
import type { Watch } from './watched.ts';
import { LateSet } from '../kernel/late-map.ts';

/** The range that a page lies in, if any. */
export type CoveringRange = AmdgpuSvmRange | undefined;

/** What happens while PTEs are checked. */
export interface Circumstances {
  /** PTEs were written for an attribute interval. */
  readonly prefetching: boolean;
  /** Without retry faults: the queues run, because stopping them failed. */
  readonly stopFailed: boolean;
}

/** Knows what RESET_ATTR did to the ranges of one file. */
export class PteNames {
  readonly #watch: Watch;
  // First pages of ranges over pieces that RESET_ATTR cut, and of those whose PTEs are older than that.
  readonly #cut = new LateSet<number>();
  readonly #olderThanReset = new LateSet<number>();

  constructor(watch: Watch) {
    this.#watch = watch;
  }

  /** RESET_ATTR took the attributes of `[startPage, endPage)` away, and left the ranges there as they were: `visit` sees each. */
  attributesReset(startPage: number, endPage: number, visit: (range: AmdgpuSvmRange) => void): void {
    const context = this.#watch.vm.context;
    // The end may have wrapped; nothing on the GPU lies there.
    if (context === null || endPage > PAGE_NUMBER_END) return;
    for (const range of context.framework.rangesIn(startPage, endPage)) {
      if (range.startPage < startPage || range.endPage > endPage) this.#cut.add(range.startPage);
      if (range.gpuMapped) this.#olderThanReset.add(range.startPage);
      visit(range);
    }
  }

  rangeRemoved(startPage: number): void {
    this.#cut.delete(startPage);
    this.#olderThanReset.delete(startPage);
  }

  ptesWritten(startPage: number): void {
    if (this.#olderThanReset.size > 0) this.#olderThanReset.delete(startPage);
  }

  /** The entry that a wrong PTE of `page` belongs to; `around`: what happens. */
  of(fault: PteFault, page: number, range: CoveringRange, hasInterval: boolean, around: Circumstances): string {
    const { context } = this.#watch.vm;
    if ((fault === 'stale' || fault === 'uncovered') && context?.hasRetryFaults === false && !context.closing)
      return this.#nameWithoutRetryFaults(page, range, around.stopFailed);
    switch (fault) {
      case 'stale':
        return context === null || context.closing ? 'Q11' : 'I1';
      case 'uncovered':
        return range === undefined || !range.gpuMapped ? 'I3' : 'I2';
      case 'permission':
        if (context === null || context.closing) return 'Q11';
        return range === undefined ? 'I5' : 'Q51';
      case 'copy-on-write':
        return 'Q48';
      case 'inaccessible':
        return context?.hasRetryFaults === false ? (this.#nameOfReset(range) ?? 'Q14') : 'Q14';
      case 'read-only':
        return this.#nameOfReset(range) ?? this.#nameOfReadOnly(range, hasInterval, around.prefetching);
      default:
        return this.#nameOfReset(range) ?? this.#nameOfFlags(page, range, hasInterval);
    }
  }

  /** What RESET_ATTR has to do with wrong flags of PTEs in `range`. */
  #nameOfReset(range: CoveringRange): string | undefined {
    if (range === undefined) return undefined;
    if (this.#olderThanReset.has(range.startPage)) return 'V7-R1';
    if (!this.#cut.has(range.startPage)) return undefined;
    return this.#watch.vm.context?.hasRetryFaults === false ? 'X-C6' : 'V7-B3';
  }

  /** PTEs that are not those of the process while the queues run. */
  #nameWithoutRetryFaults(page: number, range: CoveringRange, stopFailed: boolean): string {
    if (stopFailed) return 'X-R2';
    const { tree } = this.#watch.vm.context!;
    // The worker looks at the first page only.
    if (range !== undefined && !hasAccess(tree.find(range.startPage)) && hasAccess(tree.find(page))) return 'X-C6';
    return range === undefined ? 'X-C2' : 'X-R3';
  }

  #nameOfReadOnly(range: CoveringRange, hasInterval: boolean, prefetching: boolean): string {
    if (prefetching && this.#watch.holds('Q49')) return 'Q49';
    if (!this.#watch.holds('V7-R2') || this.#hasReadOnlyPart(range)) return 'Q51';
    // Attributes that went while PTEs were made from them were reported where that was met.
    return hasInterval ? 'V7-R2' : 'I4';
  }

  #hasReadOnlyPart(range: CoveringRange): boolean {
    if (range === undefined) return false;
    for (let page = range.startPage; page < range.endPage;) {
      const vma = this.#watch.process.findVma(page);
      if (vma === undefined || (vma.protection & Protection.write) === 0) return true;
      page = vma.endPage;
    }
    return false;
  }

  #nameOfFlags(page: number, range: CoveringRange, hasInterval: boolean): string {
    if (!hasInterval) return this.#watch.holds('Q32') ? 'Q32' : 'I4';
    const interval = this.#watch.vm.context?.tree.find(page);
    const spans =
      interval !== undefined &&
      range !== undefined &&
      (interval.first > range.startPage || interval.last < range.endPage - 1);
    if (spans) return 'Q68';
    return this.#watch.holds('Q13') ? 'Q13' : 'I4';
  }
}

function hasAccess(interval: AttributeInterval | undefined): boolean {
  return interval !== undefined && interval.access !== SvmAccess.inaccessible;
}
