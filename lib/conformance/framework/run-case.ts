/** Runs one case once. */
import { codedError } from '../../uapi/errors.ts';
import type { ConcreteCase } from './case.ts';
import { CaseSkipped, ConformanceFailure } from './check.ts';
import { CaseContext } from './context.ts';
import { reasonOfFeature } from './feature.ts';
import { BY_WORK } from './target.ts';
import type { Target } from './target.ts';
import { holdsIn, QUIRK_CATALOGUE } from '../../device/emulated.ts';
import type { RevisionName } from '../../uapi/profile.ts';
import type { QuirkFinding } from './checks.ts';

/** How a case can end. */
export const STATUSES = ['pass', 'skip', 'not-run', 'fail', 'timeout', 'crash'] as const;
/**
 * What became of a case, from good to bad. 'not-run': the run ended before it. 'timeout' and 'crash' are about the suite or
 * the machine, not about a check.
 */
export type Status = (typeof STATUSES)[number];

/** The outcome of one case. Everything but `milliseconds` is the same for the same seed on the same device. */
export interface CaseResult {
  readonly id: string;
  readonly status: Status;
  /** Why it was skipped, what did not hold, how it crashed; '' for a pass. */
  readonly reason: string;
  /** Checks that held. */
  readonly checks: number;
  /** What the device showed where the specification names quirks. */
  readonly findings: readonly QuirkFinding[];
  /** The operations of a case that failed. */
  readonly log: readonly string[];
  readonly milliseconds: number;
}

/** How a case is run. */
export interface CaseRunOptions {
  readonly seed: number;
  /** Milliseconds after which a case that still waits is given up. One that never waits can only be ended from outside (`--isolate`). */
  readonly timeout: number;
  /** File for the recording of the case. */
  readonly record?: string | undefined;
  /** A device that does not show the quirks of its revision, or shows one that the revision has cured, fails. */
  readonly expectQuirks?: boolean | undefined;
}

export const NOT_IMPLEMENTED = 'not implemented';
/** Stands before the reason of a skip that `--expect-skips` does not name. */
export const UNEXPECTED_SKIP = 'its skip is not expected';

/** What a reason to skip is about, in a word: a feature, 'not implemented', 'expected', else the reason itself. */
export function skipKind(reason: string): string {
  const plain = reason.replace(`${UNEXPECTED_SKIP}; `, '');
  return /^needs ([\w-]+) \(/.exec(plain)?.[1] ?? /^(not implemented|expected): /.exec(plain)?.[1] ?? plain;
}

/** Why the target can't run the case; undefined if it can. */
export function reasonToSkip(each: ConcreteCase, target: Target): string | undefined {
  if (each.unimplemented !== undefined) return `${NOT_IMPLEMENTED}: ${each.unimplemented}`;
  for (const feature of each.needs) {
    const missing = target.missing(feature);
    if (missing !== undefined) return reasonOfFeature(feature, missing);
  }
  return undefined;
}

/** Whether the case gives work to the GPU. */
export function needsWork({ needs }: ConcreteCase): boolean {
  return needs.some((feature) => BY_WORK.has(feature));
}

/** The result of a case that is not run: because of the device, or because the run ended before it. */
export function emptyResult(each: ConcreteCase, status: 'skip' | 'not-run', reason: string): CaseResult {
  return { id: each.id, status, reason, checks: 0, findings: [], log: [], milliseconds: 0 };
}

/** Runs the case; never throws for what the case or the device does. */
export async function runCase(each: ConcreteCase, target: Target, options: CaseRunOptions): Promise<CaseResult> {
  const started = performance.now();
  const skip = reasonToSkip(each, target);
  if (skip !== undefined) return emptyResult(each, 'skip', skip);
  const { seed, record } = options;
  const t = new CaseContext(target, { seed, id: each.id, record, work: needsWork(each) });
  let [status, reason]: [Status, string] = ['pass', ''];
  try {
    await inTime(async () => each.run(t, each.point), options.timeout);
    if (t.checks === 0) throw new ConformanceFailure('the case ended without a check: its steps did not happen');
    if (options.expectQuirks === true) expectQuirksOf(target.revision, t.findings);
  } catch (error) {
    [status, reason] = outcome(error);
  }
  try {
    t.end();
  } catch (error) {
    // What ended the case says more than what its end met.
    if (status === 'pass') [status, reason] = outcome(error);
  }
  return {
    id: each.id,
    status,
    reason,
    checks: t.checks,
    findings: t.findings,
    log: status === 'fail' || status === 'timeout' ? t.log : [],
    milliseconds: performance.now() - started,
  };
}

function expectQuirksOf(revision: RevisionName, findings: readonly QuirkFinding[]): void {
  for (const { quirk, shows } of findings) {
    const entry = QUIRK_CATALOGUE[quirk];
    if (entry === undefined) throw codedError('ERR_SVM_CASE', `the catalogue has no quirk ${quirk}`);
    const has = holdsIn(entry, revision);
    if (has && shows === 'correct')
      throw new ConformanceFailure(`the device does not show the quirk ${quirk} of ${revision}`);
    if (!has && shows === 'quirk')
      throw new ConformanceFailure(`the device shows the quirk ${quirk}, which ${revision} does not have`);
  }
}

class CaseTimeout extends Error {
  readonly code = 'ERR_SVM_TIMEOUT';
}

function outcome(error: unknown): [Status, string] {
  if (error instanceof CaseSkipped) return ['skip', error.message];
  if (error instanceof CaseTimeout) return ['timeout', error.message];
  if (error instanceof ConformanceFailure) return ['fail', error.message];
  // Not a check: the device refused what the case takes for granted, or the case is wrong. The place matters.
  return [
    'fail',
    error instanceof Error ? `${error.name}: ${error.message}${place(error)}` : `thrown: ${String(error)}`,
  ];
}

const CASES = /(?:conformance[\\/]cases|test[\\/]model)[\\/]/;

/** The first line of the stack inside the cases, those of the package or of its tests, without the folder they are in. */
function place(error: Error): string {
  const line = error.stack?.split('\n').find((each) => CASES.test(each));
  const found =
    line === undefined ? undefined : /((?:conformance[\\/]cases|test[\\/]model)[\\/].*?:\d+):\d+/.exec(line);
  return found?.[1] === undefined ? '' : ` (${found[1]})`;
}

async function inTime(action: () => Promise<void>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new CaseTimeout(`still waiting after ${milliseconds} ms`)), milliseconds);
  });
  try {
    await Promise.race([action(), late]);
  } finally {
    clearTimeout(timer);
  }
}
