/** Builds a Chrome JSON trace (opens in ui.perfetto.dev) from operations and their answers. */
import { errnoName } from '../../uapi/errno.ts';
import { effectOf } from '../effects/index.ts';
import type { TraceSubject } from '../operations/descriptor.ts';
import type { InjectedAnswer, TraceAnswer } from '../operations/index.ts';
import { CHROME_PROCESS, ChromeClock, ChromeThread, gpuThread, metadataEvents, microseconds } from './chrome-events.ts';
import type { ChromeEvent, ChromeTrace } from './chrome-events.ts';
import { ChromeFaults, faultedPages } from './chrome-faults.ts';
import type { FaultedPages } from './chrome-faults.ts';
import { ChromeCounters } from './chrome-counters.ts';
import { ChromeSpendings } from './chrome-spendings.ts';
import type { Spending } from './chrome-spendings.ts';
import { ChromeQueues } from './chrome-queues.ts';
import { mergedEffects } from './chrome-effects.ts';
import type { ShownEffect } from './chrome-effects.ts';

/** Hazards of one operation that are shown. */
const MOST_HAZARDS = 6;

type Fields = Readonly<Record<string, unknown>>;
type SubjectOf = (gpu: number) => TraceSubject;

/** Collects the events of one export. */
export class ChromeTraceBuilder {
  readonly #events: (ChromeEvent | null)[] = [];
  readonly #clock = new ChromeClock();
  readonly #faults = new ChromeFaults(this.#events);
  readonly #counters = new ChromeCounters(this.#events);
  readonly #queues = new ChromeQueues(this.#events);
  readonly #spendings = new ChromeSpendings(this.#events);
  readonly #hazards: { readonly name: string; readonly args: Fields }[] = [];
  #lastClock = 0;
  #operations = 0;

  /** Adds `{"NAME": {fields}}`, which has just ended with `answer`; `times`: of its effects in `fx`, where things take time. */
  operation(source: unknown, answer: TraceAnswer, subjectOf: SubjectOf, times: readonly number[] = []): void {
    const [name, fields] = nameAndFields(source);
    // The answer of an operation on a GPU that there is not tells so; its slice is one of the machine's.
    const subject = subjectOf(answer.fatal === undefined ? Number(fields['gpu'] ?? 0) : 0);
    const now = subject.machine.clock.now;
    const takesTime = subject.machine.options.cost !== null && this.#operations > 0;
    const start = this.#clock.tick(name === 'advance' || takesTime ? this.#lastClock : now);
    this.#lastClock = now;
    const slice = this.#slice(ChromeThread.operations, name, start, {
      operation: ++this.#operations,
      clock: subject.machine.clock.now,
      ...shownFields(fields),
      ...shownAnswer(answer),
    });
    if (name === 'advance') this.#clock.tick(now);
    else this.#body(name, fields, answer, subjectOf, times);
    this.#spendings.show();
    if (takesTime) this.#clock.tick(now);
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

  /** Notes a defect that was met; it is at the end of the operation that is running. */
  hazard(quirk: string, detail: string, place: Fields): void {
    if (this.#hazards.length < MOST_HAZARDS)
      this.#hazards.push({ name: `hazard ${quirk}`, args: { detail, ...place } });
  }

  /** Notes time that was spent, up to `time` (ns). */
  spent(spending: Spending, time: number): void {
    this.#spendings.add(spending, time);
  }

  /** Notes what decided the answer to a fault. */
  decided(fault: Omit<FaultedPages, 'pages'>, reason: string): void {
    this.#spendings.answered(fault);
    this.#faults.decided(fault, reason);
  }

  /** The finished file; faults that nothing served end here. */
  finish(title: string): ChromeTrace {
    this.#faults.finish(this.#clock.tick(0));
    this.#queues.finish(this.#clock.tick(0));
    const events = this.#events.filter((event) => event !== null);
    const used = new Set(events.flatMap(({ tid }) => (tid === undefined ? [] : [tid])));
    return {
      traceEvents: [...metadataEvents(title, used), ...events],
      displayTimeUnit: 'ns',
      otherData: { generator: 'amdgpu-svm trace', clock: 'virtual', operations: String(this.#operations) },
    };
  }

  /** What happened inside an operation: faults, effects, and what a second thread did. */
  #body(name: string, fields: Fields, answer: TraceAnswer, subjectOf: SubjectOf, times: readonly number[]): void {
    const faults = faultedPages(name, fields, answer);
    const waiting = new Set(faults);
    const raise = (fault: (typeof faults)[number]): void => {
      waiting.delete(fault);
      this.#faults.raise(fault, this.#clock.tick(this.#spendings.raised(fault)), ChromeThread.operations);
    };
    // A bare fault is raised first of all; an access raises its faults one after the other.
    if (name === 'fault') faults.forEach(raise);
    const nested = new NestedOperations(fields, answer);
    for (const effect of mergedEffects(answer.fx ?? [], times)) {
      for (const fault of waiting)
        if (this.#spendings.raised(fault) > 0 && this.#spendings.raised(fault) < effect.time) raise(fault);
      for (const fault of waiting) if (effect.name === 'pte' && covers(effect, fault)) raise(fault);
      if (effect.name === 'inject') this.#nestedBegin(nested, effect.text, effect.time);
      else if (effect.name === 'inject-end') this.#nestedEnd(nested, subjectOf, effect.time);
      else this.#effect(effect);
    }
    waiting.forEach(raise);
    const result = answer.ret ?? 0;
    for (const fault of faults)
      this.#faults.answered(fault, result, permits(subjectOf(fault.gpu), fault), this.#clock.tick(0));
  }

  #effect(effect: ShownEffect): void {
    const { onPageTable = false, vramAt } = effectOf([effect.name]) ?? {};
    const thread = gpuThread(vramAt !== undefined ? 'vram' : onPageTable ? 'pageTable' : 'driver', effect.gpu);
    const start = this.#clock.tick(effect.time);
    this.#slice(thread, effect.title, start, effect.args).dur = microseconds(1);
    // A call that KFD refused changes nothing.
    if (effect.name === 'quiesce' && effect.text === '') this.#queues.stopped(effect.gpu, start);
    if (effect.name === 'resume' && effect.text === '') this.#queues.resumed(effect.gpu, start);
    if (effect.name === 'pte') for (const part of effect.parts) this.#faults.mapped(effect.gpu, part, start);
  }

  #nestedBegin(nested: NestedOperations, point: string, time: number): void {
    const begun = nested.begin(point);
    const start = this.#clock.tick(time);
    const slice = this.#slice(ChromeThread.secondThread, begun.name, start, {
      at: point,
      ...shownFields(begun.fields),
      ...shownAnswer(begun.answer),
    });
    for (const fault of begun.faults) this.#faults.raise(fault, this.#clock.tick(0), ChromeThread.secondThread);
    nested.open.push({ ...begun, slice, start });
  }

  #nestedEnd(nested: NestedOperations, subjectOf: SubjectOf, time: number): void {
    const ended = nested.open.pop();
    if (ended === undefined) return;
    this.#clock.tick(time);
    const result = ended.answer.ret ?? 0;
    for (const fault of ended.faults)
      this.#faults.answered(fault, result, permits(subjectOf(fault.gpu), fault), this.#clock.tick(0));
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
  readonly faults: readonly FaultedPages[];
}

/** The injected operations of one operation, found by the point at which they ran. */
class NestedOperations {
  readonly open: (NestedOperation & { slice: ChromeEvent; start: number })[] = [];
  readonly #left: NestedOperation[];
  readonly #points: string[];

  constructor(fields: Fields, answer: TraceAnswer) {
    const injections = (Array.isArray(fields['inject']) ? fields['inject'] : []) as { at: string; do: unknown }[];
    const answers: readonly InjectedAnswer[] = answer.inj ?? [];
    const ran = injections
      .map((injection, index) => ({ injection, answer: answers[index] }))
      .filter((each) => each.answer?.fired !== false && each.answer?.blocked !== true);
    this.#points = ran.map(({ injection }) => injection.at);
    this.#left = ran.map(({ injection, answer: own = {} }) => {
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

function covers(effect: ShownEffect, { gpu, page }: FaultedPages): boolean {
  if (gpu !== effect.gpu) return false;
  return effect.parts.some(({ startPage, pages }) => page >= startPage && page < startPage + pages);
}

function permits({ device, file }: TraceSubject, { page, write }: FaultedPages): boolean {
  return device.gpu.pteFlags.permits(file.vm.pageTable.flagsOf(page), write);
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
