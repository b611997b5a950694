/** The checks of a case, what it found about quirks, and its log. */
import { assertEqual, assertTrue, CaseSkipped, ConformanceFailure } from './check.ts';

/** What a device showed where the specification names a quirk. */
export interface QuirkFinding {
  /** 'Q13' */
  readonly quirk: string;
  readonly shows: 'quirk' | 'correct';
}

export class CaseChecks {
  /** Findings about quirks, in the order in which they were made. */
  readonly findings: QuirkFinding[] = [];
  // What the case did; put into words only for the report of a failure.
  readonly #log: (() => string)[] = [];
  /** Checks that held. */
  checks = 0;

  /** What the case did, for the report of a failure. */
  get log(): string[] {
    return this.#log.map((each) => each());
  }

  protected note(text: () => string): void {
    this.#log.push(text);
  }

  /** The value must equal the expected one, deeply and strictly. `what` is the subject: "result of SET_ATTR". */
  equal<Value>(actual: Value, expected: NoInfer<Value>, what: string): void {
    assertEqual(actual, expected, what);
    this.checks++;
  }

  /** The condition must hold; `what` says it as a sentence: "the second SET maps nothing". */
  ok(condition: boolean, what: string): void {
    assertTrue(condition, what);
    this.checks++;
  }

  /** The action must throw an error with this `code`; gives the error. */
  async throws(action: () => unknown, code: string, what: string): Promise<Error> {
    let error: unknown;
    try {
      await action();
    } catch (thrown) {
      error = thrown;
    }
    if (!(error instanceof Error)) throw new ConformanceFailure(`${what}: expected an error ${code}, but it succeeded`);
    const found =
      'codeName' in error
        ? error.codeName
        : 'statusName' in error
          ? error.statusName
          : 'code' in error
            ? error.code
            : error.name;
    this.equal(found, code as unknown, what);
    return error;
  }

  /**
   * Reports which behaviour the device shows where the specification names a quirk: exactly one of the two must hold.
   * `quirk` and `correct` are what each of them would look like.
   */
  shows(quirk: string, seen: { readonly quirk: boolean; readonly correct: boolean }, what: string): void {
    if (seen.quirk === seen.correct) {
      throw new ConformanceFailure(
        `${what}: the device shows ${seen.quirk ? 'both' : 'neither'} the quirk ${quirk} ${seen.quirk ? 'and' : 'nor'} the correct behaviour`,
      );
    }
    this.findings.push({ quirk, shows: seen.quirk ? 'quirk' : 'correct' });
    this.checks++;
  }

  /** Ends the case as skipped: what it needs turned out to be missing. */
  skip(reason: string): never {
    throw new CaseSkipped(reason);
  }
}
