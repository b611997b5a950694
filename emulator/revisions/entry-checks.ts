// Models: what SET_ATTR, GET_ATTR and RESET_ATTR begin with - waiting for the collector, and the VMAs (spec/revisions §4, V5).
import type { SvmContext } from '../svm/context.ts';
import { walkVmas } from '../svm/vma-walk.ts';

/** Whether the wait for the collector would be one for the svm lock of another thread. */
export function mustSleepForCollector(context: SvmContext): boolean {
  return context.collector.mustRun && context.svmLock.held;
}

/** 0, or the errno of the first of the pages `[first, last]` that cannot be mirrored. */
export function checkVmas({ process, points, revision }: SvmContext, first: number, last: number): number {
  points.reach('mmap-lock');
  process.mmapLock.acquireRead();
  const result = walkVmas(process, first, last);
  process.mmapLock.releaseRead();
  if (!revision.hasReservationPoint) points.reach('vma-checked');
  points.reach('mmap-unlock');
  return result;
}
