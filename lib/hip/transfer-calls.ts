/** HIP's calls that move memory or throw it away, as commands of a stream (spec/hip §4, §7). */
import { show } from '../uapi/errors.ts';
import { TrafficLog } from '../device/traffic.ts';
import { locationOfDevice } from './advise.ts';
import { Allocator } from './allocator.ts';
import { countOf, integerOfIndex, intOf, locationOf, pointerOf, unsignedOf } from './arguments.ts';
import type { HipPointer } from './arguments.ts';
import type { BatchArguments } from './batch.ts';
import type { HipMemLocation } from './constants.ts';
import { describeLocation } from './describe.ts';
import { Discards } from './discard.ts';
import { Prefetches } from './prefetch.ts';
import type { HipState } from './state.ts';
import { StreamCalls } from './stream-calls.ts';
import type { HipStreamArgument } from './stream-table.ts';

/** Where the operations of a batch go. */
type Places = readonly [locations: unknown, indexes: unknown, count: number];

/** The part of `HipRuntime` that is about prefetch and discard. */
export abstract class TransferCalls extends StreamCalls {
  /** Which ioctls each call causes: `runtime.traffic.on(listener)`. */
  readonly traffic: TrafficLog;
  /** @internal */
  protected readonly allocator: Allocator;
  readonly #prefetches: Prefetches;
  readonly #discards: Discards;

  constructor(state: HipState) {
    super(state);
    this.traffic = new TrafficLog(state.devices);
    this.allocator = new Allocator(state, (memory) => this.free(memory));
    this.#prefetches = new Prefetches(state, this.allocator, this.streams, this.traffic);
    this.#discards = new Discards(state, this.allocator, this.streams, this.traffic);
  }

  /** @internal */
  abstract free(pointer: HipPointer): void;

  /**
   * hipMemPrefetchAsync: to a device, or to the CPU with -1, when the commands before
   * it on the stream have ended. Attribute LastPrefetchLocation changes at once. hipErrorInvalidValue,
   * hipErrorInvalidDevice, hipErrorNotSupported, and for the stream
   * hipErrorContextIsDestroyed, hipErrorStreamDetached.
   */
  memPrefetchAsync(
    pointer: HipPointer,
    count: number | bigint,
    device: number,
    stream: HipStreamArgument = null,
  ): void {
    this.#log(
      () => `hipMemPrefetchAsync(${show(device)})`,
      () => {
        const place = locationOfDevice(intOf('device', device));
        return this.#prefetches.one(
          pointerOf('pointer', pointer),
          countOf('count', count),
          place,
          0,
          this.streams.resolve('stream', stream),
        );
      },
    );
  }

  /** hipMemPrefetchAsync_v2; `flags` must be 0. */
  memPrefetchAsync_v2(
    pointer: HipPointer,
    count: number | bigint,
    location: HipMemLocation,
    flags = 0,
    stream: HipStreamArgument = null,
  ): void {
    this.#log(
      () => `hipMemPrefetchAsync_v2(${describeLocation(location)})`,
      () => {
        const place = locationOf('location', location);
        const given = this.streams.resolve('stream', stream);
        return this.#prefetches.one(
          pointerOf('pointer', pointer),
          countOf('count', count),
          place,
          unsignedOf('flags', flags),
          given,
        );
      },
    );
  }

  /**
   * hipMemPrefetchBatchAsync: location i is for the operations from `locationIndexes[i]`
   * on. All or nothing; every refusal is hipErrorInvalidValue.
   */
  memPrefetchBatchAsync(
    pointers: readonly HipPointer[] | null,
    sizes: readonly (number | bigint)[] | null,
    count: number,
    locations: readonly HipMemLocation[] | null,
    locationIndexes: readonly number[] | null,
    locationCount: number,
    flags: number,
    stream: HipStreamArgument,
  ): void {
    this.#log(
      () => `hipMemPrefetchBatchAsync(${show(count)})`,
      () => {
        const places = [locations, locationIndexes, locationCount] as const;
        return this.#prefetches.batch(this.#batchOf(pointers, sizes, count, places, flags, stream));
      },
    );
  }

  /**
   * hipMemDiscardBatchAsync (HIP 7.2): the contents of managed memory are no longer
   * needed, and read as zeros when the commands before it have ended. All or nothing;
   * every refusal is hipErrorInvalidValue. Memory of other kinds is left alone where it
   * is not refused. Not in release '2024' (`ERR_SVM_NOT_AVAILABLE`).
   */
  memDiscardBatchAsync(
    pointers: readonly HipPointer[] | null,
    sizes: readonly (number | bigint)[] | null,
    count: number,
    flags: number,
    stream: HipStreamArgument,
  ): void {
    this.#discard('hipMemDiscardBatchAsync', pointers, sizes, count, undefined, flags, stream);
  }

  /** hipDrvMemDiscardBatchAsync: the same call of the driver API. */
  drvMemDiscardBatchAsync(...args: Parameters<TransferCalls['memDiscardBatchAsync']>): void {
    const [pointers, sizes, count, flags, stream] = args;
    this.#discard('hipDrvMemDiscardBatchAsync', pointers, sizes, count, undefined, flags, stream);
  }

  /** hipMemDiscardAndPrefetchBatchAsync (HIP 7.2): as `memDiscardBatchAsync`, then as `memPrefetchBatchAsync`. LastPrefetchLocation changes when it has run. */
  memDiscardAndPrefetchBatchAsync(
    pointers: readonly HipPointer[] | null,
    sizes: readonly (number | bigint)[] | null,
    count: number,
    locations: readonly HipMemLocation[] | null,
    locationIndexes: readonly number[] | null,
    locationCount: number,
    flags: number,
    stream: HipStreamArgument,
  ): void {
    this.#discard(
      'hipMemDiscardAndPrefetchBatchAsync',
      pointers,
      sizes,
      count,
      [locations, locationIndexes, locationCount],
      flags,
      stream,
    );
  }

  /** hipDrvMemDiscardAndPrefetchBatchAsync: the same call of the driver API. */
  drvMemDiscardAndPrefetchBatchAsync(...args: Parameters<TransferCalls['memDiscardAndPrefetchBatchAsync']>): void {
    const [pointers, sizes, count, locations, locationIndexes, locationCount, flags, stream] = args;
    this.#discard(
      'hipDrvMemDiscardAndPrefetchBatchAsync',
      pointers,
      sizes,
      count,
      [locations, locationIndexes, locationCount],
      flags,
      stream,
    );
  }

  #discard(
    name: string,
    pointers: unknown,
    sizes: unknown,
    count: number,
    places: Places | undefined,
    flags: number,
    stream: HipStreamArgument,
  ): void {
    this.#log(
      () => `${name}(${show(count)})`,
      () => this.#discards.batch(this.#batchOf(pointers, sizes, count, places, flags, stream)),
    );
  }

  /** The types of a batch call's arguments; what their values mean is checked by the batch. */
  #batchOf(
    pointers: unknown,
    sizes: unknown,
    count: number,
    places: Places | undefined,
    flags: number,
    stream: HipStreamArgument,
  ): BatchArguments {
    const batch = { pointers, sizes, count: integerOfIndex('count', count) };
    const located =
      places === undefined
        ? batch
        : {
            ...batch,
            places: { locations: places[0], indexes: places[1], count: integerOfIndex('locationCount', places[2]) },
          };
    return { ...located, flags: unsignedOf('flags', flags), stream: this.streams.resolve('stream', stream) };
  }

  /** The call ends when what it issued has ended; only the traffic view waits for that. */
  #log(call: () => string, action: () => Promise<unknown>): void {
    void this.traffic.log(call, action);
  }
}
