/** The runtime: HIP's managed memory calls (hip.md) on top of HSA's, under HIP's names without prefix. */
import { HsaRuntime } from '../hsa/index.ts';
import { show } from '../uapi/errors.ts';
import { SvmDevice } from '../device/svm-device.ts';
import { writeTraffic } from '../device/traffic-output.ts';
import { TrafficLog } from '../device/traffic.ts';
import { Advisor, locationOfDevice } from './advise.ts';
import { Allocator } from './allocator.ts';
import { countOf, integerOfIndex, intOf, locationOf, pointerOf, unsignedOf } from './arguments.ts';
import type { HipPointer } from './arguments.ts';
import { checkAttach } from './attach.ts';
import { HipDeviceId, HipMemAttach, HipMemRangeAttribute } from './constants.ts';
import type { HipDeviceAttribute, HipMemLocation } from './constants.ts';
import { describeAdvise, describeAdviseV2, describeAttributes, describeLocation } from './describe.ts';
import { deviceAttribute } from './device-attributes.ts';
import { Discards } from './discard.ts';
import type { HipMemory } from './memory.ts';
import { resolveHipOptions } from './options.ts';
import type { HipRuntimeOptions, ResolvedHipOptions } from './options.ts';
import { Prefetches } from './prefetch.ts';
import { RangeAttributes } from './range-attributes.ts';
import { readQuestion, readQuestions } from './range-questions.ts';
import { HipState } from './state.ts';
import { StreamCalls } from './stream-calls.ts';
import type { HipStreamArgument } from './stream-table.ts';

/** Everything that can be asked of a range, as `memRangeAttributes` gives it. */
export interface HipMemRangeAttributes {
  readonly readMostly: boolean;
  /** A device, -1 the CPU, -2 none or mixed. */
  readonly preferredLocation: number;
  /** As `preferredLocation`. */
  readonly lastPrefetchLocation: number;
  /** Devices with access in place, -1 the CPU; ascending, the CPU last. */
  readonly accessedBy: readonly number[];
  /** A `HipMemRangeCoherencyMode`. */
  readonly coherencyMode: number;
}

const INT_BYTES = 4;

/**
 * An open runtime. Pointers are addresses, allocations, or anything with an address;
 * counts and sizes are bytes. What HIP refuses throws `HipError` with HIP's code
 * (hipErrorDeinitialized after `close`); arguments of a wrong type throw a TypeError or
 * RangeError (`code` 'ERR_SVM_...') that names the field; a device that was closed under
 * the runtime `ERR_SVM_CLOSED`.
 */
export class HipRuntime extends StreamCalls {
  /** Which ioctls each call causes: `runtime.traffic.on(listener)`. */
  readonly traffic: TrafficLog;
  readonly #state: HipState;
  readonly #owned: readonly SvmDevice[];
  readonly #allocator: Allocator;
  readonly #advisor: Advisor;
  readonly #prefetches: Prefetches;
  readonly #discards: Discards;
  readonly #attributes: RangeAttributes;

  private constructor(
    devices: readonly SvmDevice[],
    owned: readonly SvmDevice[],
    hsa: HsaRuntime,
    options: ResolvedHipOptions,
  ) {
    const state = new HipState(devices, hsa, options);
    super(state);
    this.#state = state;
    this.#owned = owned;
    this.traffic = new TrafficLog(devices);
    this.#allocator = new Allocator(state, (memory) => this.free(memory));
    this.#advisor = new Advisor(state, this.#allocator);
    this.#prefetches = new Prefetches(state, this.#allocator, this.streams, this.traffic);
    this.#discards = new Discards(state, this.#allocator, this.streams, this.traffic);
    this.#attributes = new RangeAttributes(state, this.#allocator);
  }

  /**
   * Opens a runtime on devices of the caller, or on one that it opens itself (and then
   * throws what `SvmDevice.open` throws). Environment: AMDGPU_SVM_TRACE writes the
   * traffic view.
   */
  static open(options: HipRuntimeOptions = {}): HipRuntime {
    const resolved = resolveHipOptions(options);
    const { compatibility, cpuAgents } = resolved;
    const owned = options.devices === undefined ? [SvmDevice.open()] : [];
    const devices = options.devices ?? owned;
    try {
      const release = resolved.release === '2024' ? '2025' : '2026';
      const hsa = HsaRuntime.open({ devices, compatibility, cpuAgents, release });
      // What HIP asks of HSA is shown as HIP's own calls, not a second time.
      hsa.traffic.close();
      const runtime = new HipRuntime([...devices], owned, hsa, resolved);
      writeTraffic(runtime.traffic);
      return runtime;
    } catch (error) {
      for (const device of owned) device.close();
      throw error;
    }
  }

  get closed(): boolean {
    return this.#state.closed;
  }

  /** hipGetDeviceCount */
  get deviceCount(): number {
    return this.#state.devices.length;
  }

  /** hipSetDevice. hipErrorInvalidDevice. */
  setDevice(device: number): void {
    this.#state.assertOpen();
    const id = intOf('device', device);
    this.#state.assertDevice('device', id);
    this.#state.currentDevice = id;
  }

  /** hipGetDevice */
  getDevice(): number {
    this.#state.assertOpen();
    return this.#state.currentDevice;
  }

  /** hipDeviceGetAttribute, for the attributes of `HipDeviceAttribute` (with or without HIP's prefix): 1 or 0. hipErrorInvalidValue, hipErrorInvalidDevice. */
  deviceGetAttribute(attribute: HipDeviceAttribute | string, device: number): number {
    return deviceAttribute(this.#state, attribute, intOf('device', device));
  }

  /** hipMallocManaged: zeroed memory that every GPU may access. hipErrorInvalidValue, hipErrorOutOfMemory. `flags`: `HipMemAttach` global or host, which are the same. */
  mallocManaged(size: number | bigint, flags: number = HipMemAttach.global): HipMemory {
    const action = (): HipMemory => this.#allocator.managed(countOf('size', size), unsignedOf('flags', flags));
    return this.traffic.log(() => `hipMallocManaged(${show(size)})`, action);
  }

  /** hipMalloc: device memory, which neither the CPU nor SVM reaches; here to be refused. hipErrorNotSupported on the kernel backend. */
  malloc(size: number | bigint): HipMemory {
    return this.traffic.log(
      () => `hipMalloc(${show(size)})`,
      () => this.#allocator.unmanaged(countOf('size', size), 'device'),
    );
  }

  /** hipHostMalloc: pinned host memory, as `malloc`. */
  hostMalloc(size: number | bigint): HipMemory {
    return this.traffic.log(
      () => `hipHostMalloc(${show(size)})`,
      () => this.#allocator.unmanaged(countOf('size', size), 'host'),
    );
  }

  /**
   * hipFree, of any of the above; null does nothing. hipErrorInvalidValue for what is
   * not the begin of a live allocation. Unlike the original it does not wait for
   * pending commands: synchronize first.
   */
  free(pointer: HipPointer): void {
    this.traffic.log('hipFree()', () => {
      this.#state.assertOpen();
      const given = pointerOf('pointer', pointer);
      if (given.address !== 0n) this.#allocator.release(this.#allocator.find(given));
    });
  }

  /** hipMemAdvise: `advice` is a `HipMemoryAdvise`, `device` a device or -1 for the CPU. hipErrorInvalidValue, hipErrorInvalidDevice. */
  memAdvise(pointer: HipPointer, count: number | bigint, advice: number, device: number): void {
    if (!this.traffic.active) return this.#advise(pointer, count, advice, device);
    this.traffic.log(
      () => describeAdvise(advice, device),
      () => this.#advise(pointer, count, advice, device),
    );
  }

  /** hipMemAdvise_v2, with a place instead of a device. */
  memAdvise_v2(pointer: HipPointer, count: number | bigint, advice: number, location: HipMemLocation): void {
    this.traffic.log(
      () => describeAdviseV2(advice, location),
      () => {
        const place = locationOf('location', location);
        this.#advisor.advise(
          pointerOf('pointer', pointer),
          countOf('count', count),
          intOf('advice', advice),
          place,
          true,
        );
      },
    );
  }

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
      () =>
        this.#prefetches.batch({
          pointers,
          sizes,
          count: integerOfIndex('count', count),
          places: { locations, indexes: locationIndexes, count: integerOfIndex('locationCount', locationCount) },
          flags: unsignedOf('flags', flags),
          stream: this.streams.resolve('stream', stream),
        }),
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
  drvMemDiscardBatchAsync(...args: Parameters<HipRuntime['memDiscardBatchAsync']>): void {
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
  drvMemDiscardAndPrefetchBatchAsync(...args: Parameters<HipRuntime['memDiscardAndPrefetchBatchAsync']>): void {
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

  /**
   * hipMemRangeGetAttribute: writes the answer to `data`, as signed 32-bit numbers,
   * little endian; `dataSize` is in bytes. hipErrorInvalidValue.
   */
  memRangeGetAttribute(
    data: ArrayBufferView | null,
    dataSize: number,
    attribute: number,
    pointer: HipPointer,
    count: number | bigint,
  ): void {
    this.traffic.log(
      () => `hipMemRangeGetAttribute(${describeAttributes([attribute])})`,
      () => {
        const question = readQuestion('data', data, 'dataSize', dataSize, 'attribute', attribute);
        this.#attributes.one(question, pointerOf('pointer', pointer), countOf('count', count));
      },
    );
  }

  /** hipMemRangeGetAttributes: several at once, of managed memory only. */
  memRangeGetAttributes(
    data: readonly (ArrayBufferView | null)[] | null,
    dataSizes: readonly number[] | null,
    attributes: readonly number[] | null,
    attributeCount: number,
    pointer: HipPointer,
    count: number | bigint,
  ): void {
    this.traffic.log(
      () => `hipMemRangeGetAttributes(${describeAttributes(attributes)})`,
      () => {
        const questions = readQuestions(data, dataSizes, attributes, integerOfIndex('attributeCount', attributeCount));
        this.#attributes.many(questions, pointerOf('pointer', pointer), countOf('count', count));
      },
    );
  }

  /** All attributes of a range, by one `memRangeGetAttribute` each. Not one of HIP's calls. */
  memRangeAttributes(pointer: HipPointer, count: number | bigint): HipMemRangeAttributes {
    const ask = (attribute: number, entries: number): Int32Array => {
      const data = new Int32Array(entries).fill(HipDeviceId.invalid);
      this.memRangeGetAttribute(data, entries * INT_BYTES, attribute, pointer, count);
      return data;
    };
    return {
      readMostly: ask(HipMemRangeAttribute.readMostly, 1)[0] === 1,
      preferredLocation: ask(HipMemRangeAttribute.preferredLocation, 1)[0]!,
      lastPrefetchLocation: ask(HipMemRangeAttribute.lastPrefetchLocation, 1)[0]!,
      accessedBy: [...ask(HipMemRangeAttribute.accessedBy, this.deviceCount + 1)].filter(
        (device) => device !== HipDeviceId.invalid,
      ),
      coherencyMode: ask(HipMemRangeAttribute.coherencyMode, 1)[0]!,
    };
  }

  /** hipStreamAttachMemAsync: checks its arguments and does nothing, as the original. */
  streamAttachMemAsync(
    stream: HipStreamArgument,
    pointer: HipPointer,
    length: number | bigint = 0,
    flags: number = HipMemAttach.single,
  ): void {
    this.traffic.log(
      () => `hipStreamAttachMemAsync(${show(flags)})`,
      () => {
        const given = this.streams.resolve('stream', stream);
        const bytes = countOf('length', length);
        checkAttach(
          this.#state,
          this.#allocator,
          this.streams,
          given,
          pointerOf('pointer', pointer),
          bytes,
          unsignedOf('flags', flags),
        );
      },
    );
  }

  /** Frees what is still allocated, ends waits with hipErrorDeinitialized, and closes the device if `open` opened it. A second call does nothing. */
  close(): void {
    if (this.closed) return;
    this.#state.closed = true;
    this.traffic.close();
    this.#state.hsa.close();
    for (const memory of this.#state.table.all()) this.#allocator.drop(memory);
    for (const device of this.#owned) device.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #advise(pointer: HipPointer, count: number | bigint, advice: number, device: number): void {
    const place = locationOfDevice(intOf('device', device));
    this.#advisor.advise(pointerOf('pointer', pointer), countOf('count', count), intOf('advice', advice), place, false);
  }

  #discard(
    name: string,
    pointers: unknown,
    sizes: unknown,
    count: number,
    places: readonly [locations: unknown, indexes: unknown, count: number] | undefined,
    flags: number,
    stream: HipStreamArgument,
  ): void {
    this.#log(
      () => `${name}(${show(count)})`,
      () =>
        this.#discards.batch({
          pointers,
          sizes,
          count: integerOfIndex('count', count),
          ...(places === undefined
            ? {}
            : {
                places: { locations: places[0], indexes: places[1], count: integerOfIndex('locationCount', places[2]) },
              }),
          flags: unsignedOf('flags', flags),
          stream: this.streams.resolve('stream', stream),
        }),
    );
  }

  /** The call ends when what it issued has ended; only the traffic view waits for that. */
  #log(call: () => string, action: () => Promise<unknown>): void {
    void this.traffic.log(call, action);
  }
}
