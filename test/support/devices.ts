/** What the tests of devices share: devices that are closed after the test, and the error that a call throws. */
import { afterEach, vi } from 'vitest';
import { SvmDevice } from '../../lib/index.ts';
import type { OpenOptions } from '../../lib/index.ts';

/** How a test file opens its devices: an emulated one unless it says otherwise. Changed variables of the environment are put back. */
export function openDevices(): (options?: OpenOptions) => SvmDevice {
  const devices: SvmDevice[] = [];
  afterEach(() => {
    for (const device of devices.splice(0)) device.close();
    vi.unstubAllEnvs();
  });
  return (options = { backend: 'emulated' }) => {
    const device = SvmDevice.open(options);
    devices.push(device);
    return device;
  };
}

/** The error that `action` throws. */
export function thrown(action: () => unknown): Error & Record<string, unknown> {
  try {
    action();
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('nothing was thrown');
}
