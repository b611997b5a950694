// Models: nothing - it watches a machine for the defects of the catalogue 07-quirks while a program runs on it.
import type { RevisionName } from '../../lib/uapi/profile.ts';
import type { OperationScope } from '../kernel/operation-scope.ts';
import type { AddressSpace, MemoryObserver } from '../mm/address-space.ts';
import type { DeviceMemory } from '../svm/device-memory.ts';
import { absentQuirks } from './catalogue.ts';
import { ContextWatch } from './context-watch.ts';
import { HazardError, makeHazard } from './hazard.ts';
import { MigrationRules } from './migration-rules.ts';
import type { Hazard, OperationWord } from '../observe/hazard.ts';
import { OperationLog, SilentLog } from './operation-log.ts';
import type { Watch, WatchedFile } from './watched.ts';

/** More hazards than these are counted, not kept. */
const MOST_HAZARDS = 10_000;

const WORD_OF_CHANGE: Readonly<Record<Parameters<MemoryObserver['memoryChanged']>[0], OperationWord>> = {
  mapped: 'mmap',
  unmapped: 'munmap',
  protected: 'mprotect',
  discarded: 'discard',
};

/** Checks the invariants I1 to I15 wherever an operation changed something; what did not change costs nothing. */
export class HazardMonitor implements MemoryObserver {
  /** What was found so far, oldest first; at most 10,000. */
  readonly hazards: Hazard[] = [];
  /** Hazards beyond those that are kept. */
  dropped = 0;
  readonly #process: AddressSpace;
  readonly #scope: OperationScope;
  readonly #absent: ReadonlySet<string>;
  readonly #gpus: number;
  readonly #onHazard: (hazard: Hazard) => void;
  readonly #log: OperationLog;
  readonly #stops = new Map<WatchedFile['vm'], () => void>();
  readonly #migration = new MigrationRules((device, quirk, detail, startPage, pages) =>
    this.#report(device, quirk, detail, startPage, pages, { startPage, endPage: startPage + pages }),
  );
  readonly #stopMemories: (() => void)[] = [];
  // In the order of opening; an array, because it is walked after every operation.
  #watches: readonly ContextWatch[] = [];
  readonly #stopObserving: () => void;
  #operation = 1;
  #numbered = false;
  #pending: Hazard[] = [];

  /**
   * What a driver of another revision than `revision` has is not reported. Of several `gpus` each hazard names its
   * own. `onHazard` is called for each hazard when
   * it is found, which may be in the middle of an operation. `history`: each tells what led there.
   */
  constructor(
    process: AddressSpace,
    scope: OperationScope,
    revision: RevisionName,
    gpus: number,
    onHazard: (hazard: Hazard) => void = () => undefined,
    history = true,
  ) {
    this.#process = process;
    this.#scope = scope;
    this.#absent = absentQuirks(revision);
    this.#log = history ? new OperationLog() : new SilentLog();
    this.#gpus = gpus;
    this.#onHazard = onHazard;
    process.observer = this;
    this.#stopObserving = scope.addObserver({
      nestedBegin: () => undefined,
      nestedEnd: () => undefined,
      resumeBegin: () => undefined,
      resumeEnd: () => undefined,
      ended: () => this.#operationEnded(),
    });
  }

  /** Number of the operation that runs or comes next. Set it where operations are counted elsewhere; then only setting moves it. */
  get operation(): number {
    return this.#operation;
  }
  /** Number of the operation under way, which hazards name. */
  set operation(number: number) {
    this.#operation = number;
    this.#numbered = true;
  }

  /** Watches the VRAM of GPU `device` from now on, and the pages that go there. */
  attachMemory(device: number, memory: DeviceMemory): void {
    const { devices } = this.#process;
    if (this.#stopMemories.length === 0 && devices !== null)
      this.#stopMemories.push(this.#migration.watchPages(devices.surroundings.effects));
    this.#stopMemories.push(this.#migration.watchVram(device, memory.effects));
  }

  /** Whether a buffer of SVM is leaving VRAM for others. */
  get evicting(): boolean {
    return this.#migration.evicting;
  }

  /** Watches an open file from now on. */
  attach(file: WatchedFile): void {
    if (this.#stops.has(file.vm)) return;
    const report: Watch['report'] = (quirk, detail, startPage, pages, story) =>
      this.#report(file.device, quirk, detail, startPage, pages, story ?? { startPage, endPage: startPage + pages });
    const rules = new ContextWatch(new FileWatch(file, this, this.#log, report));
    const stop = file.effects.add(rules);
    this.#watches = [...this.#watches, rules];
    this.#stops.set(file.vm, () => {
      stop();
      this.#watches = this.#watches.filter((each) => each !== rules);
    });
  }

  /** The file is closed: its VM and its PTEs are gone. */
  detach(vm: WatchedFile['vm']): void {
    this.#stops.get(vm)?.();
    this.#stops.delete(vm);
  }

  /** The driver was unloaded and left these slab caches, which belong to no device (Q12). */
  driverUnloaded(slabCaches: readonly string[]): void {
    if (slabCaches.length > 0)
      this.#report(undefined, 'Q12', `${slabCaches.join(' and ')} are left without the driver`, 0, 0, {
        startPage: 0,
        endPage: 0,
      });
  }

  /** Watches nothing any more. */
  stop(): void {
    this.#stopObserving();
    for (const stop of [...this.#stops.values(), ...this.#stopMemories]) stop();
    this.#stops.clear();
    if (this.#process.observer === this) this.#process.observer = null;
  }

  /** The hazards of severity 'violation' and above since the last call, as an error to throw. */
  takeError(): HazardError | undefined {
    if (this.#pending.length === 0 || this.#scope.active) return undefined;
    const error = new HazardError(this.#pending);
    this.#pending = [];
    return error;
  }

  /** Whether the driver that is watched has that entry of the catalogue; true for what is no entry. */
  holds(quirk: string): boolean {
    return !this.#absent.has(quirk);
  }

  /** The memory of the process has changed at these pages. */
  memoryChanged(change: Parameters<MemoryObserver['memoryChanged']>[0], startPage: number, endPage: number): void {
    this.#log.note(this.#operation, WORD_OF_CHANGE[change], startPage, endPage);
    for (const watch of this.#watches) watch.memoryChanged(change, startPage, endPage);
    if (change === 'unmapped') this.#migration.memoryUnmapped(startPage, endPage);
  }

  #operationEnded(): void {
    for (const watch of this.#watches) watch.operationEnded();
    this.#migration.operationEnded();
    if (!this.#numbered) this.#operation++;
  }

  #report(
    // Undefined: the driver as a whole.
    device: number | undefined,
    quirk: string,
    detail: string,
    startPage: number,
    pages: number,
    story: { startPage: number; endPage: number },
  ): void {
    if (!this.holds(quirk)) return;
    const history = this.#log.touching(story.startPage, story.endPage);
    const hazard = makeHazard(
      quirk,
      detail,
      { device: device ?? 0, startPage, pages, named: device !== undefined && this.#gpus > 1 },
      this.#operation,
      history,
    );
    if (this.hazards.length < MOST_HAZARDS) this.hazards.push(hazard);
    else this.dropped++;
    if (hazard.severity !== 'notice' && this.#pending.length < MOST_HAZARDS) this.#pending.push(hazard);
    this.#onHazard(hazard);
  }
}

/** A file as its rules see it. */
class FileWatch implements Watch {
  readonly device: number;
  readonly gpu: WatchedFile['gpu'];
  readonly vm: WatchedFile['vm'];
  readonly process: AddressSpace;
  readonly effects: WatchedFile['effects'];
  readonly computeResult: number;
  readonly log: OperationLog;
  readonly report: Watch['report'];
  readonly #monitor: HazardMonitor;

  constructor(file: WatchedFile, monitor: HazardMonitor, log: OperationLog, report: Watch['report']) {
    this.device = file.device;
    this.gpu = file.gpu;
    this.vm = file.vm;
    this.process = file.process;
    this.effects = file.effects;
    this.computeResult = file.computeResult;
    this.log = log;
    this.report = report;
    this.#monitor = monitor;
  }

  get operation(): number {
    return this.#monitor.operation;
  }

  holds(quirk: string): boolean {
    return this.#monitor.holds(quirk);
  }

  get evicting(): boolean {
    return this.#monitor.evicting;
  }
}
