/** What schedules show: each distinct finding once, with the shortest schedule that shows it. */
import { FaultLivelockError, LockAssertionError, QUIRK_CATALOGUE } from '../../emulator/index.ts';
import type { Hazard, Severity } from '../../emulator/index.ts';
import { isDisjoint, touchesContents } from './footprint.ts';
import type { ExploreProgram } from './program.ts';
import { ReadCheck } from './reads.ts';
import type { Read } from './reads.ts';
import type { ScheduleRun } from './run.ts';
import { injectedOperations, scheduleOperations } from './schedule.ts';
import type { Step } from './schedule.ts';
import { tellSchedule } from './story.ts';
import { nearest } from './serial.ts';

/** What can be found besides the hazards of the monitor. */
const FINDING_TITLES = {
  answers: 'answers that no serial order of the operations gives',
  attributes: 'attributes that no serial order of the operations leaves',
  order: 'attributes that depend on the order of operations on different pages',
  contents: 'contents that nobody wrote',
  stale: 'contents that no serial order of the operations gives',
  left: 'objects are left when the context is gone',
  deadlock: 'a lock is waited for that nobody will release',
  livelock: 'a loop that does not end',
  crash: 'the model of the driver ends with an error',
} as const;

/**
 * Words of the monitor for what becomes of a program, right or wrong: memory that the GPU may not touch. A finding only
 * where no serial order shows it.
 */
export const WORDS_OF_PROGRAMS: ReadonlySet<string> = new Set(['unhandled-fault', 'inaccessible', 'refault-loop']);

const NOTHING: readonly Finding[] = [];
/** Entries of the catalogue, by id. */
const CATALOGUED: ReadonlySet<string> = new Set(Object.keys(QUIRK_CATALOGUE));

/** One defect, with the shortest schedule that shows it. */
export interface Finding {
  /** Entry of the catalogue ('Q40'), an invariant or word of the monitor ('I1'), or one of `FINDING_TITLES`. */
  readonly id: string;
  /** True: the catalogue does not know it. */
  readonly isNew: boolean;
  readonly severity: Severity;
  /** What was met, in words. */
  readonly detail: string;
  /** Points of the schedule at which others come in; 0: it shows in a serial order. */
  readonly preemptions: number;
  /** What the schedules that show it do besides, from `FINDING_TITLES`: harm that a program can see. */
  readonly harm: readonly string[];
  readonly steps: readonly Step[];
  /** The schedule in sentences. */
  readonly story: readonly string[];
  /** The schedule as lines of a trace. */
  readonly trace: readonly string[];
}

interface Candidate {
  readonly id: string;
  readonly severity: Severity;
  readonly detail: string;
  /** Operations of the threads until it shows; beyond their number: the end of the program. */
  readonly until: number;
}

interface Known extends Candidate {
  readonly preemptions: number;
  readonly harm: Set<string>;
  readonly steps: readonly Step[];
}

/** Collects findings of the schedules of one program. */
export class Findings {
  readonly #program: ExploreProgram;
  readonly #found = new Map<string, Known>();
  readonly #serial = new Map<string, readonly (readonly string[])[]>();
  /** What `nearest` says of answers that no serial order gives. */
  readonly #nearest = new Map<string, ReturnType<typeof nearest>>();
  readonly #serialAttributes = new Set<string>();
  /** Of `WORDS_OF_PROGRAMS`, those that a serial order shows. */
  readonly #serialWords = new Set<string>();
  readonly #commute: boolean;
  readonly #reads: ReadCheck | undefined;
  #attributes: string | undefined;
  #serialIsComplete = false;

  constructor(program: ExploreProgram) {
    this.#program = program;
    this.#commute = isDisjoint(program);
    this.#reads = touchesContents(program) ? new ReadCheck(program) : undefined;
  }

  /** Looks at a run with so many preemptions; returns what it shows for the first time. */
  note(run: ScheduleRun, preemptions: number): readonly Finding[] {
    if (run.discarded) return NOTHING;
    const besides = this.#besides(run, preemptions);
    if (run.hazards.length === 0 && besides.length === 0) return NOTHING;
    const fresh: Finding[] = [];
    const named = new Map<string, Candidate>();
    const unnamed: Candidate[] = [];
    for (const hazard of run.hazards) {
      const candidate = this.#ofHazard(hazard);
      if (CATALOGUED.has(hazard.quirk)) {
        if (!named.has(hazard.quirk)) named.set(hazard.quirk, candidate);
      } else if (!this.#isOfProgram(hazard.quirk, preemptions)) unnamed.push(candidate);
    }
    unnamed.push(...besides);
    for (const candidate of named.values()) this.#add(candidate, run, preemptions, fresh);
    // What a known race brings about is its harm, not a finding of its own.
    const races = [...named.keys()].filter((id) => this.#isRace(id));
    for (const candidate of unnamed) {
      if (races.length === 0) {
        this.#add(candidate, run, preemptions, fresh);
        continue;
      }
      const word = candidate.id.split(':')[0]!;
      if (Object.hasOwn(FINDING_TITLES, word)) for (const id of races) this.#found.get(id)!.harm.add(word);
    }
    return fresh;
  }

  /** All schedules with that many preemptions were run. */
  levelEnded(preemptions: number): void {
    if (preemptions === 0) this.#serialIsComplete = true;
  }

  /** The findings, worst first. */
  list(): Finding[] {
    const order: readonly Severity[] = ['corruption', 'violation', 'notice'];
    return [...this.#found.values()]
      .sort((one, other) => order.indexOf(one.severity) - order.indexOf(other.severity) || compare(one.id, other.id))
      .map((known) => this.#finding(known));
  }

  #ofHazard({ quirk, severity, detail, operation }: Hazard): Candidate {
    return { id: quirk, severity, detail, until: operation - 1 - this.#program.setup.length };
  }

  #isOfProgram(word: string, preemptions: number): boolean {
    if (preemptions === 0 && WORDS_OF_PROGRAMS.has(word)) this.#serialWords.add(word);
    return this.#serialWords.has(word);
  }

  #isRace(id: string): boolean {
    return QUIRK_CATALOGUE[id]!.kind.includes('R') || this.#found.get(id)!.preemptions > 0;
  }

  /** What the monitor does not see. */
  #besides(run: ScheduleRun, preemptions: number): Candidate[] {
    const found: Candidate[] = [];
    const add = (id: keyof typeof FINDING_TITLES, what: string, severity: Severity = 'violation', key = ''): void => {
      found.push({
        id: key === '' ? id : `${id}:${key}`,
        severity,
        detail: `${FINDING_TITLES[id]}: ${what}`,
        until: Number.POSITIVE_INFINITY,
      });
    };
    if (run.error !== undefined) {
      const { error } = run.error;
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof FaultLivelockError) add('livelock', message, 'corruption');
      else if (error instanceof LockAssertionError || message.startsWith('every sleeping call'))
        add('deadlock', message, 'corruption');
      else add('crash', message, 'corruption');
      return found;
    }
    if (run.merged) return found;
    const { left } = run;
    if (left !== undefined && (left.ranges !== 0 || left.attrs !== 0 || left.dmaPages !== 0))
      add('left', `${left.ranges} ranges, ${left.attrs} attribute intervals, ${left.dmaPages} DMA-mapped pages`);
    if (this.#commute) {
      this.#attributes ??= run.attributes;
      if (run.attributes !== this.#attributes) add('order', 'another order leaves others', 'violation');
    }
    const answers = answersKey(run.answers);
    if (preemptions === 0) {
      this.#serial.set(answers, run.answers);
      this.#serialAttributes.add(run.attributes);
    } else if (this.#serialIsComplete && !this.#serialAttributes.has(run.attributes))
      add('attributes', `${run.attributes === '' ? 'none' : run.attributes} are left`);
    if (preemptions > 0 && this.#serialIsComplete && !this.#serial.has(answers)) {
      let other = this.#nearest.get(answers);
      if (other === undefined) {
        other = nearest(this.#program, run.answers, [...this.#serial.values()]);
        this.#nearest.set(answers, other);
      }
      add('answers', other.text, 'violation', other.names);
    }
    this.#checkReads(run, preemptions, add);
    return found;
  }

  #checkReads(
    { reads }: ScheduleRun,
    preemptions: number,
    add: (id: 'contents' | 'stale', what: string, severity: Severity) => void,
  ): void {
    const check = this.#reads;
    if (check === undefined) return;
    if (preemptions === 0) check.noteSerial(reads);
    const foreign = check.foreign(reads);
    if (foreign !== undefined) add('contents', readText(foreign), 'corruption');
    else if (this.#serialIsComplete && preemptions > 0) {
      const stale = check.stale(reads);
      if (stale !== undefined) add('stale', readText(stale), 'corruption');
    }
  }

  #add(candidate: Candidate, run: ScheduleRun, preemptions: number, fresh: Finding[]): void {
    const before = this.#found.get(candidate.id);
    if (before !== undefined && !isShorter(candidate, run.steps, preemptions, before)) return;
    const known: Known = {
      ...candidate,
      preemptions,
      harm: before?.harm ?? new Set(),
      steps: run.steps,
    };
    this.#found.set(candidate.id, known);
    if (before === undefined) fresh.push(this.#finding(known));
  }

  #finding({ id, severity, detail, preemptions, harm, steps, until }: Known): Finding {
    const whole = until > steps.length;
    const shown = whole ? steps : steps.slice(0, until);
    const operations = scheduleOperations(this.#program, shown, whole);
    return {
      id: id.split(':')[0]!,
      isNew: !CATALOGUED.has(id),
      severity,
      detail,
      preemptions,
      harm: [...harm].sort(),
      steps: shown,
      story: tellSchedule(this.#program, shown, detail),
      trace: operations.map((each) => JSON.stringify(each)),
    };
  }
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

function isShorter({ until }: Candidate, steps: readonly Step[], preemptions: number, than: Known): boolean {
  const injected = injectedOperations(steps) - injectedOperations(than.steps);
  return (
    preemptions - than.preemptions < 0 || (preemptions === than.preemptions && (injected || until - than.until) < 0)
  );
}

function readText({ by, page, value }: Read): string {
  return `${by} reads ${value === '?' ? 'what was never written' : value} in page 0x${page.toString(16)}`;
}

/** The same text, the same answers: no answer has a semicolon. */
function answersKey(answers: readonly (readonly string[])[]): string {
  let key = '';
  for (const thread of answers) {
    key += '|';
    for (const answer of thread) key += `${answer};`;
  }
  return key;
}
