/** What the driver did in an operation, in sentences. What repeats from chunk to chunk is told once. */
import { errnoName } from '../uapi/errno.ts';
import type { EventMap, MachineEvent } from '../../emulator/index.ts';
import { faultRule } from '../words/faults.ts';
import { bytesAt, exactBytes } from '../words/sizes.ts';

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

/** "and so on" for groups of sentences that repeat with later pages. */
function withoutRepetition(list: readonly Told[]): string[] {
  const sentences: string[] = [];
  for (let at = 0; at < list.length;) {
    const { length, times } = repetitionAt(list, at);
    for (const told of list.slice(at, at + length)) sentences.push(told.text(told));
    if (times > 1) {
      const last = list
        .slice(at + length * (times - 1), at + length * times)
        .reduce((end, { address, size }) => (address + size > end ? address + size : end), 0n);
      sentences.push(`The same ${times - 1} more times for the pages after it, up to 0x${last.toString(16)}.`);
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

/** Whether the group of `length` sentences at `at` is the one before it, of later pages. */
function repeats(list: readonly Told[], at: number, length: number): boolean {
  if (at + length > list.length) return false;
  for (let index = at; index < at + length; index++) {
    const told = list[index]!;
    const before = list[index - length]!;
    if (told.shape !== before.shape || (told.size > 0n && told.address <= before.address)) return false;
  }
  return true;
}

const MERGED: Partial<Record<keyof EventMap, (told: Told) => string>> = {
  'range-inserted': (told) =>
    `${told.count === 1 ? 'A GPU range is' : `${told.count} GPU ranges are`} made: ${bytesAt(told)}.`,
  'range-removed': (told) =>
    `${told.count === 1 ? 'A GPU range is' : `${told.count} GPU ranges are`} removed: ${bytesAt(told)}.`,
  'ptes-written': (told) => `PTEs are written: ${bytesAt(told)}.`,
  'ptes-zapped': (told) => `PTEs are cleared: ${bytesAt(told)}.`,
  'dma-mapped': (told) => `Pages are collected and DMA-mapped: ${bytesAt(told)}.`,
  'dma-unmapped': (told) => `The DMA mapping goes, always of whole ranges: ${bytesAt(told)}.`,
  'collection-queued': (told) =>
    `${told.count === 1 ? 'A range is' : `${told.count} ranges are`} queued for the collector: ${bytesAt(told)}.`,
  collected: (told) => `${told.count === 1 ? 'A range is' : `${told.count} ranges are`} collected: ${bytesAt(told)}.`,
};

function toldOf({ name, event }: MachineEvent): Told | undefined {
  if (name === 'fault') {
    const { address, write, outcome, reason, cause } = event;
    const text = (told: Told): string => {
      const kind = write ? 'write' : 'read';
      const faults =
        told.count === 1
          ? `A ${kind} fault at 0x${told.address.toString(16)}`
          : `${told.count} ${kind} faults on ${bytesAt(told)}`;
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
  if (kind === 'faulted-in') return 'are set to the defaults by the fault, and stay';
  const what =
    kind === 'inserted'
      ? 'get an interval'
      : kind === 'split'
        ? 'change, and with them the bounds of an interval: ranges across these go'
        : 'change';
  if ((trigger & PREFETCH) !== 0) return `${what}; the prefetch location makes SET_ATTR map them`;
  return kind === 'changed' ? `${what}; PTEs stay as they are` : what;
}

function sentenceOf({ name, event }: MachineEvent): string | undefined {
  switch (name) {
    case 'attributes-changed':
      return `Attributes of ${bytesAt(event)} ${effectOfChange(event)}.`;
    case 'attribute-split':
      return `The interval of ${exactBytes(event.oldSize)} at 0x${event.oldAddress.toString(16)} is split.`;
    case 'prefetch':
      return `${event.result === 0 ? 'The interval has been mapped on the GPU' : `Mapping the interval on the GPU fails with ${errnoName(event.result) ?? event.result}`}: ${bytesAt(event)}.`;
    case 'retry':
      return event.of === 'set'
        ? 'SET_ATTR begins again, because pages became invalid under it.'
        : `The fault handler tries again after ${errnoName(event.cause) ?? event.cause}.`;
    case 'notifier-called':
      return `The driver is told by its notifier: ${event.kind} of ${bytesAt(event)}.`;
    case 'notifier-inserted':
      return `A notifier for ${bytesAt(event)} is registered.`;
    case 'notifier-removed':
      return `The notifier for ${bytesAt(event)} is removed.`;
    case 'tlb-flushed':
      return 'The TLB is flushed.';
    case 'collected':
      return `The collection of ${bytesAt(event)} fails with ${errnoName(event.result) ?? event.result}; the range is left.`;
    case 'zap-failed':
      return `The page tables refuse to clear PTEs: ${bytesAt(event)}.`;
    case 'commit-failed':
      return `The commit fails with ${errnoName(event.result) ?? event.result}: ${bytesAt(event)}.`;
    case 'context-created':
      return 'The VM gets an SVM context.';
    case 'context-finalised':
      return 'The SVM context is gone; PTEs stay.';
    default:
      return undefined;
  }
}
