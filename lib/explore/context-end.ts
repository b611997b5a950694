/** Where the end of a context cannot meet another operation, since it waits for that one, or keeps it out (spec/06-lifecycle §6). */
import { descriptorOf } from '../trace/operations/index.ts';
import type { TraceOperation } from '../trace/operations/index.ts';
import { UAPI_PROFILES } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';

/**
 * Whether one of the two ends the context of a GPU and the other one cannot be in the middle of that: the last close of a
 * file comes after all calls on it, closing waits for the works of the context, and of some revisions for faults.
 */
export function excludesEnd(interrupted: TraceOperation, next: TraceOperation, profile: UapiProfileName): boolean {
  if (interrupted.gpu !== next.gpu) return false;
  const inner = descriptorOf(next.name).enters;
  const outer = descriptorOf(interrupted.name).enters;
  if (outer === 'end') return inner === 'ioctl' || inner === 'end';
  if (inner !== 'end') return false;
  return (
    outer === 'ioctl' || outer === 'work' || (outer === 'fault' && UAPI_PROFILES[profile].behaviour.endWaitsForFaults)
  );
}
