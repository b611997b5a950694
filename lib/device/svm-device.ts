/** The typed API of one open device. */
import type { SvmCallEvent } from '../uapi/call.ts';
import { SvmLocation, SvmAttributeType, SvmOperation } from '../uapi/constants.ts';
import type { SvmAttributeName } from '../uapi/constants.ts';
import { decodeAttributes } from '../uapi/codec.ts';
import type { SvmAttributeRecord } from '../uapi/call.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import { EmulatedMachine } from '../../emulator/index.ts';
import type { EmulatedDevice, EventListener, EventName, Hazard, MachineEvent } from '../../emulator/index.ts';
import { attributeTypes, decodeAttributeValues, encodeAttributeValues } from './attributes.ts';
import type { SvmAttributes } from './attributes.ts';
import type { Backend, BackendKind, GpuLink, VramInfo } from '../backend/backend.ts';
import { adoptBackend, chooseAllBackends, chooseBackend } from '../backend/choose.ts';
import { resolveAdoptOptions, resolveOpenOptions } from '../backend/open-options.ts';
import type { AdoptOptions, OpenAllOptions, OpenOptions } from '../backend/open-options.ts';
import { onAnyDeviceEvent, onDeviceEvent } from './device-events.ts';
import type { DeviceEventSource } from './device-events.ts';
import { ioctlsHaveSubscribers, publishedIoctl, publishedIoctlAsync } from './diagnostics.ts';
import type { IoctlMessage } from './diagnostics.ts';
import { assertFunction, codedError, rangeError, show, typeError } from '../uapi/errors.ts';
import { SvmError } from './errors.ts';
import { refusalFacts, timeOfPrefetch } from './refusal-facts.ts';
import type { SvmOperationName } from './errors.ts';
import type { GpuQueue } from '../backend/queue.ts';
import { HostMemory } from './host-memory.ts';
import { rawCall, rawNumbers } from './raw-call.ts';
import type { RawSvmCall, RawSvmResult } from './raw-call.ts';
import { byteRange } from '../uapi/range.ts';
import type { ByteRange, SvmRange } from '../uapi/range.ts';
import { TraceRecorder } from '../trace/record/recorder.ts';
import { attributeSegments } from './segments.ts';
import type { AttributeSegment } from './segments.ts';
import { SvmCaller } from './svm-call.ts';
import { trafficOutput, writeDeviceTraffic } from './traffic-output.ts';
import type { SvmAnswer } from './svm-call.ts';

/** Where a prefetch brings a range. */
export type PrefetchTarget = 'device' | 'system';

export type { Backend, DriverMapping } from '../backend/backend.ts';

/** The backend of a device, for the layers of this package. */
export let backendOf: (device: SvmDevice) => Backend;

/** What a device says of a refusal, for the layers of this package. */
export let refusalOf: (
  device: SvmDevice,
  result: number,
  operation: SvmOperationName,
  range: ByteRange,
  records: readonly SvmAttributeRecord[],
) => SvmError;

let newDevice: (backend: Backend) => SvmDevice;

/** Opens a device with its recorder, which is closed again when that fails. */
function openWith(
  options: OpenOptions,
  choose: (options: OpenOptions, recorder: TraceRecorder | undefined) => Backend,
): SvmDevice {
  // Before anything is opened that would have to be closed again.
  trafficOutput();
  const recorder = options.record === undefined ? undefined : new TraceRecorder(options.record);
  try {
    const device = newDevice(choose(options, recorder));
    writeDeviceTraffic(device);
    return device;
  } catch (error) {
    recorder?.close();
    throw error;
  }
}

/**
 * An open device. Ranges are objects with `address` and `size` in bytes; a
 * `HostBuffer` is one. Every method throws `ERR_SVM_CLOSED` after `close`,
 * TypeError or RangeError (`code` 'ERR_SVM_...') for arguments that no device could
 * take, and `SvmError` for what the device refuses.
 */
export class SvmDevice {
  /** Which backend answers. */
  readonly backend: BackendKind;
  /** Why 'auto' did not take the kernel; undefined if it did, or if a backend was asked for. */
  readonly fallbackReason: string | undefined;
  /** Revision of the user ABI in use. */
  readonly profile: UapiProfile;
  /** Host memory at addresses that CPU and GPU share. */
  readonly memory: HostMemory;
  /** The emulated device behind this one, else undefined. */
  readonly emulator: EmulatedDevice | undefined;
  readonly #backend: Backend;
  readonly #caller: SvmCaller;
  readonly #observers = new Set<(call: SvmCallEvent) => void>();
  #closed = false;

  static {
    backendOf = (device) => device.#backend;
    refusalOf = (device, ...refused) => device.#refusal(...refused);
    newDevice = (backend) => new SvmDevice(backend);
  }

  private constructor(backend: Backend) {
    this.#backend = backend;
    this.backend = backend.kind;
    this.fallbackReason = backend.fallbackReason;
    this.profile = backend.profile;
    this.emulator = backend.emulator;
    this.#caller = new SvmCaller(backend.node, backend.profile.request);
    this.memory = new HostMemory(backend.memory, () => this.#assertOpen());
  }

  /**
   * Opens a device. Throws for bad options (`ERR_SVM_INVALID_OPTION`), when the
   * backend that was asked for is not available (`ERR_SVM_BACKEND_UNAVAILABLE`, or the
   * system's error of open(2)), and when the record file, or the file that
   * AMDGPU_SVM_TRACE names, can't be written.
   */
  static open(options: OpenOptions = {}): SvmDevice {
    return openWith(resolveOpenOptions(options, process.env), chooseBackend);
  }

  /**
   * A device on a render node's file that is open already, such as one of another library in this process: `fd` is the
   * number of its descriptor. Both reach the same SVM context, and either may be closed without the other. Throws as
   * `open` does for backend 'kernel', TypeError or RangeError (`ERR_SVM_INVALID_TYPE`, `ERR_SVM_OUT_OF_RANGE`) for what
   * is no descriptor, and the system's error (EBADF) for one that is not open.
   */
  static adopt(fd: number, options: AdoptOptions = {}): SvmDevice {
    const resolved = resolveAdoptOptions(options, process.env);
    return openWith(resolved, (each, recorder) => adoptBackend(fd, each, recorder));
  }

  /**
   * Opens every GPU: all devices of the emulated machine that `emulator` is or describes, or all render nodes that
   * could be opened alone, in the order of their numbers. One recording holds them all. Throws as `open` does, and then
   * none is left open. A GPU that SVM refuses (EOPNOTSUPP) is opened as well; its calls are refused.
   */
  static openAll(options: OpenAllOptions = {}): SvmDevice[] {
    const { emulator } = options ?? {};
    // Without one its class, and all of the emulated machine with it, is not loaded for the question.
    const single =
      emulator !== undefined && emulator instanceof EmulatedMachine
        ? { ...options, emulator: emulator.devices[0]! }
        : options;
    const resolved = resolveOpenOptions(single as OpenOptions, process.env);
    trafficOutput();
    const { record } = resolved;
    const backends = chooseAllBackends(resolved, () => (record === undefined ? undefined : new TraceRecorder(record)));
    return backends.map((backend) => {
      const device = newDevice(backend);
      writeDeviceTraffic(device);
      return device;
    });
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Path of the render node, or the name of the emulated one. */
  get path(): string {
    return this.#backend.node.path;
  }

  /**
   * Descriptor of the render node, for other libraries that are to use the same file; undefined on the emulated backend.
   * It stays the device's: don't close it. Throws `ERR_SVM_CLOSED` after `close`.
   */
  get fd(): number | undefined {
    this.#assertOpen();
    return this.#backend.fd;
  }

  /**
   * The memory of the GPU in bytes: how much there is, and what of it nobody has taken. Undefined where it has none of its
   * own or the driver does not tell. Throws `ERR_SVM_CLOSED` after `close`.
   */
  vramInfo(): VramInfo | undefined {
    this.#assertOpen();
    return this.#backend.vramInfo();
  }

  /**
   * How this GPU reaches the memory of `other`, a device of the same process; undefined where that cannot be told.
   * TypeError (`ERR_SVM_INVALID_TYPE`) for what is no device, `ERR_SVM_CLOSED` after `close`.
   */
  linkTo(other: SvmDevice): GpuLink | undefined {
    this.#assertOpen();
    if (!(other instanceof SvmDevice))
      throw typeError('ERR_SVM_INVALID_TYPE', `other: expected an SvmDevice, got ${show(other)}`);
    return this.#backend.linkTo(other.#backend);
  }

  /** Sets attributes of a range, in the order in which they are written (spec/02-attributes §4). */
  setAttributes(range: SvmRange, attributes: Partial<SvmAttributes>): void {
    this.#set('setAttributes', byteRange(range), encodeAttributeValues(this.profile, attributes));
  }

  /** As `setAttributes`, off the main thread on the kernel backend. */
  async setAttributesAsync(range: SvmRange, attributes: Partial<SvmAttributes>): Promise<void> {
    await this.#setAsync('setAttributes', byteRange(range), encodeAttributeValues(this.profile, attributes));
  }

  /**
   * Attributes of a range: all of them, or those named. Where pages differ, a
   * location is 'undefined', access 'inaccessible', granularity the smallest, a
   * flag true only if it is set everywhere (spec/02-attributes §7.1).
   */
  getAttributes(range: SvmRange): SvmAttributes;
  getAttributes<Name extends SvmAttributeName>(range: SvmRange, names: readonly Name[]): Pick<SvmAttributes, Name>;
  getAttributes(
    range: SvmRange,
    names: readonly SvmAttributeName[] = this.profile.attributeNames,
  ): Partial<SvmAttributes> {
    const bytes = byteRange(range);
    const records = attributeTypes(this.profile, names).map((type) => ({ type, value: 0 }));
    return decodeAttributeValues(names, this.#get(bytes, records));
  }

  /** As `getAttributes`, off the main thread on the kernel backend. */
  getAttributesAsync(range: SvmRange): Promise<SvmAttributes>;
  getAttributesAsync<Name extends SvmAttributeName>(
    range: SvmRange,
    names: readonly Name[],
  ): Promise<Pick<SvmAttributes, Name>>;
  async getAttributesAsync(
    range: SvmRange,
    names: readonly SvmAttributeName[] = this.profile.attributeNames,
  ): Promise<Partial<SvmAttributes>> {
    const bytes = byteRange(range);
    const records = attributeTypes(this.profile, names).map((type) => ({ type, value: 0 }));
    const { result, data } = await this.#ioctlAsync(SvmOperation.getAttributes, bytes, records);
    if (result < 0) throw this.#refusal(result, 'getAttributes', bytes, records);
    return decodeAttributeValues(names, decodeAttributes(data));
  }

  /**
   * Takes the attributes of a range away: its pages have the defaults again. The GPU's mappings stay as they are until
   * something else changes them. `ERR_SVM_NOT_AVAILABLE` where the revision of the user ABI has no such operation (V4).
   */
  resetAttributes(range: SvmRange): void {
    const bytes = byteRange(range);
    const { result } = this.#ioctl(this.#resetOperation(), bytes, []);
    if (result < 0) throw this.#refusal(result, 'resetAttributes', bytes, []);
  }

  /** As `resetAttributes`, off the main thread on the kernel backend. */
  async resetAttributesAsync(range: SvmRange): Promise<void> {
    const bytes = byteRange(range);
    const { result } = await this.#ioctlAsync(this.#resetOperation(), bytes, []);
    if (result < 0) throw this.#refusal(result, 'resetAttributes', bytes, []);
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

  /** A queue for GPU work; `ERR_SVM_NOT_AVAILABLE` where KFD makes no compute VM of the node, with the reason. */
  createQueue(): GpuQueue {
    this.#assertOpen();
    return this.#backend.createQueue();
  }

  /**
   * The ioctl as it is: numbers are cut to their width, nothing is checked, nothing
   * thrown. `result` is 0 or a negative errno (-EBADF after `close`), `attributes`
   * what the records hold afterwards.
   */
  svmIoctl(call: RawSvmCall): RawSvmResult {
    this.#backend.noticeSubscribers();
    const issue = (): RawSvmResult =>
      rawCall(this.#closed ? undefined : this.#backend.node, this.#caller, this.profile.request, call);
    const answer = ioctlsHaveSubscribers()
      ? publishedIoctl({ path: this.path, ...rawNumbers(call), attributeCount: call.attributes?.length ?? 0 }, issue)
      : issue();
    if (this.#observers.size > 0) this.#notify({ ...rawNumbers(call), ...answer });
    return answer;
  }

  /** Calls `listener` after every SVM ioctl of this device; the returned function stops it. Costs nothing without a listener. */
  observe(listener: (call: SvmCallEvent) => void): () => void {
    assertFunction('listener', listener);
    this.#observers.add(listener);
    return () => void this.#observers.delete(listener);
  }

  /**
   * Listens to events of one name (docs/events.md): those of the emulated device, or the ioctls of a kernel
   * ('ioctl'; for others `ERR_SVM_NOT_AVAILABLE`). The returned function stops it. Costs nothing without a listener.
   */
  on<Name extends EventName>(name: Name, listener: EventListener<Name>): () => void {
    return onDeviceEvent(this.#events(), name, listener);
  }

  /** As `on`, with one listener for the events of all names that the backend has, or of those in `names`. */
  onAny(listener: (event: MachineEvent) => void, names?: readonly EventName[]): () => void {
    return onAnyDeviceEvent(this.#events(), listener, names);
  }

  /** What the hazard monitor found on the emulated machine, with the option `hazards` (docs/hazards.md). */
  get hazards(): readonly Hazard[] {
    return this.#backend.hazards;
  }

  /** Closes the device and completes its recording; a second call does nothing. Buffers stay mapped. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#backend.close();
  }

  /** As `close`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** One line for `console.log`. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const gpu = this.emulator === undefined ? '' : ` ${this.emulator.gpu.model.asic}`;
    const state = this.#closed ? ', closed' : '';
    return `SvmDevice { ${this.backend}${gpu}, ${this.path}, profile ${this.profile.name}${state} }`;
  }

  #events(): DeviceEventSource {
    return { backend: this.#backend.events, observe: (listener) => this.observe(listener) };
  }

  #set(operation: SvmOperationName, range: ByteRange, records: readonly SvmAttributeRecord[]): void {
    const began = timeOfPrefetch(this.#backend, records);
    const { result } = this.#ioctl(SvmOperation.setAttributes, range, records);
    if (result < 0) throw this.#refusal(result, operation, range, records, began);
  }

  async #setAsync(
    operation: SvmOperationName,
    range: ByteRange,
    records: readonly SvmAttributeRecord[],
  ): Promise<void> {
    const began = timeOfPrefetch(this.#backend, records);
    const { result } = await this.#ioctlAsync(SvmOperation.setAttributes, range, records);
    if (result < 0) throw this.#refusal(result, operation, range, records, began);
  }

  #get(range: ByteRange, records: readonly SvmAttributeRecord[]): SvmAttributeRecord[] {
    const { result, data } = this.#ioctl(SvmOperation.getAttributes, range, records);
    if (result < 0) throw this.#refusal(result, 'getAttributes', range, records);
    return decodeAttributes(data);
  }

  #refusal(
    result: number,
    operation: SvmOperationName,
    range: ByteRange,
    records: readonly SvmAttributeRecord[],
    began?: number,
  ): SvmError {
    return new SvmError(result, operation, range, refusalFacts(this.#backend, result, range, records, began));
  }

  /** Number of the operation; `ERR_SVM_NOT_AVAILABLE` where the revision has none. */
  #resetOperation(): number {
    const operation = this.profile.operations['resetAttributes'];
    if (operation !== undefined) return operation;
    throw codedError('ERR_SVM_NOT_AVAILABLE', `resetAttributes: the user ABI "${this.profile.name}" has no reset`);
  }

  #ioctl(operation: number, range: ByteRange, records: readonly SvmAttributeRecord[]): SvmAnswer {
    this.#assertOpen();
    const call = (): SvmAnswer => this.#caller.call(operation, range, records);
    const answer = ioctlsHaveSubscribers() ? publishedIoctl(this.#message(operation, range, records), call) : call();
    return this.#reported(operation, range, answer);
  }

  async #ioctlAsync(operation: number, range: ByteRange, records: readonly SvmAttributeRecord[]): Promise<SvmAnswer> {
    this.#assertOpen();
    const call = (): Promise<SvmAnswer> => this.#caller.callAsync(operation, range, records);
    const answer = ioctlsHaveSubscribers()
      ? await publishedIoctlAsync(this.#message(operation, range, records), call)
      : await call();
    return this.#reported(operation, range, answer);
  }

  #message(operation: number, range: ByteRange, records: readonly SvmAttributeRecord[]): IoctlMessage {
    return { path: this.path, operation, address: range.address, size: range.size, attributeCount: records.length };
  }

  #reported(operation: number, range: ByteRange, answer: SvmAnswer): SvmAnswer {
    if (this.#observers.size === 0) return answer;
    // An observer may call the device, which takes the memory of the answer.
    const data = answer.data.slice();
    this.#notify({ operation, ...range, attributes: decodeAttributes(data), result: answer.result });
    return { result: answer.result, data };
  }

  #notify(call: SvmCallEvent): void {
    for (const observer of [...this.#observers]) observer(call);
  }

  #assertOpen(): void {
    if (this.#closed) throw codedError('ERR_SVM_CLOSED', 'the device is closed');
    this.#backend.noticeSubscribers();
  }
}

function prefetchRecord(target: unknown): SvmAttributeRecord {
  if (target !== 'device' && target !== 'system') {
    throw rangeError('ERR_SVM_INVALID_VALUE', `target: expected 'device' or 'system', got ${show(target)}`);
  }
  return { type: SvmAttributeType.prefetchLocation, value: SvmLocation[target] };
}
