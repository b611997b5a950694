// Models: nothing - it hands the effects of one file to the rules.
import type { SvmArguments } from '../../lib/uapi/call.ts';
import { QuietEffects } from '../kernel/effects.ts';
import type { AttributeEditKind, FaultReason } from '../kernel/effects.ts';
import type { Frames } from '../kernel/frame.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { NotifierEvent } from '../mm/interval-notifier.ts';
import { formatGcVersion } from '../gpu/gc-version.ts';
import { LARGEST_DEFAULT_GRANULARITY } from '../gpu/xnack.ts';
import { AttributeRules } from './attribute-rules.ts';
import { Wrong } from './causes.ts';
import { FaultRules } from './fault-rules.ts';
import { OffRules } from './off-rules.ts';
import { PendingUnmaps } from './pending-unmaps.ts';
import { RangeRules } from './range-rules.ts';
import type { Watch } from './watched.ts';
import { LateSet } from '../kernel/late-map.ts';

// These versions are declared XNACK-on without a look at the no-retry setting (Q05).
const ALWAYS_XNACK = new Set(['9.4.2', '9.4.3', '9.4.4', '9.5.0']);

/** Watches one open file. */
export class ContextWatch extends QuietEffects {
  readonly #watch: Watch;
  readonly #pending = new PendingUnmaps();
  readonly #ranges: RangeRules;
  readonly #attributes: AttributeRules;
  readonly #faults: FaultRules;
  /** Without retry faults. */
  #off: OffRules | undefined;
  /** Ranges that a failed collection left behind, by first page. */
  readonly #zombies = new LateSet<number>();
  /** Blocks of 2 MiB of which the GPU read what was not copied. */
  readonly #lostBlocks = new LateSet<number>();

  constructor(watch: Watch) {
    super();
    this.#watch = watch;
    this.#ranges = new RangeRules(watch);
    this.#attributes = new AttributeRules(watch, this.#ranges, this.#pending);
    this.#faults = new FaultRules(watch, this.#pending);
    if (watch.computeResult !== 0) watch.report('Q03', 'the VM is marked compute, but has no SVM context', 0, 0);
    if (watch.vm.context !== null) this.#contextIsThere();
  }

  /** The process's memory changed. */
  memoryChanged(change: 'mapped' | 'unmapped' | 'protected' | 'discarded', startPage: number, endPage: number): void {
    if (change === 'mapped') this.#attributes.mapped(startPage, endPage);
    this.#ranges.touch(startPage, endPage);
    this.#faults.memoryChanged(startPage, endPage);
  }

  operationEnded(): void {
    this.#ranges.operationEnded();
    this.#attributes.operationEnded();
    this.#faults.operationEnded();
    this.#off?.operationEnded();
  }

  override contextCreated(byIoctl: boolean): void {
    this.#attributes.contextCreated(byIoctl);
    this.#contextIsThere();
  }
  override contextFinalised(): void {
    if (this.#zombies.size > 0)
      this.#watch.report('leak', `${this.#zombies.size} ranges that a failed collection left are never released`, 0, 0);
    this.#zombies.clear();
    this.#pending.clear();
    this.#watch.log.note(this.#watch.operation, 'close', 0, Number.POSITIVE_INFINITY);
  }
  override ioctlAnswered(call: SvmArguments, records: Uint8Array | null, result: number): void {
    this.#attributes.ioctlAnswered(call, records, result);
  }
  override attributesEdited(
    kind: AttributeEditKind,
    first: number,
    last: number,
    _oldFirst: number,
    _oldLast: number,
    trigger: number,
    types: number,
  ): void {
    this.#off?.segmentBegins(first, last);
    this.#attributes.attributesEdited(kind, first, last, trigger, types);
  }
  override setRetried(): void {
    this.#attributes.setRetried();
  }
  override prefetched(firstPage: number, lastPage: number): void {
    this.#attributes.prefetched(firstPage, lastPage);
    this.#ranges.prefetched();
  }
  override faultEnded(page: number, write: boolean, result: number, reason: FaultReason, cause: number): void {
    this.#faults.faultEnded(page, write, result, reason, cause);
  }
  override faultRetried(page: number, _cause: number, restart: boolean): void {
    this.#faults.faultRetried(page, restart);
  }
  override faultLogged(page: number, lines: number): void {
    this.#faults.faultLogged(page, lines);
  }
  override faultDropped(page: number, timestamp: number, checkpoint: number): void {
    this.#faults.faultDropped(page, timestamp, checkpoint);
  }
  override vmFaultEnded(page: number, asked: 'svm' | 'kfd-svm' | 'none', handled: boolean): void {
    this.#faults.vmFaultEnded(page, asked, handled);
  }
  override notifierCalled(event: number, startPage: number, endPage: number): void {
    if (event === NotifierEvent.unmap) this.#faults.unmapBegins(startPage, endPage);
    this.#ranges.notifierCalled(event, startPage, endPage);
  }
  override collectionQueued(firstPage: number, lastPage: number): void {
    const range = this.#watch.vm.context?.framework.findRange(firstPage, lastPage + 1);
    if (range === undefined) return;
    this.#pending.add(range.startPage, firstPage, lastPage);
    this.#zombies.delete(range.startPage);
  }
  override queuesQuiesced(result: number): void {
    this.#off?.queuesQuiesced(result);
  }
  override queuesResumed(result: number): void {
    this.#off?.queuesResumed(result);
  }
  override restoreDropped(startPage: number, pages: number, result: number): void {
    this.#off?.restoreDropped(startPage, pages, result);
  }
  override restoreEnded(again: boolean): void {
    this.#off?.restoreEnded(again);
  }
  override collecting(startPage: number, pages: number): void {
    this.#watch.log.note(this.#watch.operation, 'collection', startPage, startPage + pages);
    this.#attributes.collecting(startPage);
    this.#ranges.collecting();
  }
  override collected(startPage: number, pages: number, result: number): void {
    this.#pending.delete(startPage);
    this.#ranges.collected();
    if (result === 0) return;
    this.#zombies.add(startPage);
    this.#watch.report(
      'Q46',
      'clearing its attributes failed: the range is neither removed nor queued',
      startPage,
      pages,
    );
  }
  override rangeRemoved(startPage: number, pages: number): void {
    this.#ranges.rangeRemoved(startPage, pages);
  }
  override ptesReplacing(startPage: number, pages: number, flags: number, frames: Frames): void {
    this.#ranges.ptesReplacing(startPage, pages, flags, frames);
  }
  override dmaMapped(startPage: number): void {
    this.#ranges.dmaMapped(startPage);
  }
  override ptesWritten(startPage: number, pages: number, flags: number): void {
    if (this.#lostBlocks.size > 0) this.#lostBlocks.delete(Math.floor(startPage / PAGES_PER_BLOCK));
    this.#attributes.ptesWritten();
    this.#ranges.ptesWritten(startPage, pages, flags);
  }
  override ptesZapped(startPage: number, pages: number): void {
    this.#attributes.ptesZapped(startPage, pages);
    this.#ranges.ptesZapped(startPage, pages);
  }
  override zapFailed(startPage: number, endPage: number): void {
    this.#ranges.zapFailed(startPage, endPage);
  }
  override commitFailed(startPage: number, pages: number, result: number): void {
    this.#ranges.commitFailed(startPage, pages, result);
  }
  override tlbFlushed(): void {
    this.#ranges.tlbFlushed();
  }
  override hazard(quirk: string, detail: string, startPage: number, pages: number): void {
    if (quirk === 'Q40') {
      this.#ranges.markedTooLate(startPage, pages);
      return;
    }
    if (quirk === 'V8-D4') {
      this.#readLost(detail, startPage);
      return;
    }
    if (quirk !== 'I1') {
      this.#watch.report(quirk, detail, startPage, pages);
      return;
    }
    // The GPU works with a page of which its PTE was reported: once more, for it is used now.
    const cause = this.#ranges.causes.of(startPage);
    if (cause !== undefined && (cause.reported & Wrong.used) !== 0) return;
    if (cause !== undefined) cause.reported |= Wrong.used;
    const name = this.#ranges.nameOfStale(startPage, cause?.quirk ?? 'I1');
    this.#watch.report(name, detail, startPage, pages);
  }

  /** Once for a block, until it is mapped again. */
  #readLost(detail: string, page: number): void {
    const block = Math.floor(page / PAGES_PER_BLOCK);
    if (this.#lostBlocks.has(block)) return;
    this.#lostBlocks.add(block);
    this.#watch.report('V8-D4', detail, page, 1);
  }

  #contextIsThere(): void {
    this.#checkSettings();
    if (this.#watch.vm.context!.hasRetryFaults) return;
    this.#off = new OffRules(this.#watch, this.#ranges);
    this.#ranges.withoutRetryFaults(this.#off);
  }

  #checkSettings(): void {
    const { model, settings } = this.#watch.gpu;
    if (model.noretry && ALWAYS_XNACK.has(formatGcVersion(model.gc)))
      this.#watch.report('Q05', 'a context was made, but faults never come as retry faults', 0, 0);
    if (settings.defaultGranularity > LARGEST_DEFAULT_GRANULARITY) {
      this.#watch.report(
        'Q06',
        `svm_default_granularity ${settings.defaultGranularity} became ${this.#watch.vm.context!.granularity}`,
        0,
        0,
      );
    }
  }
}
