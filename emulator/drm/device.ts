// Models: one emulated GPU as the machine's user sees it - open files, GPU faults and accesses (spec/05-faults §1, §2).
import { deviceLine } from './device-line.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import type { VirtualClock } from '../kernel/clock.ts';
import { FailureInjection } from '../kernel/failures.ts';
import type { OperationScope } from '../kernel/operation-scope.ts';
import { pageOfAddress } from '../kernel/page-number.ts';
import type { PreemptionPoints } from '../kernel/preemption.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { CostTotals } from '../cost/cost-account.ts';
import type { GpuCosts, MachineCosts } from '../cost/machine-costs.ts';
import { GpuDevice } from '../gpu/gpu-device.ts';
import type { GpuDeviceSettings } from '../gpu/gpu-device.ts';
import type { GpuModel } from '../gpu/catalogue.ts';
import type { AccessResult } from '../svm/access.ts';
import type { KernelRevision } from '../svm/context.ts';
import { registerDeviceMemory } from '../svm/device-memory.ts';
import type { DeviceMemory, DeviceMemorySettings } from '../svm/device-memory.ts';
import type { DriverModule } from '../svm/driver-module.ts';
import { GpuVm, PasidTable } from '../svm/context.ts';
import type { PasidAllocator } from '../svm/context.ts';
import { vmFault } from '../svm/vm-fault.ts';
import type { VmFaultOutcome } from '../svm/vm-fault.ts';
import type { ProcessQueues } from '../svm/kfd-queues.ts';
import type { OperationJournal } from './journal.ts';
import { addressArgument, booleanArgument, countArgument, errnoArgument, sizeArgument } from '../kernel/arguments.ts';
import { EmulatedFile, needSvmLock } from './file.ts';
import { fileOfPasid, openFileOf, ringArgument, timestampArgument } from './requests.ts';
import type { AccessRequest, BufferObjectRequest, FaultRequest } from './requests.ts';
import type { LeftObjects } from './file.ts';
import { GpuAccesses } from './gpu-accesses.ts';
import { GpuFaults } from './gpu-faults.ts';
import type { WorkResult } from './gpu-accesses.ts';
import { EmulatedNode } from './node.ts';
import { VramClients } from './vram-clients.ts';

/** What a device needs of its machine. */
export interface DeviceDependencies {
  /** Who made it; what that is, is not its concern. */
  readonly machine: object;
  readonly revision: KernelRevision;
  readonly driver: DriverModule;
  readonly process: AddressSpace;
  readonly clock: VirtualClock;
  readonly points: PreemptionPoints;
  readonly scope: OperationScope;
  readonly pasids: PasidAllocator;
  /** The compute queues of the process. */
  readonly queues: ProcessQueues;
  /** All GPUs of the machine. */
  readonly devices: () => readonly EmulatedDevice[];
  readonly svmConfigured: boolean;
  /** VRAM of each device, by its number, for SVM; null: it has none. */
  readonly vram: readonly (DeviceMemorySettings | null)[];
  /** Bytes of VRAM of each device, whether or not SVM uses it. */
  readonly vramBytes: readonly number[];
  /** What things take; null: no time. */
  readonly costs: MachineCosts | null;
  readonly journal: { current: OperationJournal | null };
  readonly onOpen: (device: EmulatedDevice, file: EmulatedFile) => void;
  readonly onRelease: (file: EmulatedFile) => void;
  /** A fault came for a PASID that no file has. */
  readonly onLostFault: (device: EmulatedDevice, page: number, write: boolean) => void;
}

const PAGE_MASK = 0xfffn;

/** One GPU of an `EmulatedMachine`. */
export class EmulatedDevice {
  readonly index: number;
  readonly gpu: GpuDevice;
  /** Failures to inject into this device's modelled code (07-quirks, kind F). */
  readonly failures = new FailureInjection();
  readonly pasids = new PasidTable();
  readonly files: EmulatedFile[] = [];
  /** The VRAM that is registered for SVM; null: none. */
  readonly memory: DeviceMemory | null;
  /** What came of its registration: 1, 0 (there was nothing to register) or a negative errno. */
  readonly registration: number;
  /** True after `unplug`: every ioctl fails with ENODEV (spec/01-uapi §5). */
  unplugged = false;
  /** True while the GPU is being reset, see `setInReset`. */
  inReset = false;
  readonly surroundings: DeviceDependencies;
  readonly #costs: GpuCosts | null;
  readonly #faults: GpuFaults;
  readonly #accesses: GpuAccesses;
  readonly #vramClients: VramClients;

  constructor(index: number, model: GpuModel, settings: GpuDeviceSettings, surroundings: DeviceDependencies) {
    this.index = index;
    this.gpu = new GpuDevice(model, settings, surroundings.vram[index]?.coherent ?? false);
    this.surroundings = surroundings;
    const vram = surroundings.vram[index] ?? null;
    // What has none does not load what VRAM needs.
    const registered =
      vram === null
        ? 0
        : registerDeviceMemory(vram, this.gpu, {
            process: surroundings.process,
            clock: surroundings.clock,
            points: surroundings.points,
            failures: this.failures,
          });
    this.memory = typeof registered === 'number' ? null : registered;
    this.registration = typeof registered === 'number' ? registered : 1;
    this.#vramClients = new VramClients(index, surroundings.vramBytes[index]!, this.memory, surroundings);
    this.#costs = surroundings.costs?.addGpu(this.gpu.counters) ?? null;
    if (this.#costs !== null) this.memory?.effects.add(this.#costs);
    this.#faults = new GpuFaults(this, this.#costs, (page, write) => surroundings.onLostFault(this, page, write));
    this.#accesses = new GpuAccesses(index, this.gpu, surroundings, this.#faults, this.#costs);
  }

  /** One line for `console.log`. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return deviceLine(this);
  }

  /** Name of the node, like the one a kernel would have. */
  get path(): string {
    return `emulated:renderD${128 + this.index}`;
  }

  /** Bytes of VRAM that there are, and that nobody has taken; undefined without VRAM. Where SVM does not use it, only other clients take some. */
  get vramInfo(): { readonly total: number; readonly free: number } | undefined {
    return this.#vramClients.info;
  }

  /** Pages of VRAM that other clients have taken. */
  get vramTakenPages(): number {
    return this.#vramClients.pinnedPages;
  }

  /** Whether retry faults are on (spec/06-lifecycle §3); without them only the XNACK-off series has SVM. */
  get xnackEnabled(): boolean {
    return this.surroundings.revision.isXnackEnabled(this.gpu);
  }

  /**
   * Opens the render node. By default the VM becomes a compute VM at once, as a
   * ROCm runtime makes it (`compute: false` leaves that out: the first ioctl then
   * creates the SVM context, but faults do not reach it, Q04). A device without
   * XNACK opens all the same; its SVM ioctls give EOPNOTSUPP, but for the XNACK-off series.
   */
  open(options: { compute?: boolean } = {}): EmulatedNode<EmulatedDevice> {
    return new EmulatedNode(this, this.openFile(options));
  }

  /** As `open`, without the `DeviceNode` around the file. */
  openFile(options: { compute?: boolean } = {}): EmulatedFile {
    const compute = booleanArgument('compute', options.compute ?? true);
    const { revision, driver, process, clock, points, scope, svmConfigured, pasids, queues } = this.surroundings;
    driver.needsLoaded(this.path);
    const vm = new GpuVm(pasids.allocate(this.index), process.pages.blocks.budget, queues);
    this.pasids.add(vm);
    const file = new EmulatedFile(
      vm,
      {
        revision,
        driver,
        device: this.gpu,
        failures: this.failures,
        deviceMemory: this.memory,
        process,
        clock,
        points,
        scope,
        svmConfigured,
      },
      compute,
    );
    this.files.push(file);
    // Before anybody who tells the time.
    if (this.#costs !== null) file.effects.add(this.#costs);
    this.surroundings.onOpen(this, file);
    return file;
  }

  /** The last close of the file: the VM is destroyed (spec/06-lifecycle §5). */
  releaseFile(file: EmulatedFile): void {
    const index = this.files.indexOf(file);
    if (index < 0) return;
    this.files.splice(index, 1);
    this.finaliseContext(file);
    this.pasids.remove(file.vm);
    file.vm.pageTable.blocks.retire();
    this.surroundings.onRelease(file);
  }

  /**
   * Calls the SVM fault handler as the interrupt handler would. Returns 0 ("the
   * GPU may retry", whether or not something was mapped) or a negative errno
   * ("the access is killed").
   */
  fault(request: FaultRequest): number {
    const address = addressArgument('address', request.address);
    const write = booleanArgument('write', request.write);
    const result = this.surroundings.scope.run(() => this.raiseFault(request));
    const file = fileOfPasid(this.files, request.pasid);
    this.surroundings.journal.current?.record({
      name: 'fault',
      device: this.index,
      file,
      address,
      write,
      pasid: request.pasid,
      timestamp: request.timestamp,
      result,
    });
    return result;
  }

  /** A retry fault through the VM layer: as `fault`, and an unhandled one leaves a no-retry PTE behind (Q60). */
  vmFault(request: FaultRequest): VmFaultOutcome {
    const address = addressArgument('address', request.address);
    const page = Number(address >> 12n);
    const file = fileOfPasid(this.files, request.pasid);
    const vm = request.pasid === undefined ? file?.vm : this.pasids.find(request.pasid);
    const outcome = vmFault(vm, this.gpu, page, () => this.fault(request));
    if (vm !== undefined) file?.effects.current?.vmFaultEnded(page, outcome.askedHandler, outcome.handled);
    return outcome;
  }

  /** What was spent by this GPU and its driver since the machine was made; undefined without the option `cost`. */
  get costTotals(): CostTotals | undefined {
    return this.surroundings.costs?.totals(this.index);
  }

  /** What a shader or DMA engine does with these bytes, including its retries. No time passes but that of the option `cost`. */
  access(request: AccessRequest): AccessResult {
    const address = addressArgument('address', request.address);
    const size = sizeArgument('size', request.size, { zero: true });
    timestampArgument(request.timestamp);
    const write = booleanArgument('write', request.write);
    const file = this.#fileOfRequest('access', request.file);
    return this.#accesses.access(file, address, size, write, request.timestamp);
  }

  /** As `access`, for the engine: the first fault whose answer is not 0 kills the access. */
  work(file: EmulatedFile, address: bigint, size: bigint, write: boolean): WorkResult {
    return this.#accesses.work(file, address, size, write);
  }

  /** The bare handler call; `sleeper` gets the result if the call has to wait for the svm lock. */
  raiseFault(request: FaultRequest, sleeper?: (result: number) => void): number {
    const page = pageOfAddress(addressArgument('address', request.address));
    const pasid = request.pasid === undefined ? this.files[0]?.vm.pasid : countArgument('pasid', request.pasid);
    return this.#faults.raise(pasid, page, timestampArgument(request.timestamp), request.write, sleeper);
  }

  /** Runs the garbage collector of `file` if it is queued; says whether it was. */
  runPendingWork(file: EmulatedFile): boolean {
    needSvmLock(file);
    const { scope, journal } = this.surroundings;
    const nested = scope.begin();
    let ran: boolean;
    try {
      ran = file.runPendingWork();
      scope.succeed();
    } finally {
      scope.end(nested);
    }
    journal.current?.record({ name: 'gc', file, ran, result: 0 });
    return ran;
  }

  /** Runs all works of `file` that are due, in the order of their due times, at most 64; says what ran. */
  runDueWork(file: EmulatedFile): ('gc' | 'restore')[] {
    needSvmLock(file);
    const ran = this.surroundings.scope.run(() => file.runDueWork());
    this.surroundings.journal.current?.record({ name: 'work', file, ran, result: 0 });
    return ran;
  }

  /** Sets what stopping and resuming the compute queues returns from now on: 0 or a negative errno; RangeError else. */
  setKfdResults(file: EmulatedFile, { quiesce, resume }: { quiesce?: number; resume?: number }): void {
    if (quiesce !== undefined) file.vm.kfd.quiesceResult = errnoArgument('quiesce', quiesce);
    if (resume !== undefined) file.vm.kfd.resumeResult = errnoArgument('resume', resume);
    this.surroundings.journal.current?.record({ name: 'kfd', file, quiesce, resume, result: 0 });
  }

  /** Closes the SVM context of `file` as the destruction of a VM begins (spec/06-lifecycle §6.1). */
  closeContext(file: EmulatedFile): void {
    this.surroundings.scope.run(() => file.closeContext());
    this.surroundings.journal.current?.record({ name: 'close', file, result: 0 });
  }

  /** Closes and finalises the SVM context of `file`, which stays open; says what is left allocated. */
  finaliseContext(file: EmulatedFile): LeftObjects | undefined {
    const left = this.surroundings.scope.run(() => file.finaliseContext());
    this.surroundings.journal.current?.record({
      name: 'fini',
      file,
      result: 0,
      ...(left === undefined ? {} : { left }),
    });
    return left;
  }

  /**
   * Maps a buffer object into the VM of a file, as DRM_AMDGPU_GEM_VA does: later kernels than V4 refuse SVM there
   * (-EADDRINUSE). Only its existence is modelled. Returns 0, or -EINVAL where it is not aligned to pages, empty, ends
   * beyond 2^64 or overlaps another one.
   */
  mapBufferObject(request: BufferObjectRequest): number {
    const address = addressArgument('address', request.address);
    const size = sizeArgument('size', request.size, { zero: true });
    const file = this.#fileOfRequest('mapBufferObject', request.file);
    const result =
      ((address | size) & PAGE_MASK) !== 0n
        ? -Errno.EINVAL
        : file.vm.bufferObjects.map(Number(address >> 12n), Number(size >> 12n));
    this.surroundings.journal.current?.record({ name: 'bomap', file, address, size, result });
    return result;
  }

  /** Unmaps the buffer object that begins in the page of `address`; returns 0, or -ENOENT if there is none. */
  unmapBufferObject(request: Omit<BufferObjectRequest, 'size'>): number {
    const address = addressArgument('address', request.address);
    const file = this.#fileOfRequest('unmapBufferObject', request.file);
    const result = file.vm.bufferObjects.unmap(Number(address >> 12n));
    this.surroundings.journal.current?.record({ name: 'bounmap', file, address, result });
    return result;
  }

  #fileOfRequest(what: string, file: EmulatedFile | undefined): EmulatedFile {
    return openFileOf(what, file ?? this.files[0]);
  }

  /** Sets what the interrupt rings hold, which UNMAP events read (spec/04-invalidation-and-gc §4). `timestamp`: 48 bits. */
  setInterruptRing(ring: 'ih1' | 'soft', pending: boolean, timestamp: number): void {
    ringArgument(ring);
    const target = ring === 'ih1' ? this.gpu.ring1 : this.gpu.softwareRing;
    target.pending = booleanArgument('pending', pending);
    target.youngestTimestamp = countArgument('timestamp', timestamp);
    this.surroundings.journal.current?.record({ name: 'ih', device: this.index, ring, pending, timestamp, result: 0 });
  }

  /** A reset of the GPU begins or ends. SVM of PATCH v8 drops faults meanwhile; before, nothing looks at it. */
  setInReset(on: boolean): void {
    this.inReset = booleanArgument('on', on);
    this.surroundings.journal.current?.record({ name: 'gpureset', device: this.index, on, result: 0 });
  }

  /** Another client makes TTM evict the oldest buffer of SVM: 0, -ENOENT if there is none, or what came of it. */
  evict(): number {
    return this.#vramClients.evict();
  }

  /** Another client takes VRAM for good: the number of its first page, or a negative errno. Buffers of SVM give way. */
  takeVram(bytes: bigint): number {
    return this.#vramClients.take(bytes);
  }

  /** Gives back what `takeVram` took at that page: 0, or -ENOENT. */
  freeVram(offset: number): number {
    return this.#vramClients.free(offset);
  }

  /** Unplugs the device: from now on every ioctl fails with ENODEV. */
  unplug(): void {
    this.unplugged = true;
  }
}
