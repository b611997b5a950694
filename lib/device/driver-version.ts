/** Which driver a device belongs to. */
import { driverVersionOf } from '../backend/driver-version.ts';
import { backendOf } from './svm-device.ts';
import type { SvmDevice } from './svm-device.ts';

/** Name and version that DRM_IOCTL_VERSION gives, and the driver's own words: "amdgpu 3.64.0 (AMD GPU)"; "unknown" if it is refused. */
export function driverVersion(device: SvmDevice): string {
  const version = driverVersionOf(backendOf(device).node);
  if (typeof version === 'number') return 'unknown';
  const { name, major, minor, patchlevel, description } = version;
  return `${name} ${major}.${minor}.${patchlevel} (${description})`;
}
