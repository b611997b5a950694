/** DRM_IOCTL_VERSION on any node. */
import { DRM_VERSION_LAYOUT } from '../uapi/layout.ts';
import type { DeviceNode } from '../uapi/node.ts';
import { DRM_IOCTL_VERSION } from '../uapi/request.ts';
import type { DriverVersion } from './native-addon.ts';

const LONGEST_STRING = 4096;

/** Identity of the driver behind `node`, or a negative errno. */
export function driverVersionOf(node: DeviceNode): DriverVersion | number {
  const { size, fields } = DRM_VERSION_LAYOUT;
  const arg = new Uint8Array(size);
  const view = new DataView(arg.buffer);
  const strings = { name: fields.name, date: fields.date, desc: fields.desc };
  const lengths = { name: fields.name_len, date: fields.date_len, desc: fields.desc_len };
  const names = ['name', 'date', 'desc'] as const;
  const pointers = names.map((name) => ({ offset: strings[name].offset, data: new Uint8Array(LONGEST_STRING) }));
  for (const name of names) view.setBigUint64(lengths[name].offset, BigInt(LONGEST_STRING), true);
  const result = node.ioctl(DRM_IOCTL_VERSION, arg, pointers);
  if (result < 0) return result;
  const text = (index: number): string => {
    const length = Number(view.getBigUint64(lengths[names[index]!].offset, true));
    return new TextDecoder().decode(pointers[index]!.data.subarray(0, Math.min(length, LONGEST_STRING)));
  };
  return {
    name: text(0),
    date: text(1),
    description: text(2),
    major: view.getInt32(fields.version_major.offset, true),
    minor: view.getInt32(fields.version_minor.offset, true),
    patchlevel: view.getInt32(fields.version_patchlevel.offset, true),
  };
}
