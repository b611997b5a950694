// Models: the callback set of a device without retry faults (spec/xnack-off §1, §7).
import { SvmAccess } from '../../../lib/uapi/constants.ts';
import { Errno } from '../../../lib/uapi/errno.ts';
import type { SvmContext, SvmMode } from '../../svm/context.ts';
import { logFault } from '../../svm/fault-steps.ts';
import { invalidateWholeWithoutRetryFaults, invalidateWithoutRetryFaults } from './off-invalidate.ts';
import { applyWithoutRetryFaults } from './off-map.ts';
import { OffWork } from './off-work.ts';

/** The works of a context whose mode is the one below. */
function worksOf(context: SvmContext): OffWork {
  return context.collector as OffWork;
}

/** Every fault is refused: the access is killed. That the context closes is looked at first (spec/revisions §5). */
function refuseFault(context: SvmContext, page: number, write: boolean): number {
  const { closing } = context;
  if (closing) logFault(context, page, 1);
  // mutant: off-fault-served
  const result = closing ? -Errno.EAGAIN : -Errno.EOPNOTSUPP;
  return context.endFault(page, write, result, closing ? 'closing' : 'no-retry-faults', 0);
}

/** The posted callback set, but for events: a repaired driver. */
export function clearingWholeRanges(mode: SvmMode): SvmMode {
  return {
    ...mode,
    invalidate: (context, notifier, event, startPage, endPage) =>
      invalidateWholeWithoutRetryFaults(context, worksOf(context), notifier, event, startPage, endPage),
  };
}

export const WITHOUT_RETRY_FAULTS: SvmMode = {
  // mutant: off-default-access
  defaultAccess: SvmAccess.inaccessible,
  createCollector: (context) => new OffWork(context),
  handleFault: (context, page, _timestamp, write) => refuseFault(context, page, write),
  applySegment: (context, interval, startPage, endPage, trigger) =>
    applyWithoutRetryFaults(context, worksOf(context), interval, startPage, endPage, trigger),
  invalidate: (context, notifier, event, startPage, endPage) =>
    invalidateWithoutRetryFaults(context, worksOf(context), notifier, event, startPage, endPage),
};
