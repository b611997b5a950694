// Models: amdgpu_migrate.c - the VRAM of one GPU as memory for SVM: buffers, copies, eviction by TTM (spec/migration §1, §2, §6; spec/trace-format-v8 §4, §5).
import { Errno } from '../../lib/uapi/errno.ts';
import type { VirtualClock } from '../kernel/clock.ts';
import { EffectHub } from '../kernel/effect-hub.ts';
import type { FailureInjection } from '../kernel/failures.ts';
import { locationOfFrame, SYSTEM_FRAMES_END, vramFrame } from '../kernel/frame.ts';
import type { PreemptionPoints } from '../kernel/preemption.ts';
import { runAwake } from '../kernel/sleepable.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import { DeviceAllocation } from '../mm/device-pages.ts';
import type { DevicePageMap } from '../mm/device-pages.ts';
import type { Vma } from '../mm/vma.ts';
import { gc, gcNumber } from '../gpu/gc-version.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import { Vram } from '../gpu/vram.ts';
import { evictToRam, migrateBlockToRam, migrateToVram } from '../gpusvm/page-map.ts';
import type { DeviceMemoryOperations } from '../gpusvm/page-map.ts';
import type { MigrationPolicies } from './policies.ts';
import type { Repairs } from './repairs.ts';

/** Sizes in pages of the buffers of SVM, descending: an address in one of them lies after a multiple of one of these. */
const BUFFER_PAGES: readonly number[] = [512, 16, 1];

/** Times that a repaired driver tries to copy pages home for the CPU. */
const COPY_TRIES = 3;
/** In a millisecond. */
const NANOSECONDS = 1_000_000;

/** What the VRAM of a GPU is like. */
export interface DeviceMemorySettings {
  /** Number of the GPU. */
  readonly gpu: number;
  /** Pages of 4 KiB. */
  readonly pages: number;
  /** Whether the CPU reads and writes it directly. */
  readonly coherent: boolean;
  /** GPUs with the same token are in one hive. */
  readonly owner: object;
  /** False: it is registered, and SVM does not use it (the GPU is part of an APU). */
  readonly usable: boolean;
  /** What the driver does otherwise than what was posted. */
  readonly repairs: Repairs;
  readonly policies: MigrationPolicies;
  /** Negative errno with which the registration fails, 0: it does not. */
  readonly registration: number;
}

/** What it lies in. */
export interface DeviceMemorySurroundings {
  readonly process: AddressSpace;
  readonly clock: VirtualClock;
  readonly points: PreemptionPoints;
  readonly failures: FailureInjection;
}

/** What was done with the VRAM of a GPU; the names are those of spec/trace-format-v8 §7. */
export class MigrationCounters {
  copies = 0;
  copyPages = 0;
  evictions = 0;
}

/** The VRAM of one GPU that is registered for SVM. */
export class DeviceMemory implements DevicePageMap, DeviceMemoryOperations {
  readonly gpu: number;
  readonly owner: object;
  readonly coherent: boolean;
  readonly usable: boolean;
  readonly repairs: Repairs;
  readonly policies: MigrationPolicies;
  readonly vram: Vram<DeviceAllocation>;
  readonly counters = new MigrationCounters();
  /** Where buffers, copies and evictions are seen. */
  readonly effects = new EffectHub();
  private readonly surroundings: DeviceMemorySurroundings;
  private copying = false;
  /** When the buffers were made, in ns; only where that counts. */
  private readonly since = new WeakMap<DeviceAllocation, number>();
  private readonly byOffset = new Map<number, DeviceAllocation>();

  constructor(settings: DeviceMemorySettings, surroundings: DeviceMemorySurroundings) {
    this.gpu = settings.gpu;
    this.owner = settings.owner;
    this.coherent = settings.coherent;
    this.usable = settings.usable;
    this.repairs = settings.repairs;
    this.policies = settings.policies;
    this.vram = new Vram(settings.pages);
    this.surroundings = surroundings;
  }

  allocationAt(offset: number): DeviceAllocation | undefined {
    for (const pages of BUFFER_PAGES) {
      const allocation = this.byOffset.get(Math.floor(offset / pages) * pages);
      if (allocation !== undefined && offset < allocation.offset + allocation.pages) return allocation;
    }
    return undefined;
  }

  /**
   * Moves the pages `[startPage, startPage + pages)` of the process here: populate_mm. 0, -EBUSY where some did not
   * move, or another negative errno.
   */
  *populate(startPage: number, pages: number): Sleepable<number> {
    const { process, points } = this.surroundings;
    if (!process.hasUsers) return -Errno.EFAULT;
    points.reach('mmap-lock');
    process.mmapLock.acquireRead();
    // What is here already needs no buffer, and one is made all the same.
    const keeps = this.repairs['keep-resident-pages'];
    const isHere = (keeps || this.effects.current !== null) && this.holdsAll(startPage, pages);
    if (isHere && keeps) return 0;
    const { evictions } = this.counters;
    const allocation = yield* this.allocate(pages);
    if (isHere && (typeof allocation === 'number' || this.counters.evictions > evictions)) {
      const outcome = typeof allocation === 'number' ? 'there was no room for it' : 'others had to leave';
      this.effects.current?.hazard('V8-D10', `a buffer for pages that are in VRAM: ${outcome}`, startPage, pages);
    }
    const result =
      typeof allocation === 'number' ? allocation : yield* migrateToVram(process, allocation, this, startPage);
    if (typeof allocation !== 'number' && allocation.isDetached && !this.repairs['reserve-buffers'])
      this.effects.current?.hazard('V8-D1', 'it was freed before it is unreserved', startPage, pages);
    process.mmapLock.releaseRead();
    points.reach('mmap-unlock');
    return result;
  }

  /** Whether the pages `[startPage, startPage + pages)` lie here. */
  private holdsAll(startPage: number, pages: number): boolean {
    const { process } = this.surroundings;
    for (let page = startPage; page < startPage + pages; page++) {
      const frame = process.pages.frameOf(page, true);
      if (frame < SYSTEM_FRAMES_END || locationOfFrame(frame) !== this.gpu + 1) return false;
    }
    return true;
  }

  /** amdgpu_bo_create of a buffer of SVM: it, or a negative errno. */
  private *allocate(pages: number): Sleepable<DeviceAllocation | number> {
    const { process, points, failures } = this.surroundings;
    points.reach('bo-alloc');
    const failure = failures.take('allocate-buffer') || failures.take('allocate-buffer-object');
    if (failure !== 0) return failure;
    // What can never fit makes nobody leave.
    // mutant: large-buffer-evicts
    if (pages > this.vram.total) return -Errno.ENOMEM;
    const offset = yield* this.vram.findPlace(pages, (buffer) => this.evictBuffer(buffer));
    if (offset < 0) return offset;
    const allocation = new DeviceAllocation(this, offset, pages, vramFrame(this.gpu, offset));
    this.vram.add(allocation);
    if (this.policies.minimumResidency > 0) this.since.set(allocation, this.surroundings.clock.now);
    this.byOffset.set(offset, allocation);
    process.moved.cleared(allocation.firstFrame, pages);
    this.effects.current?.bufferAllocated(offset, pages);
    return allocation;
  }

  release(allocation: DeviceAllocation): void {
    this.byOffset.delete(allocation.offset);
    this.surroundings.process.devices!.forget(allocation);
    this.vram.remove(allocation);
    this.effects.current?.bufferFreed(allocation.offset, allocation.pages);
  }

  /** Another client lets TTM evict the oldest buffer: 0, -ENOENT if there is none, or what became of it. */
  evictOldest(): number {
    return runAwake(this.vram.evictOldest((buffer) => this.evictBuffer(buffer)));
  }

  /** Another client takes `pages` pages, which are never evicted: the first of them, or a negative errno. */
  take(pages: number): number {
    const offset = runAwake(this.vram.findPlace(pages, (buffer) => this.evictBuffer(buffer)));
    if (offset >= 0) this.vram.pin(offset, pages);
    return offset;
  }

  /** TTM's move of a buffer out of VRAM. */
  private *evictBuffer(allocation: DeviceAllocation): Sleepable<number> {
    if (this.timeLeft(allocation) > 0) return -Errno.EBUSY;
    const { process, points } = this.surroundings;
    const { offset, pages } = allocation;
    this.counters.evictions++;
    this.effects.current?.evictionBegan(offset, pages);
    allocation.beginEviction();
    points.reach('evict');
    const result = yield* evictToRam(process, allocation, this);
    allocation.endEviction();
    this.effects.current?.evictionEnded(offset, result);
    return result;
  }

  /** Nanoseconds that a buffer is not to leave yet. */
  private timeLeft(allocation: DeviceAllocation): number {
    const since = this.since.get(allocation);
    if (since === undefined) return 0;
    return since + this.policies.minimumResidency * NANOSECONDS - this.surroundings.clock.now;
  }

  migrateToRam(vma: Vma, page: number, frame: number): Sleepable<number> {
    if (this.policies.minimumResidency > 0) {
      const left = this.timeLeft(this.surroundings.process.devices!.allocationOf(frame)!);
      if (left > 0) this.surroundings.clock.advance(left);
    }
    return this.repairs['retry-copies'] ? this.migrateInTries(vma, page, frame) : this.migrateBlock(vma, page, frame);
  }

  private migrateBlock(vma: Vma, page: number, frame: number): Sleepable<number> {
    const { process } = this.surroundings;
    return migrateBlockToRam(process, process.devices!.allocationOf(frame)!, this, vma, page);
  }

  /** A repaired driver. */
  private *migrateInTries(vma: Vma, page: number, frame: number): Sleepable<number> {
    let result = 0;
    for (let left = COPY_TRIES; left > 0; left--) {
      result = yield* this.migrateBlock(vma, page, frame);
      if (result === 0) return 0;
    }
    return result;
  }

  /** A repaired driver: those of the pages `[startPage, startPage + pages)` that lie in the VRAM of other GPUs come home. */
  *bringPeersHome(startPage: number, pages: number): Sleepable<void> {
    const { process } = this.surroundings;
    if (!process.devices!.areSeveral) return;
    for (let page = startPage; page < startPage + pages; page++) {
      const frame = process.pages.frameOf(page, true);
      if (frame < SYSTEM_FRAMES_END || locationOfFrame(frame) === this.gpu + 1) continue;
      const vma = process.findVma(page);
      if (vma !== undefined) yield* process.devices!.mapOf(frame).migrateToRam(vma, page, frame);
    }
  }

  locate(): void {
    this.surroundings.points.reach('collected');
  }

  mapForCopy(frame: number): boolean {
    if (frame >= SYSTEM_FRAMES_END) return this.meetPeer(frame);
    return this.surroundings.failures.take('map-dma') === 0;
  }

  /** A page of another GPU in the same hive has no address for the copy engine. */
  private meetPeer(frame: number): false {
    const map = this.surroundings.process.devices!.mapOf(frame);
    const page = this.surroundings.process.devices!.cpuPageOf(frame);
    if (map.coherent) this.effects.current?.hazard('V8-D3', 'device pages are unmapped after a copy', page, 1);
    else this.effects.current?.hazard('V8-D11', 'PTEs of the other GPU were cleared for a pull that fails', page, 1);
    return false;
  }

  /** The copy engine serves one at a time. */
  *copyRun(toVram: boolean, offset: number, pages: number): Sleepable<number> {
    while (this.copying) yield;
    this.copying = true;
    const result = this.copyRunAlone(toVram, offset, pages);
    this.copying = false;
    return result;
  }

  private copyRunAlone(toVram: boolean, offset: number, pages: number): number {
    const { points, failures } = this.surroundings;
    const noWindow = failures.take('map-copy-window');
    if (noWindow !== 0) return noWindow;
    points.reach('copy');
    const failure = failures.take('copy-buffer');
    if (failure !== 0) return failure;
    this.counters.copies++;
    this.counters.copyPages += pages;
    this.effects.current?.copied(toVram, offset, pages);
    return 0;
  }
}

/**
 * amdgpu_svm_migration_init for a GPU with VRAM: the registered memory, or a negative errno.
 */
export function registerDeviceMemory(
  settings: DeviceMemorySettings,
  device: GpuDevice,
  surroundings: DeviceMemorySurroundings,
): DeviceMemory | number {
  // mutant: old-gpu-registers
  if (gcNumber(device.model.gc) < gc(9, 0, 1)) return -Errno.EINVAL;
  // mutant: failed-registration-counts
  if (settings.registration !== 0) return settings.registration;
  const memory = new DeviceMemory(settings, surroundings);
  surroundings.process.devices!.add(memory);
  return memory;
}
