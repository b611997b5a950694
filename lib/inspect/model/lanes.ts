/** The state of a context as lanes over the address space. */
import type {
  AttributeSnapshot,
  ContextSnapshot,
  PteRun,
  RangeSnapshot,
  VmaSnapshot,
} from '../../../emulator/index.ts';
import { accessName, locationName } from '../../words/attributes.ts';
import { memoryName } from '../../words/memory.ts';
import { PTE_STATE_WORDS } from '../../words/faults.ts';
import { ptePermits } from '../../words/pte-flags.ts';
import { pagesSize } from './format.ts';

/** The lanes, in the order in which they are drawn. */
export const LANES = ['vmas', 'memory', 'attributes', 'notifiers', 'ranges', 'ptes'] as const;
export type LaneName = (typeof LANES)[number];

export const LANE_TITLES: Readonly<Record<LaneName, string>> = {
  vmas: 'VMAs',
  memory: 'lies in',
  attributes: 'attributes',
  notifiers: 'notifiers',
  ranges: 'GPU ranges',
  ptes: 'PTEs',
};

/** Which attribute gives the attribute lane its colours. */
export const ATTRIBUTE_COLOURS = [
  'access',
  'gpuReadOnly',
  'preferredLocation',
  'prefetchLocation',
  'granularity',
  'coherent',
  'gpuExecutable',
] as const;
export type AttributeColour = (typeof ATTRIBUTE_COLOURS)[number];

/** What an item is, as the snapshot has it. */
type LaneData =
  | { readonly lane: 'vmas'; readonly vma: VmaSnapshot }
  | { readonly lane: 'memory'; readonly gpu: number | null }
  | { readonly lane: 'attributes'; readonly interval: AttributeSnapshot }
  | { readonly lane: 'notifiers' }
  | { readonly lane: 'ranges'; readonly range: RangeSnapshot }
  | { readonly lane: 'ptes'; readonly run: PteRun };

/** Something that covers pages. */
export interface LaneItem {
  readonly lane: LaneName;
  /** The same text for the same thing in the same state. */
  readonly identity: string;
  readonly page: number;
  readonly pages: number;
  readonly label: string;
  readonly data: LaneData;
}

/** Items of each lane, ascending. */
export type Lanes = Readonly<Record<LaneName, readonly LaneItem[]>>;

const NO_LANES: Lanes = { vmas: [], memory: [], attributes: [], notifiers: [], ranges: [], ptes: [] };

/** The lanes that are drawn: where memory lies only where it can lie in more than one place. */
export function shownLanes(lanes: Lanes): readonly LaneName[] {
  return lanes.memory.length > 0 ? LANES : WITHOUT_MEMORY;
}

const WITHOUT_MEMORY = LANES.filter((lane) => lane !== 'memory');

/** The lanes of a snapshot. */
export function lanesOf(snapshot: ContextSnapshot): Lanes {
  return {
    vmas: snapshot.vmas.map((vma) =>
      item(
        pageOf(vma.start),
        pageOf(vma.end),
        `${vma.kind} ${vma.protection}`,
        { lane: 'vmas', vma },
        `${vma.kind}${vma.protection}`,
      ),
    ),
    memory: snapshot.places.map(({ startPage, pages, gpu }) =>
      item(startPage, startPage + pages, memoryName(gpu), { lane: 'memory', gpu }, String(gpu)),
    ),
    attributes: snapshot.attributes.map((interval) => {
      const { firstPage, lastPage, preferredLocation, prefetchLocation, access, granularity, flags } = interval;
      const state = [preferredLocation, prefetchLocation, access, granularity, flags].join();
      return item(firstPage, lastPage + 1, attributeLabel(interval), { lane: 'attributes', interval }, state);
    }),
    notifiers: snapshot.notifiers.map(({ start, end }) =>
      item(pageOf(start), pageOf(end), 'notifier', { lane: 'notifiers' }, ''),
    ),
    ranges: snapshot.ranges.map((range) => {
      const { mapped, unmapped, partiallyUnmapped, dmaMapped, queue, pteFlags, attributeFlags, validationTime } = range;
      const state = [
        mapped,
        unmapped,
        partiallyUnmapped,
        dmaMapped,
        queue,
        pteFlags,
        attributeFlags,
        validationTime,
      ].join();
      return item(pageOf(range.start), pageOf(range.end), rangeLabel(range), { lane: 'ranges', range }, state);
    }),
    ptes: snapshot.ptes.map((run) =>
      item(
        run.startPage,
        run.startPage + run.pages,
        `${PTE_STATE_WORDS[run.state]} ${ptePermits(run.flags, true) ? 'rw' : 'r'}`,
        { lane: 'ptes', run },
        `${run.flags},${run.state}`,
      ),
    ),
  };
}

function item(page: number, end: number, label: string, data: LaneData, state: string): LaneItem {
  return {
    lane: data.lane,
    identity: `${data.lane} ${page}+${end - page} ${state}`,
    page,
    pages: end - page,
    label,
    data,
  };
}

function pageOf(address: bigint): number {
  return Number(address >> 12n);
}

function attributeLabel(interval: AttributeSnapshot): string {
  const readOnly = (interval.flags & 0x10) !== 0 ? ' RO' : '';
  const preferred = interval.preferredLocation === 0xffff_ffff ? '' : ` @${locationName(interval.preferredLocation)}`;
  return `${accessName(interval.access)}${readOnly}${preferred}`;
}

function rangeLabel(range: RangeSnapshot): string {
  const words = [pagesSize(Number((range.end - range.start) >> 12n))];
  if (range.queued) words.push('queued');
  if (range.queue === 'restore') words.push('to be restored');
  if (range.unmapped) words.push('unmapped');
  else if (range.partiallyUnmapped) words.push('partly unmapped');
  else if (!range.mapped) words.push('not mapped');
  return words.join(', ');
}

/** The colour of an item: the name of a colour class, of which the page knows the paint. */
export function colourOf(item: LaneItem, attribute: AttributeColour): string {
  const { data } = item;
  switch (data.lane) {
    case 'vmas':
      return data.vma.protection.includes('w')
        ? 'vma-writable'
        : data.vma.protection.includes('r')
          ? 'vma-readable'
          : 'vma-none';
    case 'memory':
      return data.gpu === null ? 'memory-system' : `memory-vram-${data.gpu % 2}`;
    case 'attributes':
      return `set-${attributeClass(data.interval, attribute)}`;
    case 'notifiers':
      return 'notifier';
    case 'ranges':
      return item.pages >= 512 ? 'range-2m' : item.pages >= 16 ? 'range-64k' : 'range-4k';
    case 'ptes':
      if (data.run.state !== 'ok') return `pte-${data.run.state}`;
      return ptePermits(data.run.flags, true) ? 'pte-ok' : 'pte-readonly';
  }
}

/** Number of the class that an interval falls into, 0 to 5. */
function attributeClass(interval: AttributeSnapshot, attribute: AttributeColour): number {
  const bit = (mask: number): number => ((interval.flags & mask) !== 0 ? 2 : 0);
  switch (attribute) {
    case 'access':
      return interval.access < 3 ? [1, 2, 0][interval.access]! : 5;
    case 'gpuReadOnly':
      return bit(0x10);
    case 'coherent':
      return (interval.flags & 0x04) !== 0 ? 3 : bit(0x02);
    case 'gpuExecutable':
      return bit(0x20);
    case 'granularity':
      return interval.granularity % 6;
    case 'preferredLocation':
      return locationClass(interval.preferredLocation);
    case 'prefetchLocation':
      return locationClass(interval.prefetchLocation);
  }
}

function locationClass(location: number): number {
  if (location === 0xffff_ffff) return 0;
  return location === 0 ? 2 : 3;
}

/** What the colours of the attribute lane mean: class number and words. */
export function attributeLegend(attribute: AttributeColour): readonly (readonly [number, string])[] {
  switch (attribute) {
    case 'access':
      return [
        [0, 'allow-migrate'],
        [2, 'in-place'],
        [1, 'inaccessible'],
      ];
    case 'gpuReadOnly':
      return [
        [0, 'GPU may write'],
        [2, 'GPU read-only'],
      ];
    case 'coherent':
      return [
        [0, 'not coherent'],
        [2, 'coherent'],
        [3, 'extended coherent'],
      ];
    case 'gpuExecutable':
      return [
        [0, 'not executable'],
        [2, 'executable'],
      ];
    case 'granularity':
      return [
        [3, '9 (2 MiB)'],
        [4, '4 (64 KiB)'],
        [0, '0 (4 KiB)'],
      ];
    default:
      return [
        [0, 'undefined'],
        [2, 'system'],
        [3, 'device'],
      ];
  }
}

/** New and changed items as they are now, removed and changed ones as they were. */
export interface LaneChanges {
  /** Identities of items that were not there before in this state. */
  readonly added: ReadonlySet<string>;
  /** Items that are no longer there in that state. */
  readonly removed: readonly LaneItem[];
}

export const NO_CHANGES: LaneChanges = { added: new Set(), removed: [] };

/** Compares two states; `before` is undefined for the first. */
export function laneChanges(before: Lanes = NO_LANES, after: Lanes): LaneChanges {
  const added = new Set<string>();
  const removed: LaneItem[] = [];
  for (const lane of LANES) {
    const old = new Set(before[lane].map((item) => item.identity));
    for (const item of after[lane]) if (!old.delete(item.identity)) added.add(item.identity);
    if (old.size > 0) removed.push(...before[lane].filter((item) => old.has(item.identity)));
  }
  return { added, removed };
}
