// Models: drm_gpusvm_range_get_pages and drm_gpusvm_range_evict where pages may lie in VRAM (spec/migration §5, §6).
import { Errno } from '../../lib/uapi/errno.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import { deviceRangeFault } from '../mm/device-hmm.ts';
import { allocateDmaArray, COLLECTION_TIMEOUT, failBeforeCollection, mapCollected } from './get-pages.ts';
import type { GpuSvm } from './gpu-svm.ts';
import { collectPages, judgePages } from './pages.ts';
import { RangeState } from './range.ts';
import type { GpuRange } from './range.ts';

/**
 * As `getPages`: all pages of `range` lie in system memory, or all in one buffer of the VRAM of this GPU. `deviceOnly`:
 * in VRAM. It sleeps where a page is being moved.
 */
export function* getDevicePages<R extends GpuRange>(
  svm: GpuSvm<R>,
  range: R,
  readOnly: boolean,
  deviceOnly: boolean,
): Sleepable<number> {
  const { process, clock, failures, deviceMemory } = svm.surroundings;
  // mutant: vram-not-own
  const owner = deviceMemory?.owner ?? null;
  const deadline = clock.now + COLLECTION_TIMEOUT;
  const { notifier } = range;
  while (true) {
    if (clock.now > deadline) return -Errno.EBUSY;
    const failure = failures.none ? 0 : failBeforeCollection(range, failures);
    if (failure !== 0) return failure;
    let sequence = notifier.sequence;
    if (range.pagesValid) return 0;
    if (!process.hasUsers) return -Errno.EFAULT;
    let result = yield* faultRange(svm, range, sequence, !readOnly, owner);
    while (result === -Errno.EBUSY && clock.now <= deadline) {
      sequence = notifier.sequence;
      result = yield* faultRange(svm, range, sequence, !readOnly, owner);
    }
    if (result === -Errno.EAGAIN) continue;
    if (result !== 0) return result;
    svm.notifierLock.acquireRead();
    if ((range.state & RangeState.unmapped) !== 0) {
      svm.notifierLock.releaseRead();
      return -Errno.EFAULT;
    }
    // mutant: race-vram-collection-unchecked
    if (notifier.sequence !== sequence) {
      svm.notifierLock.releaseRead();
      continue;
    }
    result = allocateDmaArray(range, failures);
    if (result === 0) result = judgeMix(svm, range, deviceOnly);
    if (result === 0) {
      if (range.hasDevicePages) collectPages(range, process.pages);
      else result = mapCollected(svm, range);
    }
    svm.notifierLock.releaseRead();
    return result;
  }
}

/** One range fault of HMM, whose outcome holds for the sequence of the notifier that was read before. */
function* faultRange<R extends GpuRange>(
  svm: GpuSvm<R>,
  range: R,
  sequence: number,
  write: boolean,
  owner: object | null,
): Sleepable<number> {
  const { process, counters, failures, points } = svm.surroundings;
  const { startPage, endPage, notifier } = range;
  const isStale = (): boolean => notifier.sequence !== sequence;
  points.reach('mmap-lock');
  process.mmapLock.acquireRead();
  let result = failures.take('hmm-range-fault');
  if (result !== 0) {
    counters.hmm++;
  } else if (isStale()) {
    result = -Errno.EBUSY;
  } else {
    counters.hmm++;
    result = yield* deviceRangeFault(process, { startPage, endPage, write, owner, isStale, failures });
    if (result === 0) points.reach('hmm');
  }
  process.mmapLock.releaseRead();
  points.reach('mmap-unlock');
  return result;
}

/** 0, or the errno of pages that cannot be mapped together; those in VRAM are noted. */
function judgeMix<R extends GpuRange>(svm: GpuSvm<R>, range: R, deviceOnly: boolean): number {
  const { process, deviceMemory, effects } = svm.surroundings;
  const { result, mapped, inVram } = judgePages(range, process, deviceMemory?.gpu ?? -1, deviceOnly);
  if (result !== 0 && mapped > 0) {
    effects.current?.dmaMapped(range.startPage, mapped);
    effects.current?.dmaUnmapped(range.startPage, mapped);
  }
  // mutant: vram-not-noted
  if (result === 0 && inVram) range.state |= RangeState.devicePages;
  return result;
}

/** drm_gpusvm_range_evict: the pages of `range` that lie in VRAM come home, as for the CPU. 0 or a negative errno. */
export function* evictRange<R extends GpuRange>(svm: GpuSvm<R>, range: R): Sleepable<number> {
  if (!svm.surroundings.process.hasUsers) return -Errno.EFAULT;
  const failure = svm.surroundings.failures.take('allocate-frame-list');
  if (failure !== 0) return failure;
  while (true) {
    const result = yield* faultRange(svm, range, range.notifier.sequence, false, null);
    if (result !== -Errno.EBUSY) return result;
  }
}
