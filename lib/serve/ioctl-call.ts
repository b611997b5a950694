/** One ioctl of a client on its emulated node: what the kernel and copy_from_user give, what they get back. */
import { SvmOperation } from '../uapi/constants.ts';
import { ATTRS_PTR_OFFSET } from '../uapi/codec.ts';
import { DRM_VERSION_LAYOUT, GEM_SVM_LAYOUT } from '../uapi/layout.ts';
import type { DeviceNode, PointerField } from '../uapi/node.ts';
import { isSvmRequest } from '../uapi/profile.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import { DRM_IOCTL_VERSION, splitRequest } from '../uapi/request.ts';
import type { CallerWrite, HelperIoctl } from './helper-protocol.ts';
import { ioctlRefusal } from '../words/drm-ioctls.ts';

/** The answer to a client. */
export interface IoctlAnswer {
  /** 0 or a negative errno. */
  readonly result: number;
  /** The structure as it goes back, whatever the result is. */
  readonly argument: Uint8Array;
  readonly writes: readonly CallerWrite[];
  /** False: the node has no such ioctl. */
  readonly served: boolean;
}

const VERSION = splitRequest(DRM_IOCTL_VERSION);
/** More than any string of the driver: a caller with more room gets no more bytes. */
const LONGEST_STRING = 256;

/** Carries the call out on a node of the given user ABI. */
export function answerIoctl(node: DeviceNode, call: HelperIoctl, profile: UapiProfile): IoctlAnswer {
  const { type, number, size } = splitRequest(call.request);
  // Without the direction bit nothing was copied in: the driver sees zeros.
  const argument = new Uint8Array(size);
  argument.set(call.argument.subarray(0, size));
  if (isSvmRequest(profile, call.request)) return svm(node, call, argument);
  if (type === VERSION.type && number === VERSION.number) return version(node, argument);
  return { result: ioctlRefusal(call.request), argument, writes: [], served: false };
}

function svm(node: DeviceNode, call: HelperIoctl, argument: Uint8Array): IoctlAnswer {
  // Without data the node sees the address alone: nothing behind it if it is 0, else a fault.
  const data = call.records instanceof Uint8Array ? call.records : undefined;
  const result = node.ioctl(call.request, argument, data === undefined ? [] : [{ offset: ATTRS_PTR_OFFSET, data }]);
  const writes: CallerWrite[] = [];
  if (result === 0 && data !== undefined) {
    const view = viewOf(argument);
    if (view.getUint32(GEM_SVM_LAYOUT.fields.operation.offset, true) === SvmOperation.getAttributes) {
      writes.push({ address: view.getBigUint64(ATTRS_PTR_OFFSET, true), bytes: data });
    }
  }
  return { result, argument, writes, served: true };
}

/** DRM_IOCTL_VERSION: a length and a buffer of the caller for each of three strings. */
function version(node: DeviceNode, copied: Uint8Array): IoctlAnswer {
  const { fields, size } = DRM_VERSION_LAYOUT;
  // The DRM core works on the whole structure, whatever part of it the caller has.
  const argument = new Uint8Array(Math.max(size, copied.length));
  argument.set(copied);
  const view = viewOf(argument);
  const strings = [
    [fields.name_len.offset, fields.name.offset],
    [fields.date_len.offset, fields.date.offset],
    [fields.desc_len.offset, fields.desc.offset],
  ] as const;
  const pointers: (PointerField & { room: number; lengthAt: number })[] = [];
  for (const [lengthAt, offset] of strings) {
    const asked = view.getBigUint64(lengthAt, true);
    const room = asked > LONGEST_STRING ? LONGEST_STRING : Number(asked);
    if (room > 0 && view.getBigUint64(offset, true) !== 0n)
      pointers.push({ offset, data: new Uint8Array(room), room, lengthAt });
  }
  const result = node.ioctl(DRM_IOCTL_VERSION, argument, pointers);
  const writes = pointers.map(({ offset, data, room, lengthAt }) => ({
    address: view.getBigUint64(offset, true),
    bytes: data.subarray(0, Math.min(room, Number(view.getBigUint64(lengthAt, true)))),
  }));
  return {
    result,
    argument: argument.subarray(0, copied.length),
    writes: result === 0 ? writes.filter(({ bytes }) => bytes.length > 0) : [],
    served: true,
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
