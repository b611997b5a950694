// Models: RFC V7 (29 May 2026) as one object - retry faults only, attributes that outlive their memory, RESET (spec/revisions §4).
import { SvmAccess } from '../../../lib/uapi/constants.ts';
import { Errno } from '../../../lib/uapi/errno.ts';
import { UAPI_PROFILES } from '../../../lib/uapi/profile.ts';
import type { GpuDevice } from '../../gpu/gpu-device.ts';
import { isXnackEnabled } from '../../gpu/xnack.ts';
import { GarbageCollector } from '../../svm/garbage-collector.ts';
import { invalidate } from '../../svm/invalidate.ts';
import type { KernelRevision, SvmMode } from '../../svm/context.ts';
import { NO_REPAIRS } from '../../svm/repairs.ts';
import { applySegment } from '../apply-segment.ts';
import { handleFault } from '../fault.ts';
import type { FaultRules } from '../fault.ts';
import { pteFlags } from '../pte-flags.ts';
import { SvmIoctl } from '../svm-ioctl.ts';
import { WITHOUT_RETRY_FAULTS } from './off-mode.ts';

/** Bit of a PTE that lets the GPU do atomics over the bus. */
const BUS_ATOMICS = 1n << 62n;

const FAULT_RULES: FaultRules = {
  // mutant: v7-closing-errno
  whileClosing: -Errno.EAGAIN,
  triedAgain: [-Errno.EOPNOTSUPP, -Errno.EFAULT],
  killing: [],
};

const WITH_RETRY_FAULTS: SvmMode = {
  defaultAccess: SvmAccess['allow-migrate'],
  createCollector: (context) => new GarbageCollector(context),
  applySegment,
  handleFault: (context, page, timestamp, write) => handleFault(FAULT_RULES, context, page, timestamp, write),
  invalidate,
};

export const V7: KernelRevision = {
  uapi: UAPI_PROFILES.v7,
  // mutant: v7-unmap-clears
  clearsAttributesOnUnmap: false,
  checksBufferObjects: true,
  keepsPteFlags: false,
  hasReservationPoint: false,
  dequeuesRemovedRanges: false,
  answersInReset: true,
  countsFailedZaps: false,
  migratesToVram: false,
  bootedWithRetryFaults: false,
  repairs: NO_REPAIRS,
  stopsQueues: false,
  // mutant: v7-pasid-answer
  faultWithoutContext: -Errno.EOPNOTSUPP,
  pteFlags: (options, flags, readOnly, memory) => pteFlags(BUS_ATOMICS, options, flags, readOnly, memory),
  isXnackEnabled,
  modeFor: (device) => (isXnackEnabled(device) ? WITH_RETRY_FAULTS : null),
  createIoctl: () => new SvmIoctl(),
};

/** V7 with the series XNACK-off RFC V2 (29 May 2026) on top: devices without retry faults have contexts, too. */
export const V7_XNACK_OFF: KernelRevision = {
  ...V7,
  uapi: UAPI_PROFILES['v7-xnack-off'],
  stopsQueues: true,
  isXnackEnabled: hasRetryFaults,
  // mutant: off-xnack-refused
  modeFor: (device) => (hasRetryFaults(device) ? WITH_RETRY_FAULTS : WITHOUT_RETRY_FAULTS),
};

function hasRetryFaults(device: GpuDevice): boolean {
  return !device.settings.xnackOff && isXnackEnabled(device);
}
