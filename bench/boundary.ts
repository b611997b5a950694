/**
 * What the way through the addon costs next to a C loop of the same ioctl(2), on a file
 * whose file system refuses it at once: a real driver does more, so no ratio is worse than
 * this one. The file is no device: one that is not of DRM is never taken for a render node.
 * Also runs alone: `node --expose-gc dist-bench/bench/boundary.js`.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeSupport } from '../lib/backend/native-addon.ts';
import { UAPI_PROFILES } from '../lib/uapi/profile.ts';
import { compileC } from './c-baseline.ts';
import type { AddonTimes, DeviceTimes } from './boundary-child.ts';
import { summary } from './measurement.ts';
import type { Measurement } from './measurement.ts';
import { outputOf } from './programs.ts';
import { formatTable, reportRow } from './report.ts';

/** Half a millisecond each: short enough that most batches are not interrupted on a busy machine. */
const CALLS = 2000;
const BATCHES = 150;
/** C loop and child take turns, so that both see the same load of the machine. */
const ROUNDS = 5;
/** Goals: the addon's ioctl against the C loop, and the typed call above it. */
const RATIO = 1.5;
const TYPED_MICROSECONDS = 1;
/** Bytes kept per call; what is below is the heap's own housekeeping. */
const RETAINED_BYTES = 1;

/** The measurements, or none with a line on stderr where there is no addon or no C compiler. */
export function measureBoundary(root: string): Measurement[] {
  const support = nativeSupport();
  if (!support.available) return nothing(support.reason);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amdgpu-svm-bench-'));
  try {
    const sources = path.join(root, 'bench', 'native');
    const loop = path.join(folder, 'ioctl_loop');
    const shim = path.join(folder, 'accepting_shim.so');
    const problem =
      compileC(['-o', loop, path.join(sources, 'ioctl_loop.c')]) ??
      compileC(['-shared', '-fPIC', '-o', shim, path.join(sources, 'accepting_shim.c')]);
    if (problem !== undefined) return nothing(problem);
    const file = path.join(folder, 'renderD128');
    fs.writeFileSync(file, '');
    return measured(loop, shim, file);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

function measured(loop: string, shim: string, file: string): Measurement[] {
  const child = path.join(path.dirname(fileURLToPath(import.meta.url)), 'boundary-child.js');
  const plainC: number[] = [];
  const times: { prepared: number[]; plain: number[]; setAttributes: number[] } = {
    prepared: [],
    plain: [],
    setAttributes: [],
  };
  let retained = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const printed = output(loop, [file, String(UAPI_PROFILES.v4.request), String(CALLS), String(BATCHES)]);
    plainC.push(...printed.trim().split('\n').map(Number));
    const ask = (what: string, environment?: NodeJS.ProcessEnv): unknown =>
      JSON.parse(
        output(process.execPath, ['--expose-gc', child, what, file, String(CALLS), String(BATCHES)], environment),
      );
    const addon = ask('addon') as AddonTimes;
    times.prepared.push(...addon.prepared);
    times.plain.push(...addon.plain);
    const device = ask('device', { LD_PRELOAD: shim }) as DeviceTimes;
    times.setAttributes.push(...device.setAttributes);
    retained = Math.min(retained, device.retained);
  }
  const c = microseconds(plainC);
  const limit = { kind: 'limit', value: RATIO * c.median } as const;
  const typed = microseconds(times.setAttributes);
  return [
    { name: 'ioctl(2), C loop', unit: 'us', ...c, target: undefined },
    { name: 'addon, prepared ioctl', unit: 'us', ...microseconds(times.prepared), target: limit },
    { name: 'addon, ioctl(request, arg)', unit: 'us', ...microseconds(times.plain), target: limit },
    {
      name: 'setAttributes with 3 attributes, above the C loop',
      unit: 'us',
      median: typed.median - c.median,
      best: typed.best - c.best,
      target: { kind: 'limit', value: TYPED_MICROSECONDS },
    },
    {
      name: 'heap kept per setAttributes',
      unit: 'B',
      median: retained,
      best: retained,
      target: { kind: 'limit', value: RETAINED_BYTES },
    },
  ];
}

/** Median and best of some nanoseconds. */
function microseconds(nanoseconds: readonly number[]): Pick<Measurement, 'median' | 'best'> {
  return summary(nanoseconds.map((each) => each / 1000));
}

function output(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  return outputOf(command, args, { env: { ...process.env, ...environment } });
}

function nothing(reason: string): [] {
  process.stderr.write(`bench: the boundary is not measured: ${reason}\n`);
  return [];
}

if (process.argv[1] !== undefined && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const rows = measureBoundary(path.resolve(import.meta.dirname, '../..')).map(reportRow);
  if (rows.length > 0) process.stdout.write(`${formatTable(rows)}\n`);
}
