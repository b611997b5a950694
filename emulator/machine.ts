// Models: a machine - one process, n GPUs, one clock.
import { VirtualClock } from './kernel/clock.ts';
import { OperationScope } from './kernel/operation-scope.ts';
import { PREEMPTION_POINTS, PreemptionPoints } from './kernel/preemption.ts';
import type { PreemptionPoint } from './kernel/preemption.ts';
import { PageBudget, SpareSlabs } from './kernel/page-block-map.ts';
import { EffectHub } from './kernel/effect-hub.ts';
import { PAGE_BYTES, PAGES_PER_BLOCK } from './kernel/page-number.ts';
import type { CostTotals } from './cost/cost-account.ts';
import { MachineCosts } from './cost/machine-costs.ts';
import { AddressSpace } from './mm/address-space.ts';
import type { FrameReferenceCheck } from './mm/stale-frames.ts';
import { DeviceMaps } from './mm/device-pages.ts';
import { PasidAllocator } from './svm/context.ts';
import { DriverModule } from './svm/driver-module.ts';
import { ProcessQueues } from './svm/kfd-queues.ts';
import { kernelRevision } from './revisions/index.ts';
import { EmulatedDevice } from './drm/device.ts';
import type { EmulatedFile } from './drm/file.ts';
import { HazardMonitor } from './hazards/index.ts';
import { MachineEvents } from './observe/machine-events.ts';
import { countEvents } from './observe/event-ring.ts';
import type { EventCounts } from './observe/event-ring.ts';
import type { EventListener, EventName, MachineEvent } from './observe/events.ts';
import type { OperationJournal } from './drm/journal.ts';
import { resolveOptions } from './options.ts';
import type { MachineOptions, ResolvedOptions } from './options.ts';
import { Fabric } from './gpu/fabric.ts';
import { ProcessCalls } from './process-calls.ts';
import { EmulatedProcess } from './process.ts';
import { vramSettings } from './vram-settings.ts';
import { memorySnapshot } from './observe/memory-snapshot.ts';
import type { MemorySnapshot } from './observe/memory-snapshot.ts';
import { contextSnapshot } from './observe/snapshot.ts';
import type { ContextSnapshot } from './observe/snapshot.ts';
import { argumentError, countArgument, functionArgument, wordArgument } from './kernel/arguments.ts';

/** State of a machine: one entry for each open file of each device. */
export interface MachineSnapshot {
  readonly clock: number;
  readonly memory: MemorySnapshot;
  /** The driver of all devices, and its slab caches, which stay without it (Q12). */
  readonly driver: { readonly loaded: boolean; readonly slabCaches: readonly string[] };
  readonly devices: readonly { readonly asic: string; readonly files: readonly ContextSnapshot[] }[];
  /** What was spent; only with the option `cost`. */
  readonly cost?: MachineCostTotals;
}

/** Where the time of a machine went. */
export interface MachineCostTotals {
  /** All of it. */
  readonly machine: CostTotals;
  /** Of that: faults of the CPU and the set-up of migrations. */
  readonly process: CostTotals;
  /** Of that: by GPU, with its driver. */
  readonly devices: readonly CostTotals[];
}

/** The virtual clock of a machine. */
export interface EmulatedMachineClock {
  /** Nanoseconds since boot; starts at 10^9. */
  readonly now: number;
  /** Moves the clock by a whole number of nanoseconds; RangeError for anything else. */
  advance(nanoseconds: number): void;
}

/** The machine that a device belongs to. */
export function machineOf(device: EmulatedDevice): EmulatedMachine {
  const { machine } = device.surroundings;
  // No weak map from device to machine: what is in one outlives each collection of young garbage.
  if (!(machine instanceof EmulatedMachine))
    throw argumentError(TypeError, 'device: expected a device of an EmulatedMachine');
  return machine;
}

/** One process with `gpus` emulated GPUs. The same calls in the same order give the same bytes. */
export class EmulatedMachine {
  readonly options: ResolvedOptions;
  readonly process: EmulatedProcess;
  readonly devices: readonly EmulatedDevice[];
  /** Brackets operations; for layers that inject or record. */
  readonly scope: OperationScope;
  /** The links between the GPUs. */
  readonly fabric: Fabric;
  /** The virtual clock. Nothing else moves it but what the option `cost` lets things take. */
  readonly clock: EmulatedMachineClock;
  readonly #journal: { current: OperationJournal | null } = { current: null };
  readonly #journals: OperationJournal[] = [];
  readonly #events: MachineEvents;
  readonly #driver = new DriverModule();
  readonly #costs: MachineCosts | null;
  #monitor: HazardMonitor | null = null;
  readonly #budget: PageBudget;

  /**
   * Throws TypeError or RangeError that names the bad option. `previous`, for who makes many machines: one that must not be
   * used any more, whose storage this one takes over.
   */
  constructor(options: MachineOptions = {}, previous?: EmulatedMachine) {
    this.options = resolveOptions(options);
    const points = new PreemptionPoints();
    this.scope = new OperationScope(points);
    const clock = new VirtualClock();
    this.clock = new JournaledClock(clock, this.scope, this.#journal);
    const spare = previous === undefined ? null : previous.#giveUp();
    this.#budget = new PageBudget(Math.ceil(this.options.pageLimit / PAGES_PER_BLOCK), spare);
    const space = new AddressSpace({ vmaMerge: this.options.vmaMerge, budget: this.#budget });
    const { cost, thp } = this.options;
    const costs = cost === null ? null : new MachineCosts(cost, clock);
    this.#costs = costs;
    this.process = new EmulatedProcess(new ProcessCalls(space, this.scope, this.#journal, thp, costs));
    const events = new MachineEvents(clock, this.scope, () => this.devices);
    this.#events = events;
    if (costs !== null) costs.listener = events;
    const revision = kernelRevision(this.options.profile, this.options.repairs);
    // Links never change: a machine of the same options has the same.
    const isAlike = previous !== undefined && previous.options === this.options;
    this.fabric = isAlike ? previous.fabric : new Fabric(this.options.hives, this.options.pciePeers);
    const vram = revision.migratesToVram ? vramSettings(this.options, this.fabric, revision.repairs) : [];
    if (vram.some((settings) => settings !== null)) {
      space.devices = new DeviceMaps({
        points,
        failures: space.failures,
        effects: new EffectHub(),
        hugeMigration: this.options.thpMigration,
        wholeFolios: revision.repairs['copy-whole-folios'],
      });
      if (costs !== null) space.devices.surroundings.effects.add(costs);
    }
    const pasids = new PasidAllocator(this.options.gpus);
    const queues = new ProcessQueues();
    this.devices = this.options.models.map(
      (model, index) =>
        new EmulatedDevice(index, model, this.options, {
          machine: this,
          revision,
          driver: this.#driver,
          process: space,
          clock,
          points,
          scope: this.scope,
          pasids,
          queues,
          devices: () => this.devices,
          svmConfigured: this.options.svmConfigured,
          vram,
          vramBytes: this.options.vram,
          costs,
          journal: this.#journal,
          onLostFault: (device, page, write) => events.lostFault(device.index, page, write),
          onOpen: (device, file) => {
            events.attach(device, file);
            this.#watch(device, file);
          },
          onRelease: (file) => {
            events.detach(file);
            this.#monitor?.detach(file.vm);
          },
        }),
    );
    space.contents.isFrameReferenced = frameReferences(this.devices);
  }

  /** What others can use when the machine is no more. */
  #giveUp(): SpareSlabs {
    const spare = this.#budget.spare ?? new SpareSlabs();
    this.process.space.pages.blocks.giveUp(spare);
    for (const device of this.devices) for (const { vm } of device.files) vm.pageTable.blocks.giveUp(spare);
    return spare;
  }

  /** Whether anything was refused because of the option `pageLimit`. */
  get pageLimitReached(): boolean {
    return this.#budget.exceeded;
  }

  /** Drains the work queues: every queued garbage collector runs. Returns how many did. */
  runPendingWork(): number {
    let ran = 0;
    for (const device of this.devices) for (const file of device.files) if (device.runPendingWork(file)) ran++;
    return ran;
  }

  /**
   * Runs what is due: every queued garbage collector, and on GPUs without retry faults the restore workers whose time
   * has come. Returns how many works ran.
   */
  runDueWork(): number {
    let ran = 0;
    for (const device of this.devices) {
      for (const file of device.files) {
        if (file.context?.hasRetryFaults === false) ran += device.runDueWork(file).length;
        else if (device.runPendingWork(file)) ran++;
      }
    }
    return ran;
  }

  /** Where the pages of the process lie, and what VRAM holds. */
  memorySnapshot(): MemorySnapshot {
    const memories = this.devices.map(({ memory }) => memory);
    const totals = this.options.vram.map((bytes) => bytes / PAGE_BYTES);
    const taken = this.devices.map(({ vramTakenPages }) => vramTakenPages);
    return memorySnapshot(this.process.space, memories, totals, taken);
  }

  /** What was spent since the machine was made; undefined without the option `cost`. */
  get costTotals(): MachineCostTotals | undefined {
    const costs = this.#costs;
    if (costs === null) return undefined;
    const devices = this.devices.map(({ index }) => costs.totals(index));
    return { machine: costs.totals(), process: costs.processTotals(), devices };
  }

  /** All state as plain data: attributes, notifiers, ranges, PTE runs, VMAs, counters. */
  snapshot(): MachineSnapshot {
    return {
      clock: this.clock.now,
      memory: this.memorySnapshot(),
      driver: { loaded: this.#driver.loaded, slabCaches: [...this.#driver.slabCaches] },
      devices: this.devices.map((device) => ({
        asic: device.gpu.model.asic,
        files: device.files.map((file) => contextSnapshot(device, file)),
      })),
      ...(this.#costs === null ? {} : { cost: this.costTotals! }),
    };
  }

  /**
   * Unloads the driver, for good: opening a device or raising a fault throws `DriverUnloadedError` from then on.
   * Returns the names of the slab caches that it leaves behind (Q12). Error that names a file that is still open.
   */
  unloadDriver(): readonly string[] {
    this.#driver.needsLoaded('unloadDriver');
    for (const device of this.devices) {
      const [file] = device.files;
      if (file === undefined) continue;
      throw Object.assign(
        new Error(`unloadDriver: ${device.path} is open (PASID 0x${file.vm.pasid.toString(16)}); close it first`),
        { code: 'ERR_SVM_DRIVER_IN_USE' },
      );
    }
    return this.scope.run(() => {
      this.#driver.unload();
      const { slabCaches } = this.#driver;
      this.#monitor?.driverUnloaded(slabCaches);
      return [...slabCaches];
    });
  }

  /** One line for `console.log`; `snapshot()` has everything. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const gpus = this.options.models.map(({ asic }) => asic).join(', ');
    return `EmulatedMachine { ${gpus === '' ? 'no GPU' : gpus}; profile ${this.options.profile}, clock ${this.clock.now} ns }`;
  }

  /** Listens to events of one name; the returned function stops it. Costs nothing while nobody listens. */
  on<Name extends EventName>(event: Name, listener: EventListener<Name>): () => void {
    return this.#events.on(event, listener);
  }

  /** As `on`, with one listener for the events of all names, or of those in `names`. */
  onAny(listener: (event: MachineEvent) => void, names?: readonly EventName[]): () => void {
    return this.#events.onAny(listener, names);
  }

  /** Counts all events from now on; `stop` ends it. `snapshot().counters` is counted always. */
  countEvents(): { readonly counts: EventCounts; stop(): void } {
    return countEvents(this);
  }

  /**
   * Runs `callback` when the named point is passed for the `pass`th time in one
   * operation (default: every time it is passed): what another thread could do
   * there. What would need a lock that the interrupted operation holds throws
   * `LockAssertionError`; the asynchronous forms of ioctls sleep instead. An
   * error of the callback is thrown by the interrupted operation when it has
   * ended. The returned function removes the callback. What the callback does is not interrupted itself, unless
   * `depth` says how many threads may come in one inside the other (default 1).
   */
  at(point: PreemptionPoint, callback: () => void, options: { pass?: number; depth?: number } = {}): () => void {
    wordArgument('point', point, PREEMPTION_POINTS);
    functionArgument('callback', callback);
    const wanted = options.pass === undefined ? undefined : countArgument('pass', options.pass);
    if (wanted === 0) throw argumentError(RangeError, 'pass: expected a whole number from 1, got 0');
    const depth = countArgument('depth', options.depth ?? 1);
    if (depth === 0) throw argumentError(RangeError, 'depth: expected a whole number from 1, got 0');
    return this.scope.addHook((passed, pass) => {
      if (passed === point && (wanted === undefined || pass === wanted)) callback();
    }, depth);
  }

  /**
   * Watches for the defects of the catalogue 07-quirks from now on (docs/hazards.md); each is a
   * 'hazard' event too. There is one monitor for a machine: a second call returns it again. With `history` false
   * hazards do not tell what led there, and a machine of few operations costs less.
   */
  watchHazards({ history = true }: { history?: boolean } = {}): HazardMonitor {
    if (this.#monitor !== null) return this.#monitor;
    this.#monitor = new HazardMonitor(
      this.process.space,
      this.scope,
      this.options.profile,
      this.options.gpus,
      (hazard) => this.#events.hazard(hazard),
      history,
    );
    this.#events.monitored = true;
    for (const { index, memory } of this.devices) if (memory !== null) this.#monitor.attachMemory(index, memory);
    for (const device of this.devices) for (const file of device.files) this.#watch(device, file);
    return this.#monitor;
  }

  #watch(device: EmulatedDevice, file: EmulatedFile): void {
    const { index, gpu, surroundings } = device;
    const { vm, effects, computeResult } = file;
    this.#monitor?.attach({ device: index, gpu, vm, process: surroundings.process, effects, computeResult });
  }

  /** Hands every operation and its answer to `journal`; the returned function stops it. */
  addJournal(journal: OperationJournal): () => void {
    this.#journals.push(journal);
    this.#updateJournal();
    return () => {
      const index = this.#journals.indexOf(journal);
      if (index >= 0) this.#journals.splice(index, 1);
      this.#updateJournal();
    };
  }

  #updateJournal(): void {
    const journals = [...this.#journals];
    const [only] = journals;
    if (only === undefined || journals.length === 1) {
      this.#journal.current = only ?? null;
      return;
    }
    this.#journal.current = {
      record: (entry) => journals.forEach((journal) => journal.record(entry)),
      complete: (slept, ended) => journals.forEach((journal) => journal.complete(slept, ended)),
    };
  }
}

/**
 * Asks the GPU page tables. A closure of the constructor would do it, too, but as long as it has not been called V8
 * keeps all that it sees through each collection of young garbage: the machine (10 of 11 MB, measured with Node 20).
 */
function frameReferences(devices: readonly EmulatedDevice[]): FrameReferenceCheck {
  return (page, frame) => devices.some(({ files }) => files.some(({ vm }) => vm.pageTable.frameOf(page) === frame));
}

/** Clock whose movements are operations of the machine. */
class JournaledClock implements EmulatedMachineClock {
  readonly #clock: VirtualClock;
  readonly #scope: OperationScope;
  readonly #journal: { current: OperationJournal | null };

  constructor(clock: VirtualClock, scope: OperationScope, journal: { current: OperationJournal | null }) {
    this.#clock = clock;
    this.#scope = scope;
    this.#journal = journal;
  }

  get now(): number {
    return this.#clock.now;
  }

  advance(nanoseconds: number): void {
    this.#scope.run(() => this.#clock.advance(nanoseconds));
    this.#journal.current?.record({ name: 'advance', nanoseconds, clock: this.#clock.now, result: 0 });
  }
}
