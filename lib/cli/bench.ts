/** `amdgpu-svm bench`: how long the calls take on this machine's device. */
import { BACKENDS, SvmDevice } from '../index.ts';
import type { BackendName } from '../index.ts';
import { benchModel, MODEL_HELP, MODEL_SYNOPSIS } from './bench-model.ts';
import { workloads } from './bench-workloads.ts';
import type { Workload } from './bench-workloads.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import {
  asicOption,
  PROFILE_NAMES,
  profileOption,
  REPAIRS_HELP,
  repairsOption,
  XNACK_OFF_HELP,
  xnackOffOption,
} from './options.ts';
import { print, table, toJson } from './output.ts';

const OPTIONS = {
  backend: { type: 'string' },
  node: { type: 'string' },
  profile: { type: 'string' },
  'xnack-off': { type: 'boolean', default: false },
  repairs: { type: 'string' },
  asic: { type: 'string' },
  time: { type: 'string', default: '500' },
  json: { type: 'boolean', default: false },
} as const;

/** One line of the result; times in microseconds a call. */
interface Measured {
  readonly name: string;
  readonly what: string;
  readonly median: number;
  readonly best: number;
  readonly calls: number;
}

const LONGEST = 60_000;

export const benchCommand: Command = {
  name: 'bench',
  synopsis: `[NAME...] [--backend NAME] [--node PATH] [--profile NAME] [--xnack-off] [--repairs LIST] [--asic NAME] [--time MS] [--json] | ${MODEL_SYNOPSIS}`,
  help: `Times the calls of the typed API on the device that SvmDevice.open() would take. The comparison with
the C code of the driver is "npm run bench" in the repository.

  NAME            measure only these: get-one, set-same, get-typed, set-typed, map-unmap, prefetch,
                  gpu-read-4k, gpu-read-2m
  --backend NAME  ${BACKENDS.join(', ')}; default auto
  --node PATH     render node
  --profile NAME  revision of the user ABI: ${PROFILE_NAMES}
  --xnack-off     ${XNACK_OFF_HELP}
  --repairs LIST  ${REPAIRS_HELP}
  --asic NAME     the emulated GPU; default gfx942
  --time MS       time for each, default 500
  --json          the result as one object; times in microseconds

${MODEL_HELP}`,
  async run(args) {
    if (args.includes('--model')) return benchModel(args);
    const { values, positionals } = readArguments('bench', args, OPTIONS, true);
    const time = Number(values.time);
    if (!Number.isSafeInteger(time) || time < 1 || time > LONGEST)
      throw new UsageError(`bench: --time: expected milliseconds from 1 to ${LONGEST}, got "${values.time}"`);
    using device = openDevice(values);
    const all = workloads(device);
    const names: readonly string[] = positionals;
    const unknown = names.find((name) => !all.some((each) => each.name === name));
    if (unknown !== undefined)
      throw new UsageError(`bench: unknown measurement "${unknown}"; known: ${all.map(({ name }) => name).join(', ')}`);
    const chosen = all.filter(({ name }) => names.length === 0 || names.includes(name));
    const skipped = chosen.filter(({ unavailable }) => unavailable !== undefined);
    const measured: Measured[] = [];
    for (const each of chosen) if (each.unavailable === undefined) measured.push(await measure(each, time));
    const { backend, path, fallbackReason } = device;
    if (values.json) {
      print(
        toJson(
          {
            backend,
            path,
            ...(fallbackReason === undefined ? {} : { fallbackReason }),
            node: process.version,
            measurements: measured,
            skipped: skipped.map(({ name, unavailable }) => ({ name, reason: unavailable })),
          },
          2,
        ),
      );
      return ExitCode.ok;
    }
    print(`${backend}, ${path}${fallbackReason === undefined ? '' : ` - no kernel: ${fallbackReason}`}`);
    for (const line of table([['name', 'median us', 'best us', 'calls', 'what'], ...measured.map(row)])) print(line);
    for (const { name, unavailable } of skipped) print(`${name}: ${unavailable}`);
    return ExitCode.ok;
  },
};

function openDevice({
  backend,
  node,
  profile,
  asic,
  'xnack-off': xnackOff,
  repairs,
}: {
  backend?: string;
  node?: string;
  profile?: string;
  asic?: string;
  'xnack-off': boolean;
  repairs?: string;
}): SvmDevice {
  const gpu = asicOption('bench', asic);
  const revision = profileOption('bench', profile);
  // A bad backend is refused by the device, which names the option.
  return SvmDevice.open({
    ...(backend === undefined ? {} : { backend: backend as BackendName }),
    ...(node === undefined ? {} : { node }),
    ...(revision === undefined ? {} : { profile: revision }),
    ...xnackOffOption('bench', xnackOff, revision),
    ...repairsOption('bench', repairs, revision),
    ...(gpu === undefined ? {} : { emulator: { asic: gpu } }),
  });
}

function row({ name, what, median, best, calls }: Measured): string[] {
  return [name, median.toFixed(2), best.toFixed(2), String(calls), what];
}

/** Calls in batches that are long enough for the clock; with a `reset` between two calls each is timed alone. */
async function measure({ name, unit, action, reset }: Workload, time: number): Promise<Measured> {
  const samples: number[] = [];
  let calls = 0;
  let batch = 1;
  let timed = 0;
  // What lies between the calls may take longer than they do.
  const end = performance.now() + 3 * time;
  // The first tenth warms up: it is run, not counted.
  for (let warm = false; (timed < time && performance.now() < end) || samples.length === 0;) {
    await reset?.();
    const started = performance.now();
    for (let call = 0; call < batch; call++) await action();
    const took = performance.now() - started;
    timed += took;
    if (!warm) {
      warm = timed >= time / 10 || performance.now() > end;
      if (reset === undefined && took < 1) batch *= 2;
      continue;
    }
    calls += batch;
    samples.push((took * 1000) / batch);
  }
  samples.sort((one, other) => one - other);
  return { name, what: unit, median: samples[samples.length >> 1]!, best: samples[0]!, calls };
}
