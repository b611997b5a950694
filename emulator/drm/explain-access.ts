// Models: nothing - it says in words why an access is not served (spec/05-faults §5.2, §7).
import { SvmFlag } from '../../lib/uapi/constants.ts';
import { errnoMessage, errnoName } from '../../lib/uapi/errno.ts';
import { isSpecialVma, Protection } from '../mm/vma.ts';
import type { EmulatedDevice } from './device.ts';
import type { EmulatedFile } from './file.ts';

/**
 * One sentence for a GPU access at `address` that failed: `result` is that of the
 * last fault, 0 when the handler keeps telling the GPU to retry.
 */
export function explainAccess(
  device: EmulatedDevice,
  file: EmulatedFile,
  address: bigint,
  write: boolean,
  result: number,
): string {
  const page = Number(address >> 12n);
  const { process } = device.surroundings;
  const vma = process.findVma(page);
  const context = file.context;
  if (result !== 0) {
    const name = errnoName(result) ?? `errno ${-result}`;
    const detail = errnoName(result) === undefined ? '' : ` (${errnoMessage(errnoName(result)!)})`;
    return `the fault handler killed the access with ${name}${detail}${whyKilled()}`;
  }
  return `the fault handler answers every fault with "retry" and never maps the page${whyRetried()}`;

  function whyKilled(): string {
    if (context === null) {
      return device.xnackEnabled
        ? ': the file has no SVM context'
        : `: ${device.gpu.model.asic} has no retry faults (XNACK off), so it has no SVM (spec/06-lifecycle §3)`;
    }
    if (context.closing) return ': the SVM context is closing (Q61)';
    if (vma === undefined) return '';
    const needed = Protection.read | (write ? Protection.write : 0);
    if ((vma.protection & needed) !== needed) return ': the mapping does not permit it (spec/05-faults §5.1)';
    if (isSpecialVma(vma)) return `: the mapping is of kind ${vma.kind} (spec/05-faults §5.2)`;
    return '';
  }

  function whyRetried(): string {
    if (vma === undefined) return ': nothing is mapped there in the process (Q54)';
    const interval = context?.tree.find(page);
    if (write && interval !== undefined && (interval.flags & SvmFlag.gpuReadOnly) !== 0) {
      return ': the attribute gpuReadOnly forbids the GPU to write (Q56)';
    }
    const range = context?.framework.findRange(page, page + 1);
    if (range !== undefined && !range.untouchedByUnmap)
      return ': its range was unmapped in part and not collected (Q46)';
    return ': a page of its range can not be collected (Q50, Q55)';
  }
}
