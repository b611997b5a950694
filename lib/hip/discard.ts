/**
 * `hipMemDiscardBatchAsync` and `hipMemDiscardAndPrefetchBatchAsync` of HIP 7.2 (spec/hip
 * §3, "Discard family"): checks, then one HSA discard of what is managed.
 */
import type { HsaAgent } from '../hsa/index.ts';
import { codedError } from '../uapi/errors.ts';
import type { TrafficLog } from '../device/traffic.ts';
import { readBatch } from './batch.ts';
import type { BatchArguments } from './batch.ts';
import { invalidValue } from './error.ts';
import type { HipMemory, MemoryOwner } from './memory.ts';
import { assertInside } from './state.ts';
import type { HipState } from './state.ts';
import type { StreamTable } from './stream-table.ts';

interface Operation {
  readonly address: bigint;
  readonly size: bigint;
  readonly memory: HipMemory | undefined;
  /** Undefined: it stays at home. */
  readonly agent: HsaAgent | undefined;
}

const PAGE_MASK = 0xfffn;

export class Discards {
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

  /** Every refusal is hipErrorInvalidValue, and then nothing is issued. With places the memory is prefetched as well. */
  batch(batch: BatchArguments): Promise<unknown> {
    const state = this.#state;
    state.assertOpen();
    if (state.options.release === '2024')
      throw codedError('ERR_SVM_NOT_AVAILABLE', "batch discard: not in release '2024', it came with HIP 7.2");
    const { stream, ranges, agentAt } = readBatch(state, this.#streams, batch);
    const operations = ranges.map(({ field, pointer, size }, index): Operation => {
      const memory = state.lookUp(field, pointer, this.#owner);
      if (memory !== undefined) assertInside(memory, pointer, size);
      if (memory?.kind !== 'managed' && !state.pageable)
        throw invalidValue(`${field}: not managed memory, and the devices reach no other`);
      const agent = batch.places === undefined ? undefined : agentAt(index);
      return { address: pointer.address, size, memory, agent };
    });
    const watched = this.#traffic.active;
    const managed = operations.filter(({ memory }) => memory?.kind === 'managed');
    const done: Promise<unknown>[] = [];
    if (managed.length > 0) {
      done.push(
        this.#streams.discard(
          stream,
          managed.map(discardedRange),
          managed.map(({ agent }) => agent),
          watched,
        ),
      );
      // A prefetch home is part of it, of which the devices keep a trace.
      for (const { memory } of managed) memory!.prefetched = true;
    }
    // HSA discards reservations only. The call is a hint: of other memory only what is not lost happens.
    for (const { address, size, memory, agent } of operations) {
      if (memory === undefined && agent !== undefined)
        done.push(this.#streams.prefetch(stream, address, size, agent, watched));
    }
    return Promise.all(done);
  }
}

/** To the end of the last page, if what is between belongs to nobody. */
function discardedRange({ address, size, memory }: Operation): { address: bigint; size: bigint } {
  const end = address + size;
  return { address, size: end === memory!.end ? ((end + PAGE_MASK) & ~PAGE_MASK) - address : size };
}
