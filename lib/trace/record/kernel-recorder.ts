/** Recording on the kernel backend: what goes through the node, and the memory mapped for it. No effects can be seen there. */
import { otherMemory } from '../../backend/host-region.ts';
import type { HostRegion, HostRegionMapper, MapRequest } from '../../backend/host-region.ts';
import { PROTECTION_LETTERS } from '../../uapi/protection.ts';
import type { HostProtection } from '../../uapi/protection.ts';
import type { SvmCall } from '../../uapi/call.ts';
import { ATTRS_PTR_OFFSET, decodeAttributePairs, decodeSvmRequest } from '../../uapi/codec.ts';
import { MAX_ATTRIBUTES_PER_CALL, SvmOperation } from '../../uapi/constants.ts';
import { GEM_SVM_LAYOUT } from '../../uapi/layout.ts';
import type { DeviceNode, PointerField } from '../../uapi/node.ts';
import { isSvmRequest } from '../../uapi/profile.ts';
import type { UapiProfile } from '../../uapi/profile.ts';
import { hex } from '../format/hex.ts';
import type { OperationObject } from '../operations/descriptor.ts';
import type { TraceAnswer } from '../operations/index.ts';
import { answerOfCall, operationOfCall } from '../operations/svm-calls.ts';

/** Where operations go. */
export interface KernelRecording {
  /** Before the operation: it may be the last one. The returned function is called before its answer is written. */
  announce(operation: OperationObject): () => void;
  write(operation: OperationObject, answer: TraceAnswer | undefined): void;
}

/** A node that writes down every SVM ioctl of its profile. */
export class RecordingNode implements DeviceNode {
  readonly #node: DeviceNode;
  readonly #profile: UapiProfile;
  readonly #recording: KernelRecording;

  constructor(node: DeviceNode, profile: UapiProfile, recording: KernelRecording) {
    this.#node = node;
    this.#profile = profile;
    this.#recording = recording;
  }

  get kind(): DeviceNode['kind'] {
    return this.#node.kind;
  }

  get path(): string {
    return this.#node.path;
  }

  get closed(): boolean {
    return this.#node.closed;
  }

  ioctl(request: number, arg: Uint8Array, pointers: readonly PointerField[] = []): number {
    const call = this.#describe(request, arg, pointers);
    if (call === undefined) return this.#node.ioctl(request, arg, pointers);
    const issued = this.#recording.announce(operationOfCall(call));
    const result = this.#node.ioctl(request, arg, pointers);
    issued();
    this.#record(call, result, pointers);
    return result;
  }

  async ioctlAsync(request: number, arg: Uint8Array, pointers: readonly PointerField[] = []): Promise<number> {
    const call = this.#describe(request, arg, pointers);
    if (call === undefined) return this.#node.ioctlAsync(request, arg, pointers);
    const issued = this.#recording.announce(operationOfCall(call));
    const result = await this.#node.ioctlAsync(request, arg, pointers);
    issued();
    this.#record(call, result, pointers);
    return result;
  }

  close(): void {
    if (this.#node.closed) return;
    const issued = this.#recording.announce({ fini: {} });
    this.#node.close();
    issued();
    // What is left of the context only the kernel knows: an operation without an answer.
    this.#recording.write({ fini: {} }, undefined);
  }

  #describe(request: number, arg: Uint8Array, pointers: readonly PointerField[]): SvmCall | undefined {
    if (!isSvmRequest(this.#profile, request) || arg.length < GEM_SVM_LAYOUT.size) return undefined;
    const { startAddress, size, operation, attributeCount, attributesPointer } = decodeSvmRequest(arg);
    const data = attributeData(pointers);
    const attributes = data === undefined ? [] : decodeAttributePairs(data);
    // An address without memory of ours behind it: the caller's own choice.
    const isShort = attributeCount <= MAX_ATTRIBUTES_PER_CALL && attributes.length < attributeCount;
    const pointer = data === undefined ? (attributesPointer === 0n ? 'null' : 'bad') : isShort ? 'bad' : 'ok';
    return { operation, address: startAddress, size, attributeCount, pointer, attributes };
  }

  #record(call: SvmCall, result: number, pointers: readonly PointerField[]): void {
    const data = attributeData(pointers);
    const answered = result === 0 && call.operation === SvmOperation.getAttributes && data !== undefined;
    this.#recording.write(
      operationOfCall(call),
      answerOfCall(
        result,
        answered ? decodeAttributePairs(data, call.attributeCount).map(([, value]) => value) : undefined,
      ),
    );
  }
}

function attributeData(pointers: readonly PointerField[]): Uint8Array | undefined {
  return pointers.find((pointer) => pointer.offset === ATTRS_PTR_OFFSET)?.data;
}

/** Memory whose mapping, changes and unmapping are written down. */
export class RecordingMemory implements HostRegionMapper {
  readonly #memory: HostRegionMapper;
  readonly #recording: KernelRecording;

  constructor(memory: HostRegionMapper, recording: KernelRecording) {
    this.#memory = memory;
    this.#recording = recording;
  }

  map(request: MapRequest): HostRegion {
    const region = this.#memory.map(request);
    const { size, shared, hugePages, file } = request;
    const kind = shared ? 'shared' : file !== undefined ? 'file' : hugePages === 'always' ? 'thp' : 'anon';
    this.#recording.write({ mmap: { addr: hex(region.address), len: hex(size), prot: 'rw', kind } }, { ret: 0 });
    return new RecordingRegion(region, this.#recording);
  }
}

class RecordingRegion implements HostRegion {
  readonly #region: HostRegion;
  readonly #recording: KernelRecording;

  constructor(region: HostRegion, recording: KernelRecording) {
    this.#region = region;
    this.#recording = recording;
  }

  get address(): bigint {
    return this.#region.address;
  }

  get size(): number {
    return this.#region.size;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#region.bytes;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    return this.#region.read(offset, length);
  }

  write(offset: number, data: Uint8Array): void {
    this.#region.write(offset, data);
  }

  protect(protection: HostProtection, offset: number, length: number): void {
    this.#recorded({ mprotect: { ...this.#place(offset, length), prot: PROTECTION_LETTERS[protection] } }, () =>
      this.#region.protect(protection, offset, length),
    );
  }

  discard(offset: number, length: number): void {
    this.#recorded({ dontneed: this.#place(offset, length) }, () => this.#region.discard(offset, length));
  }

  unmap(offset: number, length: number): void {
    this.#recorded({ munmap: this.#place(offset, length) }, () => this.#region.unmap(offset, length));
  }

  /** Drivers hear of a change of memory, too. */
  #recorded(operation: OperationObject, change: () => void): void {
    const issued = this.#recording.announce(operation);
    try {
      change();
    } finally {
      issued();
    }
    this.#recording.write(operation, { ret: 0 });
  }

  lock(offset: number, length: number): void {
    this.#recorded({ mlock: this.#place(offset, length) }, () => this.#region.lock(offset, length));
  }

  unlock(offset: number, length: number): void {
    this.#recorded({ munlock: this.#place(offset, length) }, () => this.#region.unlock(offset, length));
  }

  moveTo(target: HostRegion, targetOffset: number, offset: number, length: number, keepOld: boolean): void {
    if (!(target instanceof RecordingRegion)) throw otherMemory();
    const { addr: to } = target.#place(targetOffset, length);
    const place = this.#place(offset, length);
    this.#recorded({ mremap: { ...place, newlen: place.len, to, ...(keepOld ? { keep: true } : {}) } }, () =>
      this.#region.moveTo(target.#region, targetOffset, offset, length, keepOld),
    );
  }

  #place(offset: number, length: number): { addr: string; len: string } {
    return { addr: hex(this.address + BigInt(offset)), len: hex(length) };
  }
}
