/** The story of a trace in sentences: what each operation did, and the rule that decided it. */
import { formatHazard } from '../../../emulator/index.ts';
import type { Hazard, MachineEvent } from '../../../emulator/index.ts';
import { errnoName } from '../../uapi/errno.ts';
import type { TraceLine } from '../format/parse-trace.ts';
import type { BareAnswer } from '../operations/descriptor.ts';
import { descriptorOf } from '../operations/index.ts';
import type { TraceAnswer, TraceOperation } from '../operations/index.ts';
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
    tell(`${index + 1}. ${operationSentence(operation, runner.gpus)}${answerText(operation, answer)}`);
    for (const sentence of [
      ...injectedSentences(operation, answer, runner.gpus),
      ...eventSentences(events, runner.gpus),
      ...outcomeSentences(operation, answer, events),
    ])
      tell(`   ${sentence}`);
    for (const hazard of hazards.slice(told)) tell(`   ! ${formatHazard(hazard)}`);
    told = hazards.length;
    events = [];
  });
}

/** What an operation does; the GPU is named where there are several. */
export function operationSentence(operation: TraceOperation, gpus: number): string {
  const { sentence, perGpu } = descriptorOf(operation.name);
  const where = gpus > 1 && perGpu === true ? `GPU ${operation.gpu}: ` : '';
  return `${where}${sentence(operation)}`;
}

/** The rule behind a refusal, where operation and errno tell which one it was. */
export function refusalOf(operation: TraceOperation, errno: number): string | undefined {
  return descriptorOf(operation.name).refusal?.(operation, errno);
}

/** How it was answered: a result with the rule behind it, or the full stop. */
function answerText(operation: TraceOperation, answer: TraceAnswer): string {
  if (answer.fatal !== undefined) return `: ${answer.fatal}`;
  const { ret } = answer;
  if (ret === undefined || ret === 0) return '.';
  const rule = refusalOf(operation, ret);
  return `: ${errnoName(ret) ?? ret}${rule === undefined ? '' : ` - ${rule}`}.`;
}

/** What other threads did at the preemption points of the operation. */
function injectedSentences(operation: TraceOperation, answer: TraceAnswer, gpus: number): string[] {
  return (operation.inject ?? []).map(({ at, nth, operation: other }, index) => {
    const own = answer.inj?.[index];
    const point = `${at}${nth > 1 ? ` (pass ${nth})` : ''}`;
    const what = `${point} another thread: "${operationSentence(other, gpus)}"`;
    if (own?.blocked === true) return `Would run at ${what}; it waits for a lock that the operation holds.`;
    if (own?.fired === false) return `Would run at ${what}; the operation never came there.`;
    const slept = own?.slept === true ? ', slept for the svm lock' : '';
    return `Runs at ${what}${slept}${answerText(other, own ?? {})}`;
  });
}

/** What the events alone do not say of an operation that was not refused. An access tells of its pages even then. */
function outcomeSentences(
  operation: TraceOperation,
  answer: TraceAnswer,
  events: readonly MachineEvent[],
): readonly string[] {
  if (answer.ret === undefined || (answer.ret !== 0 && operation.name !== 'access')) return [];
  const met = (name: MachineEvent['name']): boolean => events.some((event) => event.name === name);
  return descriptorOf(operation.name).outcome?.(operation, answer as BareAnswer, met) ?? [];
}
