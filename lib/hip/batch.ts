/** What the batch calls have in common: their lists, and the location of each operation (spec/hip §3). */
import type { HsaAgent } from '../hsa/index.ts';
import { rangeError } from '../uapi/errors.ts';
import { countOf, integerOfIndex, listOf, locationOf, pointerOf } from './arguments.ts';
import type { Pointer } from './arguments.ts';
import { HipMemLocationType } from './constants.ts';
import { invalidValue } from './error.ts';
import { agentOf } from './state.ts';
import type { HipState } from './state.ts';
import type { HipStream } from './stream.ts';
import type { StreamTable } from './stream-table.ts';

/** What a batch call is given; lists may be null. */
export interface BatchArguments {
  readonly pointers: unknown;
  readonly sizes: unknown;
  readonly count: number;
  /** Undefined for a call without locations. */
  readonly places?: { readonly locations: unknown; readonly indexes: unknown; readonly count: number };
  readonly flags: number;
  readonly stream: HipStream | null;
}

/** One operation of a batch. */
interface BatchRange {
  /** 'pointers[0]', for errors. */
  readonly field: string;
  readonly pointer: Pointer;
  readonly size: bigint;
}

/** A batch of which the lists are right. */
export interface Batch {
  readonly stream: HipStream;
  readonly ranges: readonly BatchRange[];
  /** Where an operation goes; to be asked in their order. hipErrorInvalidValue, also for a device that is none. */
  agentAt(index: number): HsaAgent;
}

/** Every refusal is hipErrorInvalidValue, but those of a stream that has ended. */
export function readBatch(state: HipState, streams: StreamTable, batch: BatchArguments): Batch {
  const { count, places, flags, stream } = batch;
  const pointers = listOf('pointers', batch.pointers);
  const sizes = listOf('sizes', batch.sizes);
  const locations = places === undefined ? [] : listOf('locations', places.locations);
  const indexes = places === undefined ? [] : listOf('locationIndexes', places.indexes);
  if (pointers === null || sizes === null || locations === null || indexes === null)
    throw invalidValue('a list is null');
  const placeCount = places?.count ?? 0;
  if (count === 0) throw invalidValue('count: 0');
  if (places !== undefined && (placeCount === 0 || placeCount > count))
    throw invalidValue(`locationCount: expected 1 to ${count}, got ${placeCount}`);
  if (flags !== 0) throw invalidValue(`flags: expected 0, got ${flags}`);
  if (stream === null) throw invalidValue('stream: null; a batch takes a stream of its own, or per-thread');
  assertHolds('pointers', pointers, count);
  assertHolds('sizes', sizes, count);
  assertHolds('locations', locations, placeCount);
  assertHolds('locationIndexes', indexes, placeCount);
  const starts = readIndexes(indexes.slice(0, placeCount), count);
  if (!state.hmm) throw invalidValue('the devices have no managed memory');
  streams.assertLive(stream);
  streams.assertOwn(stream);
  const ranges = Array.from({ length: count }, (_, index): BatchRange => {
    const size = countOf(`sizes[${index}]`, sizes[index]);
    const pointer = pointerOf(`pointers[${index}]`, pointers[index]);
    if (size === 0n) throw invalidValue(`sizes[${index}]: 0`);
    if (pointer.address === 0n) throw invalidValue(`pointers[${index}]: null`);
    return { field: `pointers[${index}]`, pointer, size };
  });
  let at = -1;
  return {
    stream,
    ranges,
    agentAt: (index) => {
      if (starts[at + 1] === index) at++;
      const location = locationOf(`locations[${at}]`, locations[at]);
      // Here, unlike in the calls for one range, whatever is no device counts as the CPU.
      if (location.type !== HipMemLocationType.device) return state.cpuAgent(location);
      if (location.id >>> 0 >= state.devices.length) {
        throw invalidValue(`locations[${at}].id: expected a device below ${state.devices.length}, got ${location.id}`);
      }
      return agentOf(state, location);
    },
  };
}

/** The first operation of each location: from 0 on, below `count`, strictly ascending. */
function readIndexes(indexes: readonly unknown[], count: number): number[] {
  const starts = indexes.map((value, index) => integerOfIndex(`locationIndexes[${index}]`, value));
  for (const [index, start] of starts.entries()) {
    if (index === 0 && start !== 0) throw invalidValue(`locationIndexes[0]: expected 0, got ${start}`);
    if (start >= count) throw invalidValue(`locationIndexes[${index}]: expected less than ${count}, got ${start}`);
    if (index > 0 && start <= starts[index - 1]!)
      throw invalidValue(`locationIndexes[${index}]: expected more than ${starts[index - 1]}, got ${start}`);
  }
  return starts;
}

/** The original would read beyond its array. */
function assertHolds(field: string, list: readonly unknown[], count: number): void {
  if (list.length < count)
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `${field}: expected ${count} entries, got ${list.length}`);
}
