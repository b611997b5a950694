/** Large memory that the GPU maps and nobody has written: its end costs page tables, in time and in memory. */
import { EmulatedMachine } from 'amdgpu-svm/emulator';
import { SvmDevice } from 'amdgpu-svm';
import { HipRuntime } from 'amdgpu-svm/hip';
import { now } from './clock.ts';
import type { Measurement } from './measurement.ts';

const SIZE = 2 ** 30;
const ROUNDS = 5;
/** Microseconds. */
const MOST_TIME = 20_000;
const MOST_RESIDENT = 16 * 2 ** 20;

/** 1 GiB of managed memory that the GPU maps. */
interface Large {
  readonly machine: EmulatedMachine;
  readonly hip: HipRuntime;
  readonly memory: ReturnType<HipRuntime['mallocManaged']>;
}

const ENDS: readonly { readonly name: string; readonly run: (large: Large) => void }[] = [
  {
    name: 'MADV_DONTNEED',
    run: ({ machine, memory }) => machine.process.discard(memory.address, SIZE),
  },
  { name: 'munmap', run: ({ machine, memory }) => machine.process.munmap(memory.address, SIZE) },
  { name: 'HIP free', run: ({ hip, memory }) => hip.free(memory) },
  { name: 'exit of the process', run: ({ machine }) => machine.process.exit() },
];

/** A row of time and one of resident memory for each way in which the memory ends. */
export function measureUnwritten(): Measurement[] {
  return ENDS.flatMap(({ name, run }) => {
    const times: number[] = [];
    const grown: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const machine = new EmulatedMachine();
      const device = SvmDevice.open({ emulator: machine.devices[0]! });
      const hip = HipRuntime.open({ devices: [device] });
      const memory = hip.mallocManaged(SIZE);
      device.prefetch(memory, 'device');
      const [before, begin] = [process.memoryUsage.rss(), now()];
      run({ machine, hip, memory });
      times.push((now() - begin) * 1000);
      grown.push(Math.max(0, process.memoryUsage.rss() - before));
      device.close();
    }
    return [
      row(`${name} of 1 GiB that nobody wrote`, 'us', times, MOST_TIME),
      row('memory that it makes resident', 'B', grown, MOST_RESIDENT),
    ];
  });
}

function row(name: string, unit: Measurement['unit'], values: number[], limit: number): Measurement {
  values.sort((left, right) => left - right);
  return { name, unit, median: values[values.length >> 1]!, best: values[0]!, target: { kind: 'limit', value: limit } };
}
