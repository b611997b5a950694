/** What the driver did in an operation, in sentences. What repeats from chunk to chunk is told once. */
import { errnoName } from '../../emulator/index.ts';
import type { EventMap, MachineEvent } from '../../emulator/index.ts';
import { faultRule } from './fault-rules.ts';

const PAGE = 4096n;

interface Told {
  /** Sentences of one shape say the same of different pages. */
  readonly shape: string;
  readonly address: bigint;
  size: bigint;
  count: number;
  readonly text: (told: Told) => string;
}

/** What the driver did, in its order; neighbours of one kind become one sentence. */
export function eventSentences(events: readonly MachineEvent[]): string[] {
  const list: Told[] = [];
  for (const event of events) {
    const told = toldOf(event);
    if (told === undefined) continue;
    const last = list[list.length - 1];
    if (last?.shape !== told.shape || !(told.shape in MERGED || told.shape.startsWith('fault '))) list.push(told);
    else if (
      last.address + last.size === told.address ||
      (told.shape.startsWith('fault ') && last.address + last.size - PAGE === told.address)
    ) {
      // Faults come for page after page, or for the same page again.
      last.count++;
      last.size = told.address + told.size - last.address;
    } else list.push(told);
  }
  return withoutRepetition(list);
}

const LONGEST_PATTERN = 6;
const LEAST_REPETITIONS = 3;

/** "and so on" for groups of sentences that repeat with the pages behind. */
function withoutRepetition(list: readonly Told[]): string[] {
  const sentences: string[] = [];
  for (let at = 0; at < list.length;) {
    const { length, times } = repetitionAt(list, at);
    for (const told of list.slice(at, at + length)) sentences.push(told.text(told));
    if (times > 1) {
      const last = list
        .slice(at + length * (times - 1), at + length * times)
        .reduce((end, { address, size }) => (address + size > end ? address + size : end), 0n);
      sentences.push(`The same ${times - 1} more times for the pages behind, up to 0x${last.toString(16)}.`);
    }
    at += length * times;
  }
  return sentences;
}

/** The group of sentences at `at` that repeats most; one sentence, once, if none does. */
function repetitionAt(list: readonly Told[], at: number): { length: number; times: number } {
  let best = { length: 1, times: 1 };
  for (let length = 1; length <= LONGEST_PATTERN; length++) {
    let times = 1;
    while (repeats(list, at + length * times, length)) times++;
    if (times >= LEAST_REPETITIONS && length * times > best.length * best.times) best = { length, times };
  }
  return best;
}

/** Whether the group of `length` sentences at `at` is the one before it, of pages behind. */
function repeats(list: readonly Told[], at: number, length: number): boolean {
  if (at + length > list.length) return false;
  for (let index = at; index < at + length; index++) {
    const told = list[index]!;
    const before = list[index - length]!;
    if (told.shape !== before.shape || (told.size > 0n && told.address <= before.address)) return false;
  }
  return true;
}

function where({ address, size }: { readonly address: bigint; readonly size: bigint }): string {
  return `${bytes(size)} at 0x${address.toString(16)}`;
}

/** "2 MiB", "12 KiB", "5 bytes". */
export function bytes(size: bigint): string {
  for (const [shift, unit] of [
    [40n, 'TiB'],
    [30n, 'GiB'],
    [20n, 'MiB'],
    [10n, 'KiB'],
  ] as const) {
    if (size >= 1n << shift && size % (1n << shift) === 0n) return `${size >> shift} ${unit}`;
  }
  return `${size} bytes`;
}

const MERGED: Partial<Record<keyof EventMap, (told: Told) => string>> = {
  'range-inserted': (told) =>
    `${told.count === 1 ? 'A GPU range is' : `${told.count} GPU ranges are`} made: ${where(told)} (spec/03-gpu-ranges §A.6, §A.7).`,
  'range-removed': (told) =>
    `${told.count === 1 ? 'A GPU range is' : `${told.count} GPU ranges are`} removed: ${where(told)} (spec/03-gpu-ranges §A.11).`,
  'ptes-written': (told) => `PTEs are written: ${where(told)} (spec/03-gpu-ranges §B.7).`,
  'ptes-zapped': (told) => `PTEs are cleared: ${where(told)} (spec/04-invalidation-and-gc §3.3).`,
  'dma-mapped': (told) => `Pages are collected and DMA-mapped: ${where(told)} (spec/03-gpu-ranges §A.8).`,
  'dma-unmapped': (told) => `The DMA mapping goes, always of whole ranges: ${where(told)} (spec/03-gpu-ranges §A.10).`,
  'collection-queued': (told) =>
    `${told.count === 1 ? 'A range is' : `${told.count} ranges are`} queued for the collector: ${where(told)} (spec/04-invalidation-and-gc §5.2).`,
  collected: (told) =>
    `${told.count === 1 ? 'A range is' : `${told.count} ranges are`} collected: ${where(told)} (spec/04-invalidation-and-gc §6.1).`,
};

function toldOf({ name, event }: MachineEvent): Told | undefined {
  if (name === 'fault') {
    const { address, write, outcome, reason, cause } = event;
    const text = (told: Told): string => {
      const kind = write ? 'write' : 'read';
      const faults =
        told.count === 1
          ? `A ${kind} fault at 0x${told.address.toString(16)}`
          : `${told.count} ${kind} faults on ${where(told)}`;
      return `${faults}, ${outcome}: ${faultRule(reason, cause)}.`;
    };
    return {
      shape: `fault ${write} ${outcome} ${reason} ${cause}`,
      address: address - (address % PAGE),
      size: PAGE,
      count: 1,
      text,
    };
  }
  const place = 'size' in event ? { address: event.address, size: event.size } : { address: 0n, size: 0n };
  const merged = name === 'collected' && event.result !== 0 ? undefined : MERGED[name];
  if (merged !== undefined) return { shape: name, ...place, count: 1, text: merged };
  const sentence = sentenceOf({ name, event } as MachineEvent);
  if (sentence === undefined) return undefined;
  return { shape: name, ...place, count: 1, text: () => sentence };
}

const PREFETCH = 0x80;

/** What SET_ATTR makes of a change, with XNACK on (spec/02-attributes §5.2); `trigger` is its change trigger. */
function effectOfChange({ kind, trigger }: EventMap['attributes-changed']): string {
  if (kind === 'faulted-in') return 'are set to the defaults by the fault, and stay (spec/05-faults §4, Q28)';
  const what =
    kind === 'inserted'
      ? 'get an interval (spec/02-attributes §4.5)'
      : kind === 'split'
        ? 'change, and with them the bounds of an interval: ranges across these go (spec/02-attributes §4.6)'
        : 'change (spec/02-attributes §4.6)';
  if ((trigger & PREFETCH) !== 0)
    return `${what}; the prefetch location makes SET_ATTR map them (spec/02-attributes §5.2)`;
  return kind === 'changed' ? `${what}; PTEs stay as they are (spec/02-attributes §5.2, Q13)` : what;
}

function sentenceOf({ name, event }: MachineEvent): string | undefined {
  switch (name) {
    case 'attributes-changed':
      return `Attributes of ${where(event)} ${effectOfChange(event)}.`;
    case 'attribute-split':
      return `The interval of ${bytes(event.oldSize)} at 0x${event.oldAddress.toString(16)} is split (spec/02-attributes §4.6).`;
    case 'prefetch':
      return `${event.result === 0 ? 'The interval has been mapped on the GPU' : `Mapping the interval on the GPU fails with ${errnoName(event.result) ?? event.result}`}: ${where(event)} (spec/03-gpu-ranges §B.8).`;
    case 'retry':
      return event.of === 'set'
        ? 'SET_ATTR begins again, because pages became invalid under it (spec/02-attributes §4.7).'
        : `The fault handler tries again after ${errnoName(event.cause) ?? event.cause} (spec/05-faults §5, §6).`;
    case 'notifier-called':
      return `The driver is told by its notifier: ${event.kind} of ${where(event)} (spec/04-invalidation-and-gc §3).`;
    case 'notifier-inserted':
      return `A notifier for ${where(event)} is registered (spec/03-gpu-ranges §A.4).`;
    case 'notifier-removed':
      return `The notifier for ${where(event)} is removed (spec/03-gpu-ranges §A.4).`;
    case 'tlb-flushed':
      return 'The TLB is flushed (spec/06-lifecycle §8).';
    case 'collected':
      return `The collection of ${where(event)} fails with ${errnoName(event.result) ?? event.result}; the range stays behind (spec/04-invalidation-and-gc §6.1, Q46).`;
    case 'zap-failed':
      return `The page tables refuse to clear PTEs: ${where(event)} (spec/03-gpu-ranges §B.5).`;
    case 'commit-failed':
      return `The commit fails with ${errnoName(event.result) ?? event.result}: ${where(event)} (spec/03-gpu-ranges §B.7).`;
    case 'context-created':
      return 'The VM gets an SVM context (spec/06-lifecycle §2).';
    case 'context-finalised':
      return 'The SVM context is gone; PTEs stay (spec/06-lifecycle §6.2).';
    default:
      return undefined;
  }
}
