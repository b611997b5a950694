// Models: the VM layer around the SVM fault handler (spec/05-faults §1) - who is asked, and what becomes of an unhandled fault.
import { PteBit } from '../gpu/pte-format.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import type { GpuVm } from './context.ts';

/** PTE written where a compute VM's access is killed: the "no-retry" combination. */
const NO_RETRY_PTE = 0x0140_0000_0000_0010n;

/** PTE of the dummy page, written for an unhandled fault of a VM that is no compute VM (fault-stop "never"). */
const DUMMY_PAGE_PTE: bigint =
  PteBit.valid | PteBit.system | PteBit.snooped | PteBit.executable | PteBit.readable | PteBit.writeable;

/** Outcome of a fault at the VM layer. */
export interface VmFaultOutcome {
  /** True: the interrupt is consumed and the GPU retries. False: it is reported, the access fails. */
  readonly handled: boolean;
  /** Who was asked: the SVM context, KFD SVM (not modelled, never handles), or nobody. */
  readonly askedHandler: 'svm' | 'kfd-svm' | 'none';
  /** Result of the SVM fault handler, if it was asked. */
  readonly result: number | undefined;
}

/** What happens to a retry fault for `vm` (undefined: unknown PASID); `handle` is the SVM fault handler. */
export function vmFault(vm: GpuVm | undefined, device: GpuDevice, page: number, handle: () => number): VmFaultOutcome {
  if (vm === undefined) return { handled: false, askedHandler: 'none', result: undefined };
  let askedHandler: VmFaultOutcome['askedHandler'] = 'none';
  let result: number | undefined;
  if (vm.compute && vm.context !== null) {
    askedHandler = 'svm';
    result = handle();
    if (result === 0) return { handled: true, askedHandler, result };
  } else if (vm.compute) {
    askedHandler = 'kfd-svm'; // Q02: never a fallback of the SVM handler
  }
  // Q60: SVM is not told that its PTE is overwritten.
  const flags = device.pteFlags.intern(vm.compute ? NO_RETRY_PTE : DUMMY_PAGE_PTE);
  vm.pageTable.write(page, 1, flags, 0);
  return { handled: false, askedHandler, result };
}
