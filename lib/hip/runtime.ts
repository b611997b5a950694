/** The runtime: HIP's managed memory calls (hip.md) on top of HSA's, under HIP's names without prefix. */
import { HsaRuntime } from '../hsa/index.ts';
import { show } from '../uapi/errors.ts';
import { SvmDevice } from '../device/svm-device.ts';
import { writeTraffic } from '../device/traffic-output.ts';
import { Advisor, locationOfDevice } from './advise.ts';
import { countOf, integerOfIndex, intOf, locationOf, pointerOf, unsignedOf } from './arguments.ts';
import type { HipPointer } from './arguments.ts';
import { checkAttach } from './attach.ts';
import { HipDeviceId, HipMemAttach, HipMemRangeAttribute } from './constants.ts';
import type { HipMemLocation } from './constants.ts';
import { describeAdvise, describeAdviseV2, describeAttributes } from './describe.ts';
import { DeviceCalls } from './device-calls.ts';
import type { HipMemory } from './memory.ts';
import { resolveHipOptions } from './options.ts';
import type { HipRuntimeOptions, ResolvedHipOptions } from './options.ts';
import { RangeAttributes } from './range-attributes.ts';
import { readQuestion, readQuestions } from './range-questions.ts';
import { HipState } from './state.ts';
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
export class HipRuntime extends DeviceCalls {
  readonly #state: HipState;
  readonly #owned: readonly SvmDevice[];
  readonly #advisor: Advisor;
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
    this.#advisor = new Advisor(state, this.allocator);
    this.#attributes = new RangeAttributes(state, this.allocator);
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

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#state.closed;
  }

  /** hipMallocManaged: zeroed memory that every GPU may access. hipErrorInvalidValue, hipErrorOutOfMemory. `flags`: `HipMemAttach` global or host, which are the same. */
  mallocManaged(size: number | bigint, flags: number = HipMemAttach.global): HipMemory {
    const action = (): HipMemory => this.allocator.managed(countOf('size', size), unsignedOf('flags', flags));
    return this.traffic.log(() => `hipMallocManaged(${show(size)})`, action);
  }

  /**
   * hipMalloc: memory of the current device, which neither the CPU nor SVM reaches; where SVM uses VRAM it takes that
   * much of it, and managed memory gives way. hipErrorOutOfMemory, hipErrorNotSupported on the kernel backend.
   */
  malloc(size: number | bigint): HipMemory {
    return this.traffic.log(
      () => `hipMalloc(${show(size)})`,
      () => this.allocator.unmanaged(countOf('size', size), 'device'),
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
      if (given.address !== 0n) this.allocator.release(this.allocator.find(given));
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
          this.allocator,
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
    this.#state.registered.clear();
    this.#state.hsa.close();
    for (const memory of this.#state.table.all()) this.allocator.drop(memory);
    for (const device of this.#owned) device.close();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #advise(pointer: HipPointer, count: number | bigint, advice: number, device: number): void {
    const place = locationOfDevice(intOf('device', device));
    this.#advisor.advise(pointerOf('pointer', pointer), countOf('count', count), intOf('advice', advice), place, false);
  }
}
