// Models: a VM (one per DRM file), its PASID, and its SVM context - creation, close, finalisation (spec/06-lifecycle §1, §2, §6).
import { Errno } from '../../lib/uapi/errno.ts';
import type { VirtualClock } from '../kernel/clock.ts';
import type { EffectHub } from '../kernel/effect-hub.ts';
import type { FaultReason } from '../kernel/effects.ts';
import type { FailureInjection } from '../kernel/failures.ts';
import { ExclusiveLock } from '../kernel/lock.ts';
import type { PageBudget } from '../kernel/page-block-map.ts';
import type { Sleepable } from '../kernel/sleepable.ts';
import type { PreemptionPoints } from '../kernel/preemption.ts';
import type { AddressSpace } from '../mm/address-space.ts';
import type { NotifierEvent } from '../mm/interval-notifier.ts';
import type { GpuDevice } from '../gpu/gpu-device.ts';
import { GpuPageTable } from '../gpu/page-table.ts';
import { defaultGranularity } from '../gpu/xnack.ts';
import { GpuSvm } from '../gpusvm/gpu-svm.ts';
import type { RangeDriver } from '../gpusvm/gpu-svm.ts';
import type { RangeRequest } from '../gpusvm/chunk.ts';
import type { GpuNotifier } from '../gpusvm/notifier.ts';
import { KfdQueues, ProcessQueues } from './kfd-queues.ts';
import { BufferObjectMappings } from './buffer-objects.ts';
import { defaultRecord } from './attribute-record.ts';
import type { AttributeRecord } from './attribute-record.ts';
import { AttributeTree } from './attribute-tree.ts';
import type { DeviceMemory } from './device-memory.ts';
import type { DriverModule } from './driver-module.ts';
import type { KernelRevisionOf, RangeCollector, SvmIoctlCallOf, SvmModeOf } from './revision.ts';
import { isRestoreWork } from './revision.ts';
import { AmdgpuSvmRange } from './svm-range.ts';
import { LateSet } from '../kernel/late-map.ts';

/** One posted state of the driver, for the contexts of this emulation. */
export type KernelRevision = KernelRevisionOf<SvmContext>;
/** How a context works. */
export type SvmMode = SvmModeOf<SvmContext>;
/** One call of the ioctl handler. */
export type SvmIoctlCall = SvmIoctlCallOf<SvmContext>;

/** A VM as far as SVM knows it. */
export class GpuVm {
  /** Process address space id that GPU faults carry. */
  readonly pasid: number;
  readonly pageTable: GpuPageTable;
  readonly pageDirectoryLock = new ExclusiveLock('page-directory lock');
  /** Buffer objects that are mapped into the VM. */
  readonly bufferObjects = new BufferObjectMappings();
  /** The compute queues of its process. */
  readonly kfd: KfdQueues;
  /** Whether the VM was made a compute VM; only then faults are offered to SVM (Q04). */
  compute = false;
  /** The SVM context, or null. */
  context: SvmContext | null = null;

  /** `queues`: those of the process, which the VMs of all its devices share. */
  constructor(pasid: number, budget?: PageBudget, queues = new ProcessQueues()) {
    this.pasid = pasid;
    this.pageTable = new GpuPageTable(budget);
    this.kfd = new KfdQueues(queues);
  }
}

const FIRST_PASID = 0x8001;

/**
 * Gives out the PASIDs of a machine, none of them twice. The first file of GPU i gets 0x8001 + i
 * (spec/trace-format-v8 §1), in whichever order the GPUs are opened; further files get the numbers above.
 */
export class PasidAllocator {
  private readonly opened = new LateSet<number>();
  private next: number;

  constructor(gpus: number) {
    this.next = FIRST_PASID + gpus;
  }

  allocate(gpu: number): number {
    if (this.opened.has(gpu)) return this.next++;
    this.opened.add(gpu);
    return FIRST_PASID + gpu;
  }
}

/** The VMs of one device by their PASID. */
export class PasidTable {
  /** Held while a fault looks its context up. Finalisation does without it (Q09). */
  readonly lock = new ExclusiveLock('lock of the PASID table');
  private readonly vms = new Map<number, GpuVm>();

  add(vm: GpuVm): void {
    this.vms.set(vm.pasid, vm);
  }

  find(pasid: number): GpuVm | undefined {
    return this.vms.get(pasid);
  }

  remove(vm: GpuVm): void {
    this.vms.delete(vm.pasid);
  }
}

/** What a context is created in. */
export interface SvmDependencies {
  readonly revision: KernelRevision;
  readonly driver: DriverModule;
  readonly device: GpuDevice;
  readonly clock: VirtualClock;
  readonly effects: EffectHub;
  readonly points: PreemptionPoints;
  readonly failures: FailureInjection;
  /** The VRAM of the device that is registered for SVM; null: none. */
  readonly deviceMemory: DeviceMemory | null;
}

/** The SVM state hung on a VM. */
export class SvmContext implements RangeDriver<AmdgpuSvmRange> {
  readonly revision: KernelRevision;
  /** How this context works, chosen when it was created. */
  readonly mode: SvmMode;
  readonly vm: GpuVm;
  readonly device: GpuDevice;
  /** The process whose memory is mirrored: that of the task which created the context (Q07). */
  readonly process: AddressSpace;
  readonly clock: VirtualClock;
  readonly effects: EffectHub;
  readonly points: PreemptionPoints;
  readonly failures: FailureInjection;
  /** VRAM that ranges can go to; null: none. */
  readonly deviceMemory: DeviceMemory | null;
  readonly svmLock = new ExclusiveLock('svm lock');
  readonly tree = new AttributeTree();
  readonly collector: RangeCollector;
  readonly framework: GpuSvm<AmdgpuSvmRange>;
  /** Default granularity, log2 of pages: at most 27. */
  readonly granularity: number;
  /** The record of pages in no interval; not to be changed. */
  readonly defaults: AttributeRecord;
  /** What SET_ATTR does to a segment, asleep in the middle; null: nothing. It holds the svm lock, so there is one at most. */
  sleepingSegment: { readonly steps: Sleepable<number> } | null = null;
  /** What decided the last fault, and the negative errno behind that; 0: none. */
  readonly lastFault: { reason: FaultReason; cause: number } = { reason: 'mapped', cause: 0 };
  /** What the fault at hand asks of its range. It holds the svm lock, so there is one at most. */
  readonly faultRequest: RangeRequest = { lowPage: Number.NaN, highPage: Number.NaN, readOnly: false };
  closing = false;
  /** 48-bit timestamp up to which faults are stale; 0 means none. */
  checkpoint = Number.NaN;

  constructor(vm: GpuVm, process: AddressSpace, mode: SvmMode, surroundings: SvmDependencies) {
    this.checkpoint = 0; // after NaN: docs/development.md
    this.revision = surroundings.revision;
    this.mode = mode;
    this.vm = vm;
    this.process = process;
    this.device = surroundings.device;
    this.clock = surroundings.clock;
    this.effects = surroundings.effects;
    this.points = surroundings.points;
    this.failures = surroundings.failures;
    // mutant: apu-uses-vram
    this.deviceMemory = surroundings.deviceMemory?.usable === true ? surroundings.deviceMemory : null;
    this.granularity = defaultGranularity(this.device);
    this.defaults = defaultRecord(this.granularity, mode.defaultAccess);
    this.collector = mode.createCollector(this);
    // Written out: objects made by spreading have a hidden class each, which costs every user of them.
    const { clock, effects, points, failures } = surroundings;
    const { deviceMemory } = this;
    this.framework = new GpuSvm<AmdgpuSvmRange>(
      { process, effects, points, failures, counters: this.device.counters, clock, deviceMemory },
      this,
    );
  }

  /** Whether nobody sees in which order things are done, comes in between, or lets anything fail. */
  get isUnseen(): boolean {
    return this.effects.current === null && this.points.listener === null && this.failures.none;
  }

  get mirroredPages(): number {
    return this.device.maxPage;
  }

  // Longer than what V8 puts into its callers in any case, so that the range's constructors go there with it or stay here with it.
  allocateRange(
    blockNumber: number,
    indexInBlock: number,
    pages: number,
    notifier: GpuNotifier,
    state: number,
  ): AmdgpuSvmRange {
    return new AmdgpuSvmRange(blockNumber, indexInBlock, pages, notifier, state);
  }

  invalidate(notifier: GpuNotifier, event: NotifierEvent, startPage: number, endPage: number): void {
    this.mode.invalidate(this, notifier, event, startPage, endPage);
  }

  /** The fault handler answers `result`. */
  endFault(page: number, write: boolean, result: number, reason: FaultReason, cause: number): number {
    this.lastFault.reason = reason;
    this.lastFault.cause = cause;
    this.effects.current?.faultEnded(page, write, result, reason, cause);
    return result;
  }

  /** Whether the device retries accesses that fault: chosen when the context was created. */
  get hasRetryFaults(): boolean {
    return !isRestoreWork(this.collector);
  }

  /** Flushes the compute TLB of the VM. No TLB entries are modelled: the flush is counted and seen as an effect. */
  flushTlb(): void {
    this.device.counters.tlb++;
    this.effects.current?.tlbFlushed();
  }

  /** Close (spec/06-lifecycle §6.1): from now on invalidations are ignored and faults killed. */
  close(): void {
    if (this.closing) return;
    this.closing = true;
    this.collector.waitIdle();
  }

  /** Finalisation (spec/06-lifecycle §6.2). PTEs stay as they are. */
  finalise(): void {
    this.close();
    this.points.reach('svm-lock');
    this.svmLock.acquire();
    this.framework.finalise();
    this.svmLock.release();
    this.points.reach('svm-unlock');
    this.collector.waitIdle();
    this.collector.dropQueue();
    this.tree.clear();
    this.points.reach('tree-unlock');
    // mutant: context-not-recreated
    this.vm.context = null;
    this.effects.current?.contextFinalised();
  }
}

/** Allocations of the creation of a context. */
const ALLOCATIONS = 3;

/**
 * Gives `vm` a context if it has none. Returns 0, or -EOPNOTSUPP when the revision has no SVM on this device (with
 * XNACK off), or -EINVAL when the creating task has no mm (`process` null).
 */
export function createContext(vm: GpuVm, process: AddressSpace | null, surroundings: SvmDependencies): number {
  if (vm.context !== null) {
    if (process !== vm.context.process) {
      surroundings.effects.current?.hazard(
        'Q07',
        'the caller is another process than the one whose memory the context mirrors',
        0,
        0,
      );
    }
    return 0;
  }
  // They stay whatever becomes of the creation.
  // mutant: caches-after-xnack
  const cachesAreWhole = surroundings.driver.createSlabCaches(surroundings.points);
  const result = makeContext(vm, process, surroundings);
  if (!cachesAreWhole) reportSecond(surroundings, 'the slab caches were made twice: the first ones leak');
  return result;
}

/** Makes a context and gives it to `vm`; nothing keeps another creation for the same VM out. */
function makeContext(vm: GpuVm, process: AddressSpace | null, surroundings: SvmDependencies): number {
  const { revision } = surroundings;
  const mode = revision.modeFor(surroundings.device);
  if (mode === null) {
    surroundings.device.counters.errorLines++;
    return -Errno.EOPNOTSUPP;
  }
  if (process === null) return -Errno.EINVAL;
  for (let allocation = 0; allocation < ALLOCATIONS; allocation++) {
    const failure = surroundings.failures.take('allocate-context');
    if (failure !== 0) return failure;
  }
  const context = new SvmContext(vm, process, mode, surroundings);
  surroundings.points.reach('context-made');
  if (vm.context !== null)
    reportSecond(
      surroundings,
      'two contexts were made for one VM: the first one leaks, with its attributes and ranges',
    );
  vm.context = context;
  return 0;
}

function reportSecond({ effects }: SvmDependencies, what: string): void {
  effects.current?.hazard('Q08', what, 0, 0);
}
