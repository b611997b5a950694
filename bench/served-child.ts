/** Runs in `amdgpu-svm serve --run`: times GPU work through the served KFD and prints JSON, in microseconds. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as rest } from 'node:timers/promises';
import { SvmDevice } from 'amdgpu-svm';
import { EchoProcess, TouchedPages } from './rest-peers.ts';

/** What was measured in turns, each time after a rest. */
export interface RestedTimes {
  /** Fills of 4 KiB. */
  readonly fills: number[];
  /** A byte to another Node process and back. */
  readonly pings: number[];
  /** Each of some pages of this process that were not touched meanwhile. */
  readonly pages: number[];
}

/** Each a list of microseconds. */
export interface ServedTimes {
  /** Fills of 4 KiB, one after another. */
  readonly busy: number[];
  readonly after100Milliseconds: RestedTimes;
  readonly afterSecond: RestedTimes;
  /** Copies of 64 MiB. */
  readonly copies: number[];
  /** Processor time of server and helper in each second of the first seconds without work, and in each one after. */
  readonly settling: number[];
  readonly idle: number[];
}

const COPY_BYTES = 64 << 20;
const PAGES = 1000;
/** V8 tidies up from 8 s after the last work on. */
const SETTLING_SECONDS = 15;
const IDLE_SECONDS = 5;

/** Microseconds that all threads of a process have run. */
function processorTime(pid: number): number {
  const times = readdirSync(`/proc/${pid}/task`).map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]),
  );
  return times.reduce((sum, nanoseconds) => sum + nanoseconds / 1000, 0);
}

/** The server, and its helper: what else it has started. */
function servingProcesses(): number[] {
  const server = process.ppid;
  const children = readdirSync(`/proc/${server}/task`).flatMap((thread) =>
    readFileSync(`/proc/${server}/task/${thread}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  );
  return [server, ...children.filter((child) => child !== process.pid)];
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) * 1000;
}

async function repeat(count: number, work: () => Promise<void>): Promise<number[]> {
  const took: number[] = [];
  for (let round = 0; round < count; round++) took.push(await timed(work));
  return took;
}

/** Processor time of some seconds without work, each. */
async function restingTimes(seconds: number): Promise<number[]> {
  const processes = servingProcesses();
  const total = (): number => processes.reduce((sum, pid) => sum + processorTime(pid), 0);
  const took: number[] = [];
  for (let second = 0; second < seconds; second++) {
    const before = total();
    await rest(1000);
    took.push(total() - before);
  }
  return took;
}

async function afterRest(milliseconds: number, count: number, fill: () => Promise<void>): Promise<RestedTimes> {
  const times: RestedTimes = { fills: [], pings: [], pages: [] };
  const [echo, pages] = [new EchoProcess(), new TouchedPages(PAGES)];
  const ping = (): Promise<void> => echo.ping();
  await repeat(300, ping);
  for (let round = 0; round < count; round++) {
    for (const [work, took] of [
      [fill, times.fills],
      [ping, times.pings],
    ] as const) {
      pages.touch();
      await rest(milliseconds);
      took.push(await timed(work));
      times.pages.push(pages.touch());
    }
  }
  await echo.end();
  return times;
}

async function times(): Promise<ServedTimes> {
  using device = SvmDevice.open({ backend: 'kernel' });
  using queue = device.createQueue();
  using source = device.memory.map(COPY_BYTES);
  using target = device.memory.map(COPY_BYTES);
  const fill = (): Promise<void> => queue.fill(source.address, 1, 4096);
  const copy = (): Promise<void> => queue.copy(target.address, source.address, COPY_BYTES);
  await queue.fill(source.address, 2, COPY_BYTES);
  await repeat(2, copy);
  await repeat(300, fill);
  const busy = await repeat(200, fill);
  const after100Milliseconds = await afterRest(100, 40, fill);
  const afterSecond = await afterRest(1000, 10, fill);
  const copies = await repeat(8, copy);
  const settling = await restingTimes(SETTLING_SECONDS);
  const idle = await restingTimes(IDLE_SECONDS);
  return { busy, after100Milliseconds, afterSecond, copies, settling, idle };
}

process.stdout.write(JSON.stringify(await times()));
