// Models: struct pages of VRAM (ZONE_DEVICE) as the page tables of the process meet them (spec/migration §1, §2; spec/trace-format-v8 §3).
import type { EffectHub } from '../kernel/effect-hub.ts';
import type { FailureInjection } from '../kernel/failures.ts';
import { locationOfFrame, SYSTEM_FRAMES_END, vramOffset } from '../kernel/frame.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { PreemptionPoints } from '../kernel/preemption.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import { MigrationArraysPool } from './migration-arrays.ts';
import type { Vma } from './vma.ts';

/** State bits of a page of a device allocation. */
const DevicePageState = {
  /** It has a reference: it holds, or is about to hold, a page of the process. */
  inUse: 1,
  /** Somebody moves it. */
  locked: 2,
} as const;

/** Pages of VRAM that are handed out as one, and live until the last of them is free: struct drm_pagemap_devmem with its zdd. */
export class DeviceAllocation {
  readonly map: DevicePageMap;
  /** First page in VRAM. */
  readonly offset: number;
  readonly pages: number;
  /** Frame of the first page. */
  readonly firstFrame: number;
  /** Frame after the last page. */
  readonly endFrame: number;
  /** Number of the CPU page that maps each page, -1: none does. */
  readonly cpuPages: Float64Array;
  /** Bits of `DevicePageState`. */
  readonly states: Uint8Array;
  /** Pages with a reference. */
  inUse = 0;
  /** Whether who fills it holds a reference. */
  private isFilled = false;
  /** Evictions under way, which hold its VRAM. */
  private evictions = 0;

  constructor(map: DevicePageMap, offset: number, pages: number, firstFrame: number) {
    this.map = map;
    this.offset = offset;
    this.pages = pages;
    this.firstFrame = firstFrame;
    this.endFrame = firstFrame + pages;
    this.cpuPages = new Float64Array(pages).fill(-1);
    this.states = new Uint8Array(pages);
  }

  /** Whether the last page has left it. */
  get isDetached(): boolean {
    return this.isFilled && this.inUse === 0;
  }

  /** An eviction begins, and holds its VRAM until it ends. */
  beginEviction(): void {
    this.evictions++;
  }

  endEviction(): void {
    this.evictions--;
    this.releaseUnused();
  }

  /** A page gets its first reference, locked. */
  use(index: number): void {
    this.states[index] = DevicePageState.inUse | DevicePageState.locked;
    this.inUse++;
  }

  isLocked(index: number): boolean {
    return (this.states[index]! & DevicePageState.locked) !== 0;
  }

  lock(index: number): void {
    this.states[index] = this.states[index]! | DevicePageState.locked;
  }

  unlock(index: number): void {
    this.states[index] = this.states[index]! & ~DevicePageState.locked;
  }

  /** The last reference of a page goes; with the last page goes the allocation. */
  free(index: number): void {
    if (this.states[index] === 0) return;
    this.states[index] = 0;
    this.cpuPages[index] = -1;
    // mutant: buffer-stays
    this.inUse--;
    this.releaseUnused();
  }

  /** Whoever filled it releases it. */
  letGo(): void {
    this.isFilled = true;
    this.releaseUnused();
  }

  private releaseUnused(): void {
    if (this.isDetached && this.evictions === 0) this.map.release(this);
  }
}

/** The VRAM of one GPU as memory with struct pages: struct dev_pagemap. */
export interface DevicePageMap {
  /** Number of the GPU. */
  readonly gpu: number;
  /** Whoever has the same token can use the pages where they are. */
  readonly owner: object;
  /** Whether the CPU reads and writes the VRAM itself (device coherent); otherwise its access faults (device private). */
  readonly coherent: boolean;
  /** The allocation that has the page, if one has. */
  allocationAt(offset: number): DeviceAllocation | undefined;
  /** The CPU faults on `page` of `vma`, which lies in `frame` here: brings it home. 0 or a negative errno. */
  migrateToRam(vma: Vma, page: number, frame: number): Sleepable<number>;
  /** The last page of an allocation is free. */
  release(allocation: DeviceAllocation): void;
}

/** What a machine whose GPUs have VRAM gives the memory of its process. */
export interface DeviceSurroundings {
  readonly points: PreemptionPoints;
  readonly failures: FailureInjection;
  readonly effects: EffectHub;
  /** thp_migration_supported(): whether 2 MiB move as one. */
  readonly hugeMigration: boolean;
  /** Whether all of a huge page is copied, and a hole of its size counts as 512 pages: a repaired driver. */
  readonly wholeFolios: boolean;
}

/** The page maps of all GPUs. */
export class DeviceMaps {
  readonly surroundings: DeviceSurroundings;
  /** Lists for migrations, which are of one block at most. */
  readonly arrays = new MigrationArraysPool(PAGES_PER_BLOCK);
  /** The allocation that was asked for last; the next question is mostly about the same one. */
  private recent: DeviceAllocation | undefined = undefined;
  private readonly maps: (DevicePageMap | undefined)[] = [];
  private count = 0;

  constructor(surroundings: DeviceSurroundings) {
    this.surroundings = surroundings;
  }

  /** Whether more than one GPU has VRAM. */
  get areSeveral(): boolean {
    return this.count > 1;
  }

  add(map: DevicePageMap): void {
    this.count++;
    this.maps[map.gpu] = map;
  }

  /** The page map of a frame that does not lie in system memory. */
  mapOf(frame: number): DevicePageMap {
    return this.maps[locationOfFrame(frame) - 1]!;
  }

  /** The allocation of such a frame; undefined if the page is free. */
  allocationOf(frame: number): DeviceAllocation | undefined {
    const recent = this.recent;
    if (recent !== undefined && frame >= recent.firstFrame && frame < recent.endFrame) return recent;
    return (this.recent = this.mapOf(frame).allocationAt(vramOffset(frame)));
  }

  /** `allocation` is no more. */
  forget(allocation: DeviceAllocation): void {
    if (this.recent === allocation) this.recent = undefined;
  }

  /** Frees a page whose mapping is gone. */
  free(frame: number): void {
    const allocation = this.allocationOf(frame);
    allocation?.free(frame - allocation.firstFrame);
  }

  /** The CPU page that maps such a frame, -1: none does. Of a frame of system memory: 0. */
  cpuPageOf(frame: number): number {
    if (frame < SYSTEM_FRAMES_END) return 0;
    const allocation = this.allocationOf(frame);
    return allocation === undefined ? -1 : allocation.cpuPages[frame - allocation.firstFrame]!;
  }
}
