// Models: RFC V4 (29 Apr 2026) as one object - retry faults only, attributes that end with their memory (spec/revisions §3).
import { SvmAccess } from '../../../lib/uapi/constants.ts';
import { Errno } from '../../../lib/uapi/errno.ts';
import { UAPI_PROFILES } from '../../../lib/uapi/profile.ts';
import { pteFlags } from '../../gpu/pte-format.ts';
import { isXnackEnabled } from '../../gpu/xnack.ts';
import { GarbageCollector } from '../../svm/garbage-collector.ts';
import { invalidate } from '../../svm/invalidate.ts';
import type { KernelRevision, SvmMode } from '../../svm/context.ts';
import { NO_REPAIRS } from '../../svm/repairs.ts';
import { handleFault } from './fault.ts';
import { SvmIoctl } from './svm-ioctl.ts';

const WITH_RETRY_FAULTS: SvmMode = {
  // mutant: default-access
  defaultAccess: SvmAccess['allow-migrate'],
  createCollector: (context) => new GarbageCollector(context),
  applySegment: null,
  handleFault,
  invalidate,
};

export const V4: KernelRevision = {
  uapi: UAPI_PROFILES.v4,
  clearsAttributesOnUnmap: true,
  checksBufferObjects: false,
  keepsPteFlags: true,
  hasReservationPoint: false,
  dequeuesRemovedRanges: false,
  answersInReset: true,
  countsFailedZaps: false,
  migratesToVram: false,
  bootedWithRetryFaults: false,
  repairs: NO_REPAIRS,
  stopsQueues: false,
  faultWithoutContext: -Errno.EOPNOTSUPP,
  pteFlags,
  isXnackEnabled,
  modeFor: (device) => (isXnackEnabled(device) ? WITH_RETRY_FAULTS : null),
  createIoctl: () => new SvmIoctl(),
};
