/** What `amdgpu-svm bench` measures: the calls of the typed API on whatever device answers. */
import type { GpuQueue, SvmDevice } from '../device/index.ts';
import { backendOf } from '../device/svm-device.ts';
import type { WorkloadName } from './workload-names.ts';

/** Something to time. `action` is called again and again and may return a promise. */
export interface Workload {
  readonly name: WorkloadName;
  /** What one call does, for the table. */
  readonly unit: string;
  /** Why it can't be measured on this device. */
  readonly unavailable?: string;
  readonly action: () => void | Promise<void>;
  /** Brings back the state before the next call; not timed. */
  readonly reset?: () => Promise<void>;
}

const MIB = 1 << 20;

/** The workloads for an open device; its memory is mapped once and stays mapped. */
export function workloads(device: SvmDevice): Workload[] {
  const buffer = device.memory.map(2 * MIB);
  const one = device.memory.map(4096);
  device.setAttributes(buffer, { access: 'allow-migrate' });
  let toggle = false;
  const { queue, refusal } = queueOf(device);
  const touch = (size: number) => async (): Promise<void> => void (await queue?.read(buffer.address, size));
  const forget = (): Promise<void> => {
    buffer.discard();
    // Later than the window in which a fault is taken for a repeated one.
    return backendOf(device).passTime(3_000_000);
  };
  return [
    {
      name: 'get-one',
      unit: 'GET of one attribute, raw',
      action: () =>
        void device.svmIoctl({ operation: 1, address: one.address, size: 4096, attributes: [{ type: 2, value: 0 }] }),
    },
    {
      name: 'set-same',
      unit: 'SET of one attribute that has the value, raw',
      action: () =>
        void device.svmIoctl({
          operation: 0,
          address: buffer.address,
          size: buffer.size,
          attributes: [{ type: 2, value: 2 }],
        }),
    },
    { name: 'get-typed', unit: 'getAttributes, all 12', action: () => void device.getAttributes(one) },
    {
      name: 'set-typed',
      unit: 'setAttributes, three, one changes',
      action: () => {
        toggle = !toggle;
        device.setAttributes(one, { access: 'allow-migrate', granularity: toggle ? 9 : 8, gpuReadMostly: true });
      },
    },
    { name: 'map-unmap', unit: 'map and unmap 2 MiB', action: () => device.memory.map(2 * MIB).unmap() },
    {
      name: 'prefetch',
      unit: 'prefetch 2 MiB to the GPU after a discard',
      action: () => device.prefetch(buffer, 'device'),
      reset: () => {
        device.prefetch(buffer, 'system');
        return forget();
      },
    },
    ...([4096, 2 * MIB] as const).map((size): Workload => ({
      name: size === 4096 ? 'gpu-read-4k' : 'gpu-read-2m',
      unit: `the GPU reads ${size === 4096 ? '4 KiB' : '2 MiB'} that it has to fault in (2 MiB range)`,
      ...(refusal === undefined ? {} : { unavailable: refusal }),
      action: touch(size),
      reset: forget,
    })),
  ];
}

/** A queue, or why the device has none. */
function queueOf(device: SvmDevice): { queue?: GpuQueue; refusal?: string } {
  try {
    return { queue: device.createQueue() };
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_SVM_NOT_AVAILABLE') throw error;
    return { refusal: (error as Error).message };
  }
}
