/** A run of the suite. */
import { mkdirSync } from 'node:fs';
import type { ConcreteCase } from './case.ts';
import { environment } from './environment.ts';
import type { Environment } from './environment.ts';
import { Expectations } from './expectations.ts';
import type { ExpectedSkips } from './expected-skips.ts';
import { IsolatedRunner } from './isolate.ts';
import { KernelWatch } from './kernel-watch.ts';
import type { KernelPlaces, KernelReport } from './kernel-watch.ts';
import { KernelProbes, readCount } from './kernel-probes.ts';
import { reasonNotRecorded, recordingPath, removeRecordingsOf } from './recordings.ts';
import { REPORT_SCHEMA, reportCase, summarize, worse } from './report.ts';
import type { Report, ReportedCase, ReportHead } from './report.ts';
import { emptyResult, needsWork, reasonToSkip, runCase } from './run-case.ts';
import type { CaseResult } from './run-case.ts';
import { chooseCases } from './selection.ts';
import type { Selection } from './selection.ts';
import { Target } from './target.ts';
import type { TargetOptions } from './target.ts';

/** How cases are run. */
export interface RunOptions extends Selection {
  /** Default: chosen as by `SvmDevice.open()`. */
  readonly target?: TargetOptions;
  readonly expectations?: Expectations;
  /** Which cases may be skipped, and then have to be. Default: any, with its reason. */
  readonly expectedSkips?: ExpectedSkips;
  /** Where the kernel's log and its taint are. */
  readonly kernelPlaces?: KernelPlaces;
  /** Whole number; a case gets its chance from it and from its own name. Default 1. */
  readonly seed?: number;
  /** How often every case is run, each time with the next seed. Default 1. */
  readonly repeat?: number;
  /** Ends the run at the first case that is not as expected; without `repeat` it goes on until there is one. */
  readonly untilFail?: boolean;
  /**
   * Runs each group in a process of its own, which may crash or hang, and each case with GPU work in another. 'kernel': if the
   * target is a kernel. Default false.
   */
  readonly isolate?: boolean | 'kernel';
  /** Milliseconds for one case. Default 30,000. */
  readonly timeout?: number;
  /** A case that the device can't run is not as expected. */
  readonly failOnSkip?: boolean;
  /** A device that does not show the quirks of its revision, or shows one that the revision has cured, fails. */
  readonly expectQuirks?: boolean;
  /** Folder for a recording of each case. */
  readonly record?: string;
  /** Puts durations into the report. */
  readonly durations?: boolean;
  /** Ends the run: what has not run is reported as that, with the text of the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onStart?: (plan: RunPlan) => void;
  /** Called before each case that is run: what is not written down by then a panic of the kernel would take. */
  readonly onBegin?: (each: ConcreteCase) => void;
  /** Called after each case of each round. */
  readonly onCase?: (reported: ReportedCase) => void;
}

/** What is known before the first case runs. */
export interface RunPlan {
  readonly total: number;
  readonly target: Target;
  /** The ids of the cases, in their order. */
  readonly ids: readonly string[];
  /** Why cases will be skipped, by id. */
  readonly skips: ReadonlyMap<string, string>;
  /** What the report will begin with. */
  readonly head: ReportHead;
}

const DEFAULT_TIMEOUT = 30_000;

/**
 * Runs cases one after the other and reports them. Throws for a target that is not available, never for what a case does, nor
 * for a device that goes away: what ran stays, and the rest is reported as not run.
 */
export async function runCases(all: readonly ConcreteCase[], options: RunOptions = {}): Promise<Report> {
  const cases = chooseCases(all, options);
  const started = environment();
  const found = Target.choose(options.target);
  const probes = found.identity.backend === 'emulated' ? undefined : KernelProbes.set();
  const target = probes === undefined ? found : found.countedBy(typeof probes === 'string' ? probes : probes.names);
  if (options.record !== undefined) mkdirSync(options.record, { recursive: true });
  try {
    const counts = () => (probes === undefined ? '' : typeof probes === 'string' ? probes : countsOf(probes));
    return await new SuiteRun(cases, target, options, started, counts).run();
  } finally {
    if (typeof probes === 'object') probes.close();
  }
}

/** One run; the report holds what became of each case at the end. */
class SuiteRun {
  readonly #cases: readonly ConcreteCase[];
  readonly #target: Target;
  readonly #options: RunOptions;
  readonly #started: Environment;
  readonly #expectations: Expectations;
  readonly #isolated: IsolatedRunner | undefined;
  readonly #kernel: KernelWatch | undefined;
  readonly #reported = new Map<ConcreteCase, ReportedCase>();
  /** Why nothing else is run. */
  #ended: string | undefined;
  #stoppedEarly = false;
  #round = 0;

  readonly #counts: () => KernelReport['counts'];

  constructor(
    cases: readonly ConcreteCase[],
    target: Target,
    options: RunOptions,
    started: Environment,
    counts: () => KernelReport['counts'],
  ) {
    this.#counts = counts;
    this.#cases = cases;
    this.#target = target;
    this.#options = options;
    this.#started = started;
    this.#expectations = options.expectations ?? Expectations.none();
    const onKernel = target.identity.backend !== 'emulated';
    const isolates = options.isolate === 'kernel' ? onKernel : options.isolate === true;
    this.#isolated = isolates ? new IsolatedRunner(target.found) : undefined;
    this.#kernel = onKernel ? new KernelWatch(options.kernelPlaces) : undefined;
  }

  async run(): Promise<Report> {
    const { signal, untilFail = false } = this.#options;
    const skips = new Map<string, string>();
    for (const each of this.#cases) {
      const skip = this.#whySkipped(each);
      if (skip !== undefined) skips.set(each.id, skip);
    }
    const ids = this.#cases.map(({ id }) => id);
    this.#options.onStart?.({ total: ids.length, target: this.#target, ids, skips, head: this.#head });
    const rounds = this.#options.repeat ?? (untilFail ? Number.POSITIVE_INFINITY : 1);
    const interrupt = (): void => this.#end(interruption(signal));
    if (signal?.aborted === true) interrupt();
    signal?.addEventListener('abort', interrupt);
    try {
      while (this.#round < rounds && this.#cases.length > 0 && !this.#isOver) {
        await this.#runRound(skips);
        this.#round++;
      }
    } finally {
      signal?.removeEventListener('abort', interrupt);
      await this.#isolated?.close();
      this.#kernel?.note('the end of the run');
      this.#kernel?.close();
    }
    // A run that stopped at its first failure has reported what it was to find.
    if (this.#ended !== undefined) this.#reportTheRest(this.#ended);
    const lines = this.#cases.map((each) => this.#reported.get(each)).filter((each) => each !== undefined);
    const kernel = this.#kernel === undefined ? null : { ...this.#kernel.report, counts: this.#counts() };
    return { ...this.#head, summary: summarize(lines), kernel, cases: lines };
  }

  get #isOver(): boolean {
    return this.#stoppedEarly || this.#ended !== undefined;
  }

  get #head(): ReportHead {
    const { seed = 1, queries = [], exclude = [], shard = null, expectQuirks = false } = this.#options;
    return {
      schema: REPORT_SCHEMA,
      target: this.#target.identity,
      environment: this.#started,
      run: {
        seed,
        rounds: this.#round,
        queries,
        exclude,
        shard,
        expectQuirks,
        stoppedEarly: this.#stoppedEarly,
        ended: this.#ended ?? null,
      },
    };
  }

  #whySkipped(each: ConcreteCase): string | undefined {
    const expectation = this.#expectations.of(each);
    return expectation?.kind === 'skip' ? `expected: ${expectation.reason}` : reasonToSkip(each, this.#target);
  }

  async #runRound(skips: ReadonlyMap<string, string>): Promise<void> {
    for (const [index, each] of this.#cases.entries()) {
      const skip = skips.get(each.id);
      if (skip !== undefined) this.#report(each, emptyResult(each, 'skip', skip), undefined);
      else await this.#runOne(each);
      if (this.#cases[index + 1]?.group !== each.group) this.#kernel?.note(each.group);
      if (this.#isOver) return;
    }
  }

  async #runOne(each: ConcreteCase): Promise<void> {
    const { seed = 1, timeout = DEFAULT_TIMEOUT, record, expectQuirks, signal } = this.#options;
    const isRecorded = record !== undefined && this.#round === 0 && reasonNotRecorded(each) === undefined;
    const recordTo = isRecorded ? recordingPath(record, each) : undefined;
    if (recordTo !== undefined) removeRecordingsOf(recordTo);
    this.#options.onBegin?.(each);
    const options = { seed: seed + this.#round, timeout, record: recordTo, expectQuirks };
    const running =
      this.#isolated === undefined
        ? runCase(each, this.#target, options)
        : this.#isolated.run(each, options, this.#target.bindsGpuWork && needsWork(each));
    const result = await unlessAborted(running, signal);
    // Interrupted while it ran: nobody knows how it would have ended.
    if (result === undefined) return;
    const gone = result.status === 'pass' || result.status === 'skip' ? undefined : this.#target.gone();
    if (gone === undefined) return this.#report(each, result, recordTo);
    this.#report(each, { ...result, reason: `${result.reason}; the device has gone: ${gone}` }, recordTo);
    this.#end(`the device has gone: ${gone}`);
  }

  #report(each: ConcreteCase, result: CaseResult, recordTo: string | undefined): void {
    const { record, seed = 1, durations, failOnSkip, expectedSkips, onCase, untilFail = false } = this.#options;
    const ran = result.status !== 'skip' && result.status !== 'not-run';
    const line = reportCase(each, result, this.#expectations.of(each), {
      ...(this.#round === 0 ? {} : { seed: seed + this.#round }),
      ...(record === undefined || !ran
        ? {}
        : { recording: recordTo ?? `none: ${reasonNotRecorded(each) ?? 'only the first round is recorded'}` }),
      durations: durations === true,
      failOnSkip: failOnSkip === true,
      expectedSkips,
    });
    const before = this.#reported.get(each);
    // Over several rounds the worst counts, and of equals the first.
    if (before === undefined || (before.status !== line.status && worse(before.status, line.status) === line.status))
      this.#reported.set(each, line);
    onCase?.(line);
    if (untilFail && !line.expected) this.#stoppedEarly = true;
  }

  #end(reason: string): void {
    this.#ended ??= reason;
  }

  /** Those that no round has come to. */
  #reportTheRest(reason: string): void {
    for (const each of this.#cases)
      if (!this.#reported.has(each)) this.#report(each, emptyResult(each, 'not-run', reason), undefined);
  }
}

function countsOf({ names }: KernelProbes): KernelReport['counts'] {
  try {
    return { faults: readCount(names, 'faults'), invalidations: readCount(names, 'invalidations') };
  } catch (error) {
    return (error as Error).message;
  }
}

/** The result, or undefined as soon as the signal comes. */
async function unlessAborted<T>(running: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (signal === undefined) return running;
  let abort = (): void => undefined;
  const aborted = new Promise<undefined>((settle) => (abort = () => settle(undefined)));
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  // What an interrupted case ends with is nobody's business any more.
  running.catch(() => undefined);
  try {
    return await Promise.race([running, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function interruption(signal: AbortSignal | undefined): string {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason.message : String(reason);
}
