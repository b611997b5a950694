/** `hipMemAdvise` and `hipMemAdvise_v2`: checks in order, and the HSA pair of each advice (spec/hip §4). */
import { HsaError, HsaGlobalFlag, HsaSvmAttribute } from '../hsa/index.ts';
import type { HsaAgent, HsaSvmAttributePair } from '../hsa/index.ts';
import type { Pointer } from './arguments.ts';
import { HipDeviceId, HipHmmFlag, HipMemLocationType, HipMemoryAdvise } from './constants.ts';
import type { HipMemLocation } from './constants.ts';
import { invalidValue } from './error.ts';
import type { HipMemory, MemoryOwner } from './memory.ts';
import { assertInside, pagesOf } from './state.ts';
import type { HipState } from './state.ts';

type Pairs = readonly HsaSvmAttributePair[];

/** The lists of pairs, made once: an advice sends one of them. */
export class Advisor {
  readonly #state: HipState;
  readonly #owner: MemoryOwner;
  readonly #byAdvice: Readonly<Record<number, (gpu: number) => Pairs>>;

  constructor(state: HipState, owner: MemoryOwner) {
    this.#state = state;
    this.#owner = owner;
    const { gpuAgents, cpuAgents } = state.hsa;
    const constant = (attribute: number, value: number | HsaAgent | null): ((gpu: number) => Pairs) => {
      const pairs = [{ attribute, value }];
      return () => pairs;
    };
    /** One list for each GPU; `cpu` is the agent that stands for the CPU. */
    const agents = (attribute: number, cpu: HsaAgent, cpuAttribute = attribute): ((gpu: number) => Pairs) => {
      const ofGpus = gpuAgents.map((agent) => [{ attribute, value: agent }]);
      const ofCpu = [{ attribute: cpuAttribute, value: cpu }];
      return (gpu) => ofGpus[gpu] ?? ofCpu;
    };
    const { readMostly, preferredLocation, agentAccessible, agentAccessibleInPlace, globalFlag } = HsaSvmAttribute;
    // Whatever NUMA node v2 names, the CPU is the first one.
    const cpu = cpuAgents[0]!;
    this.#byAdvice = {
      [HipMemoryAdvise.setReadMostly]: constant(readMostly, 1),
      [HipMemoryAdvise.unsetReadMostly]: constant(readMostly, 0),
      [HipMemoryAdvise.setPreferredLocation]: agents(preferredLocation, cpu),
      [HipMemoryAdvise.unsetPreferredLocation]: constant(preferredLocation, null),
      [HipMemoryAdvise.setAccessedBy]: agents(agentAccessibleInPlace, cpu),
      // The code does not look at the CPU here, so that GPU 0 loses what it had.
      [HipMemoryAdvise.unsetAccessedBy]: agents(agentAccessible, state.documented ? cpu : gpuAgents[0]!),
      [HipMemoryAdvise.setCoarseGrain]: constant(globalFlag, HsaGlobalFlag.coarseGrained),
      [HipMemoryAdvise.unsetCoarseGrain]: constant(globalFlag, HsaGlobalFlag.fineGrained),
    };
  }

  /** `isV2`: the location is the caller's and its type is checked. */
  advise(pointer: Pointer, count: bigint, advice: number, location: Required<HipMemLocation>, isV2: boolean): void {
    const state = this.#state;
    state.assertOpen();
    const early = state.options.release === '2024';
    if (early) this.#checkDevice(advice, location);
    if (pointer.address === 0n) throw invalidValue('pointer: null');
    if (count === 0n) throw invalidValue('count: 0');
    if (isV2 && (location.type < HipMemLocationType.device || location.type > HipMemLocationType.hostNumaCurrent)) {
      throw invalidValue(`location.type: expected 1 to 4, got ${location.type}`);
    }
    if (!early) this.#checkDevice(advice, location);
    const memory = state.lookUp('pointer', pointer, this.#owner);
    if (memory !== undefined) assertInside(memory, pointer, count);
    const pairsOf = Object.hasOwn(this.#byAdvice, advice) ? this.#byAdvice[advice] : undefined;
    if (!state.hmm) {
      // The original comes back before it looks at the advice.
      if (pairsOf === undefined && state.documented) throw unknownAdvice(advice);
      return;
    }
    if ((state.options.hmmFlags & HipHmmFlag.enableSvmTracking) !== 0) assertTracked(memory);
    if (pairsOf === undefined) throw unknownAdvice(advice);
    const gpu = location.type === HipMemLocationType.device ? location.id : HipDeviceId.cpu;
    try {
      state.hsa.svmAttributesSet(pointer.address, count, pairsOf(gpu));
    } catch (error) {
      if (error instanceof HsaError) throw invalidValue(error.message, error);
      throw error;
    }
    if (state.documented) this.#remember(pointer.address, count, advice, gpu);
  }

  /** The device of ReadMostly is not looked at. */
  #checkDevice(advice: number, location: Required<HipMemLocation>): void {
    if (advice === HipMemoryAdvise.setReadMostly || advice === HipMemoryAdvise.unsetReadMostly) return;
    if (location.type === HipMemLocationType.device) this.#state.assertDevice('device', location.id);
  }

  /** What the device has no place for. */
  #remember(address: bigint, count: bigint, advice: number, gpu: number): void {
    const [first, end] = pagesOf(address, count);
    const { accessedByCpu, coarseGrained } = this.#state;
    switch (advice) {
      case HipMemoryAdvise.setAccessedBy:
        if (gpu === HipDeviceId.cpu) accessedByCpu.add(first, end);
        return;
      case HipMemoryAdvise.unsetAccessedBy:
        if (gpu === HipDeviceId.cpu) accessedByCpu.remove(first, end);
        return;
      case HipMemoryAdvise.setCoarseGrain:
        coarseGrained.add(first, end);
        return;
      case HipMemoryAdvise.unsetCoarseGrain:
        coarseGrained.remove(first, end);
        return;
      default:
    }
  }
}

/** EnableSvmTracking: only memory that HIP knows, and that has a host pointer; that the range is inside was checked before. */
export function assertTracked(memory: HipMemory | undefined): void {
  if (memory === undefined || memory.kind === 'device') throw invalidValue('pointer: not memory that is tracked');
}

function unknownAdvice(advice: number): Error {
  return invalidValue(`advice: unknown advice ${advice}`);
}

/** The place that a device id of the first version means. */
export function locationOfDevice(device: number): Required<HipMemLocation> {
  return device === HipDeviceId.cpu ? CPU : { type: HipMemLocationType.device, id: device };
}

const CPU: Required<HipMemLocation> = { type: HipMemLocationType.host, id: 0 };
