/** `amdgpu-svm conformance`: the same cases on hardware and on the emulator. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  compareReports,
  Expectations,
  ExpectationsError,
  ExpectedSkips,
  mergeReports,
  newFailures,
  planCases,
  QueryError,
  readReport,
  ReportError,
  runConformance,
} from '../conformance/index.ts';
import type { ConcreteCase, ConformanceOptions, Report, TargetOptions } from '../conformance/index.ts';
import { ExitCode, UsageError, writing } from './command.ts';
import type { conformance as conformanceDefinition } from './commands/conformance.ts';
import type { InputOf } from './definition.ts';
import { ReportOutputs } from './conformance-outputs.ts';
import { replayAgainst } from './replay-against.ts';
import { timeoutOption, xnackOffOption } from './options.ts';
import { complain, print } from './output.ts';
import { counted } from '../words/counted.ts';

type Values = InputOf<typeof conformanceDefinition>['values'];

export async function runConformanceCommand(input: InputOf<typeof conformanceDefinition>): Promise<number> {
  try {
    return await conformance(input);
  } catch (error) {
    if (error instanceof QueryError || error instanceof ExpectationsError || error instanceof ReportError)
      throw new UsageError(`conformance: ${error.message}`);
    throw error;
  }
}

async function conformance({ values, operands }: InputOf<typeof conformanceDefinition>): Promise<number> {
  const { exclude, shard, expectations: expected, 'expect-skips': skips, seed, repeat, timeout, record } = values;
  const choices = { durations: values.durations, junitFailuresOnly: values['junit-failures-only'] };
  // Read first: it may be the file that is written, too.
  const earlier = values.compare === undefined ? undefined : readReport(values.compare);
  const formats = [...(values.reporter ?? []), ...(values.json && !values.list ? ['json'] : [])];
  if (values.merge) {
    if (operands.length === 0) throw new UsageError('conformance: --merge: expected the JSON reports of all shards');
    const outputs = ReportOutputs.open(formats, choices);
    const report = compared(mergeReports(operands.map(readReport)), earlier);
    outputs.write(report);
    return exitCode(report);
  }
  const selection = {
    queries: operands,
    ...(exclude === undefined ? {} : { exclude }),
    ...(shard === undefined ? {} : { shard }),
  };
  if (values.against !== undefined) return conformanceAgainst(values.against, values, selection);
  const cases = planCases(selection);
  if (values.list) {
    list(cases, values.json);
    return ExitCode.ok;
  }
  const expectations = expected === undefined ? undefined : Expectations.read(expected);
  // A shard or a part of the suite may have no case for an entry; the whole suite must.
  if (operands.length === 0 && shard === undefined) {
    for (const query of expectations?.unused(cases) ?? []) complain(`${expected}: "${query}" means no case`);
  }
  const outputs = ReportOutputs.open(formats, choices);
  if (record !== undefined) writing(record, () => mkdirSync(record, { recursive: true }));
  const options: ConformanceOptions = {
    ...selection,
    target: targetOf(values),
    ...(expectations === undefined ? {} : { expectations }),
    ...(skips === undefined ? {} : { expectedSkips: ExpectedSkips.read(skips) }),
    ...(seed === undefined ? {} : { seed }),
    ...(repeat === undefined ? {} : { repeat }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(record === undefined ? {} : { record }),
    untilFail: values['until-fail'],
    ...(values.isolate || values['no-isolate'] ? { isolate: values.isolate } : {}),
    failOnSkip: values['fail-on-skip'],
    expectQuirks: values['expect-quirks'],
    durations: outputs.wantsDurations,
    onStart: (plan) => outputs.begin(plan, repeat ?? (values['until-fail'] ? undefined : 1)),
    onBegin: (each) => outputs.beginCase(each),
    onCase: (each) => outputs.progress(each),
  };
  const report = compared(await untilSignal((signal) => runConformance({ ...options, signal })), earlier);
  outputs.write(report);
  return exitCode(report);
}

/** The traces of the cases on the emulator and on another implementation; cases that no trace can say are left out. */
async function conformanceAgainst(
  against: string,
  values: Values,
  selection: Pick<ConformanceOptions, 'queries' | 'exclude' | 'shard'>,
): Promise<number> {
  const { backend, list: lists, record, compare } = values;
  if (backend !== undefined && backend !== 'emulated')
    throw new UsageError('conformance: --against runs the cases on the emulator');
  if (lists || record !== undefined || compare !== undefined)
    throw new UsageError('conformance: --against goes with none of --list, --record and --compare');
  const timeout = timeoutOption('conformance', values);
  const folder = mkdtempSync(join(tmpdir(), 'amdgpu-svm-'));
  try {
    const target = targetOf({ ...values, backend: 'emulated' });
    const { cases, summary } = await runConformance({ ...selection, target, record: folder });
    const files = readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
    if (!values.json) print(`${files.length} of ${counted(cases.length, 'case')} can be said as traces`);
    const result = await replayAgainst(files, against, { timeout, json: values.json, size: {} });
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

function compared(report: Report, earlier: Report | undefined): Report {
  return earlier === undefined ? report : { ...report, comparison: compareReports(report, earlier) };
}

/** With an earlier report only what has become worse counts. */
function exitCode(report: Report): ExitCode {
  const { run, kernel } = report;
  if (run.ended !== null) return ExitCode.infrastructure;
  // Whatever the cases say: a kernel that had a warning or an oops is not as it should be.
  const tainted = kernel?.notes.some(({ taint }) => taint !== undefined) === true;
  const bad = newFailures(report);
  if (bad.length === 0) return tainted ? ExitCode.failure : ExitCode.ok;
  return bad.some(({ status }) => status === 'crash') ? ExitCode.infrastructure : ExitCode.failure;
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
  complain(counted(cases.length, 'case'));
}

function targetOf({ backend, node, profile, 'xnack-off': xnackOff, asic, vram }: Values): TargetOptions {
  return {
    ...(backend === undefined ? {} : { backend }),
    ...(node === undefined ? {} : { nodes: node }),
    ...(profile === undefined ? {} : { profile }),
    ...xnackOffOption('conformance', xnackOff, profile),
    ...(asic === undefined ? {} : { asic }),
    ...(vram === undefined ? {} : { vram }),
  };
}
