/** GPU faults that map fresh ranges of each chunk size, and their way out: munmap and collection. */
import { SvmAttributeType } from 'amdgpu-svm';
import { OperationKind, OperationList } from './operations.ts';
import type { PairedWorkload } from './paired.ts';
import { BASE_PAGE } from './scene.ts';

const BLOCK_PAGES = 512;
const BLOCKS = 128;
/** Fewer, where there are many ranges in one. */
const SMALL_CHUNK_BLOCKS = 16;
/** The most that faults of that many pages may cost beside C, and ways out. */
const FAULT_GOALS: ReadonlyMap<number, number> = new Map([
  [512, 0.8],
  [16, 0.8],
  [1, 1.2],
]);
const UNMAP_GOAL = 0.5;

/** Faults on ranges of `chunk` pages, and how they come about. */
interface FaultScene {
  readonly blocks: number;
  readonly faults: OperationList;
  /** From any state to fresh memory: no CPU pages, no ranges, no attributes but those that make the chunks so small. */
  readonly prepare: OperationList;
}

/**
 * One fault for each range that has room: intervals that start `chunk` pages into every `unit` pages leave room for
 * nothing larger. `unit` is `chunk` for ranges that fill whole blocks.
 */
function faultScene(blocks: number, unit: number, chunk: number): FaultScene {
  const total = blocks * BLOCK_PAGES;
  const units = total / unit;
  const prepare = new OperationList(4 + units);
  prepare.add(OperationKind.unmap, BASE_PAGE, total);
  prepare.add(OperationKind.collect);
  prepare.add(OperationKind.map, BASE_PAGE, total);
  // Where nothing was mapped, attributes outlive munmap (Q30): a new context has none.
  prepare.add(OperationKind.newContext);
  const faults = new OperationList(total / chunk);
  for (let begin = BASE_PAGE; begin < BASE_PAGE + total; begin += unit) {
    if (unit !== chunk) prepare.add(OperationKind.set, begin + chunk, unit - chunk, SvmAttributeType.gpuReadMostly, 1);
    for (let page = begin + (unit === chunk ? 0 : chunk); page < begin + unit; page += chunk)
      faults.add(OperationKind.fault, page + (chunk >> 2), chunk);
  }
  return { blocks, faults, prepare };
}

const SCENES: readonly { readonly name: string; readonly chunk: number; readonly make: () => FaultScene }[] = [
  { name: '2 MiB', chunk: 512, make: () => faultScene(BLOCKS, BLOCK_PAGES, BLOCK_PAGES) },
  { name: '64 KiB', chunk: 16, make: () => faultScene(SMALL_CHUNK_BLOCKS, BLOCK_PAGES, 16) },
  { name: '4 KiB', chunk: 1, make: () => faultScene(SMALL_CHUNK_BLOCKS, 16, 1) },
];

/** The memory is there. */
function mapped({ blocks }: FaultScene): OperationList {
  const begin = new OperationList(1);
  begin.add(OperationKind.map, BASE_PAGE, blocks * BLOCK_PAGES);
  return begin;
}

export function faultWorkloads(): PairedWorkload[] {
  return SCENES.map(({ name, chunk, make }) => {
    const scene = make();
    const { faults: batch, prepare } = scene;
    const goal = FAULT_GOALS.get(chunk)!;
    return { name: `fault, fresh ${name} range`, begin: mapped(scene), prepare, batch, operations: batch.length, goal };
  });
}

export function unmapWorkloads(): PairedWorkload[] {
  return SCENES.flatMap(({ name, make }) => {
    const scene = make();
    const { blocks, faults } = scene;
    const prepare = concatenate(scene.prepare, faults);
    const one = new OperationList(2 * faults.length);
    for (let index = 0; index < faults.length; index++) {
      const pages = faults.counts[index]!;
      one.add(OperationKind.unmap, Math.floor(faults.pages[index]! / pages) * pages, pages);
      one.add(OperationKind.collect);
    }
    const all = new OperationList(2);
    all.add(OperationKind.unmap, BASE_PAGE, blocks * BLOCK_PAGES);
    all.add(OperationKind.collect);
    return [
      { name: `munmap and collection of one ${name} range`, batch: one },
      { name: `munmap and collection of ${faults.length} ranges of ${name} at once, each`, batch: all },
    ].map(({ name: each, batch }) => ({
      name: each,
      begin: mapped(scene),
      prepare,
      batch,
      operations: batch.length,
      counted: faults.length,
      goal: UNMAP_GOAL,
    }));
  });
}

function concatenate(first: OperationList, second: OperationList): OperationList {
  const both = new OperationList(first.length + second.length);
  for (const { kinds, pages, counts, types, values, length } of [first, second])
    for (let index = 0; index < length; index++)
      both.add(kinds[index] as OperationKind, pages[index], counts[index], types[index], values[index]);
  return both;
}
