/**
 * Checks invariant I3 (07-quirks): every valid PTE lies in a GPU range that is marked mapped, or a
 * named quirk explains why it does not. The checker follows each page from the moment its PTE is
 * written, listening to the machine's events and to the MMU events of the process, and gives a page
 * an explanation only at the very event that the quirk describes:
 *
 * Q35  an event hits a mapped range and the page is outside the event: it is not zapped, though the range loses its mark
 * Q36  an UNMAP hits a range that is not marked mapped, and the page is inside the event: nothing is zapped
 * Q37  the collector removes a range and the page was not in what was unmapped
 * Q38  a split removes a range that was not marked mapped, so it does not zap it
 * Q39  a zap of the callback failed, and its result was ignored
 * Q40  an event comes between the writing of PTEs and the mark: the range is not marked yet, so nothing is zapped
 * Q41  a commit failed after its PTEs were written
 * Q11  the context is closing: events are ignored, and finalisation removes ranges without a zap
 *
 * Everything else is a failure.
 */
import { RangeState } from '../../emulator/gpusvm/range.ts';
import { NotifierEvent } from '../../emulator/mm/interval-notifier.ts';
import type { AmdgpuSvmRange } from '../../emulator/svm/svm-range.ts';
import { pageOf } from './emulator-rig.ts';
import type { Rig } from './emulator-rig.ts';

export type Explanation = 'Q35' | 'Q36' | 'Q37' | 'Q38' | 'Q39' | 'Q40' | 'Q41' | 'Q11';

export class CoverageChecker {
  /** How often each explanation was given. */
  readonly given = new Map<Explanation, number>();
  readonly #rig: Rig;
  /** Pages with a valid PTE, as the events say, with the explanation if they need one. */
  readonly #live = new Map<number, Explanation | null>();
  readonly #ranges = new Map<number, AmdgpuSvmRange>();
  // Zaps that the event at hand should bring, in the order of their attempts.
  #expectedZaps: { readonly from: number; readonly to: number }[] = [];
  #lastWritten: { readonly from: number; readonly to: number } = { from: 0, to: 0 };
  // Pages written since the last check: only those can be between writing and mark.
  readonly #fresh = new Set<number>();

  constructor(rig: Rig) {
    this.#rig = rig;
    const { machine } = rig;
    // First in address order, so that it sees every event before the notifiers of the driver do.
    machine.process.space.notifiers.insert({
      startPage: 0,
      endPage: 2 ** 52,
      sequence: 0,
      invalidate: (event, startPage, endPage) => this.#onEvent(event, startPage, endPage),
    });
    machine.on('range-inserted', ({ address }) => this.#onInserted(rig.range(pageOf(address))));
    machine.on('range-removed', ({ address }) => this.#onRemoved(pageOf(address)));
    machine.on('ptes-written', ({ address, size }) => this.#onWritten(pageOf(address), pageOf(address + size)));
    machine.on('ptes-zapped', ({ address, size }) => {
      for (let page = pageOf(address); page < pageOf(address + size); page++) this.#live.delete(page);
    });
    this.#watchFailures();
  }

  #onInserted(range: AmdgpuSvmRange): void {
    this.#ranges.set(range.startPage, range);
    const vma = this.#rig.machine.process.space.findVma(range.startPage);
    if (vma === undefined || vma.endPage < range.endPage)
      throw new Error(`a new range at page 0x${range.startPage.toString(16)} leaves its VMA`);
  }

  #onWritten(from: number, to: number): void {
    this.#lastWritten = { from, to };
    for (let page = from; page < to; page++) {
      this.#live.set(page, null);
      this.#fresh.add(page);
    }
  }

  /** An injected failure explains exactly the pages of the call that failed. */
  #watchFailures(): void {
    const { failures } = this.#rig.device;
    const take = failures.take.bind(failures);
    failures.take = (point) => {
      const result = take(point);
      if (point === 'zap-ptes') {
        const zap = this.#expectedZaps.shift();
        if (result !== 0 && zap !== undefined) this.#explainAll(zap.from, zap.to, 'Q39');
      } else if (point === 'update-directories' && result !== 0) {
        this.#explainAll(this.#lastWritten.from, this.#lastWritten.to, 'Q41');
      }
      return result;
    };
  }

  /** To be called after every operation; throws for a PTE that nothing explains. */
  check(): void {
    const { framework } = this.#rig.context;
    this.#expectSamePages();
    this.#fresh.clear();
    for (const [page, explanation] of this.#live) {
      if (explanation !== null) continue;
      const range = framework.findRange(page, page + 1);
      if (range?.gpuMapped === true) continue;
      throw new Error(
        `I3: nothing explains the PTE of page 0x${page.toString(16)} (${range === undefined ? 'in no range' : 'range not mapped'})`,
      );
    }
  }

  /** After finalisation there is no context: every PTE left needs an explanation. */
  checkFinalised(): void {
    this.#expectSamePages();
    for (const [page, explanation] of this.#live) {
      if (explanation === null)
        throw new Error(`I3: nothing explains the PTE of page 0x${page.toString(16)} after finalisation`);
    }
  }

  #expectSamePages(): void {
    let count = 0;
    this.#rig.node.file.vm.pageTable.forEach((page) => {
      count++;
      if (!this.#live.has(page)) throw new Error(`a PTE at page 0x${page.toString(16)} that no event announced`);
    });
    if (count !== this.#live.size) throw new Error(`${this.#live.size} PTEs by the events, ${count} in the page table`);
  }

  #onEvent(event: NotifierEvent, startPage: number, endPage: number): void {
    const context = this.#rig.node.file.context;
    if (context === null || event === NotifierEvent.release) return;
    this.#expectedZaps = [];
    const hit = [...this.#ranges.values()].filter((range) => range.endPage > startPage && range.startPage < endPage);
    for (const range of hit.sort((left, right) => left.startPage - right.startPage)) {
      const [from, to] = [Math.max(range.startPage, startPage), Math.min(range.endPage, endPage)];
      if (context.closing) {
        this.#explainAll(range.startPage, range.endPage, 'Q11');
      } else if (range.gpuMapped && (range.state & RangeState.unmapped) === 0) {
        this.#expectedZaps.push({ from, to });
        this.#explainAll(range.startPage, from, 'Q35');
        this.#explainAll(to, range.endPage, 'Q35');
      } else {
        this.#onSkipped(event, range, from, to);
      }
    }
  }

  /** The event `[from, to)` finds the range not mapped, or unmapped before: nothing is zapped. */
  #onSkipped(event: NotifierEvent, range: AmdgpuSvmRange, from: number, to: number): void {
    for (let page = range.startPage; page < range.endPage; page++) {
      const explanation = this.#live.get(page);
      const inside = page >= from && page < to;
      if (explanation === null && this.#fresh.has(page)) {
        if (inside || event === NotifierEvent.unmap) this.#explain(page, 'Q40');
      } else if (explanation === 'Q35' && inside && event === NotifierEvent.unmap) {
        this.#explain(page, 'Q36');
      }
    }
  }

  #onRemoved(startPage: number): void {
    const range = this.#ranges.get(startPage)!;
    this.#ranges.delete(startPage);
    const { closing } = this.#rig.context;
    const unmapped = (range.state & RangeState.unmapped) !== 0;
    for (let page = startPage; page < range.endPage; page++) {
      const explanation = this.#live.get(page);
      if (explanation === undefined) continue;
      if (closing) this.#explain(page, 'Q11');
      else if (explanation === 'Q35') this.#explain(page, unmapped ? 'Q37' : 'Q38');
      // Without an explanation the range was mapped: then it must have been zapped before.
    }
  }

  #explain(page: number, explanation: Explanation): void {
    this.#live.set(page, explanation);
    this.given.set(explanation, (this.given.get(explanation) ?? 0) + 1);
  }

  #explainAll(from: number, to: number, explanation: Explanation): void {
    for (let page = from; page < to; page++) if (this.#live.has(page)) this.#explain(page, explanation);
  }
}
