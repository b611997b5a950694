/** GET of KFD's SVM ioctl: one answer of all ranges that a request meets, over all GPUs (spec/hsa §4.2). */
import { SvmAccess, SvmLocation } from '../../uapi/constants.ts';
import { KfdSvmLocation } from './svm-attributes.ts';
import { kfdFlags } from './svm-translation.ts';

/** A record of one context, on pages `[first, last]`, both inclusive; locations are signed. */
export interface ContextInterval {
  readonly first: number;
  readonly last: number;
  readonly preferredLocation: number;
  readonly prefetchLocation: number;
  readonly access: number;
  readonly granularity: number;
  readonly flags: number;
}

/** The intervals of one GPU that meet the request, ascending. */
export interface GpuIntervals {
  readonly id: number;
  readonly intervals: readonly ContextInterval[];
  /** Its access where it has no interval. */
  readonly access: number;
}

/** What a GET tells. */
export interface MergedAttributes {
  readonly preferredLocation: number;
  readonly prefetchLocation: number;
  readonly granularity: number;
  readonly setFlags: number;
  readonly clearFlags: number;
  /** Access by GPU id. */
  readonly access: ReadonlyMap<number, number>;
}

/**
 * Merges what the contexts know of the pages `[first, last]`. KFD has one list of ranges for all GPUs: its ranges are the pages
 * that any context has an interval for. Pages in no range do not count, unless there is none. `fallback`: of no range at all.
 */
export function mergeIntervals(
  gpus: readonly GpuIntervals[],
  first: number,
  last: number,
  fallback: { readonly granularity: number; readonly flags: number },
): MergedAttributes {
  const ranges = rangesOf(gpus, first, last);
  if (ranges.length === 0) {
    const flags = kfdFlags(fallback.flags);
    return {
      preferredLocation: KfdSvmLocation.undefined,
      prefetchLocation: KfdSvmLocation.undefined,
      granularity: fallback.granularity,
      setFlags: flags,
      clearFlags: ~flags >>> 0,
      access: new Map(gpus.map(({ id, access }) => [id, access])),
    };
  }
  const merged = {
    preferredLocation: same(ranges.map((range) => location(range, gpus, 'preferredLocation'))),
    prefetchLocation: same(ranges.map((range) => location(range, gpus, 'prefetchLocation'))),
    granularity: 0xff,
    setFlags: 0xffff_ffff,
    clearFlags: 0xffff_ffff,
    access: new Map<number, number>(),
  };
  for (const range of ranges)
    for (const interval of range) {
      if (interval === undefined) continue;
      merged.granularity = Math.min(merged.granularity, interval.granularity);
      const flags = kfdFlags(interval.flags);
      merged.setFlags = (merged.setFlags & flags) >>> 0;
      merged.clearFlags = (merged.clearFlags & ~flags) >>> 0;
    }
  for (const [index, { id, access }] of gpus.entries()) {
    const all = new Set(ranges.map((range) => range[index]?.access ?? access));
    merged.access.set(id, all.size === 1 ? [...all][0]! : SvmAccess.inaccessible);
  }
  return merged;
}

/** The records of all GPUs, in their order, on a piece where none of them changes. */
type Range = readonly (ContextInterval | undefined)[];

function rangesOf(gpus: readonly GpuIntervals[], first: number, last: number): Range[] {
  const starts = new Set<number>();
  for (const { intervals } of gpus)
    for (const interval of intervals) {
      starts.add(Math.max(first, interval.first));
      if (interval.last < last) starts.add(interval.last + 1);
    }
  const positions = gpus.map(() => 0);
  const ranges: Range[] = [];
  for (const page of [...starts].sort((left, right) => left - right)) {
    const range = gpus.map(({ intervals }, gpu) => {
      while (positions[gpu]! < intervals.length && intervals[positions[gpu]!]!.last < page) positions[gpu]!++;
      const interval = intervals[positions[gpu]!];
      return interval !== undefined && interval.first <= page ? interval : undefined;
    });
    if (range.some((interval) => interval !== undefined)) ranges.push(range);
  }
  return ranges;
}

/** The first GPU that takes itself for the location; else the system, if one says so. */
function location(
  range: Range,
  gpus: readonly GpuIntervals[],
  member: 'preferredLocation' | 'prefetchLocation',
): number {
  const values = range.map((interval) => (interval?.[member] ?? -1) >>> 0);
  const gpu = values.findIndex((value) => value !== SvmLocation.system && value !== SvmLocation.undefined);
  if (gpu >= 0) return gpus[gpu]!.id;
  return values.includes(SvmLocation.system) ? KfdSvmLocation.system : KfdSvmLocation.undefined;
}

function same(values: readonly number[]): number {
  return values.every((value) => value === values[0]) ? values[0]! : KfdSvmLocation.undefined;
}
