/** The raw escape hatch: the ioctl without checks. */
import { ATTRS_PTR_OFFSET, decodeAttributes, encodeAttributes, encodeSvmRequest } from '../uapi/codec.ts';
import type { SvmAttributeRecord } from '../uapi/call.ts';
import type { SvmCallNumbers } from '../uapi/call.ts';
import { Errno } from '../uapi/errno.ts';
import type { DeviceNode } from '../uapi/node.ts';
import type { SvmCaller } from './svm-call.ts';

/** A call with the ioctl's own numbers. */
export interface RawSvmCall {
  /** u32. */
  readonly operation: number;
  /** u64, bytes. */
  readonly address: bigint | number;
  /** u64, bytes. */
  readonly size: bigint | number;
  /** Records of u32 numbers; none makes a null pointer. */
  readonly attributes?: readonly SvmAttributeRecord[];
  /** u32 `nattr`, if it is not to be the number of records. The device finds no memory behind the records. */
  readonly attributeCount?: number;
  /** u64 `attrs_ptr`, if it is not to be the address of the records; 0 is a null pointer. */
  readonly attributesAddress?: bigint | number;
}

/** Answer of a raw call. */
export interface RawSvmResult {
  /** 0 or a negative errno. */
  readonly result: number;
  /** The records after the call: the values of a good GET, else what was passed. */
  readonly attributes: SvmAttributeRecord[];
}

/**
 * Issues the call on `node` (undefined: closed), by `caller` where it says nothing but what a typed call could say. Every
 * value becomes a number of its width, so nothing can throw.
 */
export function rawCall(
  node: DeviceNode | undefined,
  caller: SvmCaller,
  request: number,
  call: RawSvmCall,
): RawSvmResult {
  const given = Array.isArray(call?.attributes) ? (call.attributes as readonly SvmAttributeRecord[]) : [];
  const records = given.map((record) => ({ type: u32(record?.type), value: u32(record?.value) }));
  if (node === undefined) return { result: -Errno.EBADF, attributes: records };
  const { operation, address, size } = rawNumbers(call);
  if (call?.attributeCount === undefined && call?.attributesAddress === undefined) {
    const { result, data } = caller.call(operation, { address, size }, records);
    return { result, attributes: decodeAttributes(data) };
  }
  const data = encodeAttributes(records);
  const arg = encodeSvmRequest({
    startAddress: address,
    size,
    operation,
    attributeCount: call.attributeCount === undefined ? records.length : u32(call.attributeCount),
    attributesPointer: u64(call.attributesAddress),
  });
  // Records are at the address that the node gives them, unless the caller names another.
  const pointers =
    data.length === 0 || call.attributesAddress !== undefined ? [] : [{ offset: ATTRS_PTR_OFFSET, data }];
  const result = node.ioctl(request, arg, pointers);
  return { result, attributes: decodeAttributes(data) };
}

/** The numbers of a raw call as they are sent. */
export function rawNumbers(call: RawSvmCall): Pick<SvmCallNumbers, 'operation' | 'address' | 'size'> {
  return { operation: u32(call?.operation), address: u64(call?.address), size: u64(call?.size) };
}

function u64(value: unknown): bigint {
  if (typeof value === 'bigint') return BigInt.asUintN(64, value);
  return typeof value === 'number' && Number.isFinite(value) ? BigInt.asUintN(64, BigInt(Math.trunc(value))) : 0n;
}

function u32(value: unknown): number {
  return typeof value === 'number' ? value >>> 0 : Number(BigInt.asUintN(32, u64(value)));
}
