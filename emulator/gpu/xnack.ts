// Models: XNACK detection and the default granularity at context creation (spec/06-lifecycle §3, §4).
import { gc, gcNumber } from './gc-version.ts';
import type { GpuDevice } from './gpu-device.ts';

/** Whether retry faults are on: the only mode in which a V4 context can live. */
export function isXnackEnabled(device: GpuDevice): boolean {
  const version = gcNumber(device.model.gc);
  if (version < gc(9, 0, 1)) return false;
  if (!device.settings.sriovXnack) return false;
  switch (version) {
    // mutant: noretry-9-4-2
    case gc(9, 4, 2):
    case gc(9, 4, 3):
    case gc(9, 4, 4):
    case gc(9, 5, 0):
      return true; // Q05: whatever the no-retry setting is
    default:
      // mutant: xnack-10-3, noretry-ignored
      return version < gc(10, 1, 1) && !device.model.noretry;
  }
}

/** Whether a GPU would have retry faults, by a revision's rule, were it not for the module parameter amdgpu.noretry=1. */
export function isSwitchedOffByNoretry(isEnabled: (device: GpuDevice) => boolean, device: GpuDevice): boolean {
  return !isEnabled(device) && isEnabled({ ...device, model: { ...device.model, noretry: false } });
}

// mutant: default-granularity-clamp
export const LARGEST_DEFAULT_GRANULARITY = 27;

/** Default granularity, log2 of pages: the parameter modulo 256, then at most 27 (Q06). */
export function defaultGranularity(device: GpuDevice): number {
  // mutant: granularity-not-truncated
  return Math.min(device.settings.defaultGranularity & 0xff, LARGEST_DEFAULT_GRANULARITY);
}
