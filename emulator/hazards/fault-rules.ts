// Models: nothing - the rules about GPU faults (07-quirks, section E; I7).
import { SvmAccess, SvmFlag } from '../../lib/uapi/constants.ts';
import type { FaultReason } from '../kernel/effects.ts';
import { Errno, errnoName } from '../../lib/uapi/errno.ts';
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { PAGE_NUMBER_END } from '../kernel/page-number.ts';
import { isIoOrPfnMap, isSpecialVma, Protection } from '../mm/vma.ts';
import type { Vma } from '../mm/vma.ts';
import { RangeState } from '../gpusvm/range.ts';
import { needsVram } from '../svm/migrate-range.ts';
import type { AmdgpuSvmRange } from '../svm/svm-range.ts';
import type { PendingUnmaps } from './pending-unmaps.ts';
import type { Watch } from './watched.ts';
import { LateMap } from '../kernel/late-map.ts';

/** Faults on one page without progress from which on it is a loop. */
const LOOP = 8;
/** Error lines about one page without progress from which on they are a flood (Q70): eight faults of Q54. */
const FLOOD = 16;
/** Pages that are remembered as stuck. */
const MOST_STUCK = 4096;

/** Hazards that may go on with the next page at the same time. */
const MOST_RUNS = 4;

/** A hazard that neighbouring pages share. */
interface Run {
  readonly quirk: string;
  readonly detail: string;
  readonly startPage: number;
  pages: number;
}

interface Stuck {
  /** What was reported last. */
  quirk: string | undefined;
  /** Faults that were answered 0. */
  faults: number;
  /** Error lines in the kernel log about faults on the page. */
  errorLines: number;
  /** Whether a killed access overwrote a live PTE (Q60). */
  overwritten: boolean;
}

/** Follows the faults of one file. */
export class FaultRules {
  readonly #watch: Watch;
  readonly #pending: PendingUnmaps;
  readonly #stuck = new LateMap<number, Stuck>();
  #reportedNoCompute = false;
  // Neighbouring pages that an operation meets the same hazard at are one hazard; each page may meet several.
  readonly #runs: Run[] = [];

  constructor(watch: Watch, pending: PendingUnmaps) {
    this.#watch = watch;
    this.#pending = pending;
  }

  faultEnded(page: number, write: boolean, result: number, reason: FaultReason, cause: number): void {
    const { vm, gpu, process, log, operation } = this.#watch;
    log.note(operation, write ? 'GPU write fault' : 'GPU read fault', page, page + 1);
    const vma = process.findVma(page);
    if (!vm.compute && reason !== 'no-context' && !this.#reportedNoCompute) {
      this.#reportedNoCompute = true;
      this.#watch.report('Q04', 'this fault would not reach the handler: the VM is no compute VM', page, 1);
    }
    if (page === gpu.maxPage)
      this.#watch.report('Q59', 'the address just after the mirrored space passes the check', page, 1);
    if (result !== 0) {
      this.#killed(page, write, result, reason, vma);
      return;
    }
    const served = gpu.pteFlags.permits(vm.pageTable.flagsOf(page), write);
    if (reason === 'mapped' && vma !== undefined && isSpecialVma(vma))
      this.#watch.report('Q53', `a mapping of kind ${vma.kind} was mapped because an interval lies there`, page, 1);
    if (cause === -Errno.ENOMEM) this.#watch.report('Q62', 'it was answered as if the GPU may retry', page, 1);
    if (served) {
      if (this.#stuck.size > 0) this.#stuck.delete(page);
      return;
    }
    this.#notServed(page, this.#whyNot(page, write, reason, cause, vma));
  }

  faultLogged(page: number, lines: number): void {
    const stuck = this.#stuckAt(page);
    const before = stuck.errorLines;
    stuck.errorLines += lines;
    if (before < FLOOD && stuck.errorLines >= FLOOD)
      this.#say('Q70', `${stuck.errorLines} error lines about faults on a page that is not served`, page);
  }

  faultRetried(page: number, restart: boolean): void {
    if (restart) this.#watch.report('Q58', 'its range was invalidated in each of three attempts', page, 1);
  }

  faultDropped(page: number, timestamp: number, checkpoint: number): void {
    if (timestamp > checkpoint) this.#watch.report('Q64', 'a fault that is far younger counts as stale', page, 1);
    else if (!this.#pending.touches(page, page) && this.#watch.process.findVma(page) !== undefined) {
      this.#watch.report('Q63', 'the fault has nothing to do with the memory that was unmapped', page, 1);
    }
    if (!this.#watch.gpu.model.retryCam)
      this.#watch.report('Q65', 'the entry of the duplicate filter is asked for by page number and not found', page, 1);
  }

  vmFaultEnded(page: number, asked: 'svm' | 'kfd-svm' | 'none', handled: boolean): void {
    if (handled) return;
    if (asked === 'svm') this.#watch.report('Q02', 'the fault was not offered to KFD SVM', page, 1);
    else if (asked === 'none' && this.#watch.vm.context !== null)
      this.#watch.report('Q04', 'the GPU reads the dummy page', page, 1);
    else this.#watch.report('unhandled-fault', 'no SVM context is asked', page, 1);
  }

  /** An UNMAP found both rings empty. */
  unmapBegins(startPage: number, endPage: number): void {
    const context = this.#watch.vm.context;
    if (context === null || context.closing || context.checkpoint === 0) return;
    const { ring1, softwareRing, model } = this.#watch.gpu;
    if (softwareRing.pending || (!model.retryCam && ring1.exists && ring1.pending)) return;
    this.#watch.report(
      'Q64',
      'an UNMAP with empty rings keeps the checkpoint of an earlier one',
      startPage,
      endPage - startPage,
    );
  }

  /** The process changed `[startPage, endPage)`: what was said about faults there may be said again. */
  memoryChanged(startPage: number, endPage: number): void {
    if (this.#stuck.size === 0) return;
    for (const page of this.#stuck.keys()) if (page >= startPage && page < endPage) this.#stuck.delete(page);
  }

  /** The operation is over. */
  operationEnded(): void {
    if (this.#runs.length > 0) this.#flushRuns();
  }

  #say(quirk: string, detail: string, page: number): void {
    const run = this.#runs.find(
      (each) => each.startPage + each.pages === page && each.quirk === quirk && each.detail === detail,
    );
    if (run !== undefined) {
      run.pages++;
      return;
    }
    if (this.#runs.length === MOST_RUNS) this.#report(this.#runs.shift()!);
    this.#runs.push({ quirk, detail, startPage: page, pages: 1 });
  }

  #flushRuns(): void {
    for (const run of this.#runs.splice(0)) this.#report(run);
  }

  #report({ quirk, detail, startPage, pages }: Run): void {
    this.#watch.report(quirk, detail, startPage, pages);
  }

  #killed(page: number, write: boolean, result: number, reason: FaultReason, vma: Vma | undefined): void {
    const name = errnoName(result) ?? `errno ${-result}`;
    const quirk = this.#quirkOfKill(page, write, result, reason, vma);
    const stuck = this.#stuckAt(page);
    stuck.faults = 0;
    // What the collector did to the interval was reported where it was met.
    if (quirk !== undefined && stuck.quirk !== quirk) {
      stuck.quirk = quirk;
      this.#say(quirk, `a GPU ${write ? 'write' : 'read'} was killed with ${name}`, page);
    }
    const { vm, gpu } = this.#watch;
    if (stuck.overwritten || vm.context === null || !gpu.pteFlags.permits(vm.pageTable.flagsOf(page), false)) return;
    stuck.overwritten = true;
    this.#watch.report('Q60', 'the VM layer overwrites the PTE, and the range still counts as mapped', page, 1);
  }

  #stuckAt(page: number): Stuck {
    const known = this.#stuck.get(page);
    if (known !== undefined) return known;
    if (this.#stuck.size >= MOST_STUCK) this.#stuck.clear();
    const stuck: Stuck = { quirk: undefined, faults: 0, errorLines: 0, overwritten: false };
    this.#stuck.set(page, stuck);
    return stuck;
  }

  #quirkOfKill(
    page: number,
    write: boolean,
    result: number,
    reason: FaultReason,
    vma: Vma | undefined,
  ): string | undefined {
    if (result === -Errno.ENOMEM && reason !== 'migration-failed') return this.#watch.holds('Q62') ? 'Q62' : 'Q61';
    switch (reason) {
      case 'migration-failed':
        return 'V8-D9';
      case 'closing':
      case 'commit-failed':
        return 'Q61';
      case 'pages-not-writable':
        return permits(vma, write) && this.#watch.holds('Q52') ? 'Q52' : 'unhandled-fault';
      case 'no-range': {
        if (vma !== undefined && isIoOrPfnMap(vma)) return 'Q53';
        const interval = this.#watch.vm.context?.tree.find(page);
        if (interval !== undefined && interval.last === PAGE_NUMBER_END - 1) return 'Q22';
        return interval === undefined
          ? undefined
          : interval.first <= page && interval.last >= page
            ? undefined
            : 'unhandled-fault';
      }
      case 'no-retry-faults':
        // By design it maps nothing. Memory that has access was mapped by its SET, and has been lost since.
        return this.#hasAccess(page) ? 'unhandled-fault' : 'inaccessible';
      default:
        return 'unhandled-fault';
    }
  }

  /** Whether the attributes of the page give the GPU access; those of a page without any do not, where this is asked. */
  #hasAccess(page: number): boolean {
    const interval = this.#watch.vm.context?.tree.find(page);
    return interval !== undefined && interval.access !== SvmAccess.inaccessible;
  }

  #whyNot(page: number, write: boolean, reason: FaultReason, cause: number, vma: Vma | undefined): string | undefined {
    const { vm, gpu } = this.#watch;
    const context = vm.context;
    const flags = context?.tree.find(page)?.flags ?? 0;
    const forbidden = write && (flags & SvmFlag.gpuReadOnly) !== 0;
    switch (reason) {
      case 'no-vma':
        return 'Q54';
      case 'mapped':
        return forbidden ? 'Q56' : this.#whyReadOnly(write, vma);
      case 'recently-mapped':
        return forbidden ? 'Q56' : 'Q57';
      case 'already-valid':
        if (forbidden) return 'Q56';
        // PTEs that permit reading are those of the range; others were written by the VM layer.
        return gpu.pteFlags.permits(vm.pageTable.flagsOf(page), false) ? this.#whyReadOnly(write, vma) : 'Q60';
      case 'pages-unavailable': {
        const range = context?.framework.findRange(page, page + 1);
        if (range !== undefined && (range.state & RangeState.unmapped) !== 0) return 'Q46';
        if (permits(vma, write) && this.#keepsFromMapping(page, range, cause)) return 'V8-D9';
        const hasBadPage = range !== undefined && !this.#isReadable(range.startPage, range.endPage);
        return hasBadPage && permits(vma, write) ? 'Q50' : 'Q55';
      }
      default:
        return undefined;
    }
  }

  /** Whether it is where the pages lie, or are to lie, that keeps them from being mapped. */
  #keepsFromMapping(page: number, range: AmdgpuSvmRange | undefined, cause: number): boolean {
    const { context } = this.#watch.vm;
    if (range === undefined || context === null || context.deviceMemory === null) return false;
    if (cause !== -Errno.EFAULT && cause !== -Errno.EOPNOTSUPP) return false;
    const interval = context.tree.find(page);
    if (interval !== undefined && needsVram(context, interval)) return true;
    const { pages } = this.#watch.process;
    for (let at = range.startPage; at < range.endPage; at++)
      if (pages.frameOf(at, true) >= SYSTEM_FRAMES_END) return true;
    return false;
  }

  /** A write that mapping and attributes permit found PTEs for reading. */
  #whyReadOnly(write: boolean, vma: Vma | undefined): string | undefined {
    return write && permits(vma, true) && this.#watch.holds('V7-R4') ? 'V7-R4' : undefined;
  }

  #notServed(page: number, quirk: string | undefined): void {
    const stuck = this.#stuckAt(page);
    if (quirk !== undefined && stuck.quirk !== quirk) {
      stuck.quirk = quirk;
      this.#say(quirk, 'the fault was answered 0, and the access is not served', page);
    }
    // The window after a mapping ends with its 2 ms, however many faults of one moment it drops.
    if (quirk === 'Q57') return;
    stuck.faults++;
    if (stuck.faults === LOOP) {
      this.#say(
        'refault-loop',
        `${LOOP} faults on a page were answered 0 without a PTE${stuck.quirk === undefined ? '' : `: ${stuck.quirk}`}`,
        page,
      );
    }
  }

  #isReadable(startPage: number, endPage: number): boolean {
    let page = startPage;
    while (page < endPage) {
      const vma = this.#watch.process.findVma(page);
      if (!permits(vma, false)) return false;
      page = vma!.endPage;
    }
    return true;
  }
}

function permits(vma: Vma | undefined, write: boolean): boolean {
  const needed = Protection.read | (write ? Protection.write : 0);
  return vma !== undefined && (vma.protection & needed) === needed;
}
