/** `hipMemPrefetchAsync`, `hipMemPrefetchAsync_v2` and `hipMemPrefetchBatchAsync`: checks in order, then one HSA prefetch each (hip.md section 3). */
import type { HsaAgent } from '../hsa/index.ts';
import { rangeError } from '../device/errors.ts';
import type { TrafficLog } from '../device/traffic.ts';
import { countOf, integerOfIndex, listOf, locationOf, pointerOf } from './arguments.ts';
import type { Pointer } from './arguments.ts';
import { HipHmmFlag, HipMemLocationType } from './constants.ts';
import type { HipMemLocation } from './constants.ts';
import { HipError, HipStatus, invalidValue } from './error.ts';
import type { HipMemory, MemoryOwner } from './memory.ts';
import { assertInside } from './state.ts';
import type { HipState } from './state.ts';
import type { HipStream } from './stream.ts';
import type { StreamTable } from './stream-table.ts';

/** What the batch call is given, in its order; lists may be null. */
export interface PrefetchBatch {
  readonly pointers: unknown;
  readonly sizes: unknown;
  readonly count: number;
  readonly locations: unknown;
  readonly locationIndexes: unknown;
  readonly locationCount: number;
  readonly flags: number;
  readonly stream: HipStream | null;
}

interface Operation {
  readonly address: bigint;
  readonly count: bigint;
  readonly agent: HsaAgent;
}

export class Prefetches {
  readonly #state: HipState;
  readonly #owner: MemoryOwner;
  readonly #streams: StreamTable;
  readonly #traffic: TrafficLog;

  constructor(state: HipState, owner: MemoryOwner, streams: StreamTable, traffic: TrafficLog) {
    this.#state = state;
    this.#owner = owner;
    this.#streams = streams;
    this.#traffic = traffic;
  }

  /** One range. `flags`: only of the second version, else 0. Returns when it was issued; the promise settles when it has run. */
  one(pointer: Pointer, count: bigint, location: Required<HipMemLocation>, flags: number, stream: HipStream | null): Promise<unknown> {
    const state = this.#state;
    state.assertOpen();
    const early = state.options.revision === '2026';
    if (early) this.#streams.assertLive(stream);
    if (flags !== 0) throw invalidValue(`flags: expected 0, got ${flags}`);
    if (pointer.address === 0n) throw invalidValue('pointer: null');
    if (count === 0n) throw invalidValue('count: 0');
    if (!early) this.#streams.assertLive(stream);
    const memory = state.lookUp('pointer', pointer, this.#owner);
    if (memory !== undefined) {
      assertInside(memory, pointer, count);
      this.#assertDocumented('pointer', memory);
    }
    // Whatever is no place of a CPU counts as a device.
    const isCpu = isCpuLocation(location);
    if (state.documented && !isCpu && location.type !== HipMemLocationType.device) {
      throw invalidValue(`location.type: expected 1 to 4, got ${location.type}`);
    }
    if (!isCpu) {
      state.assertDevice('device', location.id);
      if (memory === undefined && !state.pageable) {
        throw new HipError(HipStatus.notSupported, 'pointer: no memory of the runtime, and the device reaches no other');
      }
    }
    this.#streams.assertOwn(stream);
    if (memory !== undefined) memory.prefetched = true;
    const device = isCpu ? state.currentDevice : location.id;
    const agent = this.#agentOf(location);
    return this.#issue(stream ?? this.#streams.nullStream(device), [{ address: pointer.address, count, agent }]);
  }

  /** Every refusal is hipErrorInvalidValue, and then nothing is issued. */
  batch(batch: PrefetchBatch): Promise<unknown> {
    const state = this.#state;
    state.assertOpen();
    const { count, locationCount, flags, stream } = batch;
    const pointers = listOf('pointers', batch.pointers);
    const sizes = listOf('sizes', batch.sizes);
    const locations = listOf('locations', batch.locations);
    const indexes = listOf('locationIndexes', batch.locationIndexes);
    if (pointers === null || sizes === null || locations === null || indexes === null) throw invalidValue('a list is null');
    if (count === 0) throw invalidValue('count: 0');
    if (locationCount === 0 || locationCount > count) throw invalidValue(`locationCount: expected 1 to ${count}, got ${locationCount}`);
    if (flags !== 0) throw invalidValue(`flags: expected 0, got ${flags}`);
    if (stream === null) throw invalidValue('stream: null');
    assertHolds('pointers', pointers, count);
    assertHolds('sizes', sizes, count);
    assertHolds('locations', locations, locationCount);
    assertHolds('locationIndexes', indexes, locationCount);
    const starts = readIndexes(indexes.slice(0, locationCount), count);
    if (!state.hmm) throw invalidValue('the devices have no managed memory');
    this.#streams.assertLive(stream);
    this.#streams.assertOwn(stream);
    const ranges = Array.from({ length: count }, (_, index) => {
      const size = countOf(`sizes[${index}]`, sizes[index]);
      const pointer = pointerOf(`pointers[${index}]`, pointers[index]);
      if (size === 0n) throw invalidValue(`sizes[${index}]: 0`);
      if (pointer.address === 0n) throw invalidValue(`pointers[${index}]: null`);
      return { pointer, size };
    });
    const memories: HipMemory[] = [];
    let at = -1;
    const operations = ranges.map(({ pointer, size }, index): Operation => {
      const memory = state.lookUp(`pointers[${index}]`, pointer, this.#owner);
      if (memory === undefined) throw invalidValue(`pointers[${index}]: no memory of the runtime`);
      assertInside(memory, pointer, size);
      this.#assertDocumented(`pointers[${index}]`, memory);
      memories.push(memory);
      if (starts[at + 1] === index) at++;
      const location = locationOf(`locations[${at}]`, locations[at]);
      if (location.type === HipMemLocationType.device && location.id >>> 0 >= state.devices.length) {
        throw invalidValue(`locations[${at}].id: expected a device below ${state.devices.length}, got ${location.id}`);
      }
      // Here, unlike above, whatever is no device counts as the CPU.
      const agent = location.type === HipMemLocationType.device ? this.#agentOf(location) : this.#cpuAgent(location);
      return { address: pointer.address, count: size, agent };
    });
    if (!state.pageable && memories.some(({ kind }) => kind === 'device')) throw invalidValue('pointers: not managed memory, and the devices reach no other');
    for (const memory of memories) memory.prefetched = true;
    return this.#issue(stream, operations);
  }

  /** The manual speaks of managed and of pageable memory; the code lets device memory pass, and its prefetch fails unheard. */
  #assertDocumented(field: string, memory: HipMemory): void {
    if (this.#state.documented && memory.kind === 'device') throw invalidValue(`${field}: device memory is not prefetched`);
  }

  #issue(stream: HipStream, operations: readonly Operation[]): Promise<unknown> {
    if (!this.#state.hmm) return Promise.resolve();
    const watched = this.#traffic.active;
    const done = operations.map(({ address, count, agent }) => this.#streams.prefetch(stream, address, count, agent, watched));
    return Promise.all(done);
  }

  #agentOf(location: Required<HipMemLocation>): HsaAgent {
    const toSystem = (this.#state.options.hmmFlags & HipHmmFlag.enableSystemMemory) !== 0;
    return isCpuLocation(location) || toSystem ? this.#cpuAgent(location) : this.#state.hsa.gpuAgents[location.id]!;
  }

  #cpuAgent(location: Required<HipMemLocation>): HsaAgent {
    return this.#state.cpuAgent(location);
  }
}

function isCpuLocation({ type }: Required<HipMemLocation>): boolean {
  return type === HipMemLocationType.host || type === HipMemLocationType.hostNuma || type === HipMemLocationType.hostNumaCurrent;
}

/** The first operation of each location: from 0 on, below `count`, strictly ascending. */
function readIndexes(indexes: readonly unknown[], count: number): number[] {
  const starts = indexes.map((value, index) => integerOfIndex(`locationIndexes[${index}]`, value));
  for (const [index, start] of starts.entries()) {
    if (index === 0 && start !== 0) throw invalidValue(`locationIndexes[0]: expected 0, got ${start}`);
    if (start >= count) throw invalidValue(`locationIndexes[${index}]: expected less than ${count}, got ${start}`);
    if (index > 0 && start <= starts[index - 1]!) throw invalidValue(`locationIndexes[${index}]: expected more than ${starts[index - 1]}, got ${start}`);
  }
  return starts;
}

/** The original would read beyond its array. */
function assertHolds(field: string, list: readonly unknown[], count: number): void {
  if (list.length < count) throw rangeError('ERR_SVM_OUT_OF_RANGE', `${field}: expected ${count} entries, got ${list.length}`);
}
