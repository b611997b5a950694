/** Several writers of one recording, in processes and threads of their own, and a disk that fills up under one. */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { readTraceFile } from '../lib/trace/format/read-trace.ts';
import type { TraceLine } from '../lib/trace/format/parse-trace.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';
import { temporaryFolder } from './support/after-file.ts';
import { ensureDist, root, runNode, writeFiles } from './support/package-support.ts';

const WRITERS = 4;
const SETS = 300;

const PACKAGE = JSON.stringify(path.join(root, 'dist/lib/index.js'));

/** Opens at once, works when all others have opened too, and is told by the size of its memory. */
const WRITE = `
export function open(file) {
  return SvmDevice.open({ backend: 'emulated', record: file });
}
export function work(device, number) {
  const buffer = device.memory.map(4096 * number);
  for (let count = 0; count < ${SETS}; count++) device.setAttributes(buffer, { coherent: count % 2 === 0 });
  device.close();
}
`;
const PROCESS = `
import { open, work } from './write.mjs';
const device = open(process.argv[2]);
process.stdout.write('open');
process.stdin.once('data', () => {
  work(device, Number(process.argv[3]));
  process.stdin.destroy();
});
`;
const THREADS = `
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { open, work } from './write.mjs';
if (isMainThread) {
  const workers = Array.from(
    { length: ${WRITERS} },
    (_, index) => new Worker(new URL(import.meta.url), { workerData: { file: process.argv[2], number: index + 1 } }),
  );
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
  for (const worker of workers) worker.postMessage('go');
} else {
  const device = open(workerData.file);
  parentPort.once('message', () => {
    work(device, workerData.number);
    parentPort.close();
  });
  parentPort.postMessage('open');
}
`;
const FILL = `
import { open, work } from './write.mjs';
const device = open(process.argv[2]);
const buffer = device.memory.map(4096);
for (let count = 0; count < 5000; count++) device.setAttributes(buffer, { coherent: count % 2 === 0 });
console.log(device.getAttributes(buffer, ['coherent']).coherent);
work(device, 1);
`;

function programs(): string {
  const folder = temporaryFolder();
  writeFiles(folder, {
    'write.mjs': `import { SvmDevice } from ${PACKAGE};\n${WRITE}`,
    'process.mjs': PROCESS,
    'threads.mjs': THREADS,
    'fill.mjs': FILL,
  });
  return folder;
}

/** The lines of a recording that is valid from its first line to its last. */
function validLines(file: string): readonly TraceLine[] {
  const lines = readTraceFile(file);
  expect(replayTrace(lines, { check: true })).toMatchObject({ compared: lines.length, difference: undefined });
  return lines;
}

/** Each writer has a file of its own, with each of its lines. */
async function expectAllComplete(folder: string): Promise<void> {
  const files = fs.readdirSync(folder).filter((name) => name.startsWith('shared'));
  expect(files.sort()).toEqual(['shared.2.jsonl', 'shared.3.jsonl', 'shared.4.jsonl', 'shared.jsonl']);
  const numbers = files.map((name) => {
    const lines = validLines(path.join(folder, name));
    expect(lines.map(({ operation }) => operation.name)).toEqual([
      'config',
      'mmap',
      ...Array<string>(SETS).fill('set'),
      'fini',
    ]);
    const [, { operation }] = lines as unknown as [TraceLine, TraceLine];
    return operation.name === 'mmap' ? Number(operation.size) / 4096 : 0;
  });
  expect(numbers.sort()).toEqual([1, 2, 3, 4]);
  const cli = path.join(root, 'dist/lib/cli/main.cjs');
  const replay = await runNode([cli, 'replay', '--check', ...files.map((name) => path.join(folder, name))]);
  expect(replay).toMatchObject({ code: 0, stdout: expect.stringContaining('4 of 4 traces identical') as string });
}

beforeAll(async () => {
  await ensureDist();
});

it('processes that record to one file at the same time lose no line', async () => {
  const folder = programs();
  const file = path.join(folder, 'shared.jsonl');
  const children = Array.from({ length: WRITERS }, (_, index) =>
    spawn(process.execPath, [path.join(folder, 'process.mjs'), file, String(index + 1)]),
  );
  const said = children.map(() => '');
  const ended = children.map(
    (child, index) =>
      new Promise<number | null>((resolve) => {
        child.stderr.on('data', (data) => (said[index] += String(data)));
        child.once('close', resolve);
      }),
  );
  await Promise.all(
    children.map((child, index) =>
      Promise.race([new Promise((open) => child.stdout.once('data', open)), ended[index]]),
    ),
  );
  for (const child of children) child.stdin.write('go\n');
  expect(await Promise.all(ended)).toEqual([0, 0, 0, 0]);
  // One has the file; each other one says where its recording goes.
  expect(said.filter((text) => text === '')).toHaveLength(1);
  expect(
    said.filter((text) =>
      /\[SVM_RECORDING\] .* is there already; this recording goes to .*shared\.[234]\.jsonl/.test(text),
    ),
  ).toHaveLength(3);
  await expectAllComplete(folder);
});

it('worker threads that record to one file at the same time lose no line', async () => {
  const folder = programs();
  const { code, stderr } = await runNode([path.join(folder, 'threads.mjs'), path.join(folder, 'shared.jsonl')]);
  expect(code).toBe(0);
  expect(stderr.match(/\[SVM_RECORDING\]/g)).toHaveLength(3);
  await expectAllComplete(folder);
});

it('a disk that fills up ends the recording with whole lines, and never the program', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('a small file system can be mounted by root only');
  const folder = programs();
  const disk = path.join(folder, 'disk');
  fs.mkdirSync(disk);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'amdgpu-svm-test', disk], { stdio: 'pipe' });
  } catch (error) {
    return context.skip(
      `no file system can be mounted here: ${(error as Error).message.trim().replaceAll('\n', ': ')}`,
    );
  }
  onTestFinished(() => void execFileSync('umount', [disk]));
  const file = path.join(disk, 'full.jsonl');
  const { code, stdout, stderr } = await runNode([path.join(folder, 'fill.mjs'), file]);
  expect([code, stdout]).toEqual([0, 'false\n']);
  expect(stderr.match(/\[SVM_RECORDING\] .*/g)).toEqual([
    expect.stringMatching(/full\.jsonl ends here: ENOSPC: no space left on device/),
  ]);
  const text = fs.readFileSync(file, 'utf8');
  expect(text.length).toBeGreaterThan(32 << 10);
  expect(text.endsWith('\n')).toBe(true);
  const lines = validLines(file);
  expect(lines.length).toBeLessThan(5000);
  expect(lines.at(-1)!.operation.name).toBe('set');
  expect(fs.readdirSync(disk)).toEqual(['full.jsonl']);
});
