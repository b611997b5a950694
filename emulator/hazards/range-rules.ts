// Models: nothing - the rules about ranges, PTEs and their invalidation (07-quirks, section C and D; I1 to I6, I12).
import { SvmAccess } from '../../lib/uapi/constants.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import type { Frames } from '../kernel/frame.ts';
import { NotifierEvent } from '../mm/interval-notifier.ts';
import { Protection } from '../mm/vma.ts';
import { PteMemory } from '../gpu/pte-format.ts';
import { RangeState } from '../gpusvm/range.ts';
import type { AttributeInterval } from '../svm/attribute-interval.ts';
import type { AmdgpuSvmRange } from '../svm/svm-range.ts';
import { Causes, Wrong } from './causes.ts';
import type { Cause } from './causes.ts';
import type { OffRules } from './off-rules.ts';
import { PageSpans } from './page-spans.ts';
import { checkPtes, countReplaced, hasLivePtes } from './pte-check.ts';
import type { PteFault, PteFaultListener } from './pte-check.ts';
import { PteNames } from './pte-names.ts';
import type { CoveringRange } from './pte-names.ts';
import { pagesText } from './watched.ts';
import type { Watch } from './watched.ts';

const WRONG_BIT: Readonly<Record<PteFault, number>> = {
  stale: Wrong.stale,
  uncovered: Wrong.uncovered,
  permission: Wrong.permission,
  'copy-on-write': Wrong.copyOnWrite,
  inaccessible: 0,
  'read-only': 0,
  flags: 0,
};

const WORDS: Readonly<Record<PteFault, string>> = {
  stale: 'PTEs of $ still map pages that the CPU does not map there any more',
  uncovered:
    'PTEs of $ stay live although no mapped range covers them: events do not find them; they are reached only through a later fault',
  permission: 'PTEs of $ allow more than the mapping',
  'copy-on-write': 'PTEs of $ are writable, but their pages were collected for reading: the GPU writes to shared pages',
  inaccessible: 'PTEs of $ are live although access is "inaccessible"',
  'read-only': 'PTEs of $ are read-only although mapping and attributes allow writing',
  flags: 'PTEs of $ do not have the flags of the current attributes',
};

/** Follows what becomes of the PTEs of one file, and checks those that an operation may have spoilt. */
export class RangeRules implements PteFaultListener {
  readonly causes = new Causes();
  /** Without retry faults: the queues run, because stopping them failed. */
  stopFailed = false;
  readonly #watch: Watch;
  readonly #names: PteNames;
  #off: OffRules | undefined;
  readonly #dirty = new PageSpans();
  // The commit at hand: its PTEs are written, the range is not marked yet.
  #written = -1;
  // The range whose pages were collected last.
  #collected = -1;
  #replaced: { readonly startPage: number; readonly pages: number; readonly live: number } | undefined;
  #collecting = false;
  /** PTEs were written for an attribute interval. */
  prefetching = false;
  #split: { readonly first: number; readonly last: number } | undefined;
  #told: { readonly cause: Cause; readonly bit: number }[] = [];
  // The run of equal PTE faults that is being built.
  #run:
    | { quirk: string; fault: PteFault; startPage: number; pages: number; storyStart: number; storyEnd: number }
    | undefined;

  constructor(watch: Watch) {
    this.#watch = watch;
    this.#names = new PteNames(watch);
  }

  /** The context has no retry faults: these rules know about its queues. */
  withoutRetryFaults(off: OffRules): void {
    this.#off = off;
  }

  /** The PTEs of `[startPage, endPage)` are looked at when the operation has ended. */
  touch(startPage: number, endPage: number): void {
    this.#dirty.add(startPage, endPage);
  }

  splitBegins(first: number, last: number): void {
    this.#split = { first, last };
  }

  /** RESET_ATTR took the attributes of `[startPage, endPage)` away. */
  attributesReset(startPage: number, endPage: number): void {
    this.#names.attributesReset(startPage, endPage, (range) => this.touch(range.startPage, range.endPage));
  }

  /** PTEs were written, or not, for an attribute interval: what is read-only from now on is so by mistake (Q49). */
  prefetched(): void {
    this.prefetching = true;
  }

  notifierCalled(event: number, startPage: number, endPage: number): void {
    const { context } = this.#watch.vm;
    if (context === null || event === NotifierEvent.release) return;
    const off = context.hasRetryFaults || context.closing ? undefined : this.#off;
    for (const range of context.framework.rangesIn(startPage, endPage)) {
      if (context.closing) {
        this.causes.keep('Q11', range.startPage, range.pages);
      } else if (off !== undefined) {
        off.eventBegins(event, range, startPage <= range.startPage && endPage >= range.endPage);
        continue;
      } else if (range.gpuMapped && (range.state & RangeState.unmapped) === 0) {
        if (startPage <= range.startPage && endPage >= range.endPage) continue;
        this.causes.set(this.#causeOfPart(event), range.startPage, range.pages);
      } else if (hasLivePtes(this.#watch, range.startPage, range.pages)) {
        this.#skipped(event, range);
      } else {
        continue;
      }
      this.touch(range.startPage, range.endPage);
    }
  }

  /** What an event on a part of a range is the begin of. */
  #causeOfPart(event: number): string {
    if (this.#watch.evicting) return 'V8-D5';
    return event === NotifierEvent.unmap ? 'Q37' : 'Q35';
  }

  /** The entry that a PTE of `page` belongs to which maps another page than the CPU does; `known`: by what led there. */
  nameOfStale(page: number, known: string): string {
    // Whatever the event was: VRAM goes to others at once.
    return known !== 'V8-D5' && this.#watch.vm.pageTable.frameOf(page) >= SYSTEM_FRAMES_END ? 'V8-D6' : known;
  }

  /** The callback does not zap a range that is not marked mapped, though it has live PTEs. */
  #skipped(event: number, range: AmdgpuSvmRange): void {
    if (this.#written === range.startPage) this.causes.keep('Q40', range.startPage, range.pages);
    else if (event === NotifierEvent.unmap && this.causes.of(range.startPage)?.quirk === 'Q35')
      this.causes.set('Q36', range.startPage, range.pages);
  }

  rangeRemoved(startPage: number, pages: number): void {
    this.#names.rangeRemoved(startPage);
    if (!this.#collecting) this.#off?.rangeRemoved(startPage, pages);
    const context = this.#watch.vm.context;
    if (context === null || !hasLivePtes(this.#watch, startPage, pages)) return;
    if (context.closing) {
      if (this.causes.endContext(startPage, pages)) return;
    } else if (!this.#collecting) this.causes.set('Q38', startPage, pages);
    else if (this.causes.of(startPage) === undefined)
      this.causes.set(context.hasRetryFaults ? 'Q37' : 'X-C2', startPage, pages);
    this.touch(startPage, startPage + pages);
  }

  ptesReplacing(startPage: number, pages: number, flags: number, frames: Frames): void {
    const live = countReplaced(this.#watch, startPage, pages, flags, frames);
    if (live > 0) this.#replaced = { startPage, pages, live };
  }

  dmaMapped(startPage: number): void {
    this.#collected = startPage;
  }

  ptesWritten(startPage: number, pages: number, flags: number): void {
    this.causes.clear(startPage, pages);
    this.#names.ptesWritten(startPage);
    this.#lookForBufferObject(startPage, pages);
    this.#written = startPage;
    const interval = this.#watch.vm.context?.tree.find(startPage);
    // Pages that were collected for this very write are as they should be, if the flags are.
    if (this.#collected !== startPage || !this.#isAsWanted(startPage, startPage + pages, flags, interval))
      this.touch(startPage, startPage + pages);
    this.#collected = -1;
    if (
      interval !== undefined &&
      interval.granularity !== this.#watch.vm.context!.granularity &&
      2 ** interval.granularity < pages
    ) {
      this.#watch.report(
        'Q19',
        `${pagesText(pages)} were mapped as one although granularity is 2^${interval.granularity} pages`,
        startPage,
        pages,
      );
    }
  }

  #lookForBufferObject(startPage: number, pages: number): void {
    const object = this.#watch.vm.bufferObjects.firstIn(startPage, startPage + pages - 1);
    if (object === undefined) return;
    const first = Math.max(startPage, object.startPage);
    const end = Math.min(startPage + pages, object.endPage);
    this.#watch.report('V7-B6', `${pagesText(end - first)} of a buffer object`, first, end - first);
  }

  /** Whether flags `flags` are those that one mapping and one attribute interval want for all of the pages. */
  #isAsWanted(startPage: number, endPage: number, flags: number, interval: AttributeInterval | undefined): boolean {
    const vma = this.#watch.process.findVma(startPage);
    if (vma === undefined || vma.endPage < endPage || interval === undefined || interval.last < endPage - 1)
      return false;
    if ((vma.protection & Protection.read) === 0 || interval.access === SvmAccess.inaccessible) return false;
    const inVram = this.#watch.vm.pageTable.frameOf(startPage) >= SYSTEM_FRAMES_END;
    const readOnly = (vma.protection & Protection.write) === 0;
    const memory = inVram ? PteMemory.localVram : PteMemory.system;
    return flags === this.#watch.gpu.pteFlags.indexFor(interval.flags, readOnly, memory);
  }

  tlbFlushed(): void {
    this.#replaced = undefined;
  }

  ptesZapped(startPage: number, pages: number): void {
    this.causes.clear(startPage, pages);
    const split = this.#split;
    if (split === undefined || (startPage >= split.first && startPage + pages <= split.last + 1)) return;
    this.#watch.report(
      'Q47',
      `PTEs of ${pagesText(pages)} were cleared for a change of ${pagesText(split.last - split.first + 1)}`,
      startPage,
      pages,
    );
  }

  zapFailed(startPage: number, endPage: number): void {
    if (this.#split !== undefined) {
      this.#watch.report(
        'Q47',
        'a zap failed in a split: what was zapped before is not flushed from the TLB',
        startPage,
        endPage - startPage,
      );
      return;
    }
    const range = this.#watch.vm.context?.framework.findRange(startPage, endPage);
    if (range === undefined) return;
    this.causes.set('Q39', range.startPage, range.pages);
    this.touch(range.startPage, range.endPage);
  }

  commitFailed(startPage: number, pages: number, result: number): void {
    const written = this.#written === startPage;
    this.#written = -1;
    if (!hasLivePtes(this.#watch, startPage, pages)) return;
    if (result === -Errno.EAGAIN) {
      if (this.causes.of(startPage) === undefined) this.causes.set('Q40', startPage, pages);
    } else if (written && this.#watch.vm.context?.framework.findRange(startPage, startPage + 1)?.gpuMapped === false) {
      this.causes.set('Q41', startPage, pages);
    }
    this.touch(startPage, startPage + pages);
  }

  collecting(): void {
    this.#collecting = true;
  }

  collected(): void {
    this.#collecting = false;
  }

  /** A range was marked mapped though its pages are not valid any more. */
  markedTooLate(startPage: number, pages: number): void {
    this.causes.set('Q40', startPage, pages);
    this.touch(startPage, startPage + pages);
  }

  /** The operation is over: nothing is under way any more, so what is wrong now stays wrong. */
  operationEnded(): void {
    const dirty = this.#dirty;
    // Nothing happened to ranges.
    if (
      dirty.count === 0 &&
      this.#written < 0 &&
      this.#split === undefined &&
      this.#replaced === undefined &&
      !this.prefetching
    )
      return;
    // Nothing but the stopped queues keeps the GPU from wrong PTEs: they are looked at when these run again.
    if (dirty.count > 0 && (this.#off === undefined || this.#watch.vm.kfd.stopped === 0)) this.#checkDirty();
    if (this.#replaced !== undefined) {
      const { startPage, pages, live } = this.#replaced;
      this.#watch.report('Q42', `${pagesText(live)} may still be reached through old TLB entries`, startPage, pages);
      this.#replaced = undefined;
    }
    this.#written = -1;
    this.#collected = -1;
    this.#split = undefined;
    this.prefetching = false;
  }

  #checkDirty(): void {
    const dirty = this.#dirty;
    for (let index = 0; index < dirty.count; index++)
      checkPtes(this.#watch, dirty.start(index), dirty.end(index), this);
    this.#flushRun();
    for (const { cause, bit } of this.#told) cause.reported |= bit;
    if (this.#told.length > 0) this.#told = [];
    dirty.clear();
  }

  /** Of the check of PTEs. */
  pteFault(page: number, fault: PteFault, range: CoveringRange, hasInterval: boolean): void {
    const bit = WRONG_BIT[fault];
    const cause = bit === 0 ? undefined : this.causes.of(page);
    if (cause !== undefined) {
      if ((cause.reported & bit) !== 0) return;
      // Said once: from the next operation on.
      if (this.#told[this.#told.length - 1]?.cause !== cause || this.#told[this.#told.length - 1]!.bit !== bit)
        this.#told.push({ cause, bit });
    }
    const known = cause?.quirk ?? this.#names.of(fault, page, range, hasInterval, this);
    const quirk = fault === 'stale' ? this.nameOfStale(page, known) : known;
    if (this.#continues(quirk, fault, page)) {
      this.#run!.pages++;
      return;
    }
    this.#flushRun();
    const story = cause ?? range;
    const storyStart = story === undefined ? page : story.startPage;
    this.#run = {
      quirk,
      fault,
      startPage: page,
      pages: 1,
      storyStart,
      storyEnd: story === undefined ? page + 1 : storyStart + story.pages,
    };
  }

  #continues(quirk: string, fault: PteFault, page: number): boolean {
    const run = this.#run;
    return run !== undefined && run.quirk === quirk && run.fault === fault && run.startPage + run.pages === page;
  }

  #flushRun(): void {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    const story = { startPage: run.storyStart, endPage: Math.max(run.storyEnd, run.startPage + run.pages) };
    this.#watch.report(run.quirk, WORDS[run.fault].replace('$', pagesText(run.pages)), run.startPage, run.pages, story);
  }
}
