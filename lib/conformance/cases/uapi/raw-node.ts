/** A second open file of the first GPU, for calls that the typed layers can not express. */
import type { CaseContext } from '../../framework/context.ts';
import type { EmulatedDevice } from '../../../device/emulated.ts';
import { ATTRS_PTR_OFFSET, encodeSvmRequest } from '../../../uapi/codec.ts';

export type RawNode = ReturnType<EmulatedDevice['open']>;

/** The 32 bytes of the argument, without the pointer. */
export function encodeCall(call: {
  operation: number;
  address: bigint;
  size: bigint | number;
  count: number;
}): Uint8Array {
  return encodeSvmRequest({
    startAddress: call.address,
    size: BigInt(call.size),
    operation: call.operation,
    attributeCount: call.count,
  });
}

/** Opens the file; it is closed with the case. */
export function rawNode(t: CaseContext, options: { compute?: boolean } = {}): RawNode {
  const node = t.gpu().open(options);
  t.onEnd(() => node.close());
  return node;
}

/** One ioctl with records at the place of its pointer; `request` is the request number. */
export function issue(
  node: RawNode,
  call: Uint8Array | Parameters<typeof encodeCall>[0],
  records?: { data: Uint8Array; readOnly?: boolean },
  request: number = node.profile.request,
): number {
  const argument = call instanceof Uint8Array ? call : encodeCall(call);
  const pointers =
    records === undefined
      ? []
      : [{ offset: ATTRS_PTR_OFFSET, data: records.data, readOnly: records.readOnly === true }];
  return node.ioctl(request, argument, pointers);
}
