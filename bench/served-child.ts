/** Runs in `amdgpu-svm serve --run`: times GPU work through the served KFD and prints JSON, in microseconds. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as rest } from 'node:timers/promises';
import { SvmDevice } from '../lib/device/svm-device.ts';

/** Each a list of microseconds. */
export interface ServedTimes {
  /** Fills of 4 KiB: one after another, after 100 ms, and after a second without work. */
  readonly busy: number[];
  readonly rested: number[];
  readonly longRested: number[];
  /** Copies of 64 MiB. */
  readonly copies: number[];
  /** Processor time of the server in each second without work. */
  readonly idle: number[];
}

const COPY_BYTES = 64 << 20;

/** Microseconds that all threads of a process have run. */
function processorTime(pid: number): number {
  const times = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return times.reduce((sum, nanoseconds) => sum + nanoseconds / 1000, 0);
}

async function repeat(count: number, pause: number, work: () => Promise<void>): Promise<number[]> {
  const took: number[] = [];
  for (let round = 0; round < count; round++) {
    if (pause > 0) await rest(pause);
    const start = performance.now();
    await work();
    took.push((performance.now() - start) * 1000);
  }
  return took;
}

async function times(): Promise<ServedTimes> {
  using device = SvmDevice.open({ backend: 'kernel' });
  using queue = device.createQueue();
  using source = device.memory.map(COPY_BYTES);
  using target = device.memory.map(COPY_BYTES);
  const fill = (): Promise<void> => queue.fill(source.address, 1, 4096);
  const copy = (): Promise<void> => queue.copy(target.address, source.address, COPY_BYTES);
  await queue.fill(source.address, 2, COPY_BYTES);
  await repeat(2, 0, copy);
  await repeat(300, 0, fill);
  const [busy, rested] = [await repeat(200, 0, fill), await repeat(60, 100, fill)];
  const [longRested, copies] = [await repeat(10, 1000, fill), await repeat(8, 0, copy)];
  const idle: number[] = [];
  // V8 tidies up first.
  await rest(3000);
  for (let second = 0; second < 5; second++) {
    const before = processorTime(process.ppid);
    await rest(1000);
    idle.push(processorTime(process.ppid) - before);
  }
  return { busy, rested, longRested, copies, idle };
}

process.stdout.write(JSON.stringify(await times()));
