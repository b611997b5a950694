/** Migration of 2 MiB ranges of 4 KiB pages to VRAM and back, next to the same ranges in system memory and a copy of 2 MiB. */
import { measureTime } from './measurement.ts';
import type { Measurement, Workload } from './measurement.ts';
import { BASE_PAGE, Scene } from './scene.ts';

const BLOCK_PAGES = 512;
const BLOCK_BYTES = BLOCK_PAGES * 4096;
const BLOCKS = 64;
/** Microseconds that a migration may take. */
const LIMIT = 300;
/** So that nothing is too recent to be looked at, in ns. */
const A_WHILE = 10_000_000;

/** The CPU has all pages, one by one; every batch begins there. */
class MigrationScene extends Scene {
  readonly #prefersVram: boolean;
  readonly #contents: Uint8Array | null;
  readonly #scattered: boolean;

  constructor(prefersVram: boolean, hasContents: boolean, scattered: boolean) {
    super({ profile: 'v8', vram: 2 * BLOCKS * BLOCK_BYTES });
    this.#prefersVram = prefersVram;
    this.#scattered = scattered;
    this.#contents = hasContents ? new Uint8Array(BLOCK_BYTES).fill(7) : null;
  }

  begin(): void {
    this.unmap(BASE_PAGE, BLOCKS * BLOCK_PAGES);
    this.collect();
    this.device.finaliseContext(this.file);
    this.file.convertToCompute();
    this.machine.clock.advance(A_WHILE);
    this.map(BASE_PAGE, BLOCKS * BLOCK_PAGES);
    if (this.#scattered) this.#touchScattered();
    else this.touch(BASE_PAGE, BLOCKS * BLOCK_PAGES);
    if (this.#contents !== null)
      for (let block = 0; block < BLOCKS; block++)
        this.machine.process.write(BigInt(BASE_PAGE + block * BLOCK_PAGES) << 12n, this.#contents);
    if (this.#prefersVram) this.prefer(BASE_PAGE, BLOCKS * BLOCK_PAGES);
  }

  /** So that the frames of no two neighbours are neighbours: each copy is one of 4 KiB. */
  #touchScattered(): void {
    const step = 37;
    for (let index = 0; index < BLOCKS * BLOCK_PAGES; index++)
      this.touch(BASE_PAGE + ((index * step) % (BLOCKS * BLOCK_PAGES)), 1);
  }

  /** The GPU faults on each range. */
  faultAll(): void {
    for (let block = 0; block < BLOCKS; block++) this.fault(BigInt(BASE_PAGE + block * BLOCK_PAGES) << 12n);
    const inVram = this.device.memory!.vram.evictablePages;
    if (inVram !== (this.#prefersVram ? BLOCKS * BLOCK_PAGES : 0)) throw new Error(`${inVram} pages lie in VRAM`);
  }

  /** The CPU reads a page of each range. */
  readAll(): void {
    for (let block = 0; block < BLOCKS; block++) this.touch(BASE_PAGE + block * BLOCK_PAGES, 1);
    if (this.device.memory!.vram.evictablePages > 0) throw new Error('pages lie in VRAM');
  }
}

function workload(name: string, prefersVram: boolean, hasContents = false, scattered = false): Workload {
  const scene = new MigrationScene(prefersVram, hasContents, scattered);
  return { name, operations: BLOCKS, prepare: () => scene.begin(), batch: () => scene.faultAll() };
}

function homeward(name: string, hasContents: boolean, scattered = false): Workload {
  const scene = new MigrationScene(true, hasContents, scattered);
  const prepare = (): void => {
    scene.begin();
    scene.faultAll();
  };
  return { name, operations: BLOCKS, prepare, batch: () => scene.readAll() };
}

function copy(): Workload {
  const to = new Uint8Array(BLOCKS * BLOCK_BYTES);
  const from = new Uint8Array(BLOCKS * BLOCK_BYTES).fill(1);
  return { name: 'copy of 2 MiB by the processor', operations: BLOCKS, batch: () => to.set(from) };
}

export function measureMigration(): Measurement[] {
  const limited = (measured: Measurement): Measurement => ({ ...measured, target: { kind: 'limit', value: LIMIT } });
  return [
    measureTime(copy()),
    measureTime(workload('fault of 2 MiB of 4 KiB pages in system memory, v8', false)),
    limited(measureTime(workload('fault that moves them to VRAM', true))),
    limited(measureTime(homeward('CPU fault that brings them home', false))),
    measureTime(workload('fault that moves 2 MiB with contents to VRAM', true, true)),
    measureTime(homeward('CPU fault that brings 2 MiB with contents home', true)),
    measureTime(workload('fault of 512 scattered pages in system memory', false, false, true)),
    limited(measureTime(workload('fault that moves 512 scattered pages to VRAM', true, false, true))),
    limited(measureTime(homeward('CPU fault that brings pages home that were scattered', false, true))),
    measureTime(workload('fault that moves 512 scattered pages with contents to VRAM', true, true, true)),
  ];
}
