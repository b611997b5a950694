/** The typed API of one open device (design §3). */
import { SvmLocation, SvmAttributeType, SvmOperation } from '../uapi/constants.ts';
import type { SvmAttributeName } from '../uapi/constants.ts';
import { ATTRS_PTR_OFFSET, decodeAttributes, encodeAttributes, encodeSvmRequest } from '../uapi/codec.ts';
import type { SvmAttributeRecord } from '../uapi/codec.ts';
import type { DeviceNode } from '../uapi/node.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import type { EmulatedDevice } from '../../emulator/index.ts';
import { ATTRIBUTE_NAMES, attributeTypes, decodeAttributeValues, encodeAttributeValues } from './attributes.ts';
import type { SvmAttributes } from './attributes.ts';
import { chooseBackend, resolveOpenOptions } from './backend.ts';
import type { ChosenBackend, OpenOptions } from './backend.ts';
import { EmulatedMemory } from './emulated-memory.ts';
import { codedError, rangeError, show, SvmError } from './errors.ts';
import type { SvmOperationName } from './errors.ts';
import { EmulatedQueue } from './gpu-queue.ts';
import type { GpuQueue } from './gpu-queue.ts';
import { HostMemory } from './host-memory.ts';
import type { HostRegionMapper } from './host-memory.ts';
import { KernelMemory } from './kernel-memory.ts';
import { rawCall, rawNumbers } from './raw-call.ts';
import type { RawSvmCall, RawSvmResult } from './raw-call.ts';
import { byteRange } from './range.ts';
import type { ByteRange, SvmRange } from './range.ts';
import { createRecorder } from './recording.ts';
import type { DeviceRecorder } from './recording.ts';
import { attributeSegments } from './segments.ts';
import type { AttributeSegment } from './segments.ts';

/** One SVM ioctl that a device was asked for, after it was answered. */
export interface SvmCallEvent {
  /** Operation selector of the ioctl. */
  readonly operation: number;
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** The records after the call. */
  readonly attributes: readonly SvmAttributeRecord[];
  /** 0 or a negative errno. */
  readonly result: number;
}

/** Where a prefetch brings a range. */
export type PrefetchTarget = 'device' | 'system';

/**
 * An open device. Ranges are objects with `address` and `size` in bytes; a
 * `HostBuffer` is one. Every method throws `ERR_SVM_CLOSED` after `close`,
 * TypeError or RangeError (`code` 'ERR_SVM_...') for arguments that no device could
 * take, and `SvmError` for what the device refuses.
 */
export class SvmDevice {
  /** Which backend answers. */
  readonly backend: 'kernel' | 'emulated';
  /** Why 'auto' did not take the kernel; undefined if it did, or if a backend was asked for. */
  readonly fallbackReason: string | undefined;
  /** Revision of the user ABI in use. */
  readonly profile: UapiProfile;
  /** Host memory at addresses that CPU and GPU share. */
  readonly memory: HostMemory;
  /** The emulated device behind this one, else undefined. */
  readonly emulator: EmulatedDevice | undefined;
  readonly #node: DeviceNode;
  readonly #recorder: DeviceRecorder | undefined;
  readonly #createQueue: () => GpuQueue;
  readonly #observers = new Set<(call: SvmCallEvent) => void>();
  #closed = false;

  private constructor(chosen: ChosenBackend, recorder: DeviceRecorder | undefined) {
    this.backend = chosen.backend;
    this.fallbackReason = chosen.fallbackReason;
    this.profile = chosen.profile;
    this.#recorder = recorder;
    let node: DeviceNode = chosen.node;
    let memory: HostRegionMapper;
    if (chosen.backend === 'emulated') {
      const { machine, device } = chosen;
      this.emulator = device;
      memory = new EmulatedMemory(machine.process);
      recorder?.attachEmulated(machine, chosen.node);
      this.#createQueue = () => new EmulatedQueue(device, chosen.node.file, machine.clock, () => this.#closed);
    } else {
      this.emulator = undefined;
      memory = new KernelMemory();
      if (recorder !== undefined) ({ node, memory } = recorder.attachKernel(node, memory));
      this.#createQueue = () => {
        throw codedError('ERR_SVM_NOT_AVAILABLE', 'createQueue: GPU work is not available on this backend yet (kernel); use the emulated backend');
      };
    }
    this.#node = node;
    this.memory = new HostMemory(memory, () => this.#assertOpen());
  }

  /**
   * Opens a device. Throws for bad options (`ERR_SVM_INVALID_OPTION`), when the
   * backend that was asked for can't be had (`ERR_SVM_BACKEND_UNAVAILABLE`, or the
   * system's error of open(2)), and when the record file can't be written.
   */
  static open(options: OpenOptions = {}): SvmDevice {
    const resolved = resolveOpenOptions(options, process.env);
    const recorder = resolved.record === undefined ? undefined : createRecorder(resolved.record);
    try {
      return new SvmDevice(chooseBackend(resolved), recorder);
    } catch (error) {
      recorder?.close();
      throw error;
    }
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Path of the render node, or the name of the emulated one. */
  get path(): string {
    return this.#node.path;
  }

  /** Sets attributes of a range, in the order in which they are written (spec 02 §4). */
  setAttributes(range: SvmRange, attributes: Partial<SvmAttributes>): void {
    this.#set('setAttributes', byteRange(range), encodeAttributeValues(attributes));
  }

  /** As `setAttributes`, off the main thread on the kernel backend. */
  async setAttributesAsync(range: SvmRange, attributes: Partial<SvmAttributes>): Promise<void> {
    await this.#setAsync('setAttributes', byteRange(range), encodeAttributeValues(attributes));
  }

  /**
   * Attributes of a range: all of them, or those named. Where pages differ, a
   * location is 'undefined', access 'inaccessible', granularity the smallest, a
   * flag true only if it is set everywhere (spec 02 §7.1).
   */
  getAttributes(range: SvmRange): SvmAttributes;
  getAttributes<Name extends SvmAttributeName>(range: SvmRange, names: readonly Name[]): Pick<SvmAttributes, Name>;
  getAttributes(range: SvmRange, names: readonly SvmAttributeName[] = ATTRIBUTE_NAMES): Partial<SvmAttributes> {
    const bytes = byteRange(range);
    const records = attributeTypes(names).map((type) => ({ type, value: 0 }));
    return decodeAttributeValues(names, this.#get(bytes, records));
  }

  /** As `getAttributes`, off the main thread on the kernel backend. */
  getAttributesAsync(range: SvmRange): Promise<SvmAttributes>;
  getAttributesAsync<Name extends SvmAttributeName>(range: SvmRange, names: readonly Name[]): Promise<Pick<SvmAttributes, Name>>;
  async getAttributesAsync(range: SvmRange, names: readonly SvmAttributeName[] = ATTRIBUTE_NAMES): Promise<Partial<SvmAttributes>> {
    const bytes = byteRange(range);
    const records = attributeTypes(names).map((type) => ({ type, value: 0 }));
    const data = encodeAttributes(records);
    const result = await this.#ioctlAsync(SvmOperation.getAttributes, bytes, records.length, data);
    if (result < 0) throw new SvmError(result, 'getAttributes', bytes.address, bytes.size);
    return decodeAttributeValues(names, decodeAttributes(data));
  }

  /**
   * The range as runs of pages with equal attributes. The device only answers
   * aggregates, so this asks once for each page: use it for looking, not in a loop.
   */
  attributeSegments(range: SvmRange): AttributeSegment[] {
    return attributeSegments(byteRange(range), (page) => this.getAttributes(page));
  }

  /**
   * Brings a range to the GPU ('device': maps it now) or home ('system': no
   * movement in V4). Asking for the same place again does nothing, even if the
   * mapping was lost since (Q16).
   */
  prefetch(range: SvmRange, target: PrefetchTarget): void {
    this.#set('prefetch', byteRange(range), [prefetchRecord(target)]);
  }

  /** As `prefetch`, off the main thread on the kernel backend. */
  async prefetchAsync(range: SvmRange, target: PrefetchTarget): Promise<void> {
    await this.#setAsync('prefetch', byteRange(range), [prefetchRecord(target)]);
  }

  /** A queue for GPU work; `ERR_SVM_NOT_AVAILABLE` on the kernel backend. */
  createQueue(): GpuQueue {
    this.#assertOpen();
    return this.#createQueue();
  }

  /**
   * The ioctl as it is: numbers are cut to their width, nothing is checked, nothing
   * thrown. `result` is 0 or a negative errno (-EBADF after `close`), `attributes`
   * what the records hold afterwards.
   */
  svmIoctl(call: RawSvmCall): RawSvmResult {
    const answer = rawCall(this.#closed ? undefined : this.#node, this.profile.request, call);
    if (this.#observers.size > 0) this.#notify({ ...rawNumbers(call), ...answer });
    return answer;
  }

  /** Calls `listener` after every SVM ioctl of this device; the returned function stops it. Costs nothing without a listener. */
  observe(listener: (call: SvmCallEvent) => void): () => void {
    this.#observers.add(listener);
    return () => void this.#observers.delete(listener);
  }

  /** Closes the device and completes its recording; a second call does nothing. Buffers stay mapped. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#node.close();
    this.#recorder?.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #set(operation: SvmOperationName, range: ByteRange, records: readonly SvmAttributeRecord[]): void {
    const result = this.#ioctl(SvmOperation.setAttributes, range, records.length, encodeAttributes(records));
    if (result < 0) throw new SvmError(result, operation, range.address, range.size);
  }

  async #setAsync(operation: SvmOperationName, range: ByteRange, records: readonly SvmAttributeRecord[]): Promise<void> {
    const result = await this.#ioctlAsync(SvmOperation.setAttributes, range, records.length, encodeAttributes(records));
    if (result < 0) throw new SvmError(result, operation, range.address, range.size);
  }

  #get(range: ByteRange, records: readonly SvmAttributeRecord[]): SvmAttributeRecord[] {
    const data = encodeAttributes(records);
    const result = this.#ioctl(SvmOperation.getAttributes, range, records.length, data);
    if (result < 0) throw new SvmError(result, 'getAttributes', range.address, range.size);
    return decodeAttributes(data);
  }

  #ioctl(operation: number, range: ByteRange, count: number, data: Uint8Array): number {
    this.#assertOpen();
    const arg = encodeRequest(operation, range, count);
    const result = this.#node.ioctl(this.profile.request, arg, [{ offset: ATTRS_PTR_OFFSET, data }]);
    if (this.#observers.size > 0) this.#notify({ operation, ...range, attributes: decodeAttributes(data), result });
    return result;
  }

  async #ioctlAsync(operation: number, range: ByteRange, count: number, data: Uint8Array): Promise<number> {
    this.#assertOpen();
    const arg = encodeRequest(operation, range, count);
    const result = await this.#node.ioctlAsync(this.profile.request, arg, [{ offset: ATTRS_PTR_OFFSET, data }]);
    if (this.#observers.size > 0) this.#notify({ operation, ...range, attributes: decodeAttributes(data), result });
    return result;
  }

  #notify(call: SvmCallEvent): void {
    for (const observer of [...this.#observers]) observer(call);
  }

  #assertOpen(): void {
    if (this.#closed) throw codedError('ERR_SVM_CLOSED', 'the device is closed');
  }
}

function encodeRequest(operation: number, range: ByteRange, attributeCount: number): Uint8Array<ArrayBuffer> {
  return encodeSvmRequest({ startAddress: range.address, size: range.size, operation, attributeCount });
}

function prefetchRecord(target: unknown): SvmAttributeRecord {
  if (target !== 'device' && target !== 'system') {
    throw rangeError('ERR_SVM_INVALID_VALUE', `target: expected 'device' or 'system', got ${show(target)}`);
  }
  return { type: SvmAttributeType.prefetchLocation, value: SvmLocation[target] };
}
