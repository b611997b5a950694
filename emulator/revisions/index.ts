// Models: nothing - the table of the modelled revisions of the driver.
import type { UapiProfileName } from '../../lib/uapi/profile.ts';
import type { KernelRevision } from '../svm/context.ts';
import type { RepairId } from '../svm/repairs.ts';
import { repaired } from './repaired.ts';
import { V4 } from './v4/index.ts';
import { V7, V7_XNACK_OFF } from './v7/index.ts';
import { V8 } from './v8/index.ts';

/** As functions, so that what a program does not ask for need not be loaded. */
const REVISIONS: Readonly<Record<UapiProfileName, () => KernelRevision>> = {
  v4: () => V4,
  v7: () => V7,
  'v7-xnack-off': () => V7_XNACK_OFF,
  v8: () => V8,
};

/** The revision of a profile, with the repairs of these ids; without any it is what was posted. */
export function kernelRevision(profile: UapiProfileName, repairs: readonly RepairId[] = []): KernelRevision {
  const posted = REVISIONS[profile]();
  return repairs.length === 0 ? posted : repaired(posted, repairs);
}
