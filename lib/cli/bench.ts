/** `amdgpu-svm bench`: how long the calls take on this machine's device. */
import { SvmDevice } from '../index.ts';
import { benchModel } from './bench-model.ts';
import { workloads } from './bench-workloads.ts';
import type { Workload } from './bench-workloads.ts';
import { ExitCode, UsageError } from './command.ts';
import type { bench } from './commands/machines.ts';
import type { InputOf } from './definition.ts';
import { repairsOption, xnackOffOption } from './options.ts';
import { print, table, toJson } from './output.ts';

/** One line of the result; times in microseconds a call. */
interface Measured {
  readonly name: string;
  readonly what: string;
  readonly median: number;
  readonly best: number;
  readonly calls: number;
}

/** Options that only a GPU or the emulator has, and those of the cost model alone. */
const OF_DEVICES = ['backend', 'node', 'profile', 'xnack-off', 'asic', 'time'] as const;
const OF_MODEL = ['policies', 'cost', 'pattern', 'size', 'vram', 'window', 'passes', 'cpu-reads'] as const;

type Values = InputOf<typeof bench>['values'];

export async function runBench({ values, operands }: InputOf<typeof bench>): Promise<ExitCode> {
  const stray = (values.model ? OF_DEVICES : OF_MODEL).find(
    (name) => values[name] !== undefined && values[name] !== false,
  );
  if (stray !== undefined) throw new UsageError(`bench: --${stray} goes ${values.model ? 'without' : 'with'} --model`);
  if (values.model && operands.length > 0)
    throw new UsageError(`bench: --model takes no measurement, got "${operands[0]}"`);
  if (values.model) return benchModel(values);
  const { time = 500 } = values;
  using device = openDevice(values);
  const all = workloads(device);
  const names = operands;
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
}

function openDevice({ backend, node, profile, asic, 'xnack-off': xnackOff, repairs }: Values): SvmDevice {
  return SvmDevice.open({
    ...(backend === undefined ? {} : { backend }),
    ...(node === undefined ? {} : { node }),
    ...(profile === undefined ? {} : { profile }),
    ...xnackOffOption('bench', xnackOff, profile),
    ...repairsOption('bench', repairs, profile),
    ...(asic === undefined ? {} : { emulator: { asic } }),
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
