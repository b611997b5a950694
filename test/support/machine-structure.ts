/** What must hold in a machine between two operations, whatever happened before. */
import type { EmulatedDevice, EmulatedFile, EmulatedMachine } from '../../emulator/index.ts';

/** A notifier watches 512 MiB. */
const NOTIFIER_PAGES = 0x2_0000;

/** An open file of a machine. */
export interface OpenFile {
  readonly machine: EmulatedMachine;
  readonly device: EmulatedDevice;
  readonly file: EmulatedFile;
}

/** Names of the locks that somebody holds. */
export function heldLocks({ machine, file }: Omit<OpenFile, 'device'>): string[] {
  const { context, vm } = file;
  const locks = [
    machine.process.space.mmapLock,
    vm.pageDirectoryLock,
    ...(context === null ? [] : [context.svmLock, context.framework.notifierLock]),
  ];
  return locks.filter((lock) => lock.held).map((lock) => lock.name);
}

/** Structure of ranges, notifiers and VMAs (spec/03-gpu-ranges §A.1 - §A.7), and the books. */
export function checkStructure({ machine, device, file }: OpenFile): void {
  const { context } = file;
  const held = heldLocks({ machine, file });
  if (held.length > 0) throw new Error(`held after the operation: ${held.join(', ')}`);
  if (machine.scope.sleepers > 0) throw new Error('a call still sleeps after the operation');
  if (context === null) return;
  const { framework, tree, collector } = context;
  const ranges = [...framework.ranges.values()];
  const notifiers = [...framework.notifiers.values()];
  let end = 0;
  let [dma, queued] = [0, 0];
  const used = new Map<unknown, number>();
  for (const range of ranges) {
    if (range.startPage < end) throw new Error('two ranges overlap');
    end = range.endPage;
    if (![1, 16, 512].includes(range.pages) || range.startPage % range.pages !== 0)
      throw new Error('a range is no aligned chunk');
    const { notifier } = range;
    if (range.startPage < notifier.startPage || range.endPage > notifier.endPage)
      throw new Error('a range leaves its notifier');
    used.set(notifier, (used.get(notifier) ?? 0) + 1);
    if (range.pagesValid && !range.hasDevicePages) dma += range.pages;
    if (range.queued) queued++;
  }
  for (const notifier of notifiers) {
    if (notifier.endPage - notifier.startPage !== NOTIFIER_PAGES || notifier.startPage % NOTIFIER_PAGES !== 0)
      throw new Error('a notifier is no window');
    if (used.get(notifier) !== notifier.rangeCount) throw new Error('a notifier is empty or miscounts its ranges');
  }
  if (used.size !== notifiers.length) throw new Error('a range has a notifier that is not in the set');
  if (device.gpu.counters.dmaPages !== dma)
    throw new Error(`dmaPages ${device.gpu.counters.dmaPages}, ranges say ${dma}`);
  // A queued range may have been removed by a split (Q44), never the other way round.
  if (collector.pending < queued) throw new Error('a queued range is not on the list');
  let vmaEnd = 0;
  for (const vma of machine.process.space.vmas.values()) {
    if (vma.startPage < vmaEnd || vma.endPage <= vma.startPage) throw new Error('VMAs overlap or are empty');
    vmaEnd = vma.endPage;
  }
  let [last, first, count] = [-1, -1, 0];
  for (const interval of tree.values()) {
    if (interval.last < interval.first || interval.freed) throw new Error('an attribute interval is empty or freed');
    if (interval.first < first) throw new Error('attribute intervals are out of order');
    if (!tree.overlapping && interval.first <= last) throw new Error('attribute intervals overlap');
    ({ first, last } = interval);
    count++;
  }
  if (count !== tree.size) throw new Error('the attribute tree miscounts its intervals');
  if (!tree.overlapping && tree.listBroken) throw new Error('the list of disjoint intervals is broken');
}
