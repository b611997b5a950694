/** Layouts of memory with several segments of attributes. */
import type { SvmAttributeName } from '../../uapi/constants.ts';

export const PAGES = 24;

export const NO_LOCATION = 0xffff_ffff;

/** Two values of each attribute that differ from each other; the first is not the default. */
export const VALUES = {
  preferredLocation: [1, 0],
  prefetchLocation: [0, NO_LOCATION],
  access: [1, 0],
  granularity: [3, 12],
  hostAccess: [0, 1],
  coherent: [0, 1],
  extCoherent: [1, 0],
  hiveLocal: [1, 0],
  gpuReadOnly: [1, 0],
  gpuExecutable: [1, 0],
  gpuReadMostly: [1, 0],
} as const satisfies Partial<Record<SvmAttributeName, readonly [number, number]>>;

/** A SET of the first or the second value on the pages `[first, first + count)`. */
export type Piece = readonly [first: number, count: number, value: 0 | 1];

export const LAYOUTS = {
  'one-page': [[7, 1, 0]],
  scattered: [
    [2, 3, 0],
    [9, 1, 0],
    [23, 1, 0],
  ],
  'second-vma': [
    [0, 12, 0],
    [12, 12, 1],
  ],
  nested: [
    [0, 24, 0],
    [4, 16, 1],
    [8, 8, 0],
    [11, 2, 1],
  ],
  chain: [
    [0, 8, 0],
    [4, 8, 1],
    [8, 8, 0],
    [12, 8, 1],
    [16, 8, 0],
  ],
  'every-second': [
    [1, 1, 0],
    [3, 1, 0],
    [5, 1, 0],
    [7, 1, 0],
    [9, 1, 0],
    [4, 3, 1],
  ],
  growing: [
    [11, 2, 0],
    [10, 4, 1],
    [8, 8, 0],
    [4, 16, 1],
  ],
  'over-holes': [
    [2, 2, 0],
    [8, 2, 0],
    [14, 2, 0],
    [0, 20, 1],
  ],
  'edges-inside': [
    [6, 12, 0],
    [6, 1, 1],
    [17, 1, 1],
  ],
  'edges-around': [
    [6, 12, 0],
    [5, 1, 1],
    [18, 1, 1],
  ],
  'and-back': [
    [0, 24, 0],
    [6, 6, 1],
    [6, 6, 0],
  ],
} as const satisfies Record<string, readonly Piece[]>;

export type Layout = keyof typeof LAYOUTS;

export const LAYOUT_NAMES = Object.keys(LAYOUTS) as Layout[];
