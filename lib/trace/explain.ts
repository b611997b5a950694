/** The story of a trace in sentences: what each operation did, and the rule that decided it. */
import { formatHazard } from '../../emulator/index.ts';
import type { Hazard, MachineEvent, PteState } from '../../emulator/index.ts';
import { errnoName } from '../uapi/errno.ts';
import { protectionLetters } from '../uapi/protection.ts';
import { attributeName, attributesText as textOf } from '../words/attributes.ts';
import type { TraceAnswer } from './answer.ts';
import { PTE_STATE_MEANINGS } from '../words/faults.ts';
import { bytesAt } from '../words/sizes.ts';
import type { TraceOperation } from './operation.ts';
import type { TraceLine } from './parse-trace.ts';
import { refusalOf } from './operation-refusal.ts';
import { TraceRunner } from './runner.ts';
import { eventSentences } from './story-events.ts';

/** Runs a trace on a fresh machine and hands its story to `tell`, line by line. */
export function explainTrace(lines: readonly TraceLine[], tell: (line: string) => void): void {
  let events: MachineEvent[] = [];
  let hazards: readonly Hazard[] = [];
  const runner = new TraceRunner((machine) => {
    machine.onAny((event) => events.push(event));
    hazards = machine.watchHazards().hazards;
  });
  let told = 0;
  lines.forEach(({ operation }, index) => {
    if (index > 0) runner.machine.watchHazards().operation = index + 1;
    let answer: TraceAnswer;
    try {
      answer = runner.execute(operation);
    } catch (error) {
      answer = { fatal: error instanceof Error ? error.message : String(error) };
    }
    tell(`${index + 1}. ${operationSentence(operation)}${answerText(operation, answer)}`);
    for (const sentence of [
      ...injectedSentences(operation, answer),
      ...eventSentences(events),
      ...outcomeSentences(operation, answer, events),
    ])
      tell(`   ${sentence}`);
    for (const hazard of hazards.slice(told)) tell(`   ! ${formatHazard(hazard)}`);
    told = hazards.length;
    events = [];
  });
}

function place(operation: { readonly address: bigint; readonly size?: bigint }): string {
  const { address, size } = operation;
  return size === undefined ? `0x${address.toString(16)}` : bytesAt({ address, size });
}

function operationSentence(operation: TraceOperation): string {
  switch (operation.name) {
    case 'config':
      return `A machine with GC ${operation.config.gc}${operation.config.lazy ? ' opens its render node without making the VM a compute VM' : ' opens its render node; the VM becomes a compute VM'}`;
    case 'mmap':
      return `The process maps ${place(operation)}, ${protectionLetters(operation.protection)}, ${operation.kind}`;
    case 'munmap':
      return `The process unmaps ${place(operation)}`;
    case 'dontneed':
      return `The process gives back ${place(operation)} (MADV_DONTNEED)`;
    case 'mprotect':
      return `The process protects ${place(operation)} as ${protectionLetters(operation.protection)}`;
    case 'touch':
      return `The CPU ${operation.write ? 'writes' : 'reads'} each page of ${place(operation)}`;
    case 'set':
      return `SET_ATTR on ${place(operation)}: ${attributesText(operation.attributes)}`;
    case 'get':
      return `GET_ATTR on ${place(operation)}: ${operation.types.map(attributeName).join(', ')}`;
    case 'ioctl':
      return `A raw SVM ioctl, operation ${operation.operation}, with ${operation.attributeCount} attributes on ${place(operation)}`;
    case 'fault':
      return `The GPU faults at ${place(operation)} for ${operation.write ? 'writing' : 'reading'}`;
    case 'access':
      return `The GPU ${operation.write ? 'writes' : 'reads'} ${place(operation)}`;
    case 'advance':
      return `${operation.nanoseconds / 1_000_000} ms pass`;
    case 'ih':
      return `Interrupt ring ${operation.ring} ${operation.pending ? `holds a fault of time ${operation.timestamp}` : 'is empty'}`;
    case 'gc':
      return 'The garbage collector gets its turn';
    case 'close':
      return 'The SVM context is closed';
    case 'fini':
      return 'The SVM context is closed and finalised';
    case 'mmexit':
      return 'The process exits';
    case 'pteflags':
      return 'PTE flags are computed';
    case 'dump':
      return 'The state is looked at';
  }
}

function attributesText(attributes: readonly (readonly [number, number])[]): string {
  return textOf(attributes, ' = ', ', ');
}

/** How it was answered: a result with the rule behind it, or the full stop. */
function answerText(operation: TraceOperation, answer: TraceAnswer): string {
  if ('fatal' in answer) return `: ${String(answer['fatal'])}`;
  const ret = answer['ret'];
  if (typeof ret !== 'number' || ret === 0) return '.';
  const rule = refusalOf(operation, ret);
  return `: ${errnoName(ret) ?? ret}${rule === undefined ? '' : ` - ${rule}`}.`;
}

/** What other threads did at the preemption points of the operation. */
function injectedSentences(operation: TraceOperation, answer: TraceAnswer): string[] {
  const answers = (answer['inj'] ?? []) as readonly TraceAnswer[];
  return (operation.inject ?? []).map(({ at, nth, operation: other }, index) => {
    const own = answers[index] ?? {};
    const point = `${at}${nth > 1 ? ` (pass ${nth})` : ''}`;
    const what = `${point} another thread: "${operationSentence(other)}"`;
    if (own['blocked'] === true) return `Would run at ${what}; it waits for a lock that the operation holds.`;
    if (own['fired'] === false) return `Would run at ${what}; the operation never came there.`;
    return `Runs at ${what}${own['slept'] === true ? ', slept for the svm lock' : ''}${answerText(other, own)}`;
  });
}

/** What the events alone don't say of an operation that was not refused. */
function outcomeSentences(operation: TraceOperation, answer: TraceAnswer, events: readonly MachineEvent[]): string[] {
  if ('fatal' in answer || (answer['ret'] !== 0 && operation.name !== 'access')) return [];
  const met = (name: MachineEvent['name']): boolean => events.some((event) => event.name === name);
  switch (operation.name) {
    case 'munmap':
    case 'dontneed':
    case 'mprotect':
      if (!met('notifier-called'))
        return ['The driver hears nothing of it: no notifier covers it, or nothing changes.'];
      return met('ptes-zapped') || met('zap-failed')
        ? []
        : ['No GPU range there is marked mapped, so no PTE is cleared.'];
    case 'set':
      return met('attributes-changed') ? [] : ['The attributes are set already; nothing changes.'];
    case 'get': {
      const values = (answer['values'] ?? []) as readonly number[];
      return [`Answer: ${attributesText(operation.types.map((type, index) => [type, values[index] ?? 0]))}.`];
    }
    case 'gc':
      if (answer['ran'] !== true) return ['Nothing is queued for it.'];
      return met('collected') ? [] : ['Its list is empty: a fault has collected already.'];
    case 'close':
      return ['From now on faults are killed and invalidations ignored.'];
    case 'touch':
      return [`${Number(answer['fresh'] ?? 0)} pages of ${Number(answer['pages'] ?? 0)} were not there and are now.`];
    case 'access':
      return accessSentences(answer);
    case 'fini':
      return answer['left'] === undefined ? [] : [`Still allocated: ${JSON.stringify(answer['left'])}.`];
    default:
      return [];
  }
}

type AccessRun = readonly [outcome: string, start: string, count: string, state?: PteState];

/** Pages that needed no fault, pages that were not served, and PTEs that are not right. */
function accessSentences(answer: TraceAnswer): string[] {
  const runs = (answer['runs'] ?? []) as readonly AccessRun[];
  const pagesOf = (outcome: string): number =>
    runs.filter(([each]) => each === outcome).reduce((sum, [, , count]) => sum + Number(count), 0);
  const pages = (count: number): string => `${count} page${count === 1 ? '' : 's'}`;
  const sentences = [];
  if (pagesOf('hit') > 0) sentences.push(`PTEs permit it on ${pages(pagesOf('hit'))} without a fault.`);
  for (const state of new Set(runs.map(([, , , each]) => each))) {
    if (state === undefined || state === 'ok') continue;
    const count = runs.filter(([, , , each]) => each === state).reduce((sum, [, , each]) => sum + Number(each), 0);
    sentences.push(`It goes through PTEs of ${pages(count)} that are ${PTE_STATE_MEANINGS[state]}.`);
  }
  if (pagesOf('failed') > 0) sentences.push(`${pages(pagesOf('failed'))} not served.`);
  return sentences;
}
