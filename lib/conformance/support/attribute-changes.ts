/** Changes of attributes of a part of the memory. */

/** The record that each case begins with, and another legal value of each attribute. */
export const START = {
  preferredLocation: 0,
  prefetchLocation: 0,
  access: 1,
  granularity: 5,
  hostAccess: 0,
  coherent: 1,
  extCoherent: 0,
  hiveLocal: 1,
  gpuReadOnly: 0,
  gpuExecutable: 0,
  gpuReadMostly: 1,
} as const;

export const OTHER = {
  preferredLocation: 0xffff_ffff,
  access: 2,
  granularity: 6,
  hostAccess: 1,
  coherent: 0,
  extCoherent: 1,
  hiveLocal: 0,
  gpuReadOnly: 1,
  gpuExecutable: 1,
  gpuReadMostly: 0,
} as const;

export type Attribute = keyof typeof START;

export const ATTRIBUTES = Object.keys(START) as Attribute[];

export const CHANGES = Object.keys(OTHER) as (keyof typeof OTHER)[];

export const PARTS = {
  whole: [0, 512],
  'first-page': [0, 1],
  'last-page': [511, 1],
  'middle-page': [300, 1],
  'first-half': [0, 256],
  'end-half': [256, 256],
  'middle-half': [128, 256],
} as const;
