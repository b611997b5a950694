// Models: amdgpu_svm_range_migrate.c - whether and how a range goes to VRAM (spec/migration §3, §4).
import { SvmAccess } from '../../lib/uapi/constants.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import { evictRange } from '../gpusvm/get-device-pages.ts';
import type { AttributeRecord } from './attribute-record.ts';
import type { SvmContext } from './context.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

/** Times that a range is moved while some of its pages stay where they are. */
// mutant: move-once, move-thrice
const TRIES = 2;
const SYSTEM = 0;
const UNDEFINED = 0xffff_ffff;

/** Whether pages with these attributes are to lie in VRAM: whatever number a location is, it means this GPU. */
export function needsVram({ deviceMemory }: SvmContext, record: AttributeRecord): boolean {
  if (deviceMemory === null) return false;
  if (deviceMemory.policies.honourInPlace && record.access === SvmAccess['in-place']) return false;
  // mutant: move-prefetch-stays, move-preference-stays
  return isDevice(record.preferredLocation) || isDevice(record.prefetchLocation);
}

function isDevice(location: number): boolean {
  // mutant: move-location-1-only, move-undefined, move-system
  return location !== SYSTEM && location >>> 0 !== UNDEFINED;
}

/** A repaired driver: all pages of `range` come home, those in the VRAM of other GPUs too. The svm lock must be held. */
export function* bringHome(context: SvmContext, range: AmdgpuSvmRange): Sleepable<void> {
  yield* context.deviceMemory?.bringPeersHome(range.startPage, range.pages) ?? nothing();
  // What cannot come home is met again by who collects the pages.
  yield* evictRange(context.framework, range);
}

function* nothing(): Sleepable<void> {}

/** Moves the pages of `range` to VRAM, where it can be; 0 also where they are there or cannot go. The svm lock must be held. */
export function* migrateRange(context: SvmContext, range: AmdgpuSvmRange): Sleepable<number> {
  // mutant: move-what-is-there, move-files
  if (!range.migrates || range.hasDevicePages) return 0;
  const memory = context.deviceMemory!;
  if (memory.repairs['bring-peers-home']) yield* memory.bringPeersHome(range.startPage, range.pages);
  let result = 0;
  for (let left = TRIES; left > 0; left--) {
    result = yield* memory.populate(range.startPage, range.pages);
    if (result !== -Errno.EBUSY) return result;
    // All home, so that the next try finds them in one memory.
    // mutant: move-without-evicting
    if (left > 1) yield* evictRange(context.framework, range);
  }
  return result;
}
