// Models: the check that no buffer object of the same VM is where SVM is asked for (spec/revisions §4, V5 item 3).
import { Errno } from '../../lib/uapi/errno.ts';
import type { RangeRequest } from '../gpusvm/chunk.ts';
import type { SvmContext } from '../svm/context.ts';
import { SLEEPING } from '../svm/sleeping.ts';

/**
 * 0, -EADDRINUSE where a buffer object has any of the pages `[first, last]`, both inclusive, the error of an
 * interrupted reservation, or SLEEPING: the mappings are looked at under the reservation of the page directory, which
 * another thread has.
 */
export function checkBufferObjects(context: SvmContext, first: number, last: number): number {
  const { pageDirectoryLock, bufferObjects } = context.vm;
  if (pageDirectoryLock.held) return SLEEPING;
  const failure = reservePageDirectory(context);
  // mutant: v8-buffer-objects-ignored
  if (failure !== 0) return failure;
  // mutant: v7-buffer-object-errno
  return bufferObjects.firstIn(first, last) === undefined ? 0 : -Errno.EADDRINUSE;
}

/** The reservation of the page directory, which nobody else has: 0, or the negative errno of one that is interrupted. */
export function reservePageDirectory({ revision, points, failures }: SvmContext): number {
  if (revision.hasReservationPoint) points.reach('vma-checked');
  // mutant: v7-reservation-not-interrupted
  return failures.take('reserve-page-directory');
}

/** A repaired driver: `request` ends before the buffer objects on both sides of `page`; false if one has `page`. */
export function narrowToFreePages({ vm: { bufferObjects } }: SvmContext, page: number, request: RangeRequest): boolean {
  for (const object of bufferObjects.values()) {
    if (page >= object.startPage && page < object.endPage) return false;
    if (object.endPage <= page) request.lowPage = Math.max(request.lowPage, object.endPage);
    else if (request.highPage === 0 || object.startPage < request.highPage) request.highPage = object.startPage;
  }
  return true;
}
