/** `amdgpu-svm record` of programs with several devices, threads and processes: none overwrites the recording of another. */
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readTraceFile } from '../lib/trace/format/read-trace.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root, runNode, writeFiles } from './support/package-support.ts';
import type { Run } from './support/package-support.ts';

beforeAll(ensureDist, 300_000);

/** Each device maps as many pages as its number says. */
const PROGRAM = `
import { fork } from 'node:child_process';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { SvmDevice } from ${JSON.stringify(path.join(root, 'dist/lib/index.js'))};

function use(number) {
  const device = SvmDevice.open({ backend: 'emulated' });
  device.setAttributes(device.memory.map(4096 * number), { coherent: true });
  return device;
}
const ended = (other) => new Promise((resolve) => other.once('exit', resolve));
const thread = (number) => ended(new Worker(new URL(import.meta.url), { workerData: number }));
const child = (number) => ended(fork(new URL(import.meta.url), ['child', String(number)]));

const [, , task, number] = process.argv;
if (!isMainThread) use(workerData).close();
else if (task === 'child') {
  use(Number(number));
  // Without closing it.
  process.exit();
} else if (task === 'all') {
  use(1).close();
  const open = [use(2), use(3)];
  // One after the other, and at the same time.
  await thread(4);
  await Promise.all([thread(5), thread(6)]);
  await child(7);
  await child(8);
  for (const device of open) device.close();
}
`;

/** Runs the program under \`record\`; the recordings, by what their devices mapped. */
async function record(folder: string, file: string, ...args: readonly string[]): Promise<Run> {
  writeFiles(folder, { 'program.mjs': PROGRAM });
  const cli = path.join(root, 'dist/lib/cli/main.cjs');
  return runNode([cli, 'record', file, '--', process.execPath, 'program.mjs', ...args], { cwd: folder });
}

function recordings(folder: string): string[] {
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .sort();
}

/** Which device a file is of; it replays identically. */
function deviceOf(file: string): number {
  const lines = readTraceFile(file);
  expect(replayTrace(lines, { check: true })).toMatchObject({ compared: lines.length, difference: undefined });
  const sizes = lines.flatMap(({ operation }) => (operation.name === 'mmap' ? [Number(operation.size) / 4096] : []));
  expect(sizes).toHaveLength(1);
  return sizes[0]!;
}

describe('record', () => {
  it('gives each device, thread and process a file of its own, and replaces those of an earlier run', async () => {
    const folder = temporaryFolder();
    const names = ['', '.2', '.3', '.4', '.5', '.6', '.7', '.8'].map((number) => `run${number}.jsonl`).sort();
    fs.writeFileSync(path.join(folder, 'run.10.jsonl'), 'something of somebody else');
    for (const run of [1, 2]) {
      const { code, stderr } = await record(folder, 'run.jsonl', 'all');
      expect([run, code, recordings(folder)]).toEqual([run, 0, [...names, 'run.10.jsonl'].sort()]);
      expect(stderr).toMatch(/^amdgpu-svm record: 8 recordings: run\.2\.jsonl, .*run\.jsonl$/m);
      const devices = names.map((name) => deviceOf(path.join(folder, name)));
      expect(devices.sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    }
  });

  it('puts process, thread and device into the name', async () => {
    const folder = temporaryFolder();
    const { code, stderr } = await record(folder, 'run-%p-%t-%d.jsonl', 'all');
    expect([code, stderr.split('\n')[0]]).toEqual([0, expect.stringMatching(/8 recordings: run-/)]);
    const files = recordings(folder);
    const places = files.map((name) => /^run-(\d+)-(\d+)-(\d+)\.jsonl$/.exec(name)!.slice(1).map(Number));
    const byProcess = new Map<number, (readonly [number, number, number])[]>();
    for (const [index, [pid = 0, thread = 0, device = 0]] of places.entries())
      byProcess.set(pid, [...(byProcess.get(pid) ?? []), [deviceOf(path.join(folder, files[index]!)), thread, device]]);
    const processes = [...byProcess.values()]
      .map((each) => each.sort())
      .sort((one, other) => one.length - other.length);
    expect(processes.map((each) => each.length)).toEqual([1, 1, 6]);
    const inMain = processes[2]!;
    expect(inMain.map(([device, , number]) => [device, number])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 1],
      [5, 1],
      [6, 1],
    ]);
    expect(new Set(inMain.map(([, thread]) => thread)).size).toBe(4);
  });

  it('says that nothing was recorded, with exit code 1', async () => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, 'run.jsonl'), '{"config":{}}\n');
    expect(await record(folder, 'run.jsonl', 'nothing')).toMatchObject({
      code: 1,
      stderr: 'amdgpu-svm record: nothing was recorded: the program opened no SvmDevice\n',
    });
    // That of an earlier run would be taken for its result.
    expect(recordings(folder)).toEqual([]);
  });

  it('starts nothing where the recording cannot be written', async () => {
    const folder = temporaryFolder();
    const { code, stdout, stderr } = await record(folder, 'no/where.jsonl', 'all');
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/^amdgpu-svm: .*no\/where\.jsonl cannot be written: ENOENT.*\n$/);
  });
});
