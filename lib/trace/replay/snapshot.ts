/** The state of a machine after some operations, and the address space of a snapshot as text: mappings, attributes, notifiers, ranges, PTEs, side by side in address order. */
import { contextSnapshot } from '../../../emulator/index.ts';
import type { AttributeSnapshot, ContextSnapshot } from '../../../emulator/index.ts';
import { accessName, attributeFlagNames, locationName } from '../../words/attributes.ts';
import { pteAccessLetters } from '../../words/pte-flags.ts';
import { memoryName } from '../../words/memory.ts';
import { exactBytes } from '../../words/sizes.ts';
import type { TraceLine } from '../format/parse-trace.ts';
import { TraceRunner } from './runner.ts';
import { counted } from '../../words/counted.ts';

/**
 * Runs the first `count` operations on a fresh machine, and returns the state of each GPU. An operation that the
 * emulator refuses throws its error.
 */
export function stateAfter(lines: readonly TraceLine[], count: number): ContextSnapshot[] {
  const runner = new TraceRunner();
  for (const line of lines.slice(0, count)) runner.execute(line.operation);
  return Array.from({ length: runner.gpus }, (_, gpu) => {
    const { device, file } = runner.subject(gpu);
    return contextSnapshot(device, file);
  });
}

const PAGE_SHIFT = 12n;
/** Depth in the picture. */
const DEPTH = { vma: 0, notifier: 0, place: 1, attributes: 1, range: 2, ptes: 3 } as const;

interface Row {
  readonly start: bigint;
  readonly end: bigint;
  readonly kind: keyof typeof DEPTH;
  readonly text: string;
}

/** Lines of the maps of all GPUs. */
export function statesLines(states: readonly ContextSnapshot[]): string[] {
  if (states.length === 1) return snapshotLines(states[0]!);
  return states.flatMap((state, gpu) => [`GPU ${gpu}`, ...snapshotLines(state).map((line) => `  ${line}`)]);
}

/** Lines of the map. */
function snapshotLines(snapshot: ContextSnapshot): string[] {
  const rows: Row[] = [
    ...snapshot.vmas.map((vma): Row => ({
      start: vma.start,
      end: vma.end,
      kind: 'vma',
      text: `mapping ${vma.protection} ${vma.kind}`,
    })),
    ...snapshot.places.map(({ startPage, pages, gpu }): Row => {
      const start = BigInt(startPage) << PAGE_SHIFT;
      return { start, end: start + (BigInt(pages) << PAGE_SHIFT), kind: 'place', text: `lies in ${memoryName(gpu)}` };
    }),
    ...snapshot.notifiers.map((notifier): Row => ({ ...notifier, kind: 'notifier', text: 'notifier' })),
    ...snapshot.attributes.map((interval): Row => ({
      start: BigInt(interval.firstPage) << PAGE_SHIFT,
      end: (BigInt(interval.lastPage) + 1n) << PAGE_SHIFT,
      kind: 'attributes',
      text: `attributes ${attributesText(interval)}`,
    })),
    ...snapshot.ranges.map((range): Row => {
      const state = [
        range.mapped ? 'mapped' : 'not mapped',
        ...(range.dmaMapped ? [] : ['no dma']),
        ...(range.unmapped ? [range.partiallyUnmapped ? 'partly unmapped' : 'unmapped'] : []),
        ...(range.queued ? ['queued'] : []),
      ];
      return { start: range.start, end: range.end, kind: 'range', text: `range ${state.join(', ')}` };
    }),
    ...snapshot.ptes.map((run): Row => {
      const start = BigInt(run.startPage) << PAGE_SHIFT;
      const access = pteAccessLetters(run.flags) || '-';
      return {
        start,
        end: start + (BigInt(run.pages) << PAGE_SHIFT),
        kind: 'ptes',
        text: `ptes ${access} ${run.state} (0x${run.flags.toString(16)})`,
      };
    }),
  ];
  const order = Object.keys(DEPTH);
  rows.sort((left, right) =>
    left.start === right.start
      ? order.indexOf(left.kind) - order.indexOf(right.kind)
      : left.start < right.start
        ? -1
        : 1,
  );
  const width = Math.max(12, ...rows.map((row) => row.end.toString(16).length));
  const lines = rows.map((row) => {
    const place = `${row.start.toString(16).padStart(width, '0')}-${row.end.toString(16).padStart(width, '0')}`;
    return `${place} ${exactBytes(row.end - row.start).padStart(10)}  ${'  '.repeat(DEPTH[row.kind])}${row.text}`;
  });
  const { counters, vram } = snapshot;
  return [
    ...(lines.length === 0 ? ['nothing is mapped'] : lines),
    `clock ${snapshot.clock} ns, checkpoint ${snapshot.checkpoint}, ${counted(snapshot.collectorPending, 'range')} waiting for the collector${snapshot.closing ? ', closing' : ''}`,
    `${counted(counters.faults, 'fault')}, ${counted(counters.tlb, 'TLB flush', 'TLB flushes')}, ${counted(counters.dmaPages, 'page')} DMA-mapped, ${counted(counters.gcRuns, 'collection')}`,
    ...(vram.total === 0 ? [] : [`VRAM: ${vramText(vram)}`]),
  ];
}

function vramText({ evictable, pinned, total }: ContextSnapshot['vram']): string {
  const bytes = (pages: number): string => exactBytes(BigInt(pages) << PAGE_SHIFT);
  return `${bytes(evictable)} of SVM and ${bytes(pinned)} of others, of ${bytes(total)}`;
}

function attributesText({
  access,
  preferredLocation,
  prefetchLocation,
  granularity,
  flags,
}: AttributeSnapshot): string {
  return [
    `access=${accessName(access)}`,
    `preferredLocation=${locationName(preferredLocation)}`,
    `prefetchLocation=${locationName(prefetchLocation)}`,
    `granularity=${granularity}`,
    ...attributeFlagNames(flags),
  ].join(' ');
}
