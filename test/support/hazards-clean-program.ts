/**
 * Random programs that stay inside the rules of docs/hazards.md: nothing they do is a hazard.
 *
 * R1  memory the GPU uses is mapped at multiples of 2 MiB in multiples of 2 MiB, readable all over, of an ordinary kind
 * R2  every mapping is registered with one SET_ATTR over all of it before the GPU uses it, with access
 * R3  discard, mprotect and munmap cover whole mappings
 * R4  attributes are set for whole mappings; those that PTEs hold only while the GPU has nothing of it mapped
 * R5  a prefetch is asked for once, up to 4 MiB that the CPU has not touched, and other attributes are set before it
 * R6  2 ms pass between mapping memory on the GPU and its next fault
 * R7  the GPU reads and writes only what mapping and GPU_RO allow, and nothing that is unmapped
 * R8  the collector runs between munmap and what comes next; an address is used again only if all of it was on the GPU
 * R9  one thread, and nothing fails
 * R10 where attributes outlive their memory they are reset after munmap, before the address is mapped again
 * R11 without retry faults the works run after each change of memory, no location names the GPU, and the CPU writes
 *     memory before its GPU_RO is changed
 * R12 a device location is set for anonymous memory only, there is VRAM for all of it, and the CPU touches what lies there,
 *     a few times, before its protection changes
 */
import { Random } from '../../bench/random.ts';
import type { MachineOptions } from '../../emulator/index.ts';
import { BLOCK, T, V } from './emulator-rig.ts';
import type { Pair, Rig } from './emulator-rig.ts';

interface Mapping {
  readonly page: number;
  readonly pages: number;
  writable: boolean;
  readOnlyForGpu: boolean;
  registered: boolean;
  prefetched: boolean;
  /** Whether it may go to VRAM. */
  readonly movable: boolean;
  /** Times that the CPU brought it home. */
  returns: number;
  /** Whether the GPU may have something of it mapped. */
  onGpu: boolean;
  /** Blocks that ranges cover: their attributes go with munmap. */
  readonly covered: Set<number>;
}

const KINDS = ['anon', 'anon', 'thp', 'file', 'heap', 'stack'] as const;
/** Times that the CPU may take memory from VRAM: more are a ping-pong. */
const MOST_RETURNS = 3;
const SLOTS = 24;
const SLOT_PAGES = 4 * BLOCK;

/** One program and the machine it runs on. */
export class CleanProgram {
  readonly #rig: Rig;
  readonly #random: Random;
  readonly #mappings: Mapping[] = [];
  readonly #free: number[];
  /** What was done, to be read when something is found. */
  readonly story: string[] = [];

  constructor(rig: Rig, seed: number) {
    this.#rig = rig;
    this.#random = new Random(seed);
    this.#free = Array.from({ length: SLOTS }, (_, slot) => V + slot * SLOT_PAGES);
  }

  /** Options of the machine for a seed. */
  static options(seed: number): MachineOptions {
    const random = new Random(seed);
    return {
      thp: random.below(2) === 0,
      vmaMerge: random.below(2) === 0,
      defaultGranularity: [0, 4, 9, 27][random.below(4)]!,
      gc: ['9.4.2', '9.4.3', '9.5.0'][random.below(3)]!,
    };
  }

  run(steps: number): void {
    for (let step = 0; step < steps; step++) this.#step();
  }

  #step(): void {
    const mapping = this.#mappings[this.#random.below(Math.max(1, this.#mappings.length))];
    switch (mapping === undefined ? 0 : this.#random.below(11)) {
      case 0:
        return this.#map();
      case 1:
      case 2:
      case 3:
        return this.#gpuAccess(mapping!);
      case 4:
        return this.#discard(mapping!);
      case 5:
        return this.#protect(mapping!);
      case 6:
        return this.#setPlain(mapping!);
      case 7:
        return this.#setPteFlags(mapping!);
      case 8:
        return this.#prefetch(mapping!);
      case 9:
        return this.#look(mapping!);
      default:
        return this.#unmap(mapping!);
    }
  }

  #tell(what: string, mapping: Mapping, result: number): void {
    this.story.push(`${what} 0x${mapping.page.toString(16)} +${mapping.pages} -> ${result}`);
    if (result !== 0) throw new Error(`the program is wrong: ${this.story.at(-1)}`);
  }

  #map(): void {
    const page = this.#free.pop();
    if (page === undefined) return;
    const blocks = 1 + this.#random.below(3);
    const kind = KINDS[this.#random.below(KINDS.length)]!;
    const mapping: Mapping = {
      page,
      pages: blocks * BLOCK,
      writable: this.#random.below(4) > 0,
      readOnlyForGpu: false,
      registered: false,
      prefetched: false,
      movable: kind !== 'file',
      returns: 0,
      onGpu: false,
      covered: new Set(),
    };
    this.#tell(`map ${kind}`, mapping, this.#rig.map(page, mapping.pages, mapping.writable ? 'rw' : 'r', kind));
    // Without retry faults to register it is to prefetch it (R5).
    if (this.#random.below(2) === 0 || (this.#off && blocks > 2))
      this.#tell('touch', mapping, this.#rig.touch(page, mapping.pages, mapping.writable).result);
    this.#mappings.push(mapping);
    this.#register(mapping);
  }

  #register(mapping: Mapping): void {
    mapping.registered = true;
    mapping.readOnlyForGpu = this.#random.below(4) === 0;
    const attributes: Pair[] = [
      [T.access, 1 + this.#random.below(2)],
      [T.gpuExecutable, this.#random.below(2)],
      [T.gpuReadOnly, mapping.readOnlyForGpu ? 1 : 0],
    ];
    if (this.#hasVram && mapping.movable && this.#random.below(2) === 0) attributes.push([T.preferredLocation, 1]);
    this.#tell('register', mapping, this.#rig.set(mapping.page, mapping.pages, ...attributes));
  }

  #gpuAccess(mapping: Mapping): void {
    this.#rig.later();
    const write = mapping.writable && !mapping.readOnlyForGpu && this.#random.below(2) === 0;
    const first = this.#random.below(mapping.pages);
    const pages = 1 + this.#random.below(mapping.pages - first);
    const access = this.#rig.access(mapping.page + first, pages, write);
    const failed = access.runs.some((run) => run.outcome === 'failed') ? -1 : access.result;
    mapping.onGpu = true;
    for (let block = Math.floor(first / BLOCK); block * BLOCK < first + pages; block++) mapping.covered.add(block);
    this.#tell(`gpu ${write ? 'writes' : 'reads'} +${first} ${pages} pages of`, mapping, failed);
  }

  #discard(mapping: Mapping): void {
    this.#tell('discard', mapping, this.#rig.discard(mapping.page, mapping.pages));
    mapping.onGpu = false;
    this.#settle();
  }

  /** The memory changed: time passes, and without retry faults the works run. */
  #settle(): void {
    this.#rig.later();
    if (this.#off) this.#rig.work();
  }

  get #off(): boolean {
    return !this.#rig.context.hasRetryFaults;
  }

  /** Whether memory may lie in VRAM. */
  get #hasVram(): boolean {
    return this.#rig.context.deviceMemory !== null;
  }

  /** The CPU touches all of the mapping, wherever it lies; false: it has done so often enough. */
  #bringHome(mapping: Mapping, write: boolean): boolean {
    if (this.#hasVram && mapping.movable && mapping.returns++ >= MOST_RETURNS) return false;
    this.#tell('touch', mapping, this.#rig.touch(mapping.page, mapping.pages, write).result);
    return true;
  }

  #protect(mapping: Mapping): void {
    if (this.#hasVram && !this.#bringHome(mapping, false)) return;
    mapping.writable = this.#random.below(2) === 0;
    this.#tell(
      `protect ${mapping.writable ? 'rw' : 'r'}`,
      mapping,
      this.#rig.protect(mapping.page, mapping.pages, mapping.writable ? 'rw' : 'r'),
    );
    this.#settle();
  }

  #setPlain(mapping: Mapping): void {
    if (mapping.prefetched) return;
    const isFixed = this.#off || (this.#hasVram && !mapping.movable);
    const types = [isFixed ? T.hostAccess : T.preferredLocation, T.hostAccess, T.hiveLocal, T.gpuReadMostly];
    this.#tell(
      'set',
      mapping,
      this.#rig.set(mapping.page, mapping.pages, [types[this.#random.below(types.length)]!, this.#random.below(2)]),
    );
  }

  #setPteFlags(mapping: Mapping): void {
    if (mapping.prefetched) return;
    this.#discard(mapping);
    if (this.#off && mapping.writable) {
      // The restore has collected the pages as GPU_RO says until now.
      this.#tell('touch', mapping, this.#rig.touch(mapping.page, mapping.pages).result);
      this.#settle();
    }
    this.#register(mapping);
  }

  #prefetch(mapping: Mapping): void {
    if (mapping.prefetched || mapping.pages > 2 * BLOCK || this.#off) return;
    if (this.#hasVram && !mapping.movable) return;
    this.#rig.later();
    mapping.prefetched = true;
    mapping.onGpu = true;
    for (let block = 0; block * BLOCK < mapping.pages; block++) mapping.covered.add(block);
    this.#tell('prefetch', mapping, this.#rig.set(mapping.page, mapping.pages, [T.prefetchLocation, 1]));
    if (this.#random.below(3) === 0)
      this.#tell('prefetch again', mapping, this.#rig.set(mapping.page, mapping.pages, [T.prefetchLocation, 1]));
  }

  #look(mapping: Mapping): void {
    this.#tell('get', mapping, this.#rig.get(mapping.page, mapping.pages, T.access, T.gpuReadOnly).result);
    if (this.#random.below(2) === 0) this.#bringHome(mapping, mapping.writable);
    else if (this.#off) this.#rig.work();
    else this.#rig.gc();
  }

  #unmap(mapping: Mapping): void {
    this.#mappings.splice(this.#mappings.indexOf(mapping), 1);
    this.#tell('unmap', mapping, this.#rig.unmap(mapping.page, mapping.pages));
    if (this.#off) this.#rig.work();
    else this.#rig.gc();
    if (!this.#rig.context.revision.clearsAttributesOnUnmap)
      this.#tell('reset', mapping, this.#rig.reset(mapping.page, mapping.pages));
    if (this.#rig.intervals().every(([first]) => first + V < mapping.page || first + V >= mapping.page + mapping.pages))
      this.#free.push(mapping.page);
  }
}
