/** The answer of `dump`: the whole state of a machine as one text (spec/trace-format §6, spec/trace-format-v8 §7). */
import { protectionLetters } from '../../../emulator/index.ts';
import type { ContextParts, MemorySnapshot, PteRun, RangeSnapshot, VmaKind } from '../../../emulator/index.ts';
import { isComparedCounter } from '../compare/counters.ts';
import { Fragment } from '../format/answer-text.ts';
import type { AnswerOutput } from '../format/answer-text.ts';
import type { BareAnswer } from './descriptor.ts';

/** What a dump says of a range, apart from where it is; what a revision does not have is missing. */
interface DumpedRange {
  readonly mapped: boolean;
  readonly unmapped: boolean;
  readonly partialUnmap: boolean;
  readonly dma: boolean;
  readonly devmem?: boolean;
  readonly migrate?: boolean;
  readonly queued?: boolean;
  readonly ptes?: string;
  readonly queue?: RangeSnapshot['queue'];
  readonly pending?: readonly [first: string, last: string, operation: number];
  readonly attrFlags: string;
  readonly ts: string;
}

/** The answer of a dump; what a revision does not have is missing. */
export interface DumpAnswer extends BareAnswer {
  readonly attrs: readonly (readonly [
    first: string,
    last: string,
    values: { preferred: number; prefetch: number; access: number; granularity: number; flags: string },
  ])[];
  readonly attrListBroken?: true;
  readonly notifiers: readonly (readonly [start: string, end: string])[];
  readonly ranges: readonly (readonly [start: string, end: string, range: DumpedRange])[];
  readonly boMaps?: readonly (readonly [start: string, end: string])[];
  readonly ptes: readonly (readonly [startPage: string, pages: string, flags: string, state: PteRun['state']])[];
  readonly vmas: readonly (readonly [start: string, end: string, protection: string, kind: VmaKind])[];
  readonly pages?: readonly (readonly unknown[])[];
  readonly bos?: readonly (readonly [gpu: number, offset: string, pages: string, inUse: string])[];
  readonly vram?: readonly (readonly [evictable: string, pinned: string, total: string])[];
  readonly gcPending: number;
  readonly gcWork: boolean;
  readonly restorePending?: number;
  readonly restoreWork?: boolean;
  readonly restoreDue?: string;
  readonly evicted?: number;
  readonly quiesced?: boolean;
  readonly kfdStopped?: number;
  readonly kfdCalls?: readonly [quiesce: number, resume: number];
  readonly clock: string;
  readonly checkpoint: string;
  readonly exiting: boolean;
  readonly counters: Readonly<Record<string, number>>;
}

/** Bits of the pending operations (spec/trace-format-v7 §4). */
const PENDING_BITS = { unmap: 1, restore: 2 } as const;

type Listed<Key extends 'intervals' | 'notifiers' | 'ranges' | 'vmas'> =
  ContextParts[Key] extends Iterable<infer Item> ? Item : never;

/** Pieces of text, by what they are. */
const pieces = new Map<string, Fragment>();

function piece(text: string): Fragment {
  let found = pieces.get(text);
  if (found === undefined) pieces.set(text, (found = new Fragment(text)));
  return found;
}

const [COMMA, END, QUOTE] = [new Fragment(','), new Fragment(']'), new Fragment('"')];
const [HEX, NEXT_HEX, LAST_HEX] = [new Fragment('["0x'), new Fragment('","0x'), new Fragment('"]')];
const NEXT_LIST = new Fragment(',["0x');
const [TRUE, FALSE] = [new Fragment('true'), new Fragment('false')];

function writeFlag(output: AnswerOutput, key: Fragment, value: boolean): void {
  output.raw(key);
  output.raw(value ? TRUE : FALSE);
}

function writeHex(output: AnswerOutput, key: Fragment, value: number | bigint): void {
  output.raw(key);
  output.hex(value);
  output.raw(QUOTE);
}

function writeNumber(output: AnswerOutput, key: Fragment, value: number): void {
  output.raw(key);
  output.number(value);
}

/** A list as the value of a key. */
function writeList<T>(
  output: AnswerOutput,
  key: Fragment,
  items: Iterable<T>,
  write: (output: AnswerOutput, item: T) => void,
): void {
  output.raw(key);
  let isFirst = true;
  for (const item of items) {
    if (!isFirst) output.raw(COMMA);
    isFirst = false;
    write(output, item);
  }
  output.raw(END);
}

/** `["0x...","0x..."]` */
function writeInterval(output: AnswerOutput, { startPage, endPage }: Listed<'notifiers'>): void {
  output.raw(HEX);
  output.address(startPage);
  output.raw(NEXT_HEX);
  output.address(endPage);
  output.raw(LAST_HEX);
}

const ATTRS = new Fragment('{"ret":0,"attrs":[');
const PREFERRED = new Fragment('",{"preferred":');
const PREFETCH = new Fragment(',"prefetch":');
const ACCESS = new Fragment(',"access":');
const GRANULARITY = new Fragment(',"granularity":');
const FLAGS = new Fragment(',"flags":"0x');
const END_OF_ATTRIBUTES = new Fragment('"}]');

function writeAttributes(output: AnswerOutput, intervals: ContextParts['intervals']): void {
  output.raw(ATTRS);
  let before = HEX;
  for (const interval of intervals) {
    output.raw(before);
    output.hex(interval.first);
    output.raw(NEXT_HEX);
    output.hex(interval.last);
    writeNumber(output, PREFERRED, interval.preferredLocation >>> 0);
    writeNumber(output, PREFETCH, interval.prefetchLocation >>> 0);
    writeNumber(output, ACCESS, interval.access);
    writeNumber(output, GRANULARITY, interval.granularity);
    output.raw(FLAGS);
    output.hex(interval.flags);
    output.raw(END_OF_ATTRIBUTES);
    before = NEXT_LIST;
  }
  output.raw(END);
}

const RANGES = new Fragment(',"ranges":[');
const PENDING = new Fragment(',"pending":["0x');
const ATTR_FLAGS = new Fragment(',"attrFlags":"0x');
const AFTER_PTES = new Fragment('","attrFlags":"0x');
const TS = new Fragment('","ts":"0x');

/** The state of a range as one piece of text, by its bits. */
const statePieces: (Fragment | undefined)[] = [];
const QUEUES: readonly RangeSnapshot['queue'][] = ['none', 'gc', 'restore', 'processing'];

/** From the flags of a range to its PTE flags, or to what is pending. */
function statePiece(range: Listed<'ranges'>, migrates: boolean, keepsFlags: boolean): Fragment {
  const bits =
    (range.gpuMapped ? 1 : 0) |
    (range.unmapped ? 2 : 0) |
    (range.partiallyUnmapped ? 4 : 0) |
    (range.pagesValid ? 8 : 0) |
    (migrates ? 16 : 0) |
    (range.hasDevicePages ? 32 : 0) |
    (range.migrates ? 64 : 0) |
    (keepsFlags ? 128 : 0) |
    (range.queued ? 256 : 0) |
    (QUEUES.indexOf(range.queue) << 9);
  return (statePieces[bits] ??= new Fragment(
    `",${JSON.stringify({
      mapped: range.gpuMapped,
      unmapped: range.unmapped,
      partialUnmap: range.partiallyUnmapped,
      dma: range.pagesValid,
      devmem: migrates ? range.hasDevicePages : undefined,
      migrate: migrates ? range.migrates : undefined,
      queued: keepsFlags ? range.queued : undefined,
      queue: keepsFlags ? undefined : range.queue,
    }).slice(0, -1)}${keepsFlags ? ',"ptes":"0x' : ''}`,
  ));
}

function writeRanges(output: AnswerOutput, { ranges, rangeFlags, migratesToVram: migrates }: ContextParts): void {
  output.raw(RANGES);
  let before = HEX;
  for (const range of ranges) {
    output.raw(before);
    output.address(range.startPage);
    output.raw(NEXT_HEX);
    output.address(range.endPage);
    output.raw(statePiece(range, migrates, rangeFlags !== undefined));
    if (rangeFlags !== undefined) {
      output.hex(rangeFlags(range.pteFlags));
      output.raw(AFTER_PTES);
    } else {
      if (!migrates && range.hasPending) {
        output.raw(PENDING);
        output.hex(range.pendingFirst);
        output.raw(NEXT_HEX);
        output.hex(range.pendingLast);
        output.raw(piece(`",${PENDING_BITS[range.pendingOperation]}]`));
      }
      output.raw(ATTR_FLAGS);
    }
    output.hex(range.attributeFlags);
    output.raw(TS);
    output.hex(range.validationTime);
    output.raw(END_OF_ATTRIBUTES);
    before = NEXT_LIST;
  }
  output.raw(END);
}

function writePtes(output: AnswerOutput, run: PteRun): void {
  output.raw(HEX);
  output.hex(run.startPage);
  output.raw(NEXT_HEX);
  output.hex(run.pages);
  output.raw(NEXT_HEX);
  output.hex(run.flags);
  output.raw(piece(`","${run.state}"]`));
}

function writeVma(output: AnswerOutput, vma: Listed<'vmas'>): void {
  output.raw(HEX);
  output.address(vma.startPage);
  output.raw(NEXT_HEX);
  output.address(vma.endPage);
  output.raw(piece(`","${protectionLetters(vma.protection)}","${vma.kind}"]`));
}

const GC_PENDING = new Fragment(',"gcPending":');
const GC_WORK = new Fragment(',"gcWork":');
const CLOCK = new Fragment(',"clock":"0x');
const CHECKPOINT = new Fragment(',"checkpoint":"0x');
const EXITING = new Fragment(',"exiting":');
const NOTIFIERS = new Fragment(',"notifiers":[');
const PTES = new Fragment(',"ptes":[');
const VMAS = new Fragment(',"vmas":[');

/** Writes the answer of a dump, without its closing bracket; `memory` is only asked on a revision that moves it. */
export function writeDump(output: AnswerOutput, parts: ContextParts, memory: () => MemorySnapshot): void {
  const { migratesToVram: migrates, bufferObjects } = parts;
  writeAttributes(output, parts.intervals);
  if (parts.attributeListBroken) output.raw(piece(',"attrListBroken":true'));
  writeList(output, NOTIFIERS, parts.notifiers, writeInterval);
  writeRanges(output, parts);
  if (!migrates && bufferObjects !== undefined) writeList(output, piece(',"boMaps":['), bufferObjects, writeInterval);
  writeList(output, PTES, parts.ptes, writePtes);
  writeList(output, VMAS, parts.vmas, writeVma);
  if (migrates) writeMemory(output, memory());
  writeNumber(output, GC_PENDING, parts.collectorPending);
  writeFlag(output, GC_WORK, parts.collectorQueued);
  if (parts.restore !== undefined) writeRestore(output, parts.restore);
  writeHex(output, CLOCK, parts.clock);
  writeHex(output, CHECKPOINT, parts.checkpoint);
  writeFlag(output, EXITING, parts.closing);
  writeCounters(output, parts);
}

/** Where memory lies, on a revision that moves it. */
function writeMemory(output: AnswerOutput, { pages, buffers, vram }: MemorySnapshot): void {
  writeList(output, piece(',"pages":['), pages, (_, { startPage, pages: count, gpu, offset, huge }) => {
    output.raw(HEX);
    output.hex(startPage);
    writeHex(output, NEXT_HEX, count);
    writeNumber(output, COMMA, gpu);
    writeHex(output, piece(',"0x'), offset);
    output.raw(piece(huge ? ',true]' : ']'));
  });
  writeList(output, piece(',"bos":['), buffers, (_, { gpu, offset, pages: count, inUse }) => {
    writeNumber(output, piece('['), gpu);
    writeHex(output, piece(',"0x'), offset);
    writeHex(output, piece(',"0x'), count);
    writeHex(output, piece(',"0x'), inUse);
    output.raw(END);
  });
  writeList(output, piece(',"vram":['), vram, (_, { evictable, pinned, total }) => {
    output.raw(HEX);
    output.hex(evictable);
    output.raw(NEXT_HEX);
    output.hex(pinned);
    output.raw(NEXT_HEX);
    output.hex(total);
    output.raw(LAST_HEX);
  });
}

/** The restore worker, where the revision stops queues. */
function writeRestore(output: AnswerOutput, restore: NonNullable<ContextParts['restore']>): void {
  writeNumber(output, piece(',"restorePending":'), restore.pending);
  writeFlag(output, piece(',"restoreWork":'), restore.due !== undefined);
  if (restore.due !== undefined) writeHex(output, piece(',"restoreDue":"0x'), restore.due);
  writeNumber(output, piece(',"evicted":'), restore.evicted);
  writeFlag(output, piece(',"quiesced":'), restore.quiesced);
  writeNumber(output, piece(',"kfdStopped":'), restore.stopped);
  writeNumber(output, piece(',"kfdCalls":['), restore.quiesceCalls);
  writeNumber(output, COMMA, restore.resumeCalls);
  output.raw(END);
}

function writeCounters(output: AnswerOutput, { counters, migratesToVram, migrations }: ContextParts): void {
  // The format has no counter for the kernel log; one more key would be a difference to every recording.
  const { errorLines: _, ...told } = counters;
  let before = ',"counters":{';
  for (const [name, value] of Object.entries(migratesToVram ? { ...told, ...migrations } : told)) {
    output.raw(piece(`${before}"${name}":`));
    if (isComparedCounter(name)) output.number(value);
    else output.uncompared(value);
    before = ',';
  }
  output.raw(piece('}'));
}
