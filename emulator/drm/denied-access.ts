// Models: nothing - it finds out why an access is not served (spec/05-faults §5.2, §7); lib/words says it.
import { SvmFlag } from '../../lib/uapi/constants.ts';
import { isSwitchedOffByNoretry } from '../gpu/xnack.ts';
import type { FaultReason } from '../kernel/effects.ts';
import type { EmulatedDevice } from './device.ts';
import type { EmulatedFile } from './file.ts';

/** What prevents an access. */
export type AccessDenialCause =
  | 'no-context'
  | 'no-retry-faults'
  | 'queues-stopped'
  | 'switched-off'
  | 'nothing-mapped'
  | 'gpu-read-only'
  | 'mapped-read-only'
  | 'buffer-object'
  | 'partly-unmapped'
  | 'pages-unavailable';

/** An access that is not served. */
export interface AccessDenial {
  /** Of the last fault: a negative errno, or 0 where the handler keeps telling the GPU to retry. */
  readonly result: number;
  /** Undefined where nothing of the state explains the errno. */
  readonly cause: AccessDenialCause | undefined;
  /** What the fault that killed the access was decided by, and the negative errno behind that (0: none). */
  readonly decided?: { readonly reason: FaultReason; readonly cause: number };
  /** Of 'no-retry-faults' and 'switched-off' the GPU. */
  readonly detail?: string;
}

/**
 * Why a GPU access at `address` failed that no fault of a context has killed: `result` is 0 when the handler keeps
 * telling the GPU to retry.
 */
export function accessDenial(
  device: EmulatedDevice,
  file: EmulatedFile,
  address: bigint,
  write: boolean,
  result: number,
): AccessDenial {
  const page = Number(address >> 12n);
  const vma = device.surroundings.process.findVma(page);
  const { context } = file;
  if (context === null && !device.xnackEnabled) {
    const cause = isSwitchedOffByNoretry(device.surroundings.revision.isXnackEnabled, device.gpu)
      ? 'switched-off'
      : 'no-retry-faults';
    return { result, cause, detail: device.gpu.model.asic };
  }
  if (result === 0) {
    if (vma === undefined) return { result, cause: 'nothing-mapped' }; // Q54
    const interval = context?.tree.find(page);
    if (write && interval !== undefined && (interval.flags & SvmFlag.gpuReadOnly) !== 0)
      return { result, cause: 'gpu-read-only' }; // Q56
    if (device.surroundings.revision.checksBufferObjects && interval === undefined) {
      if (file.vm.bufferObjects.firstIn(page, page) !== undefined) return { result, cause: 'buffer-object' };
    }
    const range = context?.framework.findRange(page, page + 1);
    if (range !== undefined && !range.untouchedByUnmap) return { result, cause: 'partly-unmapped' }; // Q46
    const readable = device.gpu.pteFlags.permits(file.vm.pageTable.flagsOf(page), false);
    if (write && readable) return { result, cause: 'mapped-read-only' };
    return { result, cause: 'pages-unavailable' }; // Q50, Q55
  }
  return { result, cause: 'no-context' };
}
