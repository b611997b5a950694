// Models: PATCH v8 (12 Jun 2026) on GPUs without VRAM as one object - V7's calls with other answers to faults (spec/revisions §4, §5).
import { SvmAccess } from '../../../lib/uapi/constants.ts';
import { Errno } from '../../../lib/uapi/errno.ts';
import { UAPI_PROFILES } from '../../../lib/uapi/profile.ts';
import { isXnackEnabled } from '../../gpu/xnack.ts';
import type { GpuDevice } from '../../gpu/gpu-device.ts';
import { GarbageCollector } from '../../svm/garbage-collector.ts';
import { invalidate } from '../../svm/invalidate.ts';
import type { KernelRevision, SvmMode } from '../../svm/context.ts';
import { NO_REPAIRS } from '../../svm/repairs.ts';
import { applySegment } from '../apply-segment.ts';
import { handleFault } from '../fault.ts';
import type { FaultRules } from '../fault.ts';
import { pteFlags } from '../pte-flags.ts';
import { SvmIoctl } from '../svm-ioctl.ts';

/** Bit of a PTE that lets the GPU do atomics over the bus. */
const BUS_ATOMICS = 1n << 59n;

const FAULT_RULES: FaultRules = {
  // mutant: v8-closing-refused
  whileClosing: 0,
  // mutant: v8-ebusy-not-retried
  triedAgain: [-Errno.EOPNOTSUPP, -Errno.EFAULT, -Errno.EBUSY],
  // mutant: v8-no-memory-hidden
  killing: [-Errno.ENOMEM],
};

const WITH_RETRY_FAULTS: SvmMode = {
  // mutant: v8-default-access
  defaultAccess: SvmAccess['allow-migrate'],
  createCollector: (context) => new GarbageCollector(context),
  applySegment,
  handleFault: (context, page, timestamp, write) => handleFault(FAULT_RULES, context, page, timestamp, write),
  invalidate,
};

/** The parameter is asked before the table of GPUs: there is none that it does not switch off. */
function hasRetryFaults(device: GpuDevice): boolean {
  return !device.model.noretry && isXnackEnabled(device);
}

export const V8: KernelRevision = {
  // mutant: v8-request-number
  uapi: UAPI_PROFILES.v8,
  // mutant: v8-unmap-clears
  clearsAttributesOnUnmap: false,
  checksBufferObjects: true,
  keepsPteFlags: false,
  hasReservationPoint: true,
  dequeuesRemovedRanges: true,
  answersInReset: false,
  countsFailedZaps: true,
  migratesToVram: true,
  // mutant: v8-booted-without-retry
  bootedWithRetryFaults: true,
  repairs: NO_REPAIRS,
  stopsQueues: false,
  // mutant: v8-pasid-refused
  faultWithoutContext: 0,
  pteFlags: (options, flags, readOnly, memory) => pteFlags(BUS_ATOMICS, options, flags, readOnly, memory),
  isXnackEnabled: hasRetryFaults,
  // mutant: v8-mode-ignores-noretry
  modeFor: (device) => (hasRetryFaults(device) ? WITH_RETRY_FAULTS : null),
  createIoctl: () => new SvmIoctl(),
};
