/** Operations and effects in the few words of a list. */
import type { TraceEffect } from '../../trace/effects/form.ts';
import { effectOf, pagesOf } from '../../trace/effects/index.ts';
import { descriptorOf } from '../../trace/operations/index.ts';
import type { TraceOperation } from '../../trace/operations/index.ts';
import { address, duration, interval, pagesSize, result, time } from './format.ts';
import type { Step } from './step.ts';

/** Pages that something is about. */
export interface Place {
  readonly page: number;
  readonly pages: number;
}

/** The pages that an operation names, if it names any. */
export function placeOf(operation: TraceOperation): Place | undefined {
  if (operation.name === 'fault' || operation.name === 'bounmap')
    return { page: Number(operation.address >> 12n), pages: 1 };
  if (!('address' in operation)) return undefined;
  const page = Number(operation.address >> 12n);
  const end = Number((operation.address + operation.size + 0xfffn) >> 12n);
  return end > 2 ** 44 ? undefined : { page, pages: Math.max(1, end - page) };
}

/** What an operation is about, without its name. */
export function operationText(operation: TraceOperation): string {
  const place = placeOf(operation);
  const where =
    place === undefined
      ? ''
      : operation.name === 'fault'
        ? address(place.page)
        : `${address(place.page)} +${pagesSize(place.pages)}`;
  const label = descriptorOf(operation.name).label?.(operation) ?? '';
  return `${operation.gpu === 0 ? '' : `GPU ${operation.gpu} `}${where} ${label}`.trim();
}

/** "ok", "EPERM", "3 faults", ... */
export function answerText(step: Step): string {
  const { answer } = step;
  if (answer.fatal !== undefined) return 'not modelled';
  if (answer.error !== undefined) return 'bad line';
  const ret = answer.ret ?? 0;
  // The handler answers 0 to all that it wants to see again: what came of it is the better word.
  const parts = [step.operation.name === 'fault' && ret === 0 ? (step.decisions.at(-1)?.outcome ?? 'ok') : result(ret)];
  const { faults, ran, fresh } = answer;
  if (faults !== undefined && faults > 0) parts.push(`${faults} fault${faults > 1 ? 's' : ''}`);
  if (ran === true) parts.push('ran');
  if (fresh !== undefined && fresh !== '0x0') parts.push(`${Number(fresh)} new`);
  return parts.join(', ');
}

/** Marks of what other threads did, and of the GPU that is meant. */
const MARKS: Readonly<Record<string, string>> = {
  inject: 'a second thread runs at',
  'inject-end': 'the second thread is done',
  '@': 'on GPU',
};

/** An effect in words, with its pages if it has any. */
export function effectText(effect: TraceEffect): { text: string; place: Place | undefined } {
  const name = String(effect[0]);
  const words = effectOf(effect)?.title ?? MARKS[name] ?? name;
  const { startPage, pages } = pagesOf(effect);
  if (pages === 0) return { text: effect.length > 1 ? `${words} ${String(effect[1])}` : words, place: undefined };
  return { text: `${words} ${interval(startPage, pages)}`, place: { page: startPage, pages } };
}

/** What a step means to somebody who looks for trouble. */
export type StepMark = 'hazard' | 'differs' | 'refused' | 'fault' | 'plain';

/** The most urgent mark of a step. */
export function markOf(step: Step): StepMark {
  if (step.hazards.some(({ isNotice }) => !isNotice)) return 'hazard';
  if (step.difference !== undefined || step.answer.fatal !== undefined) return 'differs';
  if (isFault(step)) return 'fault';
  return (step.answer.ret ?? 0) < 0 ? 'refused' : 'plain';
}

/** Whether the GPU faulted in this step. */
export function isFault(step: Step): boolean {
  return step.operation.name === 'fault' || (step.operation.name === 'access' && (step.answer.faults ?? 0) > 0);
}

/** Whether something went wrong that the list of hazards should lead to. */
export function isTrouble(step: Step): boolean {
  return markOf(step) === 'hazard' || step.difference !== undefined || step.answer.fatal !== undefined;
}

/** What a step took by the cost model, in all and by what it was spent on; both empty where nothing takes time. */
export function spentTexts({ spent = [] }: Step): { readonly total: string; readonly parts: string } {
  const nanoseconds = spent.reduce((sum, [, each]) => sum + each, 0);
  return {
    total: nanoseconds === 0 ? '' : duration(nanoseconds),
    parts: spent.map(([kind, each]) => `${kind} ${duration(each)}`).join(', '),
  };
}

/** A step as one sentence, for screen readers. Operations are numbered from 1, as everywhere that people see them. */
export function stepSentence(step: Step, index: number, count: number): string {
  const hazards = step.hazards.filter(({ isNotice }) => !isNotice);
  const trouble = hazards.length > 0 ? `, hazard ${hazards.map(({ quirk }) => quirk).join(', ')}` : '';
  const what = `${step.operation.name} ${operationText(step.operation)}`.trim();
  const { total } = spentTexts(step);
  const took = total === '' ? '' : `, took ${total}`;
  return `operation ${index + 1} of ${count}: ${what}, ${answerText(step)}${trouble}${took}, at ${time(step.clock)}`;
}
