/** Registrations that split earlier ones, as kfdtest makes them. */
import { register } from './node.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import type { Mapping } from '../../framework/mapping.ts';
import type { SvmDevice } from '../../../device/index.ts';

export interface Split {
  readonly pages: number;
  /** First page and the page after the last one, in order. */
  readonly registrations: readonly (readonly [first: number, end: number])[];
}

export const SPLITS: Readonly<Record<string, Split>> = {
  '1-inside': {
    pages: 16,
    registrations: [
      [0, 16],
      [2, 3],
    ],
  },
  '2.1-tail': {
    pages: 16,
    registrations: [
      [0, 16],
      [1, 16],
    ],
  },
  '2.2-overhang': {
    pages: 18,
    registrations: [
      [0, 16],
      [2, 18],
    ],
  },
  '3-head': {
    pages: 16,
    registrations: [
      [0, 16],
      [0, 14],
    ],
  },
  '4.1-same': {
    pages: 16,
    registrations: [
      [0, 16],
      [0, 16],
    ],
  },
  '4.2-superset': {
    pages: 18,
    registrations: [
      [0, 16],
      [0, 18],
    ],
  },
  '5-islands': {
    pages: 32,
    registrations: [
      [2, 4],
      [8, 10],
      [0, 32],
    ],
  },
  '6-unmap-first': { pages: 16, registrations: [[2, 4]] },
};

export const SPLIT_NAMES = [
  '1-inside',
  '2.1-tail',
  '2.2-overhang',
  '3-head',
  '4.1-same',
  '4.2-superset',
  '5-islands',
  '6-unmap-first',
] as const;

/** Bytes that the boundary tests split. */
export const WINDOW = 2 << 20;

/** The number of the last registration of each page; -1 for none. */
export function owners({ pages: count, registrations }: Split): number[] {
  return Array.from({ length: count }, (_, page) =>
    registrations.findLastIndex(([first, end]) => page >= first && page < end),
  );
}

export function registerAll(t: CaseContext, memory: Mapping, device: SvmDevice, split: Split, location: number): void {
  for (const [first, end] of split.registrations)
    register(t, memory.range(pages(first), pages(end - first)), device, { location });
}
