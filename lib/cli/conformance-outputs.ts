/** Where the reports of a conformance run go, and what a person sees meanwhile. */
import { statSync } from 'node:fs';
import { renderJunitFailures, renderReport, REPORT_FORMATS } from '../conformance/index.ts';
import type { ConcreteCase, Report, ReportedCase, ReportFormat, RunPlan } from '../conformance/index.ts';
import { ReportJournal } from '../conformance/framework/journal.ts';
import { countsOfSkips } from '../conformance/framework/reporters/groups.ts';
import { describeFailure, renderHuman } from '../conformance/framework/reporters/human.ts';
import { complain, takesEscapes, write } from './output.ts';
import { Progress } from './progress.ts';
import { assertReplaceable, replaceFile } from './replace-file.ts';
import { UsageError, writing } from './command.ts';
import { counted } from '../words/counted.ts';

interface Output {
  readonly format: ReportFormat;
  /** Undefined: standard output. */
  readonly file: string | undefined;
}

/** What is in the reports, beside what a run gives. */
interface ReportChoices {
  /** Times in all of them; without it only JUnit has them. */
  readonly durations: boolean;
  /** JUnit has only the cases that are not as expected. */
  readonly junitFailuresOnly: boolean;
}

/** The outputs of one run. */
export class ReportOutputs {
  readonly #outputs: readonly Output[];
  readonly #choices: ReportChoices;
  readonly #colour = takesEscapes(process.stdout);
  #journal: ReportJournal | undefined;
  #progress: Progress | undefined;
  #done = 0;
  #bad = 0;

  private constructor(outputs: readonly Output[], choices: ReportChoices) {
    this.#outputs = outputs;
    this.#choices = choices;
  }

  /** Reads NAME[=FILE] and tries the files: one that cannot be written is found before the run, not after it. */
  static open(specifications: readonly string[], choices: ReportChoices): ReportOutputs {
    const named = (specifications.length === 0 ? ['human'] : specifications).map((text) => {
      const [name = '', ...rest] = text.split('=');
      if (!(REPORT_FORMATS as readonly string[]).includes(name)) {
        throw new UsageError(
          `conformance: --reporter: expected one of ${REPORT_FORMATS.join(', ')}, with =FILE or without, got "${text}"`,
        );
      }
      if (rest.length > 0 && rest.join('=') === '')
        throw new UsageError(`conformance: --reporter ${text}: expected the name of a file after "="`);
      return { format: name as ReportFormat, file: rest.length === 0 ? undefined : rest.join('=') };
    });
    const toStdout = named.filter(({ file }) => file === undefined);
    if (toStdout.length > 1) {
      throw new UsageError(
        `conformance: --reporter: only one of ${toStdout.map(({ format }) => format).join(', ')} can write to standard output; give the others a file: NAME=FILE`,
      );
    }
    if (choices.junitFailuresOnly && !named.some(({ format }) => format === 'junit'))
      throw new UsageError('conformance: --junit-failures-only goes with --reporter junit');
    for (const { file } of named) if (file !== undefined) writing(file, () => assertReplaceable(file));
    return new ReportOutputs(named, choices);
  }

  /** True where a person reads standard output. */
  get #human(): boolean {
    return this.#outputs.some(({ format, file }) => format === 'human' && file === undefined);
  }

  /** Whether the run has to take times. */
  get wantsDurations(): boolean {
    return this.#choices.durations || this.#outputs.some(({ format }) => format === 'junit');
  }

  /**
   * Says what will run, and opens the journal next to the first report that goes to a file. `rounds`: how often each case is
   * run, if that is known.
   */
  begin(plan: RunPlan, rounds: number | undefined): void {
    const { total, skips, target } = plan;
    // What is skipped takes no time.
    const ran = total - skips.size;
    this.#progress = new Progress({ name: 'conformance', ...(rounds === undefined ? {} : { total: ran * rounds }) });
    const kept = this.#outputs.find(({ file }) => file !== undefined && isOrdinary(file));
    if (kept !== undefined) this.#journal = new ReportJournal(`${kept.file}.journal`, plan);
    if (!this.#human) return;
    const { identity } = target;
    const why = identity.fallbackReason === undefined ? '' : ` - no kernel: ${identity.fallbackReason}`;
    const left = skips.size === 0 ? '' : `; ${skips.size} skipped: ${countsOfSkips(skips.values())}`;
    write(
      `${total - skips.size} of ${counted(total, 'case')} run on ${identity.backend} ${identity.device}, ${identity.profile}${why}${left}\n`,
    );
  }

  beginCase(each: ConcreteCase): void {
    this.#journal?.begin(each);
  }

  /** A failure is shown at once, where a person reads it. */
  progress(each: ReportedCase): void {
    this.#journal?.add(each);
    if (each.status !== 'skip') this.#done++;
    if (!each.expected) this.#bad++;
    // What was not run has one reason, which is said at the end.
    if (this.#human && !each.expected && each.status !== 'not-run') write(`${describeFailure(each, this.#colour)}\n`);
    this.#progress?.update(this.#done, `${this.#bad === 0 ? '' : `${this.#bad} not as expected, `}${each.group}`);
  }

  /** Writes all reports. */
  write(report: Report): void {
    this.#progress?.end();
    for (const { format, file } of this.#outputs) {
      const text = this.#textOf(format, file, report);
      if (file === undefined) write(text);
      else writing(file, () => replaceFile(file, text));
    }
    this.#journal?.remove();
    if (!this.#human && report.summary.unexpected > 0)
      complain(`${report.summary.unexpected} of ${counted(report.summary.total, 'case')} not as expected`);
  }

  #textOf(format: ReportFormat, file: string | undefined, report: Report): string {
    const { durations, junitFailuresOnly } = this.#choices;
    if (format === 'junit') return junitFailuresOnly ? renderJunitFailures(report) : renderReport(format, report);
    const told = durations
      ? report
      : { ...report, cases: report.cases.map(({ milliseconds: _milliseconds, ...each }) => each) };
    // Failures were shown when they came.
    if (format === 'human' && file === undefined)
      return renderHuman(told, { colour: this.#colour, failures: this.#progress === undefined });
    return renderReport(format, told);
  }
}

/** Whether a journal can lie next to the file: it is no pipe, nor a device. */
function isOrdinary(file: string): boolean {
  const status = statSync(file, { throwIfNoEntry: false });
  return status === undefined || status.isFile();
}
