// Models: the DRM core around the ioctl handlers of an open render node (spec/01-uapi §5).
import type { DeviceNode, PointerField } from '../../lib/uapi/node.ts';
import { MAX_ATTRIBUTES_PER_CALL, SvmOperation } from '../../lib/uapi/constants.ts';
import { callNumbers } from '../../lib/uapi/call.ts';
import type { AttributePair, PointerKind, SvmArguments } from '../../lib/uapi/call.ts';
import { ATTRS_PTR_OFFSET, decodeAttributePairs } from '../../lib/uapi/codec.ts';
import { DRM_VERSION_LAYOUT, GEM_SVM_LAYOUT } from '../../lib/uapi/layout.ts';
import type { UapiProfile } from '../../lib/uapi/profile.ts';
import { drmCommandName, isClosedToRenderNodes } from '../../lib/uapi/ioctl-table.ts';
import { DRM_IOCTL_TYPE, splitRequest } from '../../lib/uapi/request.ts';
import { Errno } from '../../lib/uapi/errno.ts';
import { bytesArgument } from '../kernel/arguments.ts';
import { readU32 } from '../../lib/uapi/little-endian.ts';
import { NotModelledError } from '../kernel/not-modelled.ts';
import { SLEEPING } from '../svm/sleeping.ts';
import type { OperationScope } from '../kernel/operation-scope.ts';
import type { KernelRevision } from '../svm/context.ts';
import type { JournalEntry, OperationJournal } from './journal.ts';
import type { EmulatedFile } from './file.ts';
import type { UserMemory } from '../svm/revision.ts';

const VERSION_NUMBER = 0;
/** Bit of the direction of a request. */
const TO_DRIVER = 1;
const ATTRIBUTE_BYTES = 8;

/** A pointer field of an emulated ioctl; `readOnly` memory makes copy-to-user fault. */
export interface EmulatedPointerField extends PointerField {
  readonly readOnly?: boolean;
}

/** Driver identity that `DRM_IOCTL_VERSION` reports; its description tells who opens a served node which revision it has. */
const EMULATED_DRIVER = {
  name: 'amdgpu',
  date: '0',
  description: (revision: string) => `AMD GPU (emulated, revision ${revision})`,
  version: [3, 64, 0],
} as const;

/** What a node needs of its device. */
export interface NodeDevice {
  readonly path: string;
  readonly unplugged: boolean;
  readonly surroundings: {
    readonly revision: KernelRevision;
    readonly scope: OperationScope;
    readonly journal: { readonly current: OperationJournal | null };
  };
  releaseFile(file: EmulatedFile): void;
}

/** An open render node of an emulated device. */
export class EmulatedNode<Device extends NodeDevice = NodeDevice> implements DeviceNode {
  readonly kind = 'emulated';
  readonly device: Device;
  readonly file: EmulatedFile;
  /** The user ABI of the modelled driver. */
  readonly profile: UapiProfile;
  readonly #svmNumber: number;
  #closed = false;

  constructor(device: Device, file: EmulatedFile) {
    this.device = device;
    this.file = file;
    this.profile = device.surroundings.revision.uapi;
    this.#svmNumber = splitRequest(this.profile.request).number;
  }

  get path(): string {
    return this.device.path;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  ioctl(request: number, arg: Uint8Array, pointers: readonly EmulatedPointerField[] = []): number {
    return this.#dispatch(request, arg, pointers, undefined);
  }

  ioctlAsync(request: number, arg: Uint8Array, pointers: readonly EmulatedPointerField[] = []): Promise<number> {
    // At a preemption point the call may have to sleep; its result comes when the interrupted operation has ended.
    return new Promise((resolve) => {
      let sleeps = false;
      const result = this.#dispatch(request, arg, pointers, (late) => {
        sleeps = true;
        resolve(late);
      });
      if (!sleeps && result <= 0) resolve(result);
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.device.releaseFile(this.file);
  }

  #dispatch(
    request: number,
    argument: Uint8Array,
    pointers: readonly EmulatedPointerField[],
    sleeper: ((result: number) => void) | undefined,
  ): number {
    if (this.#closed) {
      throw Object.assign(new Error('the emulated render node is closed'), { code: 'ERR_SVM_CLOSED' });
    }
    const arg = bytesArgument('arg', argument);
    const { type, number, size, direction } = splitRequest(request);
    if (type !== DRM_IOCTL_TYPE) return -Errno.ENOTTY;
    if (this.device.unplugged) return -Errno.ENODEV;
    if (number !== this.#svmNumber && number !== VERSION_NUMBER) {
      if (isClosedToRenderNodes(number)) return -Errno.EACCES;
      const name = drmCommandName(number);
      if (name !== undefined) throw new NotModelledError(name);
      return -Errno.EINVAL;
    }
    // The copy size is that of the request; what the caller did not pass can't be copied.
    if (arg.length < size) return -Errno.EFAULT;
    return number === this.#svmNumber
      ? // The DRM core copies in what the caller's direction says: without it the handler sees zeros.
        this.#svm(arg, (direction & TO_DRIVER) === 0 ? 0 : size, pointers, sleeper)
      : reportVersion(this.profile.name, arg, size, pointers);
  }

  #svm(
    arg: Uint8Array,
    size: number,
    pointers: readonly EmulatedPointerField[],
    sleeper: ((result: number) => void) | undefined,
  ): number {
    const args = decodeArguments(arg, size);
    const pointer = pointers.find((field) => field.offset === ATTRS_PTR_OFFSET);
    const memory = attributeMemory(arg, size, pointer);
    const { journal, scope } = this.device.surroundings;
    if (journal.current === null) return scope.run(() => this.file.svmCall(args, memory, sleeper));
    const asked = journalAttributes(args, memory);
    const entry = (result: number): JournalEntry => ({
      name: 'ioctl',
      file: this.file,
      ...callNumbers(args),
      pointer: pointerKind(memory, args.attributeCount),
      attributes: asked,
      result,
      values:
        result === 0 && args.operation === SvmOperation.getAttributes
          ? journalAttributes(args, memory).map(([, value]) => value)
          : undefined,
    });
    let slept: JournalEntry | undefined;
    const wake = (result: number): void => {
      if (slept !== undefined) journal.current?.complete(slept, entry(result));
      sleeper?.(result);
    };
    const result = scope.run(() => this.file.svmCall(args, memory, sleeper === undefined ? undefined : wake));
    const ended = entry(result);
    if (result === SLEEPING) slept = ended;
    journal.current?.record(ended);
    return result;
  }
}

function decodeArguments(arg: Uint8Array, size: number): SvmArguments {
  const { start_addr, size: length, operation, nattr } = GEM_SVM_LAYOUT.fields;
  // A shorter structure is zero extended, a longer one copied without looking at its tail.
  const bytes = size >= GEM_SVM_LAYOUT.size ? arg : zeroExtend(arg, size);
  return {
    startLow: readU32(bytes, start_addr.offset),
    startHigh: readU32(bytes, start_addr.offset + 4),
    sizeLow: readU32(bytes, length.offset),
    sizeHigh: readU32(bytes, length.offset + 4),
    operation: readU32(bytes, operation.offset),
    attributeCount: readU32(bytes, nattr.offset),
  };
}

function zeroExtend(arg: Uint8Array, size: number): Uint8Array {
  const bytes = new Uint8Array(GEM_SVM_LAYOUT.size);
  bytes.set(arg.subarray(0, size));
  return bytes;
}

/** What `attrs_ptr` points at: described memory, nothing (0), or an address that no caller memory is behind. */
function attributeMemory(
  arg: Uint8Array,
  size: number,
  pointer: EmulatedPointerField | undefined,
): UserMemory | 'bad' | null {
  if (size < ATTRS_PTR_OFFSET + 8) return null;
  if (pointer === undefined) {
    return (readU32(arg, ATTRS_PTR_OFFSET) | readU32(arg, ATTRS_PTR_OFFSET + 4)) === 0 ? null : 'bad';
  }
  return { bytes: pointer.data, readOnly: pointer.readOnly === true };
}

function pointerKind(memory: UserMemory | 'bad' | null, count: number): PointerKind {
  if (memory === null) return 'null';
  // Memory that ends before the last record faults like memory that is not there.
  if (memory === 'bad' || (count <= MAX_ATTRIBUTES_PER_CALL && memory.bytes.length < count * ATTRIBUTE_BYTES))
    return 'bad';
  return memory.readOnly === true ? 'ro' : 'ok';
}

function journalAttributes(args: SvmArguments, memory: UserMemory | 'bad' | null): AttributePair[] {
  return memory === null || memory === 'bad' ? [] : decodeAttributePairs(memory.bytes, args.attributeCount);
}

/** DRM_IOCTL_VERSION: lengths in, true lengths out, as much of each string as fits. */
function reportVersion(
  revision: string,
  arg: Uint8Array,
  size: number,
  pointers: readonly EmulatedPointerField[],
): number {
  if (size < DRM_VERSION_LAYOUT.size) return -Errno.EFAULT;
  const view = new DataView(arg.buffer, arg.byteOffset, arg.byteLength);
  const { fields } = DRM_VERSION_LAYOUT;
  const [major, minor, patch] = EMULATED_DRIVER.version;
  view.setInt32(fields.version_major.offset, major, true);
  view.setInt32(fields.version_minor.offset, minor, true);
  view.setInt32(fields.version_patchlevel.offset, patch, true);
  const strings = [
    [fields.name_len.offset, fields.name.offset, EMULATED_DRIVER.name],
    [fields.date_len.offset, fields.date.offset, EMULATED_DRIVER.date],
    [fields.desc_len.offset, fields.desc.offset, EMULATED_DRIVER.description(revision)],
  ] as const;
  for (const [lengthAt, pointerAt, text] of strings) {
    const room = Number(view.getBigUint64(lengthAt, true));
    view.setBigUint64(lengthAt, BigInt(text.length), true);
    const target = pointers.find((field) => field.offset === pointerAt);
    const copied = Math.min(room, text.length);
    if (target === undefined) {
      if (copied > 0 && view.getBigUint64(pointerAt, true) !== 0n) return -Errno.EFAULT;
      continue;
    }
    if (target.data.length < copied) return -Errno.EFAULT;
    for (let index = 0; index < copied; index++) target.data[index] = text.charCodeAt(index);
  }
  return 0;
}
