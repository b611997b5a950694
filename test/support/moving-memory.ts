/** The memory of one process with VRAM to which its pages can go, without a driver: for the tests of who moves pages. */
import { DeviceAllocation, DeviceMaps } from '../../emulator/mm/device-pages.ts';
import type { DevicePageMap } from '../../emulator/mm/device-pages.ts';
import { AddressSpace } from '../../emulator/mm/address-space.ts';
import { MIGRATING } from '../../emulator/mm/cpu-pages.ts';
import { NotifierEvent } from '../../emulator/mm/interval-notifier.ts';
import type { Vma, VmaKind } from '../../emulator/mm/vma.ts';
import { migrateBlockToRam, migrateToVram } from '../../emulator/gpusvm/page-map.ts';
import type { DeviceMemoryOperations } from '../../emulator/gpusvm/page-map.ts';
import { EffectHub } from '../../emulator/kernel/effect-hub.ts';
import { QuietEffects } from '../../emulator/kernel/effects.ts';
import { SYSTEM_FRAMES_END, vramFrame } from '../../emulator/kernel/frame.ts';
import { PreemptionPoints } from '../../emulator/kernel/preemption.ts';
import type { Sleepable } from '../../emulator/kernel/sleepable.ts';
import { runAwake } from '../../emulator/kernel/sleepable.ts';

/** First page of the process's memory. */
export const START = 1024;
const READ_WRITE = 3;
/** Copies to VRAM and back: what is told of them. */
export type Copy = [direction: 'in' | 'out', offset: number, pages: number];

/** VRAM of one GPU, of which allocations are cut one after the other. */
export class TestVram implements DevicePageMap, DeviceMemoryOperations {
  readonly gpu: number;
  readonly owner: object;
  readonly coherent: boolean;
  readonly copies: Copy[] = [];
  readonly allocations: DeviceAllocation[] = [];
  /** What the next copies end with. */
  readonly copyResults: number[] = [];
  /** Called before each copy. */
  duringCopy: () => void = () => undefined;
  readonly #space: AddressSpace;
  #next = 0;

  constructor(space: AddressSpace, gpu: number, coherent: boolean, owner: object = {}) {
    this.#space = space;
    this.gpu = gpu;
    this.coherent = coherent;
    this.owner = owner;
    space.devices!.add(this);
  }

  allocate(pages: number): DeviceAllocation {
    const made = new DeviceAllocation(this, this.#next, pages, vramFrame(this.gpu, this.#next));
    this.#next += pages;
    this.allocations.push(made);
    return made;
  }

  allocationAt(offset: number): DeviceAllocation | undefined {
    return this.allocations.find((each) => offset >= each.offset && offset < each.offset + each.pages);
  }

  release(allocation: DeviceAllocation): void {
    this.allocations.splice(this.allocations.indexOf(allocation), 1);
    this.#space.devices!.forget(allocation);
  }

  migrateToRam(vma: Vma, page: number, frame: number): Sleepable<number> {
    return migrateBlockToRam(this.#space, this.#space.devices!.allocationOf(frame)!, this, vma, page);
  }

  locate(): void {}

  mapForCopy(): boolean {
    return true;
  }

  copyRun(toVram: boolean, offset: number, pages: number): Sleepable<number> {
    this.duringCopy();
    const result = this.copyResults.shift() ?? 0;
    if (result === 0) this.copies.push([toVram ? 'in' : 'out', offset, pages]);
    return awake(result);
  }
}

/** `result`, without sleep. */
export function* awake<T>(result: T): Sleepable<T> {
  yield* [];
  return result;
}

/** A process with memory and VRAM. */
export class MovingMemory {
  readonly space = new AddressSpace();
  readonly vram: TestVram;
  /** What a listener was told, by name and values. */
  readonly told: (string | number)[][] = [];

  constructor({ coherent = false, huge = false }: { coherent?: boolean; huge?: boolean } = {}) {
    const effects = new EffectHub();
    const { space, told } = this;
    space.devices = new DeviceMaps({
      points: new PreemptionPoints(),
      failures: space.failures,
      effects,
      hugeMigration: huge,
      wholeFolios: false,
    });
    class Listener extends QuietEffects {
      override migrationAnnounced(event: number, startPage: number, endPage: number): void {
        told.push([event === NotifierEvent.migrate ? 'migrate' : 'clear', startPage, endPage]);
      }
      override movedToVram(startPage: number, pages: number, gpu: number): void {
        told.push(['to vram', startPage, pages, gpu]);
      }
      override movedToRam(startPage: number, pages: number, gpu: number): void {
        told.push(['to ram', startPage, pages, gpu]);
      }
    }
    effects.add(new Listener());
    this.vram = new TestVram(space, 0, coherent);
  }

  /** Maps `pages` pages from `START` on, of which the CPU has written those of `touched` (indices). */
  map(pages: number, touched: readonly number[], kind: VmaKind = 'anon'): this {
    this.space.map(START, START + pages, READ_WRITE, kind);
    for (const index of touched) this.space.touch(START + index, START + index + 1, true);
    return this;
  }

  /** Moves pages to VRAM; the result of that. */
  moveIn(pages: number, from = START, vram = this.vram): number {
    return runAwake(migrateToVram(this.space, vram.allocate(pages), vram, from));
  }

  /** Where each of some pages is: '-' nowhere, 's' in system memory, a digit: in the VRAM of that GPU, '?' on its way. */
  where(pages: number, from = START): string {
    const letters = Array.from({ length: pages }, (_, index) => {
      const frame = this.space.pages.frameOf(from + index, true);
      if (frame === 0) return '-';
      if ((this.space.pages.marksOf(from + index) & MIGRATING) !== 0) return '?';
      return frame < SYSTEM_FRAMES_END ? 's' : String(this.space.devices!.mapOf(frame).gpu);
    });
    return letters.join('');
  }
}
