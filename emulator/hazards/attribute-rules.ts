// Models: nothing - the rules about SVM ioctls and attributes (07-quirks, section A and B; I8, I9, I11, I14, I15).
import type { SvmArguments } from '../../lib/uapi/call.ts';
import { SvmAttributeType, SvmLocation, SvmOperation } from '../../lib/uapi/constants.ts';
import type { AttributeEditKind } from '../kernel/effects.ts';
import { Errno, errnoName } from '../../lib/uapi/errno.ts';
import { PAGE_NUMBER_END, pageOfHalves } from '../kernel/page-number.ts';
import { isSpecialVma } from '../mm/vma.ts';
import { LOCATION_UNDEFINED, recordsEqual, Trigger } from '../svm/attribute-record.ts';
import type { PendingUnmaps } from './pending-unmaps.ts';
import type { RangeRules } from './range-rules.ts';
import { pagesText } from './watched.ts';
import type { Watch } from './watched.ts';

const PREFETCH_BIT = 1 << SvmAttributeType.prefetchLocation;
/** Neighbours with equal records in one call from which on they are reported (Q29). */
const MANY_EQUAL = 16;
/** Pages that a prefetch may bring in without a word (Q69). */
const MANY_POPULATED = 1024;
const MOST_FAILED = 64;
/** Changes after which PTEs are cleared from V5 on. */
const CLEARING_FROM_V5 =
  Trigger.accessChange | Trigger.pteFlagChange | Trigger.mappingFlagChange | Trigger.locationChange;

interface Span {
  readonly first: number;
  readonly last: number;
}

/** Follows the SVM ioctls of one file. */
export class AttributeRules {
  readonly #watch: Watch;
  readonly #ranges: RangeRules;
  readonly #pending: PendingUnmaps;
  // Pages whose attributes were stored, but whose effect failed.
  readonly #failed: Span[] = [];
  #overlapping = false;
  // Of the call at hand.
  #created = false;
  #pass = 1;
  #edits = 0;
  #lastFirst = 0;
  #lastLast = 0;
  // First page of the segment before, -1 at the first one.
  #previous = -1;
  #equalNeighbours = 0;
  #sticky = false;
  #writtenForSticky = 0;
  #homeSplit = false;
  #allocatedBefore = 0;

  constructor(watch: Watch, ranges: RangeRules, pending: PendingUnmaps) {
    this.#watch = watch;
    this.#ranges = ranges;
    this.#pending = pending;
    this.operationEnded();
  }

  contextCreated(byIoctl: boolean): void {
    if (byIoctl) this.#created = true;
  }

  attributesEdited(kind: AttributeEditKind, first: number, last: number, trigger: number, types: number): void {
    const tree = this.#watch.vm.context?.tree;
    // A fault may go on in a context that was finalised (Q10).
    if (tree === undefined) return;
    if (tree.overlapping !== this.#overlapping) {
      this.#overlapping = tree.overlapping;
      if (tree.overlapping)
        this.#watch.report(
          'Q31',
          'a second interval was put over one that is there; GET_ATTR sees only the lower one',
          first,
          last - first + 1,
        );
    }
    if (kind === 'faulted-in') {
      this.#watch.report(
        'Q28',
        `attributes of ${pagesText(last - first + 1)} are set now, though nobody asked for it`,
        first,
        last - first + 1,
      );
      return;
    }
    if (kind === 'unchanged') this.#unchanged(first, last, types);
    else this.#changed(kind, first, last, trigger, types);
    this.#countNeighbours(first);
  }

  #unchanged(first: number, last: number, types: number): void {
    const failed = this.#failed.findIndex((span) => span.first <= last && span.last >= first);
    if (failed >= 0) {
      this.#failed.splice(failed, 1);
      this.#watch.report('Q25', 'the call is repeated after an error, but its effect is not', first, last - first + 1);
      return;
    }
    const interval = this.#watch.vm.context!.tree.find(first);
    if ((types & PREFETCH_BIT) === 0 || interval === undefined || !isOnGpu(interval.prefetchLocation)) return;
    if (this.#isMapped(first, last)) return;
    if (this.#pass > 1)
      this.#watch.report('Q15', 'the call returns 0, and the pages are not mapped', first, last - first + 1);
    else
      this.#watch.report(
        'Q16',
        'the location is the one stored already, and pages that are not mapped stay so',
        first,
        last - first + 1,
      );
  }

  #changed(kind: AttributeEditKind, first: number, last: number, trigger: number, types: number): void {
    this.#edits++;
    this.#lastFirst = first;
    this.#lastLast = last;
    if (this.#failed.length > 0) {
      for (let index = this.#failed.length - 1; index >= 0; index--) {
        if (this.#failed[index]!.first >= first && this.#failed[index]!.last <= last) this.#failed.splice(index, 1);
      }
    }
    if (last === PAGE_NUMBER_END - 1) {
      this.#watch.report(
        'Q22',
        'the interval was stored without a look at the mappings; no GPU access to it can be served',
        first,
        last - first + 1,
      );
    } else if (!this.#isOrdinaryMemory(first, last)) {
      this.#watch.report(
        this.#pass > 1 ? 'Q21' : 'Q24',
        'attributes were stored for pages that are not mapped, or not as memory',
        first,
        last - first + 1,
      );
    }
    if ((trigger & (Trigger.pteFlagChange | Trigger.accessChange)) !== 0 && this.#watch.vm.pageTable.blocks.size > 0)
      this.#ranges.touch(first, last + 1);
    if ((trigger & this.#clearing) !== 0) this.#ranges.splitBegins(first, last);
    // Without retry faults every change of memory with access maps it.
    if ((trigger & Trigger.prefetch) !== 0 && (types & PREFETCH_BIT) === 0)
      this.#sticky = this.#watch.vm.context!.hasRetryFaults;
    if ((types & PREFETCH_BIT) === 0) return;
    const location = this.#watch.vm.context!.tree.find(first)?.prefetchLocation;
    if (location !== SvmLocation.system) return;
    if (kind === 'split') this.#homeSplit = true;
    else if (kind === 'changed' && this.#anyMapped(first, last)) {
      this.#watch.report('Q18', 'the prefetch location is the system now, and nothing moved', first, last - first + 1);
    }
  }

  setRetried(): void {
    this.#pass++;
    this.#previous = -1;
  }

  ptesWritten(): void {
    if (this.#sticky) this.#writtenForSticky++;
  }

  ptesZapped(startPage: number, pages: number): void {
    if (!this.#homeSplit) return;
    this.#homeSplit = false;
    this.#watch.report(
      'Q18',
      'the prefetch location of a part is the system now: its chunk was unmapped, nothing moved',
      startPage,
      pages,
    );
  }

  prefetched(first: number, last: number): void {
    if (this.#sticky && this.#writtenForSticky > 0) {
      this.#watch.report('Q17', 'the change of another attribute mapped the interval again', first, last - first + 1);
    }
    this.#sticky = false;
    this.#writtenForSticky = 0;
    const { allocated } = this.#watch.process.pages;
    if (allocated - this.#allocatedBefore > MANY_POPULATED) {
      this.#watch.report(
        'Q69',
        `${pagesText(allocated - this.#allocatedBefore)} were allocated for it, and faults waited`,
        first,
        last - first + 1,
      );
    }
    this.#allocatedBefore = allocated;
  }

  ioctlAnswered(call: SvmArguments, records: Uint8Array | null, result: number): void {
    const first = pageOfHalves(call.startHigh, call.startLow);
    const pages = pageOfHalves(call.sizeHigh, call.sizeLow);
    const { log, operation } = this.#watch;
    if (call.operation === SvmOperation.setAttributes) {
      log.note(operation, 'SET_ATTR', first, first + pages);
      if (result < 0) this.#refused(records, call.attributeCount, first, pages, result);
      else if (this.#equalNeighbours >= MANY_EQUAL) {
        this.#watch.report(
          'Q29',
          `${this.#equalNeighbours + 1} neighbouring intervals have equal attributes`,
          first,
          pages,
        );
      }
    } else if (call.operation === SvmOperation.getAttributes) {
      log.note(operation, 'GET_ATTR', first, first + pages);
      if (result === 0) this.#read(first, pages);
    } else {
      const resets = call.operation === SvmOperation.resetAttributes && result === 0;
      log.note(operation, resets ? 'RESET_ATTR' : 'ioctl', first, first + pages);
      if (resets) this.#ranges.attributesReset(first, first + pages);
    }
    if (this.#created && result < 0)
      this.#watch.report('Q01', 'the call was refused, but the VM has an SVM context now', first, 0);
    this.#edits = 0;
    this.#previous = -1;
    if (this.#isUnusual) this.#reset();
  }

  /** The process mapped `[startPage, endPage)`: what attributes are there are those of an earlier mapping. */
  mapped(startPage: number, endPage: number): void {
    const interval = this.#watch.vm.context?.tree.findIntersecting(startPage, endPage - 1);
    if (interval === undefined) return;
    const first = Math.max(interval.first, startPage);
    const last = Math.min(interval.last, endPage - 1);
    if (this.#pending.touches(first, last)) return;
    const quirk = this.#watch.holds('Q26') ? 'Q26' : 'V7-R3';
    this.#watch.report(quirk, 'the new mapping has the attributes of an earlier one', first, last - first + 1);
  }

  /** Before the attributes of `[first, last]` are cleared for a range. */
  collecting(rangeStart: number): void {
    const gap = this.#pending.gapOf(rangeStart);
    if (gap === undefined || this.#watch.vm.context?.tree.findIntersecting(gap.first, gap.last) === undefined) return;
    this.#watch.report(
      'Q27',
      `attributes of ${pagesText(gap.last - gap.first + 1)} that are still mapped are cleared`,
      gap.first,
      gap.last - gap.first + 1,
    );
  }

  operationEnded(): void {
    this.#allocatedBefore = this.#watch.process.pages.allocated;
  }

  #refused(records: Uint8Array | null, count: number, first: number, pages: number, result: number): void {
    if (this.#edits > 0) {
      const failed = { first: this.#lastFirst, last: this.#lastLast };
      this.#watch.report(
        'Q20',
        `the call failed with ${errnoName(result) ?? `errno ${-result}`}, but attributes were changed`,
        failed.first,
        failed.last - failed.first + 1,
      );
      if (this.#failed.length < MOST_FAILED) this.#failed.push(failed);
    }
    if (result !== -Errno.EINVAL || records === null) return;
    for (let at = 0; at + 8 <= Math.min(records.length, count * 8); at += 8) {
      const type = records[at]!;
      if (type === SvmAttributeType.prefetchLocation && records[at + 4] === 0xff && records[at + 7] === 0xff) {
        this.#watch.report('Q18', 'UNDEFINED is refused as prefetch location', first, pages);
      } else if (type === SvmAttributeType.gpuAlwaysMapped && records[at + 4] === 1) {
        this.#watch.report('Q67', 'the flag can only be 0', first, pages);
      }
    }
  }

  #read(first: number, pages: number): void {
    if (first + pages > PAGE_NUMBER_END) this.#watch.report('Q23', 'the answer is the default of no page', first, 0);
    else if (this.#pending.touches(first, first + pages - 1)) {
      this.#watch.report('Q30', 'the answer has the attributes of memory that is unmapped already', first, pages);
    }
  }

  #countNeighbours(first: number): void {
    const before = this.#previous;
    this.#previous = first;
    if (before < 0) return;
    const { tree } = this.#watch.vm.context!;
    const interval = tree.find(first);
    const previous = tree.find(before);
    if (interval === undefined || previous === undefined || previous === interval) return;
    if (previous.last + 1 === interval.first && recordsEqual(previous, interval)) this.#equalNeighbours++;
  }

  /** Changes that clear the PTEs of the ranges they touch, as a whole; without retry faults none does. */
  get #clearing(): number {
    const { mode, hasRetryFaults } = this.#watch.vm.context!;
    if (mode.applySegment === null) return Trigger.rangeSplit;
    return hasRetryFaults ? CLEARING_FROM_V5 : 0;
  }

  /** Whether every page is in a range that is marked mapped. */
  #isMapped(first: number, last: number): boolean {
    const { framework } = this.#watch.vm.context!;
    let page = first;
    while (page <= last) {
      const range = framework.findRange(page, page + 1);
      if (range === undefined || !range.gpuMapped) return false;
      page = range.endPage;
    }
    return true;
  }

  #anyMapped(first: number, last: number): boolean {
    return this.#watch.vm.context!.framework.findRange(first, last + 1)?.gpuMapped === true;
  }

  #isOrdinaryMemory(first: number, last: number): boolean {
    let page = first;
    while (page <= last) {
      const vma = this.#watch.process.findVma(page);
      if (vma === undefined || isSpecialVma(vma)) return false;
      page = vma.endPage;
    }
    return true;
  }

  /** Whether the call did more than to edit attributes. */
  get #isUnusual(): boolean {
    return this.#created || this.#pass > 1 || this.#equalNeighbours > 0 || this.#sticky || this.#homeSplit;
  }

  #reset(): void {
    this.#created = false;
    this.#pass = 1;
    this.#equalNeighbours = 0;
    this.#sticky = false;
    this.#writtenForSticky = 0;
    this.#homeSplit = false;
  }
}

function isOnGpu(location: number): boolean {
  return location !== LOCATION_UNDEFINED && location !== SvmLocation.system;
}
