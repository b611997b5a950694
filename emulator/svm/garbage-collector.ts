// Models: the garbage collector - queue, collector, worker (spec/04-invalidation-and-gc §5, §6).
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { WorkItem } from '../kernel/work-queue.ts';
import type { Worker } from '../kernel/work-queue.ts';
import { clearAttributes } from './attribute-clear.ts';
import type { SvmContext } from './context.ts';
import type { RangeCollector } from './revision.ts';
import { SvmRangeState } from './svm-range.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

const { collected, owned, queued, unmapPending } = SvmRangeState;
/** What a range is that the collector has to unmap. */
const QUEUED = owned | queued | unmapPending;

/** Places of a list that is longer are given back when it is empty. */
const LONG_LIST = 1024;

/** The collector of a context whose only work is collecting. */
export class GarbageCollector implements RangeCollector, Worker {
  readonly work: WorkItem;
  private readonly context: SvmContext;
  // The ranges on the list are at `[head, tail)`; the places stay, so that a short list comes and goes for nothing.
  private list: (AmdgpuSvmRange | undefined)[] = [];
  private head = 0;
  private tail = 0;

  constructor(context: SvmContext) {
    this.context = context;
    this.work = new WorkItem(this);
  }

  /** Number of ranges on the list. */
  get pending(): number {
    return this.tail - this.head;
  }

  get mustRun(): boolean {
    return this.work.pending;
  }

  /** Queues `range` with its pages `[firstIndex, endIndex)` of an UNMAP event (spec/04-invalidation-and-gc §5.2). */
  enqueue(range: AmdgpuSvmRange, firstIndex: number, endIndex: number): void {
    if (this.context.closing) return;
    if (!range.queued) this.list[this.tail++] = range;
    range.addPending(firstIndex, endIndex, QUEUED);
    this.work.queue();
    if (this.context.effects.current !== null) this.tellQueued(range, firstIndex, endIndex);
  }

  private tellQueued({ startPage }: AmdgpuSvmRange, firstIndex: number, endIndex: number): void {
    this.context.effects.current?.collectionQueued(startPage + firstIndex, startPage + endIndex - 1);
  }

  /** Takes a range that somebody else removes off the list (spec/revisions §4, v8 item 6). */
  dequeue(range: AmdgpuSvmRange): void {
    if (!range.queued) return;
    this.list.splice(this.list.indexOf(range, this.head), 1);
    this.tail--;
    range.state &= ~queued;
    range.clearPending();
    this.letGo(range);
  }

  /**
   * Collects until the list is empty; the svm lock must be held. An error ends
   * the run at once and leaves the range neither removed nor queued (Q46).
   */
  collect(): number {
    // Mostly the list is empty, and a fault goes on without a call.
    return this.head === this.tail ? 0 : this.collectList();
  }

  private collectList(): number {
    const context = this.context;
    if (this.tail - this.head > 1 && context.isUnseen) return this.collectUnseen();
    let range = this.take();
    context.points.reach('work-unlock');
    while (range !== undefined) {
      const first = range.pendingFirst;
      const last = range.pendingLast;
      const unmap = (range.state & unmapPending) !== 0;
      range.clearPending();
      if (unmap) {
        context.effects.current?.collecting(range.startPage, range.pages, first, last);
        // mutant: collector-keeps-attributes
        const result = context.revision.clearsAttributesOnUnmap ? clearAttributes(context, first, last) : 0;
        if (result !== 0) {
          context.effects.current?.collected(range.startPage, range.pages, result);
          return result;
        }
        // mutant: collector-keeps-range
        const removed = context.framework.removeRange(range);
        if (removed) {
          range.state |= collected;
        } else {
          // Queued again while it was collected, or removed by a split while it was queued.
          const quirk = (range.state & collected) !== 0 ? 'Q45' : 'Q44';
          context.effects.current?.hazard(quirk, 'a range was removed twice', range.startPage, range.pages);
        }
        context.effects.current?.collected(range.startPage, range.pages, 0);
        if (range.queued) this.queuedAgain(range);
      }
      this.letGo(range);
      context.points.reach('work-unlock');
      range = this.take();
      context.points.reach('work-unlock');
    }
    return 0;
  }

  /** As the loop of `collect`, where nobody sees its order and nothing fails: neighbours lose their attributes together. */
  private collectUnseen(): number {
    const context = this.context;
    const { framework } = context;
    const clears = context.revision.clearsAttributesOnUnmap;
    // The pages whose attributes go, from `first` on; where they end is told in small integers, without a box for each range.
    let first = 0;
    let endBlock = 0;
    let endIndex = 0;
    while (this.head !== this.tail) {
      const range = this.take()!;
      const { blockNumber, indexInBlock } = range;
      const fromIndex = indexInBlock + range.pendingFirstIndex;
      const toIndex = indexInBlock + range.pendingEndIndex;
      const unmaps = (range.state & unmapPending) !== 0;
      range.clearPending();
      if (unmaps) {
        const goesOn =
          blockNumber === endBlock
            ? fromIndex === endIndex
            : fromIndex === 0 && endIndex === PAGES_PER_BLOCK && blockNumber === endBlock + 1;
        if (!goesOn) {
          if (clears) clearBetween(context, first, endBlock * PAGES_PER_BLOCK + endIndex);
          first = blockNumber * PAGES_PER_BLOCK + fromIndex;
        }
        endBlock = blockNumber;
        endIndex = toIndex;
        if (framework.removeRange(range)) range.state |= collected;
      }
      // Nobody has put it on the list again.
      range.state &= ~owned;
    }
    return clears ? clearBetween(context, first, endBlock * PAGES_PER_BLOCK + endIndex) : 0;
  }

  /** Waits until the work item is idle: runs it if it is queued (spec/04-invalidation-and-gc §6.4). */
  waitIdle(): void {
    this.work.run();
  }

  /** Finalisation: lets go of every range without collecting it (spec/04-invalidation-and-gc §6.5). */
  dropQueue(): void {
    let range = this.take();
    while (range !== undefined) {
      range.clearPending();
      this.letGo(range);
      range = this.take();
    }
  }

  /** A range that was just removed is on the list again. */
  protected queuedAgain({ startPage, pages }: AmdgpuSvmRange): void {
    const { revision, effects } = this.context;
    // From V5 on putting it back adds a node to the list that is there already; V4 removes it again.
    if (!revision.clearsAttributesOnUnmap)
      effects.current?.hazard('Q45', 'a collected range is on the list again', startPage, pages);
  }

  private take(): AmdgpuSvmRange | undefined {
    if (this.head === this.tail) return undefined;
    const range = this.list[this.head]!;
    this.list[this.head++] = undefined;
    if (this.head === this.tail) this.beginAgain();
    range.state &= ~queued;
    return range;
  }

  /** The list is empty. */
  private beginAgain(): void {
    if (this.tail > LONG_LIST) this.list = [];
    this.head = 0;
    this.tail = 0;
  }

  private letGo(range: AmdgpuSvmRange): void {
    if (!range.queued && !range.hasPending) range.state &= ~owned;
  }

  /** What the worker does. */
  runWork(): void {
    const context = this.context;
    context.device.counters.gcRuns++;
    context.points.reach('svm-lock');
    context.svmLock.acquire();
    if (this.pending === 0) context.points.reach('work-unlock');
    else this.collect(); // The result is lost, as in the modelled worker (Q46).
    context.svmLock.release();
    context.points.reach('svm-unlock');
  }
}

/** The attributes of the pages `[startPage, endPage)` go, if there are any pages: 0 or a negative errno. */
function clearBetween(context: SvmContext, startPage: number, endPage: number): number {
  return startPage < endPage ? clearAttributes(context, startPage, endPage - 1) : 0;
}
