/** SET_ATTR and GET_ATTR of random small intervals, on small and on large trees. */
import { SvmAttributeType } from 'amdgpu-svm';
import { OperationKind, OperationList } from './operations.ts';
import type { PairedWorkload } from './paired.ts';
import { Random } from './random.ts';
import { BASE_PAGE } from './scene.ts';

/** Beside C, at most. */
const GOAL = 1.2;
const FLAG = SvmAttributeType.gpuReadMostly;

/** Disjoint intervals of 1 to 8 pages with holes of 1 to 8 pages between them. */
export class RandomIntervals {
  readonly count: number;
  readonly #first: Float64Array;
  readonly #pages: Uint8Array;
  #end = BASE_PAGE;

  constructor(count: number) {
    const random = new Random(count);
    this.count = count;
    this.#first = new Float64Array(count);
    this.#pages = new Uint8Array(count);
    for (let index = 0; index < count; index++) {
      const page = this.#end + 1 + random.below(8);
      this.#first[index] = page;
      this.#pages[index] = 1 + random.below(8);
      this.#end = page + this.#pages[index]!;
    }
  }

  /** Maps the memory, and sets every interval, in another random order than any other list has. */
  populate(): OperationList {
    const list = new OperationList(1 + this.count);
    list.add(OperationKind.map, BASE_PAGE, this.#end - BASE_PAGE + 8);
    this.#addAll(list, OperationKind.set, 7, 0);
    return list;
  }

  /** Changes the flag of each whole interval in random order, on and off again: every SET changes a record. */
  changes(): OperationList {
    const list = new OperationList(2 * this.count);
    for (const flag of [1, 0]) this.#addAll(list, OperationKind.set, this.count, flag);
    return list;
  }

  gets(): OperationList {
    const list = new OperationList(this.count);
    this.#addAll(list, OperationKind.get, this.count, 0);
    return list;
  }

  #addAll(list: OperationList, kind: OperationKind, seed: number, flag: number): void {
    for (const index of new Random(seed).permutation(this.count))
      list.add(kind, this.#first[index]!, this.#pages[index]!, FLAG, flag);
  }
}

/** SET and GET on a tree of `count` intervals. */
export function attributeWorkloads(count: number): PairedWorkload[] {
  const intervals = new RandomIntervals(count);
  const begin = intervals.populate();
  const operations = 20_000;
  const tree = `${count.toLocaleString('en')} intervals`;
  return [
    { name: `SET one of ${tree}`, begin, batch: intervals.changes(), operations, goal: GOAL },
    { name: `GET one of ${tree}`, begin, batch: intervals.gets(), operations, goal: GOAL },
  ];
}

/** SETs that change the tree itself: a new interval in a hole, and one interval split into three. */
export function treeChangeWorkloads(): PairedWorkload[] {
  const operations = 10_000;
  const order = new Random(3).permutation(operations);
  const spacing = 16;
  const pages = operations * spacing + spacing;
  const begin = new OperationList(1);
  begin.add(OperationKind.map, BASE_PAGE, pages);
  const inHoles = new OperationList(operations);
  const splitting = new OperationList(operations);
  for (const index of order) {
    inHoles.add(OperationKind.set, BASE_PAGE + index * spacing, 8, FLAG, 1);
    splitting.add(OperationKind.set, BASE_PAGE + index * spacing + 4, 8, FLAG, 1);
  }
  const empty = new OperationList(1);
  empty.add(OperationKind.newContext);
  const whole = new OperationList(2);
  whole.add(OperationKind.newContext);
  whole.add(OperationKind.set, BASE_PAGE, pages, FLAG, 0);
  return [
    {
      name: `SET in a hole, 0 to ${operations.toLocaleString('en')} intervals`,
      begin,
      prepare: empty,
      batch: inHoles,
      operations,
      goal: GOAL,
    },
    {
      name: `SET that splits, 1 to ${(operations * 2).toLocaleString('en')} intervals`,
      begin,
      prepare: whole,
      batch: splitting,
      operations,
      goal: GOAL,
    },
  ];
}
