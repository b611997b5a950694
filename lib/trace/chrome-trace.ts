/** Builds a Chrome JSON trace (opens in ui.perfetto.dev) from operations and their answers. */
import { errnoName } from '../uapi/errno.ts';
import type { EmulatedDevice, EmulatedFile, EmulatedMachine } from '../../emulator/index.ts';
import type { TraceAnswer } from './answer.ts';
import { CHROME_PROCESS, ChromeClock, ChromeThread, metadataEvents, microseconds } from './chrome-events.ts';
import type { ChromeEvent, ChromeTrace } from './chrome-events.ts';
import { ChromeFaults, faultedPages } from './chrome-faults.ts';
import { ChromeCounters } from './chrome-counters.ts';
import { mergedEffects } from './chrome-effects.ts';
import type { ShownEffect } from './chrome-effects.ts';
import type { TraceEffect } from './effect-recorder.ts';

/** What an operation ran on. */
export interface ChromeSubject {
  readonly machine: EmulatedMachine;
  readonly device: EmulatedDevice;
  readonly file: EmulatedFile;
}

/** Hazards of one operation that are shown. */
const MOST_HAZARDS = 6;

type Fields = Readonly<Record<string, unknown>>;

/** Collects the events of one export. */
export class ChromeTraceBuilder {
  readonly #events: (ChromeEvent | null)[] = [];
  readonly #clock = new ChromeClock();
  readonly #faults = new ChromeFaults(this.#events);
  readonly #counters = new ChromeCounters(this.#events);
  readonly #hazards: { readonly name: string; readonly args: Fields }[] = [];
  #lastClock = 0;
  #operations = 0;

  /** Adds `{"NAME": {fields}}`, which has just ended with `answer` (effects in `fx`). */
  operation(source: unknown, answer: TraceAnswer, subject: ChromeSubject): void {
    const [name, fields] = nameAndFields(source);
    const now = subject.machine.clock.now;
    const start = this.#clock.tick(name === 'advance' ? this.#lastClock : now);
    this.#lastClock = now;
    const slice = this.#slice(ChromeThread.operations, name, start, {
      operation: ++this.#operations,
      clock: subject.machine.clock.now,
      ...shownFields(fields),
      ...shownAnswer(answer),
    });
    if (name === 'advance') this.#clock.tick(now);
    else this.#body(name, fields, answer, subject);
    for (const hazard of this.#hazards.splice(0)) {
      this.#events.push({
        ph: 'i',
        s: 'p',
        ...hazard,
        cat: 'hazard',
        pid: CHROME_PROCESS,
        tid: ChromeThread.operations,
        ts: microseconds(this.#clock.tick(0)),
      });
    }
    slice.dur = microseconds(this.#clock.tick(0) - start);
    this.#counters.sample(subject, this.#faults.inFlight, microseconds(this.#clock.now));
  }

  /** Notes a defect that was met; it stands at the end of the operation that is running. */
  hazard(quirk: string, detail: string, place: Fields): void {
    if (this.#hazards.length < MOST_HAZARDS)
      this.#hazards.push({ name: `hazard ${quirk}`, args: { detail, ...place } });
  }

  /** Notes what decided the answer to a fault. */
  decided(page: number, write: boolean, reason: string): void {
    this.#faults.decided(page, write, reason);
  }

  /** The finished file; faults that nothing served end here. */
  finish(title: string): ChromeTrace {
    this.#faults.finish(this.#clock.tick(0));
    return {
      traceEvents: [...metadataEvents(title), ...this.#events.filter((event) => event !== null)],
      displayTimeUnit: 'ns',
      otherData: { generator: 'amdgpu-svm trace', clock: 'virtual', operations: String(this.#operations) },
    };
  }

  /** What happened inside an operation: faults, effects, and what a second thread did. */
  #body(name: string, fields: Fields, answer: TraceAnswer, subject: ChromeSubject): void {
    const faults = faultedPages(name, fields, answer);
    const waiting = new Set(faults);
    const raise = (fault: (typeof faults)[number]): void => {
      waiting.delete(fault);
      this.#faults.raise(fault, this.#clock.tick(0), ChromeThread.operations);
    };
    // A bare fault is raised first of all; an access raises its faults one after the other.
    if (name === 'fault') faults.forEach(raise);
    const nested = new NestedOperations(fields, answer);
    for (const effect of mergedEffects((answer['fx'] ?? []) as readonly TraceEffect[])) {
      for (const fault of waiting) if (effect.name === 'pte' && covers(effect, fault.page)) raise(fault);
      if (effect.name === 'inject') this.#nestedBegin(nested, effect.text);
      else if (effect.name === 'inject-end') this.#nestedEnd(nested, subject);
      else this.#effect(effect);
    }
    waiting.forEach(raise);
    const result = Number(answer['ret'] ?? 0);
    for (const fault of faults)
      this.#faults.answered(fault, result, permits(subject, fault.page, fault.write), this.#clock.tick(0));
  }

  #effect(effect: ShownEffect): void {
    const onPageTable = effect.name === 'pte' || effect.name === 'zap' || effect.name === 'tlb';
    const start = this.#clock.tick(0);
    this.#slice(onPageTable ? ChromeThread.pageTable : ChromeThread.driver, effect.title, start, effect.args).dur =
      microseconds(1);
    if (effect.name === 'pte')
      for (const { startPage, pages, flags } of effect.parts) this.#faults.mapped(startPage, pages, flags, start);
  }

  #nestedBegin(nested: NestedOperations, point: string): void {
    const begun = nested.begin(point);
    const start = this.#clock.tick(0);
    const slice = this.#slice(ChromeThread.secondThread, begun.name, start, {
      at: point,
      ...shownFields(begun.fields),
      ...shownAnswer(begun.answer),
    });
    for (const fault of begun.faults) this.#faults.raise(fault, this.#clock.tick(0), ChromeThread.secondThread);
    nested.open.push({ ...begun, slice, start });
  }

  #nestedEnd(nested: NestedOperations, subject: ChromeSubject): void {
    const ended = nested.open.pop();
    if (ended === undefined) return;
    const result = Number(ended.answer['ret'] ?? 0);
    for (const fault of ended.faults)
      this.#faults.answered(fault, result, permits(subject, fault.page, fault.write), this.#clock.tick(0));
    ended.slice.dur = microseconds(this.#clock.tick(0) - ended.start);
  }

  #slice(tid: number, name: string, start: number, args: Fields): ChromeEvent {
    const event: ChromeEvent = {
      ph: 'X',
      name,
      pid: CHROME_PROCESS,
      tid,
      ts: microseconds(start),
      dur: microseconds(1),
      args,
    };
    this.#events.push(event);
    return event;
  }
}

interface NestedOperation {
  readonly name: string;
  readonly fields: Fields;
  readonly answer: TraceAnswer;
  readonly faults: readonly { readonly page: number; readonly pages: number; readonly write: boolean }[];
}

/** The injected operations of one operation, found by the point at which they ran. */
class NestedOperations {
  readonly open: (NestedOperation & { slice: ChromeEvent; start: number })[] = [];
  readonly #left: NestedOperation[];
  readonly #points: string[];

  constructor(fields: Fields, answer: TraceAnswer) {
    const injections = (Array.isArray(fields['inject']) ? fields['inject'] : []) as { at: string; do: unknown }[];
    const answers = (answer['inj'] ?? []) as TraceAnswer[];
    const ran = injections
      .map((injection, index) => ({ injection, answer: answers[index] ?? {} }))
      .filter((each) => each.answer['fired'] !== false && each.answer['blocked'] !== true);
    this.#points = ran.map(({ injection }) => injection.at);
    this.#left = ran.map(({ injection, answer: own }) => {
      const [name, own2] = nameAndFields(injection.do);
      return { name, fields: own2, answer: own, faults: faultedPages(name, own2, own) };
    });
  }

  /** The operation that runs at `point` now. */
  begin(point: string): NestedOperation {
    const index = this.#points.indexOf(point);
    if (index < 0) return { name: point === '(resumed)' ? 'goes on' : 'injected', fields: {}, answer: {}, faults: [] };
    this.#points.splice(index, 1);
    return this.#left.splice(index, 1)[0]!;
  }
}

function nameAndFields(source: unknown): [string, Fields] {
  const [entry] = Object.entries(source as Record<string, Fields>);
  return entry ?? ['', {}];
}

function covers(effect: ShownEffect, page: number): boolean {
  return effect.parts.some(({ startPage, pages }) => page >= startPage && page < startPage + pages);
}

function permits(subject: ChromeSubject, page: number, write: boolean): boolean {
  return subject.device.gpu.pteFlags.permits(subject.file.vm.pageTable.flagsOf(page), write);
}

function shownFields(fields: Fields): Fields {
  const { inject: _nested, ...own } = fields;
  return own;
}

/** The part of an answer that fits a slice: no state dumps, no effects. */
function shownAnswer(answer: TraceAnswer): Fields {
  const shown: Record<string, unknown> = {};
  const { ret, faults, ran, pages, error, fatal } = answer;
  if (ret !== undefined) shown['result'] = errnoName(Number(ret)) ?? ret;
  for (const [name, value] of Object.entries({ faults, ran, pages, error, fatal }))
    if (value !== undefined) shown[name] = value;
  return shown;
}
