/** `amdgpu-svm conformance`: the same cases on hardware and on the emulator. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  Expectations,
  ExpectationsError,
  ExpectedSkips,
  mergeReports,
  planCases,
  QueryError,
  readReport,
  ReportError,
  runConformance,
} from '../conformance/index.ts';
import type { ConcreteCase, ConformanceOptions, Report, Shard, TargetOptions } from '../conformance/index.ts';
import { ExitCode, readArguments, UsageError } from './command.ts';
import type { Command } from './command.ts';
import { ReportOutputs } from './conformance-outputs.ts';
import { replayAgainst } from './replay-against.ts';
import {
  asicOption,
  backendOption,
  PROFILE_NAMES,
  profileOption,
  XNACK_OFF_HELP,
  xnackOffOption,
  timeoutOption,
} from './options.ts';
import { complain, print } from './output.ts';
import { parseBytes } from '../words/sizes.ts';

const OPTIONS = {
  backend: { type: 'string' },
  node: { type: 'string', multiple: true },
  profile: { type: 'string' },
  'xnack-off': { type: 'boolean', default: false },
  asic: { type: 'string' },
  vram: { type: 'string' },
  list: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  exclude: { type: 'string', multiple: true },
  expectations: { type: 'string' },
  'expect-skips': { type: 'string' },
  shard: { type: 'string' },
  seed: { type: 'string' },
  repeat: { type: 'string' },
  'until-fail': { type: 'boolean', default: false },
  isolate: { type: 'boolean', default: false },
  'no-isolate': { type: 'boolean', default: false },
  timeout: { type: 'string' },
  'fail-on-skip': { type: 'boolean', default: false },
  'expect-quirks': { type: 'boolean', default: false },
  record: { type: 'string' },
  against: { type: 'string' },
  durations: { type: 'boolean', default: false },
  reporter: { type: 'string', multiple: true },
  merge: { type: 'boolean', default: false },
} as const;

export const conformanceCommand: Command = {
  name: 'conformance',
  synopsis: '[QUERY...] [OPTION...]   |   --merge REPORT.json...',
  help: `Runs cases on the device that SvmDevice.open() would take, or the one you name, and reports them.
QUERY is GROUP:CASE:PARAMETERS, each part may be "*": "uapi,*", "attributes,split:*",
"uapi,arguments:alignment:offset=512;*". Without one, all cases (docs/conformance.md).

  --backend NAME  auto (default), kernel, ffi or emulated
  --node PATH     render node; once more for a second GPU
  --profile NAME  revision of the user ABI and the driver: ${PROFILE_NAMES}
  --xnack-off     ${XNACK_OFF_HELP}
  --asic NAME     emulated GPU, default gfx942
  --vram BYTES    memory of each emulated GPU for the cases that do not say it; pages move there with --profile v8
  --list          print the ids of the cases (--json: with title, source and needs) and run nothing
  --exclude QUERY leave these cases out; may be given several times
  --expectations FILE  JSON list of { query, expect: "fail" | "flake" | "skip", reason };
                  what is expected to fail must fail
  --expect-skips FILE  JSON list of { skip: feature | "not implemented" | "*", query, reason }: what these are about must be
                  skipped, and nothing else may be
  --shard I/N     part I of N; the parts of one run are joined by --merge
  --seed NUMBER   chance of the cases, default 1
  --repeat N      run every case N times, with the next seed each time
  --until-fail    end at the first case that is not as expected; without --repeat go on until then
  --isolate       a process for each group, and one for each case with GPU work: a crash or a hang costs one case;
                  the default on a kernel
  --no-isolate    all cases in this process
  --timeout MS    time for one case, default 30000
  --fail-on-skip  a case that the device can't run is a failure
  --expect-quirks a device that does not show the quirks of its revision fails, and so does
                  one that shows a quirk that its revision has cured
  --record DIR    write each case as a trace; "replay --check" and "diff" compare devices
  --against COMMAND  run the cases on the emulator, as far as traces can say them, and the same operations on another
                  implementation, which answers as docs/fuzz.md says; with --timeout MS for one answer
  --durations     put times into the reports, which then differ from run to run
  --reporter NAME[=FILE]  human (default), json, junit, tap, ktap, markdown; several may write at
                  once, one of them to standard output
  --json          the same as --reporter json
                  while it runs, what is known is in FILE.journal
  --merge         join the JSON reports of the shards of one run; a journal gives the report of a run that did not end

Exit codes: 0 all as expected, 1 failures, 2 wrong input, 3 a case crashed or the run did not come to its end,
4 no capable device.`,
  async run(args) {
    try {
      return await conformance(args);
    } catch (error) {
      if (error instanceof QueryError || error instanceof ExpectationsError || error instanceof ReportError)
        throw new UsageError(`conformance: ${error.message}`);
      throw error;
    }
  },
};

async function conformance(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments('conformance', args, OPTIONS, true);
  const formats = [...(values.reporter ?? []), ...(values.json && !values.list ? ['json'] : [])];
  if (values.merge) {
    if (positionals.length === 0) throw new UsageError('conformance: --merge: expected the JSON reports of all shards');
    const outputs = ReportOutputs.open(formats);
    const report = mergeReports(positionals.map(readReport));
    outputs.write(report);
    return exitCode(report);
  }
  const selection = {
    queries: positionals,
    ...(values.exclude === undefined ? {} : { exclude: values.exclude }),
    ...(values.shard === undefined ? {} : { shard: shardOf(values.shard) }),
  };
  if (values.against !== undefined) return conformanceAgainst(values, selection);
  const cases = planCases(selection);
  if (values.list) {
    list(cases, values.json);
    return ExitCode.ok;
  }
  const expectations = values.expectations === undefined ? undefined : Expectations.read(values.expectations);
  // A shard or a part of the suite may have no case for an entry; the whole suite must.
  if (positionals.length === 0 && values.shard === undefined) {
    for (const query of expectations?.unused(cases) ?? []) complain(`${values.expectations}: "${query}" means no case`);
  }
  const outputs = ReportOutputs.open(formats);
  const options: ConformanceOptions = {
    ...selection,
    target: targetOf(values),
    ...(expectations === undefined ? {} : { expectations }),
    ...(values['expect-skips'] === undefined ? {} : { expectedSkips: ExpectedSkips.read(values['expect-skips']) }),
    ...(values.seed === undefined ? {} : { seed: wholeNumber('seed', values.seed, 0) }),
    ...(values.repeat === undefined ? {} : { repeat: wholeNumber('repeat', values.repeat, 1) }),
    ...(values.timeout === undefined ? {} : { timeout: wholeNumber('timeout', values.timeout, 1) }),
    ...(values.record === undefined ? {} : { record: values.record }),
    untilFail: values['until-fail'],
    ...(values.isolate || values['no-isolate'] ? { isolate: values.isolate } : {}),
    failOnSkip: values['fail-on-skip'],
    expectQuirks: values['expect-quirks'],
    durations: values.durations,
    onStart: (plan) => outputs.begin(plan),
    onBegin: (each) => outputs.beginCase(each),
    onCase: (each) => outputs.progress(each),
  };
  const report = await untilSignal((signal) => runConformance({ ...options, signal }));
  outputs.write(report);
  return exitCode(report);
}

/** The traces of the cases on the emulator and on another implementation; cases that no trace can say are left out. */
async function conformanceAgainst(
  values: ReturnType<typeof readArguments<typeof OPTIONS>>['values'],
  selection: Pick<ConformanceOptions, 'queries' | 'exclude' | 'shard'>,
): Promise<number> {
  const { against, backend, list: lists, merge, record } = values;
  if (backend !== undefined && backend !== 'emulated')
    throw new UsageError('conformance: --against runs the cases on the emulator');
  if (lists || merge || record !== undefined)
    throw new UsageError('conformance: --against goes with neither --list, --merge nor --record');
  const timeout = timeoutOption('conformance', values);
  const folder = mkdtempSync(join(tmpdir(), 'amdgpu-svm-'));
  try {
    const target = targetOf({ ...values, backend: 'emulated' });
    const { cases, summary } = await runConformance({ ...selection, target, record: folder });
    const files = readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
    if (!values.json) print(`${files.length} of ${cases.length} cases can be said as traces`);
    const result = await replayAgainst(files, against!, { timeout, json: values.json, size: {} });
    return summary.unexpected === 0 ? result : Math.max(result, ExitCode.failure);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Gives the run a signal that SIGINT, SIGTERM and SIGHUP raise; a second one of them ends the process as ever. */
async function untilSignal<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const stop = (name: NodeJS.Signals): void => {
    for (const each of signals) process.off(each, stop);
    controller.abort(`it was ended by ${name}`);
  };
  for (const each of signals) process.on(each, stop);
  try {
    return await run(controller.signal);
  } finally {
    for (const each of signals) process.off(each, stop);
  }
}

function exitCode({ run, summary, kernel, cases }: Report): ExitCode {
  if (run.ended !== null) return ExitCode.infrastructure;
  // Whatever the cases say: a kernel that had a warning or an oops is not as it should be.
  const tainted = kernel?.notes.some(({ taint }) => taint !== undefined) === true;
  if (summary.unexpected === 0) return tainted ? ExitCode.failure : ExitCode.ok;
  return cases.some(({ expected, status }) => !expected && status === 'crash')
    ? ExitCode.infrastructure
    : ExitCode.failure;
}

function list(cases: readonly ConcreteCase[], json: boolean): void {
  for (const each of cases) {
    const { id, title, source, needs, unimplemented } = each;
    print(
      json
        ? JSON.stringify({ id, title, source, needs, ...(unimplemented === undefined ? {} : { unimplemented }) })
        : id,
    );
  }
  complain(`${cases.length} cases`);
}

function targetOf(values: {
  backend?: string;
  node?: string[];
  profile?: string;
  'xnack-off': boolean;
  asic?: string;
  vram?: string;
}): TargetOptions {
  const { node, vram } = values;
  const profile = profileOption('conformance', values.profile);
  const backend = backendOption('conformance', values.backend);
  const asic = asicOption('conformance', values.asic);
  return {
    ...(backend === undefined ? {} : { backend }),
    ...(node === undefined ? {} : { nodes: node }),
    ...(profile === undefined ? {} : { profile }),
    ...xnackOffOption('conformance', values['xnack-off'], profile),
    ...(asic === undefined ? {} : { asic }),
    ...(vram === undefined ? {} : { vram: vramOption(vram) }),
  };
}

function vramOption(text: string): number {
  const bytes = parseBytes(text);
  if (bytes !== undefined && bytes % 4096n === 0n && bytes <= 1n << 40n) return Number(bytes);
  throw new UsageError(`conformance: --vram: expected a multiple of 4096 bytes, like 64M or 1G, got "${text}"`);
}

function shardOf(text: string): Shard {
  const [, index, count] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(index), count: Number(count) };
  if (index === undefined || shard.index < 1 || shard.index > shard.count) {
    throw new UsageError(`conformance: --shard: expected I/N with I from 1 to N, like 2/4, got "${text}"`);
  }
  return shard;
}

function wholeNumber(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`conformance: --${name}: expected a whole number from ${least}, got "${text}"`);
  }
  return value;
}
