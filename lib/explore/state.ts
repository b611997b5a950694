/** The state of a machine between two operations as a text: the same text, the same future. */
import { contextSnapshot, pageRunsPresent } from '../../emulator/index.ts';
import type { TraceSubject } from '../trace/operations/descriptor.ts';

/** All that the driver, the GPUs and the process hold, without counters, numbers of frames and what pages hold. */
export function stateKey(subjects: readonly TraceSubject[]): string {
  let key = '';
  for (const { device, file } of subjects) {
    const state = contextSnapshot(device, file);
    for (const each of state.attributes)
      key += `a${each.firstPage},${each.lastPage},${each.preferredLocation},${each.prefetchLocation},${each.access},${each.granularity},${each.flags}`;
    for (const { start, end } of state.notifiers) key += `n${start},${end}`;
    for (const each of state.ranges) {
      const bits =
        (each.mapped ? 1 : 0) |
        (each.unmapped ? 2 : 0) |
        (each.partiallyUnmapped ? 4 : 0) |
        (each.dmaMapped ? 8 : 0) |
        (each.queued ? 16 : 0);
      key += `r${each.start},${each.end},${bits},${each.queue},${each.pteFlags ?? ''},${each.attributeFlags},${each.validationTime}`;
      if (each.pending !== undefined)
        key += `,${each.pending.firstPage},${each.pending.lastPage},${each.pending.operation}`;
    }
    for (const { startPage, pages, flags, state: pte } of state.ptes) key += `p${startPage},${pages},${flags},${pte}`;
    for (const { start, end } of state.bufferObjects ?? []) key += `b${start},${end}`;
    const restore = state.restore;
    if (restore !== undefined)
      key += `w${restore.pending},${restore.due ?? ''},${restore.evicted},${restore.quiesced},${restore.stopped}`;
    key += `c${state.collectorPending},${state.collectorQueued},${state.clock},${state.checkpoint},${state.closing},${file.context === null},${state.attributeListBroken}`;
    const { ring1, softwareRing } = device.gpu;
    key += `i${ring1.pending},${ring1.youngestTimestamp},${softwareRing.pending},${softwareRing.youngestTimestamp}`;
  }
  const { space } = subjects[0]!.machine.process;
  for (const vma of space.vmas.values()) {
    key += `v${vma.startPage},${vma.endPage},${vma.protection},${vma.kind}`;
    for (const run of pageRunsPresent(space, vma)) key += `t${run.startPage},${run.pages},${run.written}`;
  }
  return key;
}
