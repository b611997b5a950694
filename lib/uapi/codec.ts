/**
 * Encoding and decoding of the ioctl's structures (spec/01-uapi §2, §3), little
 * endian on every platform. Numbers are taken as they are, wrapping to their
 * width; checking belongs to the callers.
 */
import type { AttributePair, SvmAttributeRecord } from './call.ts';
import { readU32, writeU32 } from './little-endian.ts';
import { GEM_SVM_LAYOUT, SVM_ATTRIBUTE_LAYOUT } from './layout.ts';

const { start_addr, size, operation, nattr, attrs_ptr } = GEM_SVM_LAYOUT.fields;
const { type, value } = SVM_ATTRIBUTE_LAYOUT.fields;

/** Byte offset of `attrs_ptr`, for the pointer description of `DeviceNode.ioctl`. */
export const ATTRS_PTR_OFFSET: number = attrs_ptr.offset;

/** The fields of `struct drm_amdgpu_gem_svm`, as they are laid out in its 32 bytes. `attributesPointer` is 0n unless given: the node patches it. */
export interface SvmRequest {
  /** First byte, u64. */
  readonly startAddress: bigint;
  /** Length in bytes, u64. */
  readonly size: bigint;
  /** Operation selector, u32. */
  readonly operation: number;
  /** Number of attribute records, u32. */
  readonly attributeCount: number;
  /** User pointer to the records, u64. */
  readonly attributesPointer?: bigint;
}

/** The 32 bytes of `struct drm_amdgpu_gem_svm`. */
export function encodeSvmRequest(request: SvmRequest): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(GEM_SVM_LAYOUT.size);
  writeSvmRequest(new DataView(bytes.buffer), request);
  return bytes;
}

/** The same into memory that is there, at least 32 bytes. */
export function writeSvmRequest(view: DataView, request: SvmRequest): void {
  view.setBigUint64(start_addr.offset, request.startAddress, true);
  view.setBigUint64(size.offset, request.size, true);
  view.setUint32(operation.offset, request.operation, true);
  view.setUint32(nattr.offset, request.attributeCount, true);
  view.setBigUint64(attrs_ptr.offset, request.attributesPointer ?? 0n, true);
}

/** Reads `struct drm_amdgpu_gem_svm`; throws a `RangeError` when `bytes` is shorter than 32. */
export function decodeSvmRequest(bytes: Uint8Array): Required<SvmRequest> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    startAddress: view.getBigUint64(start_addr.offset, true),
    size: view.getBigUint64(size.offset, true),
    operation: view.getUint32(operation.offset, true),
    attributeCount: view.getUint32(nattr.offset, true),
    attributesPointer: view.getBigUint64(attrs_ptr.offset, true),
  };
}

/** The packed array of attribute records, 8 bytes each. */
export function encodeAttributes(records: readonly SvmAttributeRecord[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(records.length * SVM_ATTRIBUTE_LAYOUT.size);
  writeAttributes(new DataView(bytes.buffer), records);
  return bytes;
}

/** The same into memory that is there, at least 8 bytes for each record. */
export function writeAttributes(view: DataView, records: readonly SvmAttributeRecord[]): void {
  let at = 0;
  for (const record of records) {
    view.setUint32(at + type.offset, record.type, true);
    view.setUint32(at + value.offset, record.value, true);
    at += SVM_ATTRIBUTE_LAYOUT.size;
  }
}

/** The records of a packed array; a tail shorter than one record is not looked at. */
export function decodeAttributes(bytes: Uint8Array): SvmAttributeRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.floor(bytes.byteLength / SVM_ATTRIBUTE_LAYOUT.size);
  const records: SvmAttributeRecord[] = [];
  for (let index = 0; index < count; index++) {
    const at = index * SVM_ATTRIBUTE_LAYOUT.size;
    records.push({
      type: view.getUint32(at + type.offset, true),
      value: view.getUint32(at + value.offset, true),
    });
  }
  return records;
}

/** As `encodeAttributes`, of pairs; padded with [0, 0] to at least `least` records. */
export function encodeAttributePairs(pairs: readonly AttributePair[], least = 0): Uint8Array<ArrayBuffer> {
  // No DataView: for one, V8 moves the memory of a small array out of its heap.
  const bytes = new Uint8Array(Math.max(pairs.length, least) * SVM_ATTRIBUTE_LAYOUT.size);
  for (let index = 0; index < pairs.length; index++) {
    const at = index * SVM_ATTRIBUTE_LAYOUT.size;
    writeU32(bytes, at + type.offset, pairs[index]![0]);
    writeU32(bytes, at + value.offset, pairs[index]![1]);
  }
  return bytes;
}

/** The value of record `index` of a packed array that is long enough. */
export function attributeValueAt(bytes: Uint8Array, index: number): number {
  return readU32(bytes, index * SVM_ATTRIBUTE_LAYOUT.size + value.offset);
}

/** As `decodeAttributes`, at most `most` records as pairs. */
export function decodeAttributePairs(bytes: Uint8Array, most = Infinity): AttributePair[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = Math.min(most, Math.floor(bytes.byteLength / SVM_ATTRIBUTE_LAYOUT.size));
  const pairs: AttributePair[] = [];
  for (let index = 0; index < count; index++) {
    const at = index * SVM_ATTRIBUTE_LAYOUT.size;
    pairs.push([view.getUint32(at + type.offset, true), view.getUint32(at + value.offset, true)]);
  }
  return pairs;
}
