/** The runtime: agents, signals, and the SVM calls of HSA on top of one SVM context for each GPU (hsa.md). */
import { SvmOperation } from '../uapi/constants.ts';
import { codedError, show, typeError } from '../uapi/errors.ts';
import type { HostBuffer } from '../device/host-memory.ts';
import type { ByteRange, SvmRange } from '../uapi/range.ts';
import { backendOf, SvmDevice } from '../device/svm-device.ts';
import { trafficOutput, writeTraffic } from '../device/traffic-output.ts';
import { TrafficLog } from '../device/traffic.ts';
import { AgentTable } from './agent.ts';
import type { HsaAgent } from './agent.ts';
import { AsyncCalls } from './async-calls.ts';
import { HsaSvmAttribute, HsaSystemInfo, HsaVmemFlag } from './constants.ts';
import { describeDiscard, describeGet, describePrefetch, describeSet } from './describe.ts';
import { Discarder } from './discard.ts';
import { HsaError, HsaStatus } from './error.ts';
import { askPrefetchNode, checkPairsToGet, getFromGpus } from './get.ts';
import type { HsaSvmAttributeAnswer } from './get.ts';
import { assertGpus, callGpu, throwOnFailure } from './gpu-call.ts';
import { resolveOptions } from './options.ts';
import type { HsaRuntimeOptions, ResolvedOptions } from './options.ts';
import { pageRange } from './arguments.ts';
import { readPairsToGet, readPairsToSet } from './pairs.ts';
import type { HsaSvmAttributePair, HsaSvmAttributeQuery } from './pairs.ts';
import { MemoryLocks } from './memory-locks.ts';
import { Prefetcher } from './prefetch.ts';
import { Reservations } from './reservations.ts';
import type { HsaPointerInfo } from './reservations.ts';
import { resetOnGpu } from './reset.ts';
import { checkPairsToSet, invalidAgent, recordsToSet, setOnGpus } from './set.ts';
import { HsaSignal } from './signal.ts';
import type { SignalOwner } from './signal.ts';

const RESET = { operation: 'resetAttributes', records: [] } as const;

/**
 * An open runtime. Addresses and sizes are bytes; ranges are rounded out to pages, so
 * unaligned ones are fine. Every method throws `HsaError`: NOT_INITIALIZED after
 * `close`, else what its comment says. Arguments of a wrong type throw a TypeError or
 * RangeError (`code` 'ERR_SVM_...') that names the field; a device that was closed
 * under the runtime `ERR_SVM_CLOSED`.
 */
export class HsaRuntime {
  /** Which ioctls each call causes: `runtime.traffic.on(listener)`. */
  readonly traffic: TrafficLog;
  readonly #agents: AgentTable;
  readonly #options: ResolvedOptions;
  readonly #owned: readonly SvmDevice[];
  readonly #signals: SignalOwner = { closed: false, waits: new Set() };
  readonly #calls: AsyncCalls;
  readonly #prefetcher: Prefetcher;
  readonly #reservations: Reservations;
  readonly #locks: MemoryLocks;
  readonly #discarder: Discarder;

  private constructor(devices: readonly SvmDevice[], owned: readonly SvmDevice[], options: ResolvedOptions) {
    this.#options = options;
    this.#owned = owned;
    this.#agents = new AgentTable(options.cpuAgents, devices);
    this.traffic = new TrafficLog(devices);
    this.#calls = new AsyncCalls(this.traffic, this.#signals, options.compatibility);
    this.#prefetcher = new Prefetcher(this.#agents, this.#calls, options.compatibility);
    this.#reservations = new Reservations(this.#agents);
    this.#locks = new MemoryLocks(this.#agents);
    this.#discarder = new Discarder(this.#agents, this.#calls, this.#prefetcher, this.#reservations);
  }

  /**
   * Opens a runtime on devices of the caller, or on one that it opens itself (and then
   * throws what `SvmDevice.open` throws). `devices: []` is a machine without GPU.
   * Environment: AMDGPU_SVM_TRACE writes the traffic view.
   */
  static open(options: HsaRuntimeOptions = {}): HsaRuntime {
    const resolved = resolveOptions(options);
    if (options.devices !== undefined) {
      assertDevicesOpen(options.devices);
      trafficOutput();
    }
    const owned = options.devices === undefined ? [SvmDevice.open()] : [];
    const runtime = new HsaRuntime(options.devices ?? owned, owned, resolved);
    writeTraffic(runtime.traffic);
    return runtime;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#signals.closed;
  }

  /** One for each NUMA node. */
  get cpuAgents(): readonly HsaAgent[] {
    return this.#agents.cpuAgents;
  }

  /** One for each device, in the order of `devices`. */
  get gpuAgents(): readonly HsaAgent[] {
    return this.#agents.gpuAgents;
  }

  /** A signal with this value, a signed 64-bit number. */
  createSignal(value: number | bigint): HsaSignal {
    this.#assertOpen();
    return new HsaSignal(this.#signals, value);
  }

  /** `hsa_system_get_info`: one of `HsaSystemInfo`; true of no GPU at all. INVALID_ARGUMENT for anything else. */
  systemInfo(attribute: number): boolean {
    this.#assertOpen();
    const { gpuAgents } = this.#agents;
    switch (attribute) {
      case HsaSystemInfo.svmSupported:
        return gpuAgents.every(({ device }) => backendOf(device!).abilities.svm);
      case HsaSystemInfo.svmAccessibleByDefault:
      case HsaSystemInfo.xnackEnabled:
        return gpuAgents.every(({ device }) => backendOf(device!).abilities.xnack === true);
      default:
        if (typeof attribute !== 'number')
          throw typeError('ERR_SVM_INVALID_TYPE', `attribute: expected a number, got ${show(attribute)}`);
        throw new HsaError(HsaStatus.invalidArgument, `unknown system information ${attribute}`, {
          field: 'attribute',
        });
    }
  }

  /**
   * `hsa_amd_svm_attributes_set`. Pairs are checked in order, and the first bad one ends
   * the call before anything is sent (INCOMPATIBLE_ARGUMENTS, INVALID_AGENT,
   * INVALID_ARGUMENT). Then each GPU that is concerned gets one ioctl; the first that
   * refuses ends the call with ERROR, and the GPUs before it stay changed. No pairs:
   * everything of the range back to its default, but the last prefetch location.
   */
  svmAttributesSet(address: bigint, size: number | bigint, pairs: readonly HsaSvmAttributePair[]): void {
    this.traffic.log(
      () => describeSet(pairs),
      () => {
        this.#assertUsable();
        const range = pageRange(address, size);
        const read = readPairsToSet(pairs, this.#agents);
        checkPairsToSet(read);
        const { gpuAgents } = this.#agents;
        if (read.length === 0) this.#setNothing(range);
        else setOnGpus(range, gpuAgents, recordsToSet(read, gpuAgents, this.#options.compatibility === 'documented'));
      },
    );
  }

  /**
   * `hsa_amd_svm_attributes_get`: the pairs with their answers, in the same order; the
   * ones passed are not changed. INVALID_AGENT and INVALID_ARGUMENT before anything is
   * asked, ERROR without a GPU. A device that refuses counts as no answer: flags read
   * 0, locations null, an access query stays one (spec/hsa §4.3).
   */
  svmAttributesGet(
    address: bigint,
    size: number | bigint,
    pairs: readonly HsaSvmAttributeQuery[],
  ): HsaSvmAttributeAnswer[] {
    return this.traffic.log(
      () => describeGet(pairs),
      () => {
        this.#assertUsable();
        const range = pageRange(address, size);
        const read = readPairsToGet(pairs, this.#agents);
        checkPairsToGet(read);
        if (read.length === 0) return [];
        assertGpus(this.#agents.gpuAgents);
        const isPrefetch = ({ attribute }: { attribute: number }): boolean =>
          attribute === HsaSvmAttribute.prefetchLocation;
        // The runtime answers for prefetches itself, and hands the rest on.
        const prefetches = read
          .filter(isPrefetch)
          .map((pair) => ({ attribute: pair.attribute, value: this.#lastPrefetch(range) }));
        const others = read.filter((pair) => !isPrefetch(pair));
        // Before 2026 an access query of a CPU without access was left as it was.
        const unansweredCpu =
          this.#options.release === '2025' ? HsaSvmAttribute.accessQuery : HsaSvmAttribute.agentNoAccess;
        const answers =
          others.length === 0
            ? []
            : getFromGpus(range, others, this.#agents, unansweredCpu, this.#options.compatibility === 'documented');
        return read.map((pair) => (isPrefetch(pair) ? prefetches : answers).shift()!);
      },
    );
  }

  /**
   * `hsa_amd_svm_prefetch_async`: returns at once; when every signal of `dependencies`
   * was 0 at its turn (the last one first) the range goes to `agent`, then 1 is taken
   * from `completion` - whether or not the device complied (the traffic view tells).
   * A range asked for its prefetch location answers with the prefetch issued last, at
   * once. INVALID_AGENT and INVALID_SIGNAL for what is not of this runtime, where the
   * original would crash or hang.
   */
  svmPrefetchAsync(
    address: bigint,
    size: number | bigint,
    agent: HsaAgent | bigint,
    dependencies: readonly HsaSignal[] = [],
    completion?: HsaSignal | null,
  ): void {
    const call = (): string => describePrefetch(agent);
    this.#issue(call, () => {
      const range = pageRange(address, size);
      const destination = this.#agents.resolve('agent', agent);
      if (destination === null || destination === 'invalid') throw invalidAgent('agent', destination);
      // Before 2026 all CPU agents counted as the first node.
      const node = destination.kind === 'cpu' && this.#options.release === '2025' ? 0 : destination.node;
      const operation = {
        range,
        destination,
        node,
        call,
        dependencies: this.#dependencies(dependencies),
        completion: this.#completion(completion),
      };
      return () => this.#prefetcher.issue(operation);
    });
  }

  /**
   * `hsa_amd_svm_discard_batch_async`: when every signal of `dependencies` is 0 the
   * ranges come home, unless a CPU is their preferred location, and their contents are
   * thrown away; then 1 is taken from `completion`, as by a prefetch. Only memory of
   * `vmemAddressReserve` (INVALID_ARGUMENT), only with XNACK (XNACK_DISABLED). Not in
   * release '2025' (`ERR_SVM_NOT_AVAILABLE`). spec/hsa §6.
   */
  svmDiscardBatchAsync(
    ranges: readonly SvmRange[],
    dependencies: readonly HsaSignal[] = [],
    completion?: HsaSignal | null,
  ): void {
    this.#discard(ranges, undefined, dependencies, completion);
  }

  /**
   * `hsa_amd_svm_discard_and_prefetch_batch_async`: as `svmDiscardBatchAsync`, then each
   * range goes to its agent (one agent: for all), where it reads as zeros. INVALID_AGENT.
   */
  svmDiscardAndPrefetchBatchAsync(
    ranges: readonly SvmRange[],
    agents: readonly (HsaAgent | bigint)[],
    dependencies: readonly HsaSignal[] = [],
    completion?: HsaSignal | null,
  ): void {
    // For the traffic view, that is no argument of the other call.
    this.#discard(ranges, agents ?? null, dependencies, completion);
  }

  /**
   * `hsa_amd_vmem_address_reserve`: memory that can be discarded, zeroed, of `size` bytes
   * rounded up to pages, at `address` if that is free. `flags` must be
   * `HsaVmemFlag.noRegister`: without it is not modelled (`NotModelledError`), other bits
   * are INVALID_ARGUMENT, as are no bytes. OUT_OF_RESOURCES. `close` unmaps what was not freed.
   */
  vmemAddressReserve(size: number | bigint, address = 0n, flags: number | bigint = HsaVmemFlag.noRegister): HostBuffer {
    this.#assertOpen();
    return this.#reservations.reserve(size, address, flags);
  }

  /** `hsa_amd_vmem_address_free`. INVALID_ALLOCATION for what is no begin of a reservation, INVALID_ARGUMENT for another size. */
  vmemAddressFree(address: bigint, size: number | bigint): void {
    this.#assertOpen();
    this.#reservations.free(address, size);
  }

  /**
   * `hsa_amd_memory_lock`: the pages of a range stay where they are until `memoryUnlock`; returns the address for the
   * agents, which is the same. `agents`: those that get access, null for all. INVALID_ARGUMENT for null, no bytes, a range
   * that is locked in part, and where nothing is mapped; INVALID_AGENT. `ERR_SVM_NOT_AVAILABLE` on a kernel, where it
   * takes an ioctl of KFD that this layer does not have. `close` unlocks what is left.
   */
  memoryLock(address: bigint, size: number | bigint, agents: readonly (HsaAgent | bigint)[] | null = null): bigint {
    this.#assertUsable();
    return this.#locks.lock(address, size, agents);
  }

  /** `hsa_amd_memory_unlock`. INVALID_ARGUMENT for what is not the begin of a locked range. */
  memoryUnlock(address: bigint): void {
    this.#assertOpen();
    this.#locks.unlock(address);
  }

  /** `hsa_amd_pointer_info`, which knows reserved addresses and locked memory. */
  pointerInfo(address: bigint): HsaPointerInfo {
    this.#assertOpen();
    return this.#locks.info(address) ?? this.#reservations.info(address);
  }

  /** Settles when every prefetch issued so far has run; not one of HSA's calls. */
  idle(): Promise<void> {
    return this.#calls.idle();
  }

  /**
   * Ends the runtime: pending waits are rejected with NOT_INITIALIZED, prefetches and
   * discards that have not begun are dropped, reservations unmapped, and a device that
   * `open` opened itself is closed. A second call does nothing.
   */
  close(): void {
    if (this.closed) return;
    this.#signals.closed = true;
    this.#calls.close();
    for (const fail of [...this.#signals.waits]) fail(notInitialized());
    this.traffic.close();
    this.#locks.close();
    this.#reservations.close();
    for (const device of this.#owned) device.close();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #discard(ranges: unknown, agents: unknown, dependencies: unknown, completion: unknown): void {
    const call = (): string => describeDiscard(ranges, agents);
    this.#issue(call, () => {
      if (this.#options.release === '2025')
        throw codedError('ERR_SVM_NOT_AVAILABLE', "batch discard: not in release '2025'");
      const read = this.#discarder.readRanges(ranges);
      const destinations = agents === undefined ? [] : this.#discarder.readDestinations(agents, read.length);
      if (!this.systemInfo(HsaSystemInfo.xnackEnabled))
        throw new HsaError(HsaStatus.xnackDisabled, 'a GPU runs without XNACK');
      const operation = {
        ranges: read,
        destinations,
        call,
        dependencies: this.#dependencies(dependencies),
        completion: this.#completion(completion),
      };
      return () => this.#discarder.issue(operation);
    });
  }

  /** Reads the arguments, and issues; a refusal is shown in the traffic view, where what is issued is shown when it runs. */
  #issue(call: () => string, read: () => () => void): void {
    let issue: () => void;
    try {
      this.#assertUsable();
      issue = read();
    } catch (error) {
      return this.traffic.log(call, () => {
        throw error;
      });
    }
    issue();
  }

  /** spec/hsa §3 step 5. */
  #setNothing(range: ByteRange): void {
    const { gpuAgents } = this.#agents;
    assertGpus(gpuAgents);
    if (this.#options.release === '2025') {
      // The empty list went down to the ioctl of the first GPU, which refuses it.
      const [first] = gpuAgents;
      const { result } = callGpu(first!.device!, SvmOperation.setAttributes, range, []);
      throwOnFailure(first!, result, range, { operation: 'setAttributes', records: [] });
      return;
    }
    for (const [at, agent] of gpuAgents.entries())
      throwOnFailure(agent, resetOnGpu(agent.device!, range), range, RESET, gpuAgents.slice(0, at));
  }

  #lastPrefetch(range: ByteRange): HsaAgent | null {
    return this.#prefetcher.lastDestination(range, (hole) =>
      askPrefetchNode(hole, this.#agents, this.#options.compatibility === 'documented'),
    );
  }

  #dependencies(dependencies: unknown): HsaSignal[] {
    if (!Array.isArray(dependencies)) {
      throw typeError('ERR_SVM_INVALID_TYPE', `dependencies: expected a list of signals, got ${show(dependencies)}`);
    }
    return Array.from(dependencies as readonly unknown[], (signal, index) =>
      this.#signal(`dependencies[${index}]`, signal),
    );
  }

  #completion(completion: unknown): HsaSignal | undefined {
    return completion === undefined || completion === null ? undefined : this.#signal('completion', completion);
  }

  #signal(field: string, signal: unknown): HsaSignal {
    if (!(signal instanceof HsaSignal)) {
      throw typeError('ERR_SVM_INVALID_TYPE', `${field}: expected a signal of this runtime, got ${show(signal)}`);
    }
    if (!signal.belongsTo(this.#signals))
      throw new HsaError(HsaStatus.invalidSignal, 'a signal of another runtime', { field });
    return signal;
  }

  #assertOpen(): void {
    if (this.closed) throw notInitialized();
  }

  #assertUsable(): void {
    this.#assertOpen();
    for (const { device, index } of this.#agents.gpuAgents) if (device!.closed) throw deviceClosed(index);
  }
}

function assertDevicesOpen(devices: readonly SvmDevice[]): void {
  for (const [index, device] of devices.entries()) if (device.closed) throw deviceClosed(index);
}

function deviceClosed(index: number): Error {
  return codedError('ERR_SVM_CLOSED', `devices[${index}]: the device is closed`);
}

function notInitialized(): HsaError {
  return new HsaError(HsaStatus.notInitialized, 'the runtime is closed');
}
