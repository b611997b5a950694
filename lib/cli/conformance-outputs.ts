/** Where the reports of a conformance run go, and what a person sees meanwhile. */
import { statSync } from 'node:fs';
import { renderReport, REPORT_FORMATS } from '../conformance/index.ts';
import type { ConcreteCase, Report, ReportedCase, ReportFormat, RunPlan } from '../conformance/index.ts';
import { ReportJournal } from '../conformance/framework/journal.ts';
import { countsOfSkips } from '../conformance/framework/reporters/groups.ts';
import { describeFailure, renderHuman } from '../conformance/framework/reporters/human.ts';
import { complain, takesEscapes, write } from './output.ts';
import { assertReplaceable, replaceFile } from './replace-file.ts';
import { UsageError, writing } from './command.ts';
import { counted } from '../words/counted.ts';

interface Output {
  readonly format: ReportFormat;
  /** Undefined: standard output. */
  readonly file: string | undefined;
}

const REDRAW_INTERVAL = 100;

/** The outputs of one run. */
export class ReportOutputs {
  readonly #outputs: readonly Output[];
  readonly #colour = takesEscapes(process.stdout);
  #journal: ReportJournal | undefined;
  #total = 0;
  #done = 0;
  #bad = 0;
  #drawn = 0;

  private constructor(outputs: readonly Output[]) {
    this.#outputs = outputs;
  }

  /** Reads NAME[=FILE] and tries the files: one that cannot be written is found before the run, not after it. */
  static open(specifications: readonly string[]): ReportOutputs {
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
    for (const { file } of named) if (file !== undefined) writing(file, () => assertReplaceable(file));
    return new ReportOutputs(named);
  }

  /** True where a person reads standard output. */
  get #human(): boolean {
    return this.#outputs.some(({ format, file }) => format === 'human' && file === undefined);
  }

  /** Says what will run, and opens the journal next to the first report that goes to a file. */
  begin(plan: RunPlan): void {
    const { total, skips, target } = plan;
    this.#total = total;
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

  /** A failure is shown at once; on a terminal the last line counts. */
  progress(each: ReportedCase): void {
    this.#journal?.add(each);
    this.#done++;
    if (!each.expected) this.#bad++;
    if (!this.#human) return;
    // What was not run has one reason, which is said at the end.
    if (!each.expected && each.status !== 'not-run') {
      this.#clearLine();
      write(`${describeFailure(each, this.#colour)}\n`);
    }
    if (process.stdout.isTTY !== true || performance.now() - this.#drawn < REDRAW_INTERVAL) return;
    this.#drawn = performance.now();
    this.#clearLine();
    write(
      `${this.#done} of ${this.#total}, ${this.#bad} not as expected: ${each.group}`.slice(
        0,
        (process.stdout.columns || 80) - 1,
      ),
    );
  }

  /** Writes all reports. */
  write(report: Report): void {
    this.#clearLine();
    for (const { format, file } of this.#outputs) {
      if (file === undefined) {
        const text =
          format === 'human'
            ? renderHuman(report, { colour: this.#colour, failures: this.#done === 0 })
            : renderReport(format, report);
        write(text);
      } else {
        writing(file, () => replaceFile(file, renderReport(format, report)));
      }
    }
    this.#journal?.remove();
    if (!this.#human && report.summary.unexpected > 0)
      complain(`${report.summary.unexpected} of ${counted(report.summary.total, 'case')} not as expected`);
  }

  #clearLine(): void {
    if (this.#human && process.stdout.isTTY === true && this.#drawn > 0) process.stdout.write('\r\u001b[2K');
  }
}

/** Whether a journal can lie next to the file: it is no pipe, nor a device. */
function isOrdinary(file: string): boolean {
  const status = statSync(file, { throwIfNoEntry: false });
  return status === undefined || status.isFile();
}
