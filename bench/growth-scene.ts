/** A process with many things in it, and the operations of which none may take longer because there are many. */
import { SvmAttributeType, SvmOperation } from 'amdgpu-svm';
import { BASE_PAGE, Scene } from './scene.ts';

/** Pages from one thing to the next: the thing, and a hole, so that mappings and intervals stay apart. A million take 64 GiB. */
const STRIDE = 16;
/**
 * Operations are on so many things, which lie all over the scene, in an order without a pattern. They stay in the caches of the
 * processor: what is left of a growth is work, and not how far away the memory is. Each thing of a large scene has leaves of its
 * own in five trees: with 256 of them beside busy programs the same work took up to six times as long, with 32 up to twice.
 */
const HOT = 32;
const HOT_STEP = 11;
const MIB = 1 << 20;
const PAGE = 4096n;

/** A mapping that nobody touches: 1 TiB, below everything else. */
const EMPTY = 0x600_0000_0000n;
const EMPTY_SIZE = 1n << 40n;

/** Enough for every step of the clock to leave the window in which the fault handler does not look again. */
const PAST_WINDOW = 3_000_000;

/**
 * `things` mappings of one page, each with attributes of its own and a GPU range that maps it, on a machine that can move pages to
 * VRAM.
 */
export class GrowthScene extends Scene {
  readonly things: number;
  readonly #stride: number;
  #next = 0;
  #flag = 0;

  /** `stride`: pages from one thing to the next, at least 4; with 1024, each has page tables of its own. */
  constructor(things: number, stride = STRIDE) {
    super({ profile: 'v8', vram: 64 * MIB });
    this.things = things;
    this.#stride = stride;
    this.mapEmpty();
    for (let thing = 0; thing < things; thing++) this.make(BASE_PAGE + thing * stride, thing & 1);
    this.machine.clock.advance(PAST_WINDOW);
  }

  /** The mapping that nobody touches. */
  mapEmpty(): void {
    ok(this.machine.process.calls.mmap(EMPTY, EMPTY_SIZE, 3, 'anon'));
  }

  /** A mapping with attributes and a GPU range at `page`. */
  make(page: number, flag: number): void {
    this.map(page, 1);
    this.set(page, 1, flag);
    this.faultAt(page);
  }

  /** The GPU faults at `page`. */
  faultAt(page: number): void {
    this.fault(BigInt(page) << 12n);
  }

  /** The same when the handler looks again. */
  faultLater(page: number): void {
    this.machine.clock.advance(PAST_WINDOW);
    this.faultAt(page);
  }

  /** The page of another one of the things that operations are on. */
  any(): number {
    this.#next = (this.#next + HOT_STEP) % HOT;
    return BASE_PAGE + Math.floor((this.#next * this.things) / HOT) * this.#stride;
  }

  /** 0 and 1 by turns. */
  flip(): number {
    return (this.#flag ^= 1);
  }

  /** SET_ATTR of any attribute of one page. */
  setOne(page: number, type: number, value: number): void {
    this.#set(page, 4096, type, value);
  }

  #set(page: number, size: number, type: number, value: number): void {
    const attributes = new Uint8Array(8);
    const view = new DataView(attributes.buffer);
    view.setUint32(0, type, true);
    view.setUint32(4, value, true);
    this.#svm(SvmOperation.setAttributes, page, size, 1, attributes);
  }

  /** SET_ATTR of the granularity of the mapping that nobody touches. */
  setEmpty(value: number): void {
    this.#set(Number(EMPTY >> 12n), Number(EMPTY_SIZE), SvmAttributeType.granularity, value);
  }

  /** RESET_ATTR of one page. */
  resetOne(page: number): void {
    this.#svm(SvmOperation.resetAttributes, page, 4096, 0, null);
  }

  #svm(operation: number, page: number, size: number, count: number, bytes: Uint8Array | null): void {
    const result = this.file.svmCall(
      {
        startLow: (page << 12) >>> 0,
        startHigh: Math.floor(page / 0x10_0000),
        sizeLow: size >>> 0,
        sizeHigh: Math.floor(size / 2 ** 32),
        operation,
        attributeCount: count,
      },
      bytes === null ? null : { bytes },
    );
    if (result !== 0) throw new Error(`an SVM ioctl failed with ${result}`);
  }
}

function ok(result: number): void {
  if (result !== 0) throw new Error(`a call failed with ${result}`);
}

/** An operation that leaves the scene as it was, so that it can be repeated. */
export interface GrowthOperation {
  readonly name: string;
  readonly run: (scene: GrowthScene) => void;
}

const address = (page: number): bigint => BigInt(page) << 12n;

/** What is on one thing, and may take no longer than one thing does. */
export const GROWTH_OPERATIONS: readonly GrowthOperation[] = [
  { name: 'SET_ATTR', run: (scene) => scene.set(scene.any(), 1, scene.flip()) },
  { name: 'GET_ATTR', run: (scene) => void scene.get(scene.any(), 1) },
  {
    name: 'RESET_ATTR and SET_ATTR',
    run: (scene) => {
      const page = scene.any();
      scene.resetOne(page);
      scene.set(page, 1, scene.flip());
    },
  },
  { name: 'fault of what is mapped', run: (scene) => scene.faultAt(scene.any()) },
  {
    name: 'GPU access',
    run: (scene) =>
      void scene.device.access({ address: address(scene.any()), size: PAGE, write: true, file: scene.file }),
  },
  {
    name: 'mmap and munmap',
    run: (scene) => {
      const page = scene.any() + 2;
      scene.map(page, 1);
      scene.unmap(page, 1);
    },
  },
  {
    name: 'mmap, SET_ATTR, fault, munmap, collection',
    run: (scene) => {
      const page = scene.any() + 2;
      scene.make(page, scene.flip());
      scene.unmap(page, 1);
      scene.collect();
      scene.resetOne(page);
    },
  },
  {
    name: 'mprotect and fault, twice',
    run: (scene) => {
      const page = scene.any();
      const { calls } = scene.machine.process;
      ok(calls.mprotect(address(page), PAGE, 1));
      ok(calls.mprotect(address(page), PAGE, 3));
      scene.faultLater(page);
    },
  },
  {
    name: 'mremap, there and back',
    run: (scene) => {
      const page = scene.any();
      const { calls } = scene.machine.process;
      ok(calls.mremap(address(page), PAGE, PAGE, address(page + 2)));
      ok(calls.mremap(address(page + 2), PAGE, PAGE, address(page)));
      scene.collect();
      scene.faultLater(page);
    },
  },
  {
    name: 'MADV_DONTNEED, touch, fault',
    run: (scene) => {
      const page = scene.any();
      ok(scene.machine.process.calls.dontneed(address(page), PAGE));
      scene.touch(page, 1);
      scene.faultLater(page);
    },
  },
  {
    name: 'mlock and munlock',
    run: (scene) => {
      const page = scene.any();
      ok(scene.machine.process.calls.mlock(address(page), PAGE));
      ok(scene.machine.process.calls.munlock(address(page), PAGE));
    },
  },
  {
    name: 'swap-out, touch, fault',
    run: (scene) => {
      const page = scene.any();
      ok(scene.machine.process.calls.swapOut(address(page), PAGE).result);
      scene.touch(page, 1);
      scene.faultLater(page);
    },
  },
  {
    name: 'prefetch to VRAM, eviction, fault',
    run: (scene) => {
      const page = scene.any();
      scene.setOne(page, SvmAttributeType.prefetchLocation, 1);
      ok(scene.device.evict());
      scene.faultLater(page);
    },
  },
  {
    name: 'munmap and mmap of 1 TiB that is empty',
    run: (scene) => {
      ok(scene.machine.process.calls.munmap(EMPTY, EMPTY_SIZE));
      scene.mapEmpty();
    },
  },
  {
    name: 'MADV_DONTNEED of 1 TiB that is empty',
    run: (scene) => ok(scene.machine.process.calls.dontneed(EMPTY, EMPTY_SIZE)),
  },
  {
    name: 'mprotect of 1 TiB that is empty, twice',
    run: (scene) => {
      ok(scene.machine.process.calls.mprotect(EMPTY, EMPTY_SIZE, 1));
      ok(scene.machine.process.calls.mprotect(EMPTY, EMPTY_SIZE, 3));
    },
  },
  {
    name: 'SET_ATTR of 1 TiB that is empty',
    run: (scene) => scene.setEmpty(8 + scene.flip()),
  },
  {
    name: 'GPU access of 1 GiB that is not mapped',
    run: (scene) =>
      void scene.device.access({ address: EMPTY + EMPTY_SIZE, size: 1n << 30n, write: true, file: scene.file }),
  },
  {
    name: 'open and close of another file',
    run: (scene) => scene.device.releaseFile(scene.device.openFile()),
  },
  { name: 'pending work', run: (scene) => void scene.machine.runPendingWork() },
];

/** What is on all things, and may take no longer for one of them because there are more. */
export const GROWTH_OF_ALL: readonly GrowthOperation[] = [
  { name: 'snapshot', run: (scene) => void scene.machine.snapshot() },
  { name: 'end of the context', run: (scene) => void scene.device.finaliseContext(scene.file) },
  { name: 'exit of the process', run: (scene) => scene.machine.process.exit() },
];
