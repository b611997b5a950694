// Models: collecting the pages of a range, for reading where writing is not permitted (spec/revisions §4, V7 item 1).
import { Errno } from '../../lib/uapi/errno.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import { getDevicePages } from '../gpusvm/get-device-pages.ts';
import type { OperationMode } from '../gpusvm/chunk.ts';
import { getPages } from '../gpusvm/get-pages.ts';
import { PteMemory } from '../gpu/pte-format.ts';
import type { SvmContext } from '../svm/context.ts';
import { bringHome, migrateRange } from '../svm/migrate-range.ts';
import type { AmdgpuSvmRange } from '../svm/svm-range.ts';

/** The memory in which the pages lie that were collected for `range`. */
export function memoryOf(range: AmdgpuSvmRange): PteMemory {
  // mutant: vram-flags-of-system
  return range.hasDevicePages ? PteMemory.localVram : PteMemory.system;
}

/** A repaired driver does not write to pages that may have been collected for reading. */
function forgetForWriting({ framework, revision }: SvmContext, range: AmdgpuSvmRange, mode: OperationMode): void {
  if (!revision.repairs['collect-again-for-writing'] || mode.readOnly || !range.pagesValid) return;
  framework.notifierLock.acquireRead();
  framework.unmapPages(range);
  framework.notifierLock.releaseRead();
}

/** Collects the pages of `range`; after -EPERM `mode` is read-only, and they are collected so. 0 or a negative errno. */
export function getRangePages(
  context: SvmContext,
  range: AmdgpuSvmRange,
  mode: OperationMode,
  deviceOnly = false,
): number {
  const { framework } = context;
  forgetForWriting(context, range, mode);
  const result = getPages(framework, range, mode.readOnly, deviceOnly);
  // mutant: v7-no-read-only-retry
  if (result !== -Errno.EPERM || mode.readOnly) return result;
  mode.readOnly = true;
  return getPages(framework, range, true, deviceOnly);
}

/** As `getRangePages`, where pages may lie in VRAM. */
function* getRangeDevicePages(
  context: SvmContext,
  range: AmdgpuSvmRange,
  mode: OperationMode,
  deviceOnly: boolean,
): Sleepable<number> {
  const { framework } = context;
  forgetForWriting(context, range, mode);
  const result = yield* getDevicePages(framework, range, mode.readOnly, deviceOnly);
  if (result !== -Errno.EPERM || mode.readOnly) return result;
  mode.readOnly = true;
  return yield* getDevicePages(framework, range, true, deviceOnly);
}

/**
 * Moves the pages of `range` to VRAM if they are wanted there, and collects them. 0, or a negative errno: `moved` says
 * that moving failed. A repaired driver takes system memory where the pages cannot be used as they are.
 */
export function* placePages(
  context: SvmContext,
  range: AmdgpuSvmRange,
  mode: OperationMode,
  toVram: boolean,
): Sleepable<{ readonly result: number; readonly moved: boolean }> {
  const moved = toVram ? yield* migrateRange(context, range) : 0;
  if (!context.revision.repairs['map-system-memory']) {
    if (moved !== 0) return { result: moved, moved: false };
    return { result: yield* getRangeDevicePages(context, range, mode, toVram), moved: true };
  }
  if (moved !== 0) yield* bringHome(context, range);
  let result = yield* getRangeDevicePages(context, range, mode, false);
  if (result === -Errno.EOPNOTSUPP || result === -Errno.EFAULT) {
    yield* bringHome(context, range);
    result = yield* getRangeDevicePages(context, range, mode, false);
  }
  return { result, moved: true };
}
