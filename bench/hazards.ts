/** What the hazard monitor costs: the core workloads with and without it, as times of one operation. */
import { measureTime } from './measurement.ts';
import type { Measurement } from './measurement.ts';
import { BASE_PAGE, Scene } from './scene.ts';

const BLOCK_PAGES = 512;
const BLOCKS = 64;
const INTERVALS = 1000;
const SPACING = 16;
const MOST = 2;

/** A scene whose operations are bracketed as those of a program are. */
class ScopedScene extends Scene {
  readonly #run: (operation: () => void) => void = (operation) => this.machine.scope.run(operation);

  constructor(watched: boolean) {
    super();
    if (watched) this.machine.watchHazards();
    this.map(BASE_PAGE, BLOCKS * BLOCK_PAGES);
  }

  setScoped(page: number, pages: number, flag: number): void {
    this.#run(() => this.set(page, pages, flag));
  }

  faultScoped(address: bigint): void {
    this.#run(() => this.fault(address));
  }

  /** Everything unmapped, collected and mapped again. */
  reset(): void {
    this.unmap(BASE_PAGE, BLOCKS * BLOCK_PAGES);
    this.collect();
    this.device.finaliseContext(this.file);
    this.map(BASE_PAGE, BLOCKS * BLOCK_PAGES);
    this.file.convertToCompute();
    this.set(BASE_PAGE, BLOCKS * BLOCK_PAGES, 1);
  }
}

interface Pair {
  readonly name: string;
  readonly operations: number;
  /** Makes the batch and its preparation for a scene with or without the monitor. */
  readonly make: (scene: ScopedScene) => { readonly prepare?: () => void; readonly batch: () => void };
}

const BLOCK_ADDRESSES = Array.from(
  { length: BLOCKS },
  (_, block) => BigInt(BASE_PAGE + block * BLOCK_PAGES + 5) << 12n,
);

function chunkFaults(name: string, unit: number, chunk: number): Pair {
  const units = (16 * BLOCK_PAGES) / unit;
  const perUnit = unit / chunk - 1;
  const addresses = Array.from({ length: units * perUnit }, (_, index) => {
    const page = BASE_PAGE + Math.floor(index / perUnit) * unit + (1 + (index % perUnit)) * chunk;
    return BigInt(page) << 12n;
  });
  return {
    name,
    operations: addresses.length,
    make: (scene) => ({
      prepare: () => {
        scene.reset();
        for (let index = 0; index < units; index++) scene.set(BASE_PAGE + index * unit + chunk, unit - chunk, 0);
      },
      batch: () => {
        for (let index = 0; index < addresses.length; index++) scene.faultScoped(addresses[index]!);
      },
    }),
  };
}

const PAIRS: readonly Pair[] = [
  {
    name: `SET one of ${INTERVALS} intervals`,
    operations: 20 * INTERVALS,
    make: (scene) => {
      for (let index = 0; index < INTERVALS; index++) scene.set(BASE_PAGE + index * SPACING, 8, 0);
      let flag = 1;
      return {
        batch: () => {
          for (let round = 0; round < 20; round++, flag ^= 1) {
            for (let index = 0; index < INTERVALS; index++) scene.setScoped(BASE_PAGE + index * SPACING, 8, flag);
          }
        },
      };
    },
  },
  {
    name: 'fault, fresh 2 MiB range',
    operations: BLOCKS,
    make: (scene) => ({
      prepare: () => scene.reset(),
      batch: () => {
        for (let index = 0; index < BLOCKS; index++) scene.faultScoped(BLOCK_ADDRESSES[index]!);
      },
    }),
  },
  chunkFaults('fault, fresh 64 KiB range', 512, 16),
  chunkFaults('fault, fresh 4 KiB range', 16, 1),
  {
    name: 'munmap and collection of one 2 MiB range',
    operations: BLOCKS,
    make: (scene) => ({
      prepare: () => {
        scene.reset();
        for (let index = 0; index < BLOCKS; index++) scene.fault(BLOCK_ADDRESSES[index]!);
      },
      batch: () => {
        for (let block = 0; block < BLOCKS; block++) {
          scene.unmap(BASE_PAGE + block * BLOCK_PAGES, BLOCK_PAGES);
          scene.collect();
        }
      },
    }),
  },
];

/** Each workload with the monitor on; the limit is twice its time without. */
export function measureHazards(): Measurement[] {
  return PAIRS.map(({ name, operations, make }) => {
    const off = measureTime({ name, operations, ...make(new ScopedScene(false)) });
    const on = measureTime({ name: `hazards: ${name}`, operations, ...make(new ScopedScene(true)) });
    return { ...on, target: { kind: 'limit', value: off.median * MOST } };
  });
}
