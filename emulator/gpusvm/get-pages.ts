// Models: drm_gpusvm_range_get_pages - collecting the CPU's pages and DMA-mapping them (spec/03-gpu-ranges §A.8).
import { Errno } from '../../lib/uapi/errno.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { hmmRangeFault } from '../mm/hmm.ts';
import type { GpuSvm } from './gpu-svm.ts';
import type { FailureInjection } from '../kernel/failures.ts';
import { collectPages, dmaEntries, forgetPages } from './pages.ts';
import { RangeState } from './range.ts';
import type { GpuRange } from './range.ts';

const { EBUSY, EFAULT, EAGAIN } = Errno;
const { unmapped, dmaArray } = RangeState;

/** How long collection is repeated after collisions with invalidations, in ns. */
export const COLLECTION_TIMEOUT = 1_000_000_000;

/**
 * Makes the pages of `range` present - writable ones unless `readOnly` - and
 * DMA-maps them. A range that is DMA-mapped already is left as it is, however
 * its pages were collected (Q48). `deviceOnly`: pages in system memory are not taken (-EFAULT). Returns 0 or a negative errno.
 */
export function getPages<R extends GpuRange>(svm: GpuSvm<R>, range: R, readOnly: boolean, deviceOnly = false): number {
  const { process, clock, failures } = svm.surroundings;
  const deadline = clock.now + COLLECTION_TIMEOUT;
  const { notifier } = range;
  retry: while (true) {
    if (clock.now > deadline) return -EBUSY;
    const failure = failures.none ? 0 : failBeforeCollection(range, failures);
    if (failure !== 0) return failure;
    let sequence = notifier.sequence;
    if (range.pagesValid) return 0;
    if (!process.hasUsers) return -EFAULT;
    while (true) {
      const result = faultRange(svm, range, sequence, readOnly);
      // mutant: race-sequence-read-late
      if (result === 0) break;
      if (result === -EAGAIN) continue retry;
      if (result !== -EBUSY || clock.now > deadline) return result;
      sequence = notifier.sequence;
    }
    svm.notifierLock.acquireRead();
    if ((range.state & unmapped) !== 0) {
      svm.notifierLock.releaseRead();
      return -EFAULT;
    }
    // mutant: race-collection-unchecked
    if (notifier.sequence !== sequence) {
      svm.notifierLock.releaseRead();
      continue;
    }
    if (deviceOnly) {
      svm.notifierLock.releaseRead();
      return -EFAULT;
    }
    const result = (failures.none ? 0 : allocateDmaArray(range, failures)) || mapCollected(svm, range);
    svm.notifierLock.releaseRead();
    return result;
  }
}

/** What makes a collection of the pages of `range` fail at its beginning: 0, or a negative errno. */
export function failBeforeCollection(range: GpuRange, failures: FailureInjection): number {
  const failure = failures.take('collect-pages');
  return failure !== 0 || range.pagesValid ? failure : failures.take('allocate-frame-list');
}

/** The DMA array of `range` is allocated, unless it is there: 0, or a negative errno. */
export function allocateDmaArray(range: GpuRange, failures: FailureInjection): number {
  if ((range.state & dmaArray) !== 0) return 0;
  const failure = failures.take('allocate-dma-array');
  if (failure === 0) range.state |= dmaArray;
  return failure;
}

/** DMA-maps what the CPU maps now, which lies in system memory; the notifier lock must be held. Returns 0 or -EFAULT. */
export function mapCollected<R extends GpuRange>(svm: GpuSvm<R>, range: R): number {
  const { process, effects, counters, failures } = svm.surroundings;
  collectPages(range, process.pages);
  if (!failures.none && failures.takeAmong('map-dma', dmaEntries(range)).failure !== 0) {
    forgetPages(range);
    return -EFAULT;
  }
  counters.dmaPages += range.pages;
  effects.current?.dmaMapped(range.startPage, range.pages);
  return 0;
}

function faultRange<R extends GpuRange>(svm: GpuSvm<R>, range: R, sequence: number, readOnly: boolean): number {
  const { process, points, counters } = svm.surroundings;
  points.reach('mmap-lock');
  process.mmapLock.acquireRead();
  let result = svm.surroundings.failures.take('hmm-range-fault');
  if (result !== 0) {
    counters.hmm++;
  } else if (range.notifier.sequence !== sequence) {
    result = -EBUSY;
  } else {
    counters.hmm++;
    result = svm.surroundings.failures.none
      ? hmmRangeFault(process, range.blockNumber, range.indexInBlock, range.endInBlock, !readOnly)
      : faultWithFailures(svm, range, !readOnly);
    if (result === 0) points.reach('hmm');
  }
  process.mmapLock.releaseRead();
  points.reach('mmap-unlock');
  return result;
}

/** As `hmmRangeFault`, where the allocation of a page may fail: HMM tells it as EFAULT. */
function faultWithFailures<R extends GpuRange>(svm: GpuSvm<R>, range: R, write: boolean): number {
  const { process, failures } = svm.surroundings;
  for (let index = range.indexInBlock; index < range.endInBlock; index++) {
    const page = range.blockNumber * PAGES_PER_BLOCK + index;
    const isMissing = process.pages.frameOf(page, true) === 0 && process.findVma(page) !== undefined;
    if (isMissing && failures.take('allocate-page') !== 0) return -EFAULT;
    const result = hmmRangeFault(process, range.blockNumber, index, index + 1, write);
    if (result !== 0) return result;
  }
  return 0;
}
