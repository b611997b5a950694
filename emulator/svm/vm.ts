// Models: one GPU virtual address space (a VM, one per DRM file) and the PASID table (spec/06-lifecycle §2, §6.5).
import { ExclusiveLock } from '../kernel/lock.ts';
import type { PageBudget } from '../kernel/page-block.ts';
import { GpuPageTable } from '../gpu/page-table.ts';
import type { SvmContext } from './context.ts';

/** A VM as far as SVM knows it. */
export class GpuVm {
  /** Process address space id that GPU faults carry. */
  readonly pasid: number;
  readonly pageTable: GpuPageTable;
  readonly pageDirectoryLock = new ExclusiveLock('page-directory lock');
  /** Whether the VM was made a compute VM; only then faults are offered to SVM (Q04). */
  compute = false;
  /** The SVM context, or null. */
  context: SvmContext | null = null;

  constructor(pasid: number, budget?: PageBudget) {
    this.pasid = pasid;
    this.pageTable = new GpuPageTable(budget);
  }
}

const FIRST_PASID = 0x8001;

/** PASIDs of one device. */
export class PasidTable {
  readonly #vms = new Map<number, GpuVm>();
  #next = FIRST_PASID;

  /** Makes a VM with a PASID of its own. */
  createVm(budget?: PageBudget): GpuVm {
    const vm = new GpuVm(this.#next++, budget);
    this.#vms.set(vm.pasid, vm);
    return vm;
  }

  find(pasid: number): GpuVm | undefined {
    return this.#vms.get(pasid);
  }

  remove(vm: GpuVm): void {
    this.#vms.delete(vm.pasid);
  }
}
