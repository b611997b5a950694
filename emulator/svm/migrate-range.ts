// Models: amdgpu_svm_range_migrate.c - whether and how a range goes to VRAM (spec/migration §3, §4).
import { Errno } from '../../lib/uapi/errno.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import { evictRange } from '../gpusvm/get-device-pages.ts';
import type { AttributeRecord } from './attribute-record.ts';
import type { SvmContext } from './context.ts';
import type { AmdgpuSvmRange } from './svm-range.ts';

/** Times that a range is moved while some of its pages stay where they are. */
const TRIES = 2;
const SYSTEM = 0;
const UNDEFINED = 0xffff_ffff;

/** Whether pages with these attributes are to lie in VRAM: whatever number a location is, it means this GPU. */
export function needsVram({ deviceMemory }: SvmContext, record: AttributeRecord): boolean {
  return deviceMemory !== null && (isDevice(record.preferredLocation) || isDevice(record.prefetchLocation));
}

function isDevice(location: number): boolean {
  return location !== SYSTEM && location >>> 0 !== UNDEFINED;
}

/** Moves the pages of `range` to VRAM, where it can be; 0 also where they are there or cannot go. The svm lock must be held. */
export function* migrateRange(context: SvmContext, range: AmdgpuSvmRange): Sleepable<number> {
  if (!range.migrates || range.hasDevicePages) return 0;
  let result = 0;
  for (let left = TRIES; left > 0; left--) {
    result = yield* context.deviceMemory!.populate(range.startPage, range.pages);
    if (result !== -Errno.EBUSY) return result;
    // All home, so that the next try finds them in one memory.
    if (left > 1) yield* evictRange(context.framework, range);
  }
  return result;
}
