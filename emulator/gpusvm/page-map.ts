// Models: drm_pagemap.c - moving pages of the process into VRAM, back when the CPU faults, and out when VRAM is needed (spec/trace-format-v8 §5).
import { Errno } from '../../lib/uapi/errno.ts';
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { alignDown, PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { DeviceAllocation, DevicePageMap } from '../mm/device-pages.ts';
import { Collected } from '../mm/page-collection.ts';
import { PageMigration } from '../mm/page-migration.ts';
import type { Vma } from '../mm/vma.ts';
import { isAnonymous } from '../mm/vma.ts';

/** Rounds of an eviction until the last page has left. */
// mutant: evict-one-round
const EVICTION_ROUNDS = 3;

/** What the driver does for the framework: struct drm_pagemap_devmem_ops. */
export interface DeviceMemoryOperations {
  /** Told where the pages of an allocation are, before any is copied: populate_devmem_pfn. */
  locate(): void;
  /** Whether the page in `frame`, of system memory or a peer, can be reached by the copy engine: dma_map_page. */
  mapForCopy(frame: number): boolean;
  /** Copies one run of pages, whose first lies in VRAM at `offset`; 0 or a negative errno. */
  copyRun(toVram: boolean, offset: number, pages: number): Sleepable<number>;
}

/**
 * drm_pagemap_migrate_to_devmem: the pages `[startPage, ...)` of the size of `allocation` move there, all of them or
 * none - but for those that others take hold of meanwhile. The mmap lock must be held. 0 also where they were there
 * already; the allocation is given back unless pages lie in it.
 */
export function* migrateToVram(
  space: AddressSpace,
  allocation: DeviceAllocation,
  operations: DeviceMemoryOperations,
  startPage: number,
): Sleepable<number> {
  const result = yield* moveIn(space, allocation, operations, startPage);
  allocation.letGo();
  return result;
}

function* moveIn(
  space: AddressSpace,
  allocation: DeviceAllocation,
  operations: DeviceMemoryOperations,
  startPage: number,
): Sleepable<number> {
  const { map, pages } = allocation;
  const endPage = startPage + pages;
  const vma = space.findVma(startPage);
  if (vma === undefined) return -Errno.ENOENT;
  if (endPage > vma.endPage) return -Errno.EINVAL;
  if (!isAnonymous(vma.kind)) return -Errno.EBUSY;
  const failure = space.failures.take('allocate-migration-lists') || space.failures.take('allocate-page-owner');
  if (failure !== 0) return failure;
  const migration = new PageMigration(space, pages);
  migration.collect(vma, startPage, { system: true, owner: map.owner });
  let result = migration.collected === 0 ? -Errno.EBUSY : checkCollected(space, migration, map);
  if (result === ALREADY_THERE) {
    migration.move(endPage);
    migration.finish();
    return 0;
  }
  if (result === 0) {
    operations.locate();
    for (let index = 0; index < pages; index += migration.sizeAt(index)) {
      migration.setTarget(index, allocation.firstFrame + index, migration.isHuge(index));
      for (let at = 0; at < migration.sizeAt(index); at++) allocation.use(index + at);
    }
    result = yield* copyIn(space, migration, operations, allocation);
    // mutant: move-after-failed-copy
    if (result !== 0) dropTargets(space, migration);
  }
  migration.move(endPage);
  const moved = countMoved(space, migration);
  migration.finish();
  // mutant: move-hides-rest
  return result === 0 && moved < pages ? -Errno.EBUSY : result;
}

/** No errno: all pages lie in this VRAM. */
const ALREADY_THERE = 1;

function checkCollected(space: AddressSpace, migration: PageMigration, map: DevicePageMap): number {
  const { pages } = migration;
  if (migration.collected !== pages) {
    let covered = 0;
    for (let index = 0; index < pages; index += migration.sizeAt(index)) {
      if (migration.isMovable(index) || migration.isHuge(index)) covered += migration.sizeAt(index);
    }
    // mutant: move-only-some
    if (covered !== pages) return -Errno.EBUSY;
  }
  let own = 0;
  for (let index = 0; index < pages; index += migration.sizeAt(index)) {
    const frame = migration.sources[index]!;
    if (!migration.isMovable(index) || frame < SYSTEM_FRAMES_END) continue;
    if (space.devices!.mapOf(frame) === map) own += migration.sizeAt(index);
  }
  if (own === 0) return 0;
  // mutant: move-own-again, move-partly-own
  return own === pages ? ALREADY_THERE : -Errno.EBUSY;
}

/** Copies every page that has a frame, a run at a time; of a huge page the first 4 KiB only (findings-v8 D4). */
function* copyIn(
  space: AddressSpace,
  migration: PageMigration,
  operations: DeviceMemoryOperations,
  allocation: DeviceAllocation,
): Sleepable<number> {
  const { pages } = migration;
  for (let index = 0; index < pages; index += migration.sizeAt(index)) {
    if (!migration.isMovable(index)) continue;
    const frame = migration.sources[index]!;
    if (!operations.mapForCopy(frame)) return -Errno.EFAULT;
  }
  const failure = allocateCopyLists(space);
  if (failure !== 0) return failure;
  const hasPage = copied(space, migration, (index) => migration.isMovable(index));
  return yield* copyRuns(pages, hasPage, function* (index, count) {
    const result = yield* operations.copyRun(true, allocation.offset + index, count);
    if (result !== 0) return result;
    migration.copies.note(index, count);
    return 0;
  });
}

/** The driver's two lists of addresses for one copy, in either direction: 0, or a negative errno. */
function allocateCopyLists({ failures }: AddressSpace): number {
  return failures.take('allocate-copy-list') || failures.take('allocate-copy-list');
}

/** Whether all of a huge page is copied: a repaired driver. */
function wholeFolios({ devices }: AddressSpace): boolean {
  return devices!.surroundings.wholeFolios;
}

/** Which pages are copied: those that `selects` says; in a repaired driver the rest of a huge page with its first. */
function copied(
  space: AddressSpace,
  migration: PageMigration,
  selects: (index: number) => boolean,
): (index: number) => boolean {
  if (!wholeFolios(space)) return selects;
  const whole = new Uint8Array(migration.pages);
  for (let index = 0; index < migration.pages; index += migration.sizeAt(index))
    if (selects(index)) whole.fill(1, index, index + migration.sizeAt(index));
  return (index) => whole[index] === 1;
}

/** Calls `copy` for each run of indices with a page. */
function* copyRuns(
  pages: number,
  hasPage: (index: number) => boolean,
  copy: (index: number, count: number) => Sleepable<number>,
): Sleepable<number> {
  for (let index = 0; index < pages; index++) {
    if (!hasPage(index)) continue;
    const first = index;
    while (index + 1 < pages && hasPage(index + 1)) index++;
    const result = yield* copy(first, index + 1 - first);
    if (result !== 0) return result;
  }
  return 0;
}

/** An error: the frames that were to be filled are not. */
function dropTargets(space: AddressSpace, migration: PageMigration): void {
  for (let index = 0; index < migration.pages; index++) {
    const target = migration.targets[index]!;
    if (target === 0) continue;
    if (target >= SYSTEM_FRAMES_END) {
      const size = migration.hasHugeTarget(index) ? PAGES_PER_BLOCK : 1;
      for (let at = 0; at < size; at++) space.devices!.free(target + at);
    }
    migration.targets[index] = 0;
  }
}

/** Pages that were moved; a huge hole counts as one. */
function countMoved(space: AddressSpace, migration: PageMigration): number {
  let moved = 0;
  for (let index = 0; index < migration.pages; index += migration.sizeAt(index)) {
    const state = migration.states[index]!;
    if ((state & Collected.migrate) === 0) continue;
    moved += (state & Collected.page) !== 0 || wholeFolios(space) ? migration.sizeAt(index) : 1;
  }
  return moved;
}

/**
 * migrate_to_ram: the CPU faults at `page` of `vma`; the pages of `allocation` in the block of its size around it come
 * home. 0 or a negative errno.
 */
export function* migrateBlockToRam(
  space: AddressSpace,
  allocation: DeviceAllocation,
  operations: DeviceMemoryOperations,
  vma: Vma,
  page: number,
): Sleepable<number> {
  const block = alignDown(page, allocation.pages);
  // mutant: home-one-page
  const startPage = Math.max(block, vma.startPage);
  // mutant: home-beyond-mapping
  const endPage = Math.min(block + allocation.pages, vma.endPage);
  const failure = space.failures.take('allocate-migration-lists');
  if (failure !== 0) return failure;
  const migration = new PageMigration(space, endPage - startPage);
  migration.collect(vma, startPage, { system: false, owner: allocation.map.owner });
  if (migration.collected === 0) return 0;
  const result = yield* moveOut(space, migration, operations, allocation);
  migration.move(endPage);
  migration.finish();
  return result;
}

/** drm_pagemap_evict_to_ram: every page of `allocation` is to leave; 0 once the last one has, or a negative errno. */
export function* evictToRam(
  space: AddressSpace,
  allocation: DeviceAllocation,
  operations: DeviceMemoryOperations,
): Sleepable<number> {
  let result = 0;
  for (let round = 0; round < EVICTION_ROUNDS; round++) {
    if (!space.hasUsers) return -Errno.EFAULT;
    const failure = space.failures.take('allocate-migration-lists');
    if (failure !== 0) return failure;
    operations.locate();
    const migration = new PageMigration(space, allocation.pages);
    // Others may have freed it at that point.
    if (!allocation.isDetached) migration.collectFrames(allocation.firstFrame);
    result = yield* moveOut(space, migration, operations, allocation);
    migration.move();
    migration.finish();
    if (allocation.isDetached) return 0;
  }
  // mutant: evict-hides-rest
  return result === 0 ? -Errno.EBUSY : result;
}

/** Gives the collected pages of `allocation` frames in system memory, and copies them there. */
function* moveOut(
  space: AddressSpace,
  migration: PageMigration,
  operations: DeviceMemoryOperations,
  allocation: DeviceAllocation,
): Sleepable<number> {
  const { firstFrame, pages } = allocation;
  const isOurs = (index: number): boolean =>
    migration.isMovable(index) &&
    migration.sources[index]! >= firstFrame &&
    migration.sources[index]! < firstFrame + pages;
  let result = allocateHomes(space, migration, isOurs);
  if (result === 0) {
    for (let index = 0; index < migration.pages && result === 0; index += migration.sizeAt(index)) {
      const target = migration.targets[index]!;
      if (target === 0) continue;
      const entries = migration.isHuge(index) && !migration.hasHugeTarget(index) ? PAGES_PER_BLOCK : 1;
      for (let at = 0; at < entries; at++)
        // mutant: home-ignores-mapping
        if (result === 0 && !operations.mapForCopy(target + at)) result = -Errno.EFAULT;
    }
  }
  if (result === 0) result = allocateCopyLists(space);
  if (result === 0) {
    const hasTarget = copied(space, migration, (index) => migration.targets[index] !== 0);
    result = yield* copyRuns(migration.pages, hasTarget, function* (index, count) {
      const offset = vramIndexOf(migration, index) - firstFrame + allocation.offset;
      const copied = yield* operations.copyRun(false, offset, count);
      if (copied !== 0) return copied;
      migration.copies.note(index, count);
      return 0;
    });
  }
  if (result !== 0) dropTargets(space, migration);
  return result;
}

/** Frame of the page at `index`, which may lie in a huge page that is collected as one. */
function vramIndexOf(migration: PageMigration, index: number): number {
  if (migration.sources[index] !== 0) return migration.sources[index]!;
  let first = index;
  while (migration.sources[first] === 0) first--;
  return migration.sources[first]! + (index - first);
}

function allocateHomes(space: AddressSpace, migration: PageMigration, isOurs: (index: number) => boolean): number {
  const { failures, pages } = space;
  for (let index = 0; index < migration.pages; index += migration.sizeAt(index)) {
    if (!isOurs(index)) continue;
    if (migration.isHuge(index)) {
      if (failures.take('allocate-migration-page') === 0 && failures.take('allocate-huge-migration-page') === 0) {
        migration.setTarget(index, pages.takeHugeFrames(), true);
        continue;
      }
      // No huge page: small ones, one after the other.
      for (let at = 0; at < PAGES_PER_BLOCK; at++) {
        if (failures.take('allocate-migration-page') !== 0) return -Errno.ENOMEM;
        migration.targets[index + at] = pages.takeFrames(1);
      }
      continue;
    }
    if (failures.take('allocate-migration-page') !== 0) return -Errno.ENOMEM;
    migration.setTarget(index, pages.takeFrames(1));
  }
  return 0;
}
