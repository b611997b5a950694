/**
 * Issuing SVM ioctls (spec/01-uapi §2): the request and its records are written into
 * memory that is kept for the next call, the node's own where it has some, so that a
 * program that sets attributes all day leaves nothing to the collector.
 */
import {
  ATTRS_PTR_OFFSET,
  encodeAttributes,
  encodeSvmRequest,
  writeAttributes,
  writeSvmRequest,
} from '../uapi/codec.ts';
import type { SvmRequest } from '../uapi/codec.ts';
import type { SvmAttributeRecord } from '../uapi/call.ts';
import { GEM_SVM_LAYOUT, SVM_ATTRIBUTE_LAYOUT } from '../uapi/layout.ts';
import type { DeviceNode, PointerField, PreparedIoctl } from '../uapi/node.ts';
import type { ByteRange } from '../uapi/range.ts';

/** What a call left. */
export interface SvmAnswer {
  /** 0 or a negative errno. */
  readonly result: number;
  /** The packed records after the call. Valid until the next call. */
  readonly data: Uint8Array;
}

/** Memory for calls with one number of records. */
interface PreparedCall {
  readonly argument: DataView;
  readonly records: DataView;
  readonly data: Uint8Array;
  readonly issue: () => number;
  /** A call is under way: what runs in its middle has memory of its own. */
  busy: boolean;
}

/** Calls with more records are rare, and the device refuses them above 64. */
const MOST_PREPARED_RECORDS = 16;

/** The SVM ioctl of one node. */
export class SvmCaller {
  readonly #node: DeviceNode;
  readonly #request: number;
  /** By number of records. */
  readonly #prepared: (PreparedCall | undefined)[] = [];
  /** Whether to ask the node for memory that the kernel works on directly. */
  #nodeHasMemory = true;

  constructor(node: DeviceNode, request: number) {
    this.#node = node;
    this.#request = request;
  }

  /** One call on this thread. */
  call(operation: number, range: ByteRange, records: readonly SvmAttributeRecord[]): SvmAnswer {
    const request: SvmRequest = {
      startAddress: range.address,
      size: range.size,
      operation,
      attributeCount: records.length,
    };
    const prepared = this.#preparedFor(records.length);
    if (prepared !== undefined && !prepared.busy) {
      writeSvmRequest(prepared.argument, request);
      writeAttributes(prepared.records, records);
      prepared.busy = true;
      try {
        return { result: prepared.issue(), data: prepared.data };
      } finally {
        prepared.busy = false;
      }
    }
    const data = encodeAttributes(records);
    return {
      result: this.#node.ioctl(this.#request, encodeSvmRequest(request), pointersTo(data)),
      data,
    };
  }

  /** The same off the main thread where the node can; several may be under way, so each has memory of its own. */
  async callAsync(operation: number, range: ByteRange, records: readonly SvmAttributeRecord[]): Promise<SvmAnswer> {
    const arg = encodeSvmRequest({
      startAddress: range.address,
      size: range.size,
      operation,
      attributeCount: records.length,
    });
    const data = encodeAttributes(records);
    return { result: await this.#node.ioctlAsync(this.#request, arg, pointersTo(data)), data };
  }

  #preparedFor(count: number): PreparedCall | undefined {
    if (count === 0 || count > MOST_PREPARED_RECORDS) return undefined;
    return (this.#prepared[count] ??= this.#prepare(count));
  }

  #prepare(count: number): PreparedCall {
    const length = count * SVM_ATTRIBUTE_LAYOUT.size;
    const made = this.#nodeHasMemory
      ? this.#node.prepare?.(this.#request, GEM_SVM_LAYOUT.size, ATTRS_PTR_OFFSET, length)
      : undefined;
    // The runtime can't, or there is no memory: it is not asked again.
    if (made === undefined) this.#nodeHasMemory = false;
    const { arg, data, ioctl } = made ?? this.#ordinary(length);
    return { argument: viewOf(arg), records: viewOf(data), data, issue: ioctl, busy: false };
  }

  /** Memory of this program, which the node copies in and out. */
  #ordinary(length: number): PreparedIoctl {
    const [arg, data] = [new Uint8Array(GEM_SVM_LAYOUT.size), new Uint8Array(length)];
    const pointers = pointersTo(data);
    return { arg, data, ioctl: () => this.#node.ioctl(this.#request, arg, pointers) };
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A call without records has a null pointer. */
function pointersTo(data: Uint8Array): PointerField[] {
  return data.length === 0 ? [] : [{ offset: ATTRS_PTR_OFFSET, data }];
}
