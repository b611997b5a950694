// Models: collecting the pages of a range, for reading where writing is not permitted (spec/revisions §4, V7 item 1).
import { Errno } from '../../lib/uapi/errno.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import { getDevicePages } from '../gpusvm/get-device-pages.ts';
import { getPages } from '../gpusvm/get-pages.ts';
import { PteMemory } from '../gpu/pte-format.ts';
import type { SvmContext } from '../svm/context.ts';
import type { OperationMode } from '../svm/find-range.ts';
import type { AmdgpuSvmRange } from '../svm/svm-range.ts';

/** The memory in which the pages lie that were collected for `range`. */
export function memoryOf(range: AmdgpuSvmRange): PteMemory {
  return range.hasDevicePages ? PteMemory.localVram : PteMemory.system;
}

/** Collects the pages of `range`; after -EPERM `mode` is read-only, and they are collected so. 0 or a negative errno. */
export function getRangePages(
  { framework }: SvmContext,
  range: AmdgpuSvmRange,
  mode: OperationMode,
  deviceOnly = false,
): number {
  const result = getPages(framework, range, mode.readOnly, deviceOnly);
  // mutant: v7-no-read-only-retry
  if (result !== -Errno.EPERM || mode.readOnly) return result;
  mode.readOnly = true;
  return getPages(framework, range, true, deviceOnly);
}

/** As `getRangePages`, where pages may lie in VRAM. */
export function* getRangeDevicePages(
  { framework }: SvmContext,
  range: AmdgpuSvmRange,
  mode: OperationMode,
  deviceOnly: boolean,
): Sleepable<number> {
  const result = yield* getDevicePages(framework, range, mode.readOnly, deviceOnly);
  if (result !== -Errno.EPERM || mode.readOnly) return result;
  mode.readOnly = true;
  return yield* getDevicePages(framework, range, true, deviceOnly);
}
