/** What a render node answers in addition to SVM, so that libdrm and the runtimes above KFD take it for one of amdgpu. */
import { Errno } from '../../uapi/errno.ts';
import { DRM_IOCTL_TYPE, splitRequest } from '../../uapi/request.ts';
import type { HelperIoctl } from '../helper-protocol.ts';
import type { IoctlAnswer } from '../ioctl-call.ts';
import type { KfdFile } from './client.ts';
import { pciDeviceOf } from './topology-tree.ts';

const GET_CLIENT = 0x05;
const AMDGPU_INFO = 0x45;

/** `query` of AMDGPU_INFO. */
const Query = { accelWorking: 0x00, readRegister: 0x15, deviceInfo: 0x16 } as const;
/** AMDGPU_FAMILY_AI: gfx9. */
const FAMILY_GFX9 = 141;
const DEVICE_INFO_BYTES = 368;
const MOST_REGISTERS = 128;

/** The answer to GET_CLIENT and AMDGPU_INFO; undefined: another ioctl. */
export function answerRuntime(file: KfdFile, call: HelperIoctl): IoctlAnswer | undefined {
  const { type, number, size } = splitRequest(call.request);
  if (type !== DRM_IOCTL_TYPE) return undefined;
  const argument = new Uint8Array(size);
  argument.set(call.argument.subarray(0, size));
  if (number === GET_CLIENT) return getClient(argument);
  if (number === AMDGPU_INFO) return info(file, argument);
  return undefined;
}

/** A render node is closed to it; a file that is no device is taken for a primary one by libdrm, which asks whether it may use it. */
function getClient(argument: Uint8Array): IoctlAnswer {
  const view = new DataView(argument.buffer);
  // idx, auth: the first client, and allowed.
  const fits = argument.length >= 8;
  if (fits) view.setInt32(4, 1, true);
  return { result: fits ? 0 : -Errno.EINVAL, argument, writes: [], served: true };
}

/** `return_pointer`, `return_size`, `query`, and a union. */
function info(file: KfdFile, argument: Uint8Array): IoctlAnswer {
  const answer = (result: number, bytes?: Uint8Array): IoctlAnswer => {
    if (bytes === undefined) return { result, argument, writes: [], served: true };
    const view = new DataView(argument.buffer);
    const room = Math.min(view.getUint32(8, true), bytes.length);
    const writes = [{ address: view.getBigUint64(0, true), bytes: bytes.subarray(0, room) }];
    return { result, argument, writes, served: true };
  };
  if (argument.length < 32) return answer(-Errno.EINVAL);
  const view = new DataView(argument.buffer);
  switch (view.getUint32(12, true)) {
    case Query.accelWorking:
      return answer(0, Uint8Array.of(1, 0, 0, 0));
    case Query.readRegister: {
      const count = view.getUint32(20, true);
      return count > MOST_REGISTERS ? answer(-Errno.EINVAL) : answer(0, new Uint8Array(count * 4));
    }
    case Query.deviceInfo:
      return answer(0, deviceInfo(file));
    default:
      return answer(-Errno.EINVAL);
  }
}

/** struct drm_amdgpu_info_device, as far as somebody looks at it. */
function deviceInfo(file: KfdFile): Uint8Array {
  const view = new DataView(new ArrayBuffer(DEVICE_INFO_BYTES));
  view.setUint32(0, pciDeviceOf(file.node.device.gpu.model.asic), true);
  view.setUint32(16, FAMILY_GFX9, true);
  view.setUint32(20, 1, true); // shader engines
  view.setUint32(24, 1, true); // arrays in each
  view.setUint32(28, 100_000, true); // kHz of the counter
  view.setUint32(48, 4, true); // active compute units
  view.setBigUint64(144, 0x20_0000n, true); // first address for buffers
  view.setBigUint64(152, 1n << 47n, true); // end of them
  for (const at of [160, 168]) view.setUint32(at, 4096, true); // alignment, page
  view.setUint32(164, 0x20_0000, true); // fragment of PTEs
  return new Uint8Array(view.buffer);
}
