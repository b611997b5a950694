/** Memory of attribute intervals and of mapped ranges, as the heap shows it after collections. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PIECE_PAGES } from '../emulator/kernel/page-block.ts';
import { RandomIntervals } from './attributes.ts';
import type { Measurement } from './measurement.ts';
import { BASE_PAGE, Scene } from './scene.ts';

const INTERVALS = 500_000;
const INTERVAL_LIMIT = 64;
// Many, so that compiled code and other things made once don't show.
const RANGES = 16_384;
const RANGE_LIMIT = 300;
/** Nanoseconds since boot, about: a range knows when it was mapped, and a number over 2^31 can take more memory than a small one. */
const AGE = 3600e9;
const BLOCK_PAGES = 512;
/** A PTE is a 32-bit frame and 16 bits of flags, and so is the entry of a piece of pages that are alike. */
const PTE_BYTES = 6;
const BLOCK_ENTRIES: number = BLOCK_PAGES + BLOCK_PAGES / PIECE_PAGES;

/** Bytes in use after everything unreachable is gone. */
export function usedBytes(): number {
  if (globalThis.gc === undefined) {
    setFlagsFromString('--expose-gc');
    globalThis.gc = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;
  }
  for (let round = 0; round < 3; round++) globalThis.gc!();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  // `external` counts array buffers too.
  return heapUsed + Math.max(external, arrayBuffers);
}

function memoryMeasurement(name: string, bytes: number, limit: number): Measurement {
  return { name, unit: 'B', median: bytes, best: bytes, target: { kind: 'limit', value: limit } };
}

export function measureMemory(): Measurement[] {
  return [
    memoryMeasurement(`memory of one attribute interval`, intervalBytes(), INTERVAL_LIMIT),
    memoryMeasurement(`memory of one mapped 2 MiB range beyond its PTEs`, rangeBytes(), RANGE_LIMIT),
  ];
}

function intervalBytes(): number {
  const list = new RandomIntervals(INTERVALS).populate();
  const scene = new Scene();
  scene.run(list, 0, 1);
  const before = usedBytes();
  scene.run(list, 1, INTERVALS);
  const bytes = (usedBytes() - before) / INTERVALS;
  if (scene.file.context!.tree.size !== INTERVALS) throw new Error('the intervals were not made');
  return bytes;
}

function rangeBytes(): number {
  const scene = new Scene();
  scene.machine.clock.advance(AGE);
  scene.map(BASE_PAGE, RANGES * BLOCK_PAGES);
  // One attribute interval for all, and the CPU's pages, so that neither counts.
  scene.set(BASE_PAGE, RANGES * BLOCK_PAGES, 1);
  scene.touch(BASE_PAGE, RANGES * BLOCK_PAGES);
  const before = usedBytes();
  for (let index = 0; index < RANGES; index++) scene.fault(BigInt(BASE_PAGE + index * BLOCK_PAGES) << 12n);
  const bytes = (usedBytes() - before) / RANGES - BLOCK_ENTRIES * PTE_BYTES;
  if (scene.file.context!.framework.ranges.size !== RANGES) throw new Error('the ranges were not made');
  return bytes;
}
