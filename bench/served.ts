/** GPU work through a served KFD, as a program sees it: how soon a small piece is done, how fast a large one, and what rest costs. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { microseconds } from './boundary.ts';
import type { Measurement } from './measurement.ts';
import type { ServedTimes } from './served-child.ts';

/** Microseconds: a small fill; 64 MiB at 200 MB/s; 1 % of a core. */
const SMALL = 1000;
const COPY = ((64 << 20) / 200e6) * 1e6;
const IDLE = 10_000;

/** The measurements, or none with a line on stderr where nothing can be served. Takes half a minute. */
export function measureServed(root: string): Measurement[] {
  const command = path.join(root, 'dist', 'lib', 'cli', 'main.js');
  const child = path.join(path.dirname(fileURLToPath(import.meta.url)), 'served-child.js');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [command, 'serve', '--run', '--', process.execPath, child],
    { encoding: 'utf8' },
  );
  if (status !== 0) {
    process.stderr.write(`bench: no served KFD is measured: ${stderr.trim()}\n`);
    return [];
  }
  const times = JSON.parse(stdout) as ServedTimes;
  const row = (name: string, took: readonly number[], most: number): Measurement => ({
    name,
    unit: 'us',
    ...microseconds(took.map((each) => each * 1000)),
    target: { kind: 'limit', value: most },
  });
  return [
    row('served KFD: fill of 4 KiB', times.busy, SMALL),
    row('served KFD: fill of 4 KiB after 100 ms of rest', times.rested, SMALL),
    row('served KFD: fill of 4 KiB after 1 s of rest', times.longRested, SMALL),
    row('served KFD: copy of 64 MiB', times.copies, COPY),
    row('served KFD: processor time in a second of rest', times.idle, IDLE),
  ];
}
