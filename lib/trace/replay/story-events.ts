/** What the driver did in an operation, in sentences. What repeats from chunk to chunk is told once. */
import { errnoName } from '../../uapi/errno.ts';
import type { EventMap, EventName, MachineEvent } from '../../../emulator/index.ts';
import type { EffectDescriptor, ToldPages } from '../effects/descriptor.ts';
import { EFFECTS } from '../effects/index.ts';
import { faultRule } from '../../words/faults.ts';
import { bytesAt } from '../../words/sizes.ts';

const PAGE = 4096n;

interface Told {
  readonly gpu: number;
  /** Sentences of one shape say the same of different pages. */
  readonly shape: string;
  readonly address: bigint;
  size: bigint;
  count: number;
  readonly text: (told: Told) => string;
}

/** What the driver did, in its order; neighbours of one kind become one sentence. The GPU is named where there are several (`gpus`). */
export function eventSentences(events: readonly MachineEvent[], gpus: number): string[] {
  const list: Told[] = [];
  for (const event of events) {
    const told = toldOf(event);
    if (told === undefined) continue;
    const last = list[list.length - 1];
    if (
      last?.shape !== told.shape ||
      last.gpu !== told.gpu ||
      !(MERGED.has(told.shape) || told.shape.startsWith('fault '))
    )
      list.push(told);
    else if (
      last.address + last.size === told.address ||
      (told.shape.startsWith('fault ') && last.address + last.size - PAGE === told.address)
    ) {
      // Faults come for page after page, or for the same page again.
      last.count++;
      last.size = told.address + told.size - last.address;
    } else list.push(told);
  }
  return withoutRepetition(list, (told) => `${gpus > 1 ? `GPU ${told.gpu}: ` : ''}${told.text(told)}`);
}

const LONGEST_PATTERN = 6;
const LEAST_REPETITIONS = 3;

/** "and so on" for groups of sentences that repeat with later pages. */
function withoutRepetition(list: readonly Told[], tell: (told: Told) => string): string[] {
  const sentences: string[] = [];
  for (let at = 0; at < list.length;) {
    const { length, times } = repetitionAt(list, at);
    for (const told of list.slice(at, at + length)) sentences.push(tell(told));
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
    if (told.shape !== before.shape || told.gpu !== before.gpu || (told.size > 0n && told.address <= before.address))
      return false;
  }
  return true;
}

/** Effects of the trace format are told by their descriptors. */
const BY_EVENT = new Map<EventName, EffectDescriptor>(EFFECTS.map((effect) => [effect.event, effect]));
/** Those of which neighbours are told in one sentence. */
const MERGED: ReadonlySet<string> = new Set<EventName>([
  'range-inserted',
  'range-removed',
  'ptes-written',
  'ptes-zapped',
  'dma-mapped',
  'dma-unmapped',
  'collection-queued',
  'collected',
]);

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
      gpu: event.device,
      text,
    };
  }
  const place = 'size' in event ? { address: event.address, size: event.size } : { address: 0n, size: 0n };
  const own = SENTENCES[name] as ((event: unknown, told: ToldPages) => string) | undefined;
  const sentence =
    BY_EVENT.get(name)?.sentence ?? (own === undefined ? undefined : (told: ToldPages) => own(event, told));
  return sentence === undefined
    ? undefined
    : { shape: shapeOf({ name, event } as MachineEvent), ...place, count: 1, gpu: event.device, text: sentence };
}

/** A collection that failed is told alone. */
function shapeOf({ name, event }: MachineEvent): string {
  return name === 'collected' && event.result !== 0 ? 'collection failed' : name;
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

const errno = (result: number): string => errnoName(result) ?? String(result);

/** Events that are no effects of the format. */
const SENTENCES: { readonly [Name in EventName]?: (event: EventMap[Name], told: ToldPages) => string } = {
  'attributes-changed': (event) => `Attributes of ${bytesAt(event)} ${effectOfChange(event)}.`,
  'attribute-split': (event) =>
    `The interval of ${bytesAt({ address: event.oldAddress, size: event.oldSize })} is split.`,
  prefetch: (event) =>
    event.result === 0
      ? `The interval has been mapped on the GPU: ${bytesAt(event)}.`
      : `Mapping the interval on the GPU fails with ${errno(event.result)}: ${bytesAt(event)}.`,
  retry: (event) =>
    event.of === 'set'
      ? 'SET_ATTR begins again, because pages became invalid under it.'
      : `The fault handler tries again after ${errno(event.cause)}.`,
  'notifier-called': (event) => `The driver is told by its notifier: ${event.kind} of ${bytesAt(event)}.`,
  collected: (event, told) =>
    event.result === 0
      ? `${told.count === 1 ? 'A range is' : `${told.count} ranges are`} collected: ${bytesAt(told)}.`
      : `The collection of ${bytesAt(event)} fails with ${errno(event.result)}; the range is left.`,
  'zap-failed': (event) => `The page tables refuse to clear PTEs: ${bytesAt(event)}.`,
  'commit-failed': (event) => `The commit fails with ${errno(event.result)}: ${bytesAt(event)}.`,
  'context-created': () => 'The VM gets an SVM context.',
  'context-finalised': () => 'The SVM context is gone; PTEs stay.',
};
