/** Operations and effects in the few words of a list. */
import type { TraceEffect } from '../../trace/effect-recorder.ts';
import { attributeName, attributesText } from '../../words/attributes.ts';
import { pagesOf } from '../../trace/chrome-effects.ts';
import { protectionLetters } from '../../uapi/protection.ts';
import type { TraceOperation } from '../../trace/operation.ts';
import { address, interval, pagesSize, result, time } from './format.ts';
import type { Step } from './session.ts';

/** Pages that something is about. */
export interface Place {
  readonly page: number;
  readonly pages: number;
}

/** The pages that an operation names, if it names any. */
export function placeOf(operation: TraceOperation): Place | undefined {
  if (operation.name === 'fault') return { page: Number(operation.address >> 12n), pages: 1 };
  if (!('address' in operation)) return undefined;
  const page = Number(operation.address >> 12n);
  const end = Number((operation.address + operation.size + 0xfffn) >> 12n);
  return end > 2 ** 44 ? undefined : { page, pages: Math.max(1, end - page) };
}

/** What an operation is about, without its name. */
export function operationText(operation: TraceOperation): string {
  const place = placeOf(operation);
  const where = place === undefined ? '' : `${address(place.page)} +${pagesSize(place.pages)}`;
  switch (operation.name) {
    case 'mmap':
      return `${where} ${operation.kind} ${protectionLetters(operation.protection)}`;
    case 'mprotect':
      return `${where} ${protectionLetters(operation.protection)}`;
    case 'touch':
      return `${where} CPU ${operation.write ? 'writes' : 'reads'}`;
    case 'access':
      return `${where} GPU ${operation.write ? 'writes' : 'reads'}`;
    case 'fault':
      return `${address(place!.page)} ${operation.write ? 'write' : 'read'}`;
    case 'set':
      return `${where} ${attributesText(operation.attributes)}`;
    case 'get':
      return `${where} ${operation.types.map(attributeName).join(' ')}`;
    case 'ioctl':
      return `op ${operation.operation} ${where}`;
    case 'advance':
      return `+${operation.nanoseconds >= 1e6 ? `${operation.nanoseconds / 1e6} ms` : operation.nanoseconds >= 1e3 ? `${operation.nanoseconds / 1e3} us` : `${operation.nanoseconds} ns`}`;
    case 'ih':
      return `${operation.ring} ${operation.pending ? 'pending' : 'empty'}`;
    case 'config':
      return `GC ${operation.config.gc}${operation.config.apu ? ' APU' : ''}`;
    default:
      return where;
  }
}

/** "ok", "EPERM", "3 faults", ... */
export function answerText(step: Step): string {
  const { answer } = step;
  if (answer['fatal'] !== undefined) return 'not modelled';
  if (answer['error'] !== undefined) return 'bad line';
  const ret = Number(answer['ret'] ?? 0);
  // The handler answers 0 to all that it wants to see again: what came of it is the better word.
  const parts = [step.operation.name === 'fault' && ret === 0 ? (step.decisions.at(-1)?.outcome ?? 'ok') : result(ret)];
  const { faults, ran, fresh } = answer;
  if (typeof faults === 'number' && faults > 0) parts.push(`${faults} fault${faults > 1 ? 's' : ''}`);
  if (ran === true) parts.push('ran');
  if (typeof fresh === 'string' && fresh !== '0x0') parts.push(`${Number(fresh)} new`);
  return parts.join(', ');
}

const EFFECT_WORDS: Readonly<Record<string, string>> = {
  'notifier+': 'notifier inserted',
  'notifier-': 'notifier removed',
  'range+': 'range inserted',
  'range-': 'range removed',
  pte: 'PTEs written',
  zap: 'PTEs zapped',
  tlb: 'TLB flushed',
  'dma+': 'DMA mapped',
  'dma-': 'DMA unmapped',
  'gc+': 'queued for collection',
  inject: 'a second thread runs at',
  'inject-end': 'the second thread is done',
};

/** An effect in words, with its pages if it has any. */
export function effectText(effect: TraceEffect): { text: string; place: Place | undefined } {
  const name = String(effect[0]);
  const words = EFFECT_WORDS[name] ?? name;
  const { startPage, pages } = pagesOf(effect);
  if (pages === 0) return { text: name === 'inject' ? `${words} ${String(effect[1])}` : words, place: undefined };
  return { text: `${words} ${interval(startPage, pages)}`, place: { page: startPage, pages } };
}

/** What a step means to somebody who looks for trouble. */
export type StepMark = 'hazard' | 'differs' | 'refused' | 'fault' | 'plain';

/** The most urgent mark of a step. */
export function markOf(step: Step): StepMark {
  if (step.hazards.some(({ isNotice }) => !isNotice)) return 'hazard';
  if (step.difference !== undefined || step.answer['fatal'] !== undefined) return 'differs';
  if (isFault(step)) return 'fault';
  return Number(step.answer['ret'] ?? 0) < 0 ? 'refused' : 'plain';
}

/** Whether the GPU faulted in this step. */
export function isFault(step: Step): boolean {
  return (
    step.operation.name === 'fault' || (step.operation.name === 'access' && Number(step.answer['faults'] ?? 0) > 0)
  );
}

/** Whether something went wrong that the list of hazards should lead to. */
export function isTrouble(step: Step): boolean {
  return markOf(step) === 'hazard' || step.difference !== undefined || step.answer['fatal'] !== undefined;
}

/** A step as one sentence, for screen readers. Operations are numbered from 1, as everywhere that people see them. */
export function stepSentence(step: Step, index: number, count: number): string {
  const hazards = step.hazards.filter(({ isNotice }) => !isNotice);
  const trouble = hazards.length > 0 ? `, hazard ${hazards.map(({ quirk }) => quirk).join(', ')}` : '';
  const what = `${step.operation.name} ${operationText(step.operation)}`.trim();
  return `operation ${index + 1} of ${count}: ${what}, ${answerText(step)}${trouble}, at ${time(step.clock)}`;
}
