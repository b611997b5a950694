/**
 * Runs in a process of its own: times the boundary and prints JSON. `addon`: the addon's
 * ioctl, whose system call is the one of the C loop. `device`: the typed calls, which
 * need the accepting shim preloaded.
 */
import { nativeAddon } from '../lib/backend/native-addon.ts';
import { SvmDevice } from '../lib/device/svm-device.ts';
import { UAPI_PROFILES } from '../lib/uapi/profile.ts';

/** Nanoseconds of one call, for each batch. */
export interface AddonTimes {
  readonly prepared: number[];
  readonly plain: number[];
}

export interface DeviceTimes {
  readonly setAttributes: number[];
  /** Bytes of JavaScript heap and of its buffers that stay allocated, per call of setAttributes. */
  readonly retained: number;
}

/** Calls before the first batch: the compiler of the engine is done by then. */
const WARM_UP = 50_000;

function batches(calls: number, count: number, call: () => void): number[] {
  for (let index = 0; index < WARM_UP; index++) call();
  return Array.from({ length: count }, () => {
    const start = process.hrtime.bigint();
    for (let index = 0; index < calls; index++) call();
    return Number(process.hrtime.bigint() - start) / calls;
  });
}

function usedBytes(): number {
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

function retainedBytes(calls: number, call: () => void): number {
  for (let index = 0; index < calls; index++) call();
  const before = usedBytes();
  for (let index = 0; index < calls; index++) call();
  return (usedBytes() - before) / calls;
}

function timeAddon(file: string, calls: number, count: number): AddonTimes {
  const addon = nativeAddon();
  const handle = addon.open(file);
  if (typeof handle === 'number') throw new Error(`${file}: errno ${-handle}`);
  const made = addon.prepareIoctl(handle, UAPI_PROFILES.v4.request, 32);
  if (typeof made === 'number') throw new Error(`prepareIoctl: errno ${-made}`);
  const { ioctl } = made;
  const argument = new Uint8Array(32);
  return {
    prepared: batches(calls, count, () => void ioctl()),
    plain: batches(calls, count, () => void handle.ioctl(UAPI_PROFILES.v4.request, argument)),
  };
}

function timeDevice(file: string, calls: number, count: number): DeviceTimes {
  const device = SvmDevice.open({ backend: 'kernel', node: file, profile: 'v4' });
  const range = { address: 0x7f00_0000_0000n, size: 2 << 20 };
  const setThree = () =>
    device.setAttributes(range, { access: 'allow-migrate', preferredLocation: 'device', gpuReadMostly: true });
  return { setAttributes: batches(calls, count, setThree), retained: retainedBytes(100_000, setThree) };
}

const [what, file, calls, count] = process.argv.slice(2);
const time = what === 'addon' ? timeAddon : timeDevice;
process.stdout.write(JSON.stringify(time(file!, Number(calls), Number(count))));
