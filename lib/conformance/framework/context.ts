/** What a case is given: fresh devices and memory, operations on them, and checks. */
import { codedError } from '../../uapi/errors.ts';
import { SvmAttributeType, SvmOperation } from '../../uapi/constants.ts';
import type { SvmAttributeName } from '../../uapi/constants.ts';
import { XNACK_RETRY_INTERVAL } from '../../device/index.ts';
import type { GpuQueue, SvmDevice, VramInfo } from '../../device/index.ts';
import type {
  AccessResult,
  ContextSnapshot,
  EmulatedChild,
  EmulatedDevice,
  EmulatedMachine,
  MachineEvent,
  MachineOptions,
} from '../../device/emulated.ts';
import { inWords, recordsOf } from './attributes.ts';
import type { GivenAttributes, NamedAttributes } from './attributes.ts';
import { CaseSkipped, ConformanceFailure, showValue } from './check.ts';
import { CaseChecks } from './checks.ts';
import { backendOf } from '../../device/svm-device.ts';
import type { DeviceNode } from '../../uapi/node.ts';
import type { RevisionName, UapiProfile } from '../../uapi/profile.ts';
import { reasonOfFeature } from './feature.ts';
import type { Feature } from './feature.ts';
import { EmulatedMapping, HostMapping } from './mapping.ts';
import type { Mapping, MappingOptions } from './mapping.ts';
import { pteRuns } from './pte-words.ts';
import { CaseRandom } from './random.ts';
import type { OpenedTarget, Target } from './target.ts';
import { counted } from '../../words/counted.ts';

/** What a case asks of the devices before it uses them. */
export interface CaseSetup {
  /** Default 1. */
  readonly gpus?: number;
  /** Bytes of VRAM that an emulated GPU is to have; a real one has its own. Needs the feature 'vram'. */
  readonly vram?: number;
  /** True: the GPUs are in one XGMI hive; needs the feature 'hive'. */
  readonly hive?: boolean;
  /** Other options of the emulated machine; needs the feature 'configuration'. */
  readonly machine?: MachineOptions;
  /** False: no SVM context yet; needs the feature 'lazy-context'. */
  readonly compute?: boolean;
}

/** Nanoseconds: beyond the 2 ms window of the fault path. */
const LATER = 3_000_000;

/** Bytes that an ioctl is about. */
interface ByteRange {
  readonly address: bigint;
  readonly size: number | bigint;
}

/**
 * The context of one run of one case. Devices are opened at their first use, so `setup` comes before everything
 * else; memory and devices are given back when the case has ended. Every check that does not hold ends the case.
 */
export class CaseContext extends CaseChecks {
  readonly random: CaseRandom;
  /** Set by a case whose device keeps objects when it is closed. */
  leaksAllowed = false;
  readonly #target: Target;
  readonly #record: string | undefined;
  readonly #work: boolean;
  readonly #cleanups: (() => void)[] = [];
  // Memory of this process, given back when the devices are closed: it is no part of what they saw.
  readonly #mappings: Mapping[] = [];
  readonly #queues = new Map<SvmDevice, GpuQueue>();
  #setup: CaseSetup = {};
  #opened: OpenedTarget | undefined;

  constructor(
    target: Target,
    options: {
      readonly seed: number;
      readonly id: string;
      readonly record?: string | undefined;
      /** False: the case needs no GPU work. Default true. */
      readonly work?: boolean;
    },
  ) {
    super();
    this.#target = target;
    this.#record = options.record;
    this.#work = options.work ?? true;
    this.random = new CaseRandom(options.seed, options.id);
  }

  // ----------------------------------------------------------------- devices

  /** Says what devices are needed; before anything else. */
  setup(setup: CaseSetup): void {
    if (this.#opened !== undefined) throw codedError('ERR_SVM_CASE', 'setup: the devices are open already');
    this.#setup = setup;
  }

  /** The devices of the case, one for each GPU; opened when they are first asked for. */
  get devices(): readonly SvmDevice[] {
    return this.#open().devices;
  }

  /** The device of the first GPU. */
  get device(): SvmDevice {
    return this.devices[0]!;
  }

  /** Which backend runs the case. */
  get backend(): 'kernel' | 'ffi' | 'emulated' {
    return this.#target.identity.backend;
  }

  /** Whether the devices have the feature, for a case that differs a little without it. */
  can(feature: Feature): boolean {
    return this.#target.missing(feature) === undefined;
  }

  /** Ends the case as skipped where the devices lack the feature: for what shows only while it runs. */
  require(feature: Feature): void {
    const missing = this.#target.missing(feature);
    if (missing !== undefined) this.skip(reasonOfFeature(feature, missing));
  }

  /** Whether pages move into the memory of these GPUs: then they fault again for what the CPU has touched. */
  get movesPages(): boolean {
    return this.#target.movesPages(this.#setup.vram);
  }

  /** What a rule says in the revision of the driver that runs the case. Without XNACK `v7-xnack-off` counts, with it V7. */
  perRevision<Value>(values: Readonly<Record<RevisionName, Value>>): Value {
    return values[this.#target.revision];
  }

  /** The attributes that the devices know, in the order of their types. */
  get attributes(): readonly SvmAttributeName[] {
    return this.#target.profile.attributeNames;
  }

  /** The memory of a GPU in bytes, as it is now (feature 'vram'). */
  vram(index = 0): VramInfo {
    const info = this.devices[index]!.vramInfo();
    if (info === undefined) throw new CaseSkipped('the case needs the memory of the GPU and does not say so');
    return info;
  }

  /** The emulated machine; for cases that need 'introspection' or another feature of the emulator. */
  get machine(): EmulatedMachine {
    const { machine } = this.#open();
    if (machine === undefined)
      throw new CaseSkipped('the case uses the emulated machine and does not say so in its needs');
    return machine;
  }

  /** The emulated GPU. */
  gpu(index = 0): EmulatedDevice {
    return this.machine.devices[index]!;
  }

  /** A second open file of the first render node, closed with the case; for a kernel (feature 'several-files'). */
  secondFile(): Pick<DeviceNode, 'ioctl'> & { readonly profile: UapiProfile } {
    const device = this.#target.openSecondFile(this.device.path);
    this.onEnd(() => device.close());
    const { node } = backendOf(device);
    return { profile: device.profile, ioctl: (...call) => node.ioctl(...call) };
  }

  #open(): OpenedTarget {
    if (this.#opened !== undefined) return this.#opened;
    const { gpus = 1, ...setup } = this.#setup;
    this.#opened = this.#target.open({
      gpus,
      work: this.#work,
      ...setup,
      ...(this.#record === undefined ? {} : { record: this.#record }),
    });
    return this.#opened;
  }

  // ------------------------------------------------------------------ memory

  /** Maps memory, aligned to 2 MiB unless `options.address` says otherwise; `size` in bytes, a multiple of 4096. */
  map(size: number, options: MappingOptions = {}): Mapping {
    const { machine, devices } = this.#open();
    this.note(
      () =>
        `map 0x${size.toString(16)}${options.kind === undefined ? '' : ` ${options.kind}`}${options.protection === undefined ? '' : ` ${options.protection}`}`,
    );
    if (machine !== undefined) return new EmulatedMapping(machine, size, options);
    const mapping = new HostMapping(devices[0]!, size, options);
    this.#mappings.push(mapping);
    return mapping;
  }

  /** A range of free addresses, aligned to 2 MiB, in which nothing is mapped. */
  hole(size: number): { address: bigint; size: number } {
    const mapping = this.map(size);
    mapping.unmap();
    return { address: mapping.address, size };
  }

  // --------------------------------------------------------- other processes

  /** A child of the process that shares its pages until one of both writes (feature 'fork'). */
  fork(): EmulatedChild {
    this.note(() => 'fork');
    return this.machine.process.fork();
  }

  /** Another process takes so many bytes of the memory of a GPU, whoever has them (feature 'other-process'): the offset, or a negative errno. */
  takeVram(bytes: number, device = 0): number {
    const result = this.gpu(device).takeVram(BigInt(bytes));
    this.note(() => `another process takes 0x${bytes.toString(16)} bytes of VRAM = ${result}`);
    return result;
  }

  /** Gives back what `takeVram` got. */
  freeVram(offset: number, device = 0): void {
    this.#step(this.gpu(device).freeVram(offset), 'giving VRAM back');
  }

  /** Somebody takes references to the pages, which then stay where they are until `unpin` (feature 'pinned-pages'). */
  pin(range: ByteRange): void {
    const { result } = this.machine.process.calls.pin(range.address, BigInt(range.size));
    this.#step(result, 'pinning');
  }

  /** Undoes `pin`. */
  unpin(range: ByteRange): void {
    this.machine.process.calls.unpin(range.address, BigInt(range.size));
  }

  // ------------------------------------------------------------------ ioctls

  /** The ioctl with its own numbers. `result` is 0 or a negative errno, `values` those of the records afterwards. */
  ioctl(
    call: {
      operation: number;
      address: bigint;
      size: bigint | number;
      attributes?: GivenAttributes;
      attributeCount?: number;
      attributesAddress?: bigint;
    },
    device: SvmDevice = this.device,
  ): { result: number; values: number[] } {
    const attributes = recordsOf(call.attributes ?? []);
    const answer = device.svmIoctl({ ...call, attributes: attributes.map(([type, value]) => ({ type, value })) });
    this.note(() => `ioctl ${showValue({ ...call, attributes })} = ${answer.result}`);
    return { result: answer.result, values: answer.attributes.map(({ value }) => value) };
  }

  /** SET_ATTR; gives the result. */
  trySet(range: ByteRange, attributes: GivenAttributes, device: SvmDevice = this.device): number {
    const { address, size } = range;
    return this.ioctl({ operation: SvmOperation.setAttributes, address, size, attributes }, device).result;
  }

  /** SET_ATTR that has to succeed. */
  set(range: ByteRange, attributes: GivenAttributes, device: SvmDevice = this.device): void {
    this.#step(this.trySet(range, attributes, device), 'SET_ATTR');
  }

  /** GET_ATTR that has to succeed; the numbers in the order of `types`, which are names or numbers. */
  get(range: ByteRange, types: readonly (SvmAttributeName | number)[], device: SvmDevice = this.device): number[] {
    const { result, values } = this.#get(range, types, device);
    this.#step(result, 'GET_ATTR');
    return values;
  }

  /** GET_ATTR; gives the result. */
  tryGet(range: ByteRange, types: readonly (SvmAttributeName | number)[], device: SvmDevice = this.device): number {
    return this.#get(range, types, device).result;
  }

  /** GET_ATTR has to succeed and give these values; `what` is the subject: "attributes of the first page". */
  has(range: ByteRange, attributes: NamedAttributes, what: string, device: SvmDevice = this.device): void {
    const names = Object.keys(attributes) as SvmAttributeName[];
    const values = this.get(range, names, device);
    const found = Object.fromEntries(names.map((name, index) => [name, values[index]]));
    this.equal(inWords(found), inWords(attributes), what);
  }

  // ---------------------------------------------------------------- GPU work

  /** A queue on the device (feature 'gpu-work'). On hardware it is the same for each call: all processes share a few. */
  queue(device: SvmDevice = this.device): GpuQueue {
    if (this.backend === 'emulated') return device.createQueue();
    const queue = this.#queues.get(device) ?? device.createQueue();
    this.#queues.set(device, queue);
    return queue;
  }

  /** How many retry faults the driver was asked to serve so far (feature 'fault-counts'); a kernel counts those of all GPUs. */
  faultCount(device = 0): number {
    return this.backend === 'emulated' ? this.gpu(device).gpu.counters.faults : this.#target.countFaults();
  }

  /** One retry fault (feature 'fault-handler'): 0, or a negative errno for a killed access. `device`: index of the GPU. */
  fault(address: bigint, options: { write?: boolean; timestamp?: number; device?: number } = {}): number {
    const { write = false, timestamp, device = 0 } = options;
    const result = this.gpu(device).fault({ address, write, ...(timestamp === undefined ? {} : { timestamp }) });
    this.note(() => `fault 0x${address.toString(16)} ${write ? 'write' : 'read'} = ${result}`);
    return result;
  }

  /** What a shader or DMA engine does with these bytes, without time passing (feature 'fault-handler'). */
  access(address: bigint, size: number, options: { write?: boolean; device?: number } = {}): AccessResult {
    const { write = false, device = 0 } = options;
    const result = this.gpu(device).access({ address, size, write });
    this.note(
      () =>
        `access [0x${address.toString(16)}, +0x${size.toString(16)}) ${write ? 'write' : 'read'}: ${counted(result.faults, 'fault')} = ${result.result}`,
    );
    return result;
  }

  /** Moves the clock (feature 'virtual-clock'); by default beyond the 2 ms window of the fault path. */
  advance(nanoseconds: number = LATER): void {
    this.machine.clock.advance(nanoseconds);
  }

  /** Waits as a GPU does before it repeats a fault. */
  retryInterval(): void {
    this.advance(XNACK_RETRY_INTERVAL);
  }

  /** Lets the queued garbage collectors run (feature 'deferred-work'); gives how many did. */
  collect(): number {
    const ran = this.machine.runPendingWork();
    this.note(() => `collect: ${ran} ran`);
    return ran;
  }

  // ----------------------------------------------------------- introspection

  /** The state of an open file (feature 'introspection'). */
  state(device = 0, file = 0): ContextSnapshot {
    const state = this.machine.snapshot().devices[device]?.files[file];
    if (state === undefined) throw new ConformanceFailure(`device ${device} has no open file ${file}`);
    return state;
  }

  /**
   * What the GPU page table holds for a range, as runs: 'rw*512', 'r*16 -*496', '-*512'. Letters r, w, x of the PTE,
   * '-' without one; a state other than 'ok' follows behind a colon ('rw:stale*1'); without its name with `states: false`.
   */
  ptes(
    range: { readonly address: bigint; readonly size: number },
    options: { device?: number; states?: boolean } = {},
  ): string {
    const { device = 0, states = true } = options;
    return pteRuns(this.state(device), range, states);
  }

  /** GPU ranges inside a range as [offset, size] in bytes (feature 'introspection'). */
  ranges(range: { readonly address: bigint; readonly size: number }, device = 0): [number, number][] {
    return this.state(device)
      .ranges.filter(({ start, end }) => end > range.address && start < range.address + BigInt(range.size))
      .map(({ start, end }): [number, number] => [Number(start - range.address), Number(end - start)]);
  }

  /** Counts the events that `action` causes, by name (feature 'events'). */
  countEvents(action: () => void): ReadonlyMap<MachineEvent['name'], number> {
    const counts = new Map<MachineEvent['name'], number>();
    const stop = this.machine.onAny((event) => counts.set(event.name, (counts.get(event.name) ?? 0) + 1));
    try {
      action();
    } finally {
      stop();
    }
    return counts;
  }

  /** Runs when the case has ended, last one first. */
  onEnd(cleanup: () => void): void {
    this.#cleanups.push(cleanup);
  }

  // --------------------------------------------------------------- the runner

  /** Gives everything back; throws what failed, and `ConformanceFailure` for objects that stay behind. */
  end(): void {
    const errors: unknown[] = [];
    for (const cleanup of this.#cleanups.toReversed()) attempt(cleanup, errors);
    const { devices = [], machine } = this.#opened ?? {};
    const left: string[] = [];
    const stop = machine?.addJournal({
      record: (entry) => {
        if (entry.name !== 'fini' || entry.left === undefined) return;
        const { ranges, dmaPages } = entry.left;
        if (ranges > 0 || dmaPages > 0) left.push(`${ranges} GPU ranges, ${dmaPages} DMA mapped pages`);
      },
      complete: () => undefined,
    });
    for (const device of devices) attempt(() => device.close(), errors);
    stop?.();
    for (const mapping of this.#mappings) attempt(() => mapping.unmap(), errors);
    if (errors.length > 0) throw errors[0];
    if (left.length > 0 && !this.leaksAllowed) throw new ConformanceFailure(`left behind at close: ${left.join('; ')}`);
  }

  #get({ address, size }: ByteRange, types: readonly (SvmAttributeName | number)[], device: SvmDevice) {
    const attributes = types.map((type) => [typeof type === 'number' ? type : SvmAttributeType[type], 0] as const);
    return this.ioctl({ operation: SvmOperation.getAttributes, address, size, attributes }, device);
  }

  /** An operation that the case takes for granted. */
  #step(result: number, what: string): void {
    if (result !== 0) throw new ConformanceFailure(`${what}: expected 0, got ${result} (${this.log.at(-1) ?? ''})`);
  }
}

function attempt(action: () => void, errors: unknown[]): void {
  try {
    action();
  } catch (error) {
    errors.push(error);
  }
}
