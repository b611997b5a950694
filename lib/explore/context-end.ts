/** Where the end of a context cannot meet another operation, since it waits for that one, or keeps it out (spec/06-lifecycle §6). */
import type { PlannedOperation } from './planned.ts';

/**
 * Whether one of the two ends the context of a GPU and the other one cannot be in the middle of that: the last close of a
 * file comes after all calls on it, closing waits for the works of the context, and of some revisions for faults.
 */
export function excludesEnd(
  { enters: outer, gpu }: PlannedOperation,
  { enters: inner, gpu: other }: PlannedOperation,
  endWaitsForFaults: boolean,
): boolean {
  if (outer !== 'end' && inner !== 'end') return false;
  if (gpu !== other) return false;
  if (outer === 'end') return inner === 'ioctl' || inner === 'end';
  return outer === 'ioctl' || outer === 'work' || (outer === 'fault' && endWaitsForFaults);
}
