/** Answers of operations as the trace format writes them (spec/trace-format §3, §6). */
import type { AccessResult, ContextSnapshot } from '../../emulator/index.ts';
import { hex } from './hex.ts';

/** An answer without its effects. */
export type TraceAnswer = Readonly<Record<string, unknown>>;

export function touchAnswer(result: { result: number; pages: number; fresh: number }): Record<string, unknown> {
  return { ret: result.result, pages: hex(result.pages), fresh: hex(result.fresh) };
}

export function accessAnswer(access: AccessResult): Record<string, unknown> {
  return {
    ret: access.result,
    faults: access.faults,
    runs: access.runs.map((run) =>
      run.state === undefined
        ? [run.outcome, hex(run.startPage), hex(run.pages)]
        : [run.outcome, hex(run.startPage), hex(run.pages), run.state],
    ),
  };
}

/** The answer of `dump`. */
export function dumpAnswer(snapshot: ContextSnapshot): Record<string, unknown> {
  // The format has no counter for the kernel log; one more key would be a difference to every recording.
  const { errorLines: _, ...counters } = snapshot.counters;
  return {
    ret: 0,
    attrs: snapshot.attributes.map((interval) => [
      hex(interval.firstPage),
      hex(interval.lastPage),
      {
        preferred: interval.preferredLocation,
        prefetch: interval.prefetchLocation,
        access: interval.access,
        granularity: interval.granularity,
        flags: hex(interval.flags),
      },
    ]),
    notifiers: snapshot.notifiers.map((notifier) => [hex(notifier.start), hex(notifier.end)]),
    ranges: snapshot.ranges.map((range) => [
      hex(range.start),
      hex(range.end),
      {
        mapped: range.mapped,
        unmapped: range.unmapped,
        partialUnmap: range.partiallyUnmapped,
        dma: range.dmaMapped,
        queued: range.queued,
        ptes: hex(range.pteFlags),
        attrFlags: hex(range.attributeFlags),
        ts: hex(range.validationTime),
      },
    ]),
    ptes: snapshot.ptes.map((run) => [hex(run.startPage), hex(run.pages), hex(run.flags), run.state]),
    vmas: snapshot.vmas.map((vma) => [hex(vma.start), hex(vma.end), vma.protection, vma.kind]),
    gcPending: snapshot.collectorPending,
    gcWork: snapshot.collectorQueued,
    clock: hex(snapshot.clock),
    checkpoint: hex(snapshot.checkpoint),
    exiting: snapshot.closing,
    counters,
  };
}
