/** A second open file of the first GPU, for calls that the typed layers cannot express. */
import type { CaseContext } from '../../framework/context.ts';
import { ATTRS_PTR_OFFSET, encodeSvmRequest } from '../../../uapi/codec.ts';
import type { PointerField } from '../../../uapi/node.ts';
import type { UapiProfile } from '../../../uapi/profile.ts';

export interface RawNode {
  readonly profile: UapiProfile;
  ioctl(request: number, arg: Uint8Array, pointers?: readonly PointerField[]): number;
}

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
export function rawNode(t: CaseContext): RawNode {
  if (t.backend !== 'emulated') return t.secondFile();
  const node = t.gpu().open();
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
  // An argument that is cut off before its last field has no pointer.
  const pointers =
    records === undefined || argument.length < ATTRS_PTR_OFFSET + 8
      ? []
      : [{ offset: ATTRS_PTR_OFFSET, data: records.data, readOnly: records.readOnly === true }];
  // A kernel node takes no argument of no bytes, although none of them is copied then.
  return node.ioctl(request, argument.length > 0 ? argument : new Uint8Array(1), pointers);
}
