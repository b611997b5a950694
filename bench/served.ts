/**
 * GPU work through a served KFD, as a program sees it: how soon a small piece is done, how fast a large one, and what rest costs.
 * After a rest the processes that take part have to be woken, and on a virtual machine their memory may have to be brought back:
 * that is held against what the same rest costs two plain Node processes in the same run.
 */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { summary } from './measurement.ts';
import type { Measurement } from './measurement.ts';
import { builtCommand } from './programs.ts';
import type { RestedTimes, ServedTimes } from './served-child.ts';

/** Microseconds: a small fill; 64 MiB at 200 MB/s; 1 % of a core. */
const SMALL = 1000;
const COPY = ((64 << 20) / 200e6) * 1e6;
const IDLE = 10_000;
/** Beside the two processes of the peer: client, helper and server have to be woken. */
const PEER_RATIO = 1.5;

/** The measurements, or none with a line on stderr where nothing can be served. Takes a minute. */
export function measureServed(root: string): Measurement[] {
  const command = builtCommand(root);
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
  return [
    row('served KFD: fill of 4 KiB', times.busy, SMALL),
    ...restedRows('100 ms of rest', times.after100Milliseconds),
    ...restedRows('1 s of rest', times.afterSecond),
    row('served KFD: copy of 64 MiB', times.copies, COPY),
    row(
      `served KFD: processor time in a second of the first ${times.settling.length} s of rest`,
      [mean(times.settling)],
      IDLE,
    ),
    row('served KFD: processor time in a second of rest after that', times.idle, IDLE),
  ];
}

/** V8 tidies up in one or two of the seconds: a median would not show it. */
function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** `took`: microseconds; `most`: their limit. */
function row(name: string, took: readonly number[], most?: number): Measurement {
  const target = most === undefined ? undefined : ({ kind: 'limit', value: most } as const);
  return { name, unit: 'us', ...summary(took), target };
}

function restedRows(rest: string, { fills, pings, pages }: RestedTimes): Measurement[] {
  const peer = row(`two Node processes: a byte there and back after ${rest}`, pings);
  return [
    row(`served KFD: fill of 4 KiB after ${rest}`, fills, Math.max(SMALL, PEER_RATIO * peer.median)),
    peer,
    row(`memory: each of 1,000 pages touched after ${rest}`, pages),
  ];
}
