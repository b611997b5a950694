// Models: nothing - accesses of one GPU to the memory of its files, and how a recording tells them.
import { addressOfPage } from '../kernel/page-number.ts';
import type { OperationScope } from '../kernel/operation-scope.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import { accessPages } from '../svm/access.ts';
import type { AccessResult, KilledPage } from '../svm/access.ts';
import { needSvmLock } from './file.ts';
import type { EmulatedFile } from './file.ts';
import type { OperationJournal } from './journal.ts';

/** What accesses need of their machine. */
export interface AccessDependencies {
  readonly process: AddressSpace;
  readonly scope: OperationScope;
  readonly journal: { current: OperationJournal | null };
}

/** Raises a retry fault at `page` and gives its answer. */
export type RaiseFault = (pasid: number, page: number, timestamp: number | undefined, write: boolean) => number;

/** Result of an access that a fault may have killed. */
export interface WorkResult {
  readonly access: AccessResult;
  /** The page at which it was killed; undefined: it was not. */
  readonly killed: KilledPage | undefined;
}

/** The accesses of one GPU. */
export class GpuAccesses {
  readonly #device: number;
  readonly #gpu: GpuDevice;
  readonly #surroundings: AccessDependencies;
  readonly #fault: RaiseFault;

  /** `device`: number of the GPU in its machine. */
  constructor(device: number, gpu: GpuDevice, surroundings: AccessDependencies, fault: RaiseFault) {
    this.#device = device;
    this.#gpu = gpu;
    this.#surroundings = surroundings;
    this.#fault = fault;
  }

  /** What a shader or DMA engine does with the `size` bytes from `address`, 0 counting as 1; no time passes. */
  access(
    file: EmulatedFile,
    address: bigint,
    size: bigint,
    write: boolean,
    timestamp: number | undefined,
  ): AccessResult {
    needSvmLock(file);
    const access = this.#touch(file, address, size, write, timestamp);
    this.#record(file, address, size, write, timestamp, access);
    return access;
  }

  /**
   * As `access` on the `size` bytes (more than 0) from `address`: the first fault whose answer is not 0 kills the
   * access, which has then touched the pages before it.
   */
  work(file: EmulatedFile, address: bigint, size: bigint, write: boolean): WorkResult {
    needSvmLock(file);
    let killed: KilledPage | undefined;
    const access = this.#touch(file, address, size, write, undefined, (page) => (killed = page));
    const journal = this.#surroundings.journal.current;
    if (journal === null) return { access, killed };
    // An access that a recording repeats goes on where this one was killed: what came of that page is told as faults.
    const done = killed === undefined ? size : addressOfPage(killed.page) - address;
    if (done > 0n) this.#record(file, address, done, write, undefined, access);
    for (let fault = 1; killed !== undefined && fault <= killed.faults; fault++) {
      journal.record({
        name: 'fault',
        device: this.#device,
        file,
        address: addressOfPage(killed.page),
        write,
        pasid: file.vm.pasid,
        timestamp: undefined,
        result: fault === killed.faults ? killed.result : 0,
      });
    }
    return { access, killed };
  }

  #touch(
    file: EmulatedFile,
    address: bigint,
    size: bigint,
    write: boolean,
    timestamp: number | undefined,
    onKilled?: (killed: KilledPage) => void,
  ): AccessResult {
    const first = Number(address >> 12n);
    const end = Number((address + (size === 0n ? 1n : size) + 0xfffn) >> 12n);
    const { scope, process } = this.#surroundings;
    const { pasid } = file.vm;
    const fault = (page: number): number => this.#fault(pasid, page, timestamp, write);
    return scope.run(() => accessPages(file.vm, this.#gpu, process, first, end, write, fault, onKilled));
  }

  #record(
    file: EmulatedFile,
    address: bigint,
    size: bigint,
    write: boolean,
    timestamp: number | undefined,
    access: AccessResult,
  ): void {
    const { result } = access;
    this.#surroundings.journal.current?.record({
      name: 'access',
      file,
      address,
      size,
      write,
      timestamp,
      access,
      result,
    });
  }
}
