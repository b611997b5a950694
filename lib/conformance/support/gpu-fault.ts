/** Faults raised by work of the GPU, where one that is refused may end that work: KFD stops the queues of the process then. */
import type { CaseContext } from '../framework/context.ts';
import { GpuFaultError } from '../../device/index.ts';
import { gpuLoad, gpuStore } from './memory.ts';
import { PAGE } from './units.ts';

/**
 * The GPU reads the word at `address`, or writes `write` there (feature 'gpu-fault'): gives that word, or 'refused', after which
 * the case has no more work for this GPU unless it needs 'work-after-fault'. The refusal has to name the page.
 */
export async function gpuFault(
  t: CaseContext,
  address: bigint,
  write?: number,
  device = 0,
): Promise<number | 'refused'> {
  try {
    if (write === undefined) return await gpuLoad(t, address, device);
    await gpuStore(t, address, write, device);
    return write;
  } catch (error) {
    if (!(error instanceof GpuFaultError)) throw error;
    t.equal(error.address / BigInt(PAGE), address / BigInt(PAGE), 'page that the refusal names');
    t.equal(error.access, write === undefined ? 'read' : 'write', 'access that the refusal names');
    return 'refused';
  }
}
