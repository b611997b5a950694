// Models: nothing - accesses of one GPU to the memory of its files, and how a recording tells them.
import type { FaultReason } from '../kernel/effects.ts';
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { addressOfPage, PAGE_BYTES } from '../kernel/page-number.ts';
import type { OperationScope } from '../kernel/operation-scope.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { GpuCosts } from '../cost/machine-costs.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import { accessPages } from '../svm/access.ts';
import type { AccessResult, AccessWatcher, KilledPage } from '../svm/access.ts';
import { needSvmLock } from './file.ts';
import type { EmulatedFile } from './file.ts';
import type { GpuFaults } from './gpu-faults.ts';
import type { OperationJournal } from './journal.ts';

/** What accesses need of their machine. */
export interface AccessDependencies {
  readonly process: AddressSpace;
  readonly scope: OperationScope;
  readonly journal: { current: OperationJournal | null };
}

/** A killed access with what its last fault was decided by; undefined where no context was asked. */
export interface DecidedKill extends KilledPage {
  readonly decided: { readonly reason: FaultReason; readonly cause: number } | undefined;
}

/** Result of an access that a fault may have killed. */
export interface WorkResult {
  readonly access: AccessResult;
  /** The page at which it was killed, and what decided that; undefined: it was not. */
  readonly killed: DecidedKill | undefined;
}

/** The accesses of one GPU. */
export class GpuAccesses {
  readonly #device: number;
  readonly #gpu: GpuDevice;
  readonly #surroundings: AccessDependencies;
  readonly #faults: GpuFaults;
  readonly #costs: GpuCosts | null;

  /** `device`: number of the GPU in its machine; `costs`: what its accesses take, null: no time. */
  constructor(
    device: number,
    gpu: GpuDevice,
    surroundings: AccessDependencies,
    faults: GpuFaults,
    costs: GpuCosts | null,
  ) {
    this.#device = device;
    this.#gpu = gpu;
    this.#surroundings = surroundings;
    this.#faults = faults;
    this.#costs = costs;
  }

  /** What a shader or DMA engine does with the `size` bytes from `address`, 0 counting as 1. */
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
    let killed: DecidedKill | undefined;
    const access = this.#touch(file, address, size, write, undefined, (page) => {
      // Now: what is asked later may have changed since.
      const { context } = file.vm;
      killed = { ...page, decided: context === null ? undefined : { ...context.lastFault } };
    });
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
    const fault = (page: number): number => this.#faults.raise(pasid, page, timestamp, write);
    const costs = this.#costs;
    const watcher = costs === null ? { onKilled } : { onKilled, ...payingWatcher(costs, file, address, size) };
    return scope.run(() => accessPages(file.vm, this.#gpu, process, first, end, write, fault, watcher));
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

/** Spends the time of an access to the `size` bytes from `address`: of whole pages but for the first and the last. */
function payingWatcher(costs: GpuCosts, { vm }: EmulatedFile, address: bigint, size: bigint): AccessWatcher {
  const first = Number(address >> 12n);
  const before = Number(address & 0xfffn);
  const bytes = Number(size);
  return {
    onAccessed: (startPage, endPage) => {
      const from = Math.max(0, (startPage - first) * PAGE_BYTES - before);
      const to = Math.min(bytes, (endPage - first) * PAGE_BYTES - before);
      costs.accessed(vm.pageTable.frameOf(startPage) >= SYSTEM_FRAMES_END, to - from);
    },
    repeat: (times, action) => costs.repeat(times, action),
  };
}
