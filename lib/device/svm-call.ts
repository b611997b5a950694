/**
 * Issuing SVM ioctls (spec/01-uapi §2): the request and its records are written into
 * memory that is kept for the next call where the node has such memory, so that a
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
import type { DeviceNode, PointerField } from '../uapi/node.ts';
import type { ByteRange } from '../uapi/range.ts';

/** What a call left. */
export interface SvmAnswer {
  /** 0 or a negative errno. */
  readonly result: number;
  /** The packed records after the call. Valid until the next call. */
  readonly data: Uint8Array;
}

/** Memory of the node for calls with one number of records. */
interface PreparedCall {
  readonly argument: DataView;
  readonly records: DataView;
  readonly data: Uint8Array;
  readonly issue: () => number;
}

/** Calls with more records are rare, and the device refuses them above 64. */
const MOST_PREPARED_RECORDS = 16;

/** The SVM ioctl of one node. */
export class SvmCaller {
  readonly #node: DeviceNode;
  readonly #request: number;
  /** By number of records; undefined where the node can't prepare calls. */
  readonly #prepared: (PreparedCall | undefined)[] = [];
  #canPrepare: boolean;

  constructor(node: DeviceNode, request: number) {
    this.#node = node;
    this.#request = request;
    this.#canPrepare = node.prepare !== undefined;
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
    if (prepared !== undefined) {
      writeSvmRequest(prepared.argument, request);
      writeAttributes(prepared.records, records);
      return { result: prepared.issue(), data: prepared.data };
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
    if (!this.#canPrepare || count === 0 || count > MOST_PREPARED_RECORDS) return undefined;
    return (this.#prepared[count] ??= this.#prepare(count));
  }

  #prepare(count: number): PreparedCall | undefined {
    const made = this.#node.prepare?.(
      this.#request,
      GEM_SVM_LAYOUT.size,
      ATTRS_PTR_OFFSET,
      count * SVM_ATTRIBUTE_LAYOUT.size,
    );
    if (made === undefined) {
      // The runtime can't, or there is no memory: the ordinary way works, so it is not asked again.
      this.#canPrepare = false;
      return undefined;
    }
    const { arg, data, ioctl } = made;
    return { argument: viewOf(arg), records: viewOf(data), data, issue: ioctl };
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A call without records has a null pointer. */
function pointersTo(data: Uint8Array): PointerField[] {
  return data.length === 0 ? [] : [{ offset: ATTRS_PTR_OFFSET, data }];
}
