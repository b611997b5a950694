/** Runs in a process of its own, with the accepting shim preloaded: times the boundary and prints JSON. */
import { nativeAddon } from '../lib/device/native-addon.ts';
import { SvmDevice } from '../lib/device/svm-device.ts';
import { DRM_IOCTL_AMDGPU_GEM_SVM } from '../lib/uapi/request.ts';

/** Nanoseconds of one call, for each batch. */
export interface BoundaryTimes {
  readonly prepared: number[];
  readonly plain: number[];
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

const [file = '/dev/null', calls = '2000', count = '100'] = process.argv.slice(2);
const addon = nativeAddon();
const handle = addon.open(file);
if (typeof handle === 'number') throw new Error(`${file}: errno ${-handle}`);
const made = addon.prepareIoctl(handle, DRM_IOCTL_AMDGPU_GEM_SVM, 32);
if (typeof made === 'number') throw new Error(`prepareIoctl: errno ${-made}`);
const { ioctl } = made;
const argument = new Uint8Array(32);
const device = SvmDevice.open({ backend: 'kernel', node: file, profile: 'v4' });
const range = { address: 0x7f00_0000_0000n, size: 2 << 20 };
const setThree = () => device.setAttributes(range, { access: 'allow-migrate', preferredLocation: 'device', gpuReadMostly: true });

const sizes = [Number(calls), Number(count)] as const;
const times: BoundaryTimes = {
  prepared: batches(...sizes, () => void ioctl()),
  plain: batches(...sizes, () => void addon.ioctl(handle, DRM_IOCTL_AMDGPU_GEM_SVM, argument)),
  setAttributes: batches(...sizes, setThree),
  retained: retainedBytes(100_000, setThree),
};
process.stdout.write(JSON.stringify(times));
