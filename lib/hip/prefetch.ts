/** `hipMemPrefetchAsync`, `hipMemPrefetchAsync_v2` and `hipMemPrefetchBatchAsync`: checks in order, then one HSA prefetch each (spec/hip §3). */
import type { HsaAgent } from '../hsa/index.ts';
import type { TrafficLog } from '../device/traffic.ts';
import type { Pointer } from './arguments.ts';
import { readBatch } from './batch.ts';
import type { BatchArguments } from './batch.ts';
import { HipMemLocationType } from './constants.ts';
import type { HipMemLocation } from './constants.ts';
import { HipError, HipStatus, invalidValue } from './error.ts';
import type { HipMemory, MemoryOwner } from './memory.ts';
import { agentOf, isCpuLocation } from './state.ts';
import { assertInside } from './state.ts';
import type { HipState } from './state.ts';
import type { HipStream } from './stream.ts';
import type { StreamTable } from './stream-table.ts';

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
  one(
    pointer: Pointer,
    count: bigint,
    location: Required<HipMemLocation>,
    flags: number,
    stream: HipStream | null,
  ): Promise<unknown> {
    const state = this.#state;
    state.assertOpen();
    const early = state.options.release === '2026';
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
        throw new HipError(
          HipStatus.notSupported,
          'pointer: no memory of the runtime, and the device reaches no other',
        );
      }
    }
    this.#streams.assertOwn(stream);
    if (memory !== undefined) memory.prefetched = true;
    const device = isCpu ? state.currentDevice : location.id;
    const agent = agentOf(state, location);
    return this.#issue(stream ?? this.#streams.nullStream(device), [{ address: pointer.address, count, agent }]);
  }

  /** Every refusal is hipErrorInvalidValue, and then nothing is issued. */
  batch(batch: BatchArguments): Promise<unknown> {
    const state = this.#state;
    state.assertOpen();
    const { stream, ranges, agentAt } = readBatch(state, this.#streams, batch);
    const memories: HipMemory[] = [];
    const operations = ranges.map(({ field, pointer, size }, index): Operation => {
      const memory = state.lookUp(field, pointer, this.#owner);
      if (memory === undefined) this.#assertPageable(field, pointer);
      else {
        assertInside(memory, pointer, size);
        if (state.options.release === '2026' && memory.kind !== 'managed')
          throw invalidValue(`${field}: not managed memory`);
        this.#assertDocumented(field, memory);
        memories.push(memory);
      }
      return { address: pointer.address, count: size, agent: agentAt(index) };
    });
    if (!state.pageable && memories.some(({ kind }) => kind === 'device'))
      throw invalidValue('pointers: not managed memory, and the devices reach no other');
    for (const memory of memories) memory.prefetched = true;
    return this.#issue(stream, operations);
  }

  /** Memory that HIP does not know: since July 2026 it is taken where all devices reach it (spec/hip §3). */
  #assertPageable(field: string, { address }: Pointer): void {
    const { options, pageable, registered } = this.#state;
    if (options.release === '2024') throw invalidValue(`${field}: no memory of the runtime`);
    if (registered.find(address) !== undefined) throw invalidValue(`${field}: registered memory is not prefetched`);
    if (!pageable) throw invalidValue(`${field}: no memory of the runtime, and not every device reaches other memory`);
  }

  /** The manual speaks of managed and of pageable memory; the code lets device memory pass, and its prefetch fails unheard. */
  #assertDocumented(field: string, memory: HipMemory): void {
    if (this.#state.documented && memory.kind === 'device')
      throw invalidValue(`${field}: device memory is not prefetched`);
  }

  #issue(stream: HipStream, operations: readonly Operation[]): Promise<unknown> {
    if (!this.#state.hmm) return Promise.resolve();
    const watched = this.#traffic.active;
    const done = operations.map(({ address, count, agent }) =>
      this.#streams.prefetch(stream, address, count, agent, watched),
    );
    return Promise.all(done);
  }
}
