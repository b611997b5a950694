/** SET_ATTR and GET_ATTR of random small intervals, on small and on large trees. */
import type { Workload } from './measurement.ts';
import { Random } from './random.ts';
import { BASE_PAGE, Scene } from './scene.ts';

/** Disjoint intervals of 1 to 8 pages with holes of 1 to 8 pages between them, set in random order. */
export class IntervalScene extends Scene {
  readonly count: number;
  readonly first: Float64Array;
  readonly pages: Uint8Array;
  /** The order in which a pass visits the intervals. */
  readonly order: Uint32Array;
  #cursor = 0;
  #flag = 1;

  constructor(count: number) {
    super();
    const random = new Random(count);
    this.count = count;
    this.first = new Float64Array(count);
    this.pages = new Uint8Array(count);
    this.order = random.permutation(count);
    let page = BASE_PAGE;
    for (let index = 0; index < count; index++) {
      page += 1 + random.below(8);
      this.first[index] = page;
      this.pages[index] = 1 + random.below(8);
      page += this.pages[index]!;
    }
    this.map(BASE_PAGE, page - BASE_PAGE + 8);
  }

  /** Sets every interval; the first pass, which creates them. */
  populate(): this {
    // Another order than the one that is measured, so that memory is laid out independently of it.
    for (const index of new Random(7).permutation(this.count)) this.set(this.first[index]!, this.pages[index]!, 0);
    return this;
  }

  /** Changes the flag of `times` whole intervals; every call changes a record. */
  changeSome(times: number): void {
    for (let done = 0; done < times; done++) {
      const index = this.#next();
      this.set(this.first[index]!, this.pages[index]!, this.#flag);
    }
  }

  getSome(times: number): void {
    for (let done = 0; done < times; done++) {
      const index = this.#next();
      this.get(this.first[index]!, this.pages[index]!);
    }
  }

  #next(): number {
    if (this.#cursor === this.count) {
      this.#cursor = 0;
      this.#flag ^= 1;
    }
    return this.order[this.#cursor++]!;
  }
}

/** SET and GET on a tree of `count` intervals; `setReference`, `getReference`: microseconds of the C code. */
export function attributeWorkloads(count: number, setReference: number, getReference: number): Workload[] {
  const scene = new IntervalScene(count).populate();
  const operations = 20_000;
  const tree = `${count.toLocaleString('en')} intervals`;
  return [
    { name: `SET one of ${tree}`, operations, batch: () => scene.changeSome(operations), reference: setReference },
    { name: `GET one of ${tree}`, operations, batch: () => scene.getSome(operations), reference: getReference },
  ];
}

/** SETs that change the tree itself: a new interval in a hole, and one interval split into three. */
export function treeChangeWorkloads(): Workload[] {
  const operations = 10_000;
  const order = new Random(3).permutation(operations);
  const spacing = 16;
  let scene = new Scene();
  const fresh = (): void => {
    scene = new Scene();
    scene.map(BASE_PAGE, operations * spacing + spacing);
  };
  return [
    {
      name: `SET in a hole, 0 to ${operations.toLocaleString('en')} intervals`,
      operations,
      prepare: fresh,
      batch: () => {
        for (const index of order) scene.set(BASE_PAGE + index * spacing, 8, 1);
      },
    },
    {
      name: `SET that splits, 1 to ${(operations * 2).toLocaleString('en')} intervals`,
      operations,
      prepare: () => {
        fresh();
        scene.set(BASE_PAGE, operations * spacing + spacing, 0);
      },
      batch: () => {
        for (const index of order) scene.set(BASE_PAGE + index * spacing + 4, 8, 1);
      },
    },
  ];
}
