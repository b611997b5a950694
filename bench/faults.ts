/** GPU faults that map fresh ranges of each chunk size, and their way out: munmap and collection. */
import type { Workload } from './measurement.ts';
import { BASE_PAGE, Scene } from './scene.ts';

const BLOCK_PAGES = 512;

/** Blocks of 2 MiB in which every batch works; memory is given back before the next one. */
class BlockScene extends Scene {
  readonly blocks: number;

  constructor(blocks: number) {
    super();
    this.blocks = blocks;
    this.map(BASE_PAGE, blocks * BLOCK_PAGES);
  }

  /** Everything unmapped, collected and mapped again: no CPU pages, no ranges, no attributes. */
  reset(): void {
    this.unmap(BASE_PAGE, this.blocks * BLOCK_PAGES);
    this.collect();
    this.map(BASE_PAGE, this.blocks * BLOCK_PAGES);
    // Where nothing was mapped, attributes outlive munmap (Q30): a new context has none.
    this.device.finaliseContext(this.file);
    this.file.convertToCompute();
  }

  faultAll(addresses: BigUint64Array): void {
    for (let index = 0; index < addresses.length; index++) this.fault(addresses[index]!);
  }
}

function addressList(count: number, pageOf: (index: number) => number): BigUint64Array {
  return BigUint64Array.from({ length: count }, (_, index) => BigInt(pageOf(index)) << 12n);
}

/** Chunks of `chunk` pages: intervals that start `chunk` pages into a block of `unit` pages leave room for nothing larger. */
function smallChunkFaults(name: string, unit: number, chunk: number, reference: number): Workload {
  const scene = new BlockScene(16);
  const units = (scene.blocks * BLOCK_PAGES) / unit;
  const perUnit = unit / chunk - 1;
  const addresses = addressList(units * perUnit, (index) => {
    const unitNumber = Math.floor(index / perUnit);
    return BASE_PAGE + unitNumber * unit + (1 + (index % perUnit)) * chunk;
  });
  return {
    name,
    operations: addresses.length,
    reference,
    prepare: () => {
      scene.reset();
      for (let index = 0; index < units; index++) scene.set(BASE_PAGE + index * unit + chunk, unit - chunk, 1);
    },
    batch: () => scene.faultAll(addresses),
  };
}

export function faultWorkloads(): Workload[] {
  const scene = new BlockScene(128);
  const { blocks } = scene;
  const addresses = addressList(blocks, (index) => BASE_PAGE + index * BLOCK_PAGES + 5);
  return [
    {
      name: 'fault, fresh 2 MiB range',
      operations: blocks,
      reference: 11.8,
      prepare: () => scene.reset(),
      batch: () => scene.faultAll(addresses),
    },
    smallChunkFaults('fault, fresh 64 KiB range', 512, 16, 0.92),
    smallChunkFaults('fault, fresh 4 KiB range', 16, 1, 0.42),
  ];
}

export function unmapWorkloads(): Workload[] {
  const scene = new BlockScene(128);
  const { blocks } = scene;
  const addresses = addressList(blocks, (index) => BASE_PAGE + index * BLOCK_PAGES);
  const prepare = (): void => {
    scene.reset();
    scene.faultAll(addresses);
  };
  return [
    {
      name: 'munmap and collection of one 2 MiB range',
      operations: blocks,
      reference: 3.2,
      prepare,
      batch: () => {
        for (let block = 0; block < blocks; block++) {
          scene.unmap(BASE_PAGE + block * BLOCK_PAGES, BLOCK_PAGES);
          scene.collect();
        }
      },
    },
    {
      name: `munmap and collection of ${blocks} ranges at once, per 2 MiB`,
      operations: blocks,
      prepare,
      batch: () => {
        scene.unmap(BASE_PAGE, blocks * BLOCK_PAGES);
        scene.collect();
      },
    },
  ];
}
