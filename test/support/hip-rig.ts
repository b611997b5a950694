/** What the tests of the HIP layer share: runtimes on emulated GPUs, and the frame for cases of HIP's own test suite. */
import { describe, expect, it, onTestFinished } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import type { MachineOptions } from '../../emulator/index.ts';
import { SvmDevice } from '../../lib/device/index.ts';
import { formatTraffic, HipError, HipMemAttach, HipMemRangeAttribute, HipRuntime } from '../../lib/hip/index.ts';
import type { HipMemory, HipPointer, HipRuntimeOptions } from '../../lib/hip/index.ts';

export const PAGE = 4096;
export const CPU = -1;
export const NONE = -2;

export interface Rig {
  readonly machine: EmulatedMachine;
  readonly devices: readonly SvmDevice[];
  readonly hip: HipRuntime;
}

/** A machine with its devices opened; closed when the test is over. */
export function openDevices(machine: MachineOptions): { machine: EmulatedMachine; devices: SvmDevice[] } {
  const made = new EmulatedMachine(machine);
  const devices = made.devices.map((emulator) => SvmDevice.open({ emulator }));
  onTestFinished(() => devices.forEach((device) => device.close()));
  return { machine: made, devices };
}

/** A runtime on a machine of its own; closed when the test is over. */
export function openHip(options: HipRuntimeOptions & { machine?: MachineOptions } = {}): Rig {
  const { machine: machineOptions, ...rest } = options;
  const { machine, devices } = openDevices(machineOptions ?? {});
  const hip = HipRuntime.open({ devices, ...rest });
  onTestFinished(() => hip.close());
  return { machine, devices, hip };
}

/** The code of the HipError that `action` throws; 0 if it throws nothing. Other errors pass. */
export function codeOf(action: () => unknown): number {
  try {
    action();
    return 0;
  } catch (error) {
    if (error instanceof HipError) return error.code;
    throw error;
  }
}

/** One attribute of one number. */
export function attributeOf(hip: HipRuntime, attribute: number, pointer: HipPointer, count: number): number {
  const data = new Int32Array([12345]);
  hip.memRangeGetAttribute(data, 4, attribute, pointer, count);
  return data[0]!;
}

/** The list of `slots` devices. */
export function accessedBy(hip: HipRuntime, pointer: HipPointer, count: number, slots: number): number[] {
  const data = new Int32Array(slots).fill(12345);
  hip.memRangeGetAttribute(data, slots * 4, HipMemRangeAttribute.accessedBy, pointer, count);
  return [...data];
}

/** The ioctls of `action`, as lines of the traffic view. */
export async function linesOf(hip: HipRuntime, action: () => unknown): Promise<string[]> {
  const lines: string[] = [];
  const stop = hip.traffic.on((event) => void lines.push(formatTraffic(event)));
  await action();
  await hip.deviceSynchronize();
  // The call of a prefetch ends after its signal.
  await new Promise((resolve) => setTimeout(resolve, 0));
  stop();
  return lines;
}

/** What a case of the HIP test suite works with. */
export interface Catch extends Rig {
  readonly gpus: readonly number[];
  /** The GPUs, then the CPU. */
  readonly places: readonly number[];
  /** hipMallocManaged with the flag of the original's guard. */
  managed(size: number): HipMemory;
  read(attribute: number, pointer: HipPointer, count: number): number;
  accessedBy(pointer: HipPointer, count: number, slots: number): number[];
}

/**
 * A case of the HIP test suite, under its original name, with each compatibility and
 * number of GPUs. `failsInRocm`: numbers of GPUs with which the real stack fails it on
 * the DRM backend; 'rocm' must then fail too, and 'documented' pass.
 */
export function catchCase(
  name: string,
  options: { gpus?: readonly number[]; failsInRocm?: readonly number[]; machine?: MachineOptions; cpuAgents?: number },
  body: (test: Catch) => void | Promise<void>,
): void {
  describe(name, () => {
    for (const gpus of options.gpus ?? [1, 2]) {
      for (const compatibility of ['documented', 'rocm'] as const) {
        const fails = compatibility === 'rocm' && options.failsInRocm?.includes(gpus) === true;
        it(`${compatibility}, ${gpus} GPU${gpus > 1 ? 's' : ''}${fails ? ': fails, as the real stack does' : ''}`, async () => {
          const rig = openHip({
            compatibility,
            cpuAgents: options.cpuAgents ?? 1,
            machine: { ...options.machine, gpus },
          });
          const { hip } = rig;
          const numbers = Array.from({ length: gpus }, (_, index) => index);
          const run = async (): Promise<void> =>
            body({
              ...rig,
              gpus: numbers,
              places: [...numbers, CPU],
              managed: (size) => hip.mallocManaged(size, HipMemAttach.global),
              read: (attribute, pointer, count) => attributeOf(hip, attribute, pointer, count),
              accessedBy: (pointer, count, slots) => accessedBy(hip, pointer, count, slots),
            });
          if (fails) await expect(run()).rejects.toMatchObject({ name: 'AssertionError' });
          else await run();
        });
      }
    }
  });
}

/** The numbers in some memory, as the CPU reads them. */
export function intsOf(memory: HipMemory): Int32Array {
  return new Int32Array(memory.read().buffer);
}

/** A kernel that changes each number: the GPU reads them, and writes the results. */
export function onEachInt(
  hip: HipRuntime,
  gpu: number,
  memory: HipMemory,
  change: (value: number) => number,
): Promise<void> {
  hip.setDevice(gpu);
  return hip.launch(null, async (queue) => {
    const read = new Int32Array((await queue.read(memory.address, memory.size)).buffer);
    await queue.write(memory.address, new Uint8Array(read.map(change).buffer));
  });
}
