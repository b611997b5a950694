/** The answers of another implementation next to ours: the first that differs. */
import { codedError } from '../../uapi/errors.ts';
import { firstDifference } from '../compare/compare.ts';
import type { TraceAnswer, TraceOperation } from '../operations/index.ts';
import { parseOperation } from '../operations/parse.ts';
import { TraceRunner } from '../replay/runner.ts';
import type { OperationObject } from '../operations/descriptor.ts';
import type { Breakdown, Implementation, Reply } from './implementation.ts';

/** The first operation at which the two part. */
export interface Divergence {
  readonly kind: 'answer' | Breakdown['kind'];
  /** Index of the operation in the list. */
  readonly at: number;
  readonly operation: OperationObject;
  /** Of an answer: the path of the field that differs, '' for the whole. */
  readonly path: string;
  /** What we say, and what the other side says; of a breakdown the whole answer of ours, and what became of the other. */
  readonly expected: unknown;
  readonly actual: unknown;
}

/** Our answers to operations; fewer than operations where one is not modelled. */
function ownAnswers(operations: readonly TraceOperation[]): TraceAnswer[] {
  const runner = new TraceRunner();
  const answers: TraceAnswer[] = [];
  for (const operation of operations) {
    try {
      answers.push(runner.execute(operation));
    } catch {
      // What our side refuses by name ends the history: there is nothing to compare it with.
      break;
    }
  }
  return answers;
}

/** What became of one history. */
export interface Comparison {
  /** Operations that both have answered. */
  readonly compared: number;
  readonly divergence: Divergence | undefined;
}

/** Runs operations on the emulator and on `other`; the first is a configuration. */
export async function compareWith(other: Implementation, operations: readonly OperationObject[]): Promise<Comparison> {
  // Sent before ours run: so both sides work at the same time.
  const reply = other.ask(operations.map((each) => JSON.stringify(each)));
  let own: TraceAnswer[];
  try {
    own = ownAnswers(operations.map((each) => parseOperation(each)));
  } catch (error) {
    await reply;
    throw error;
  }
  return compareReplies(operations, own, await reply);
}

function compareReplies(
  operations: readonly OperationObject[],
  own: readonly TraceAnswer[],
  { lines, breakdown }: Reply,
): Comparison {
  for (const [at, ours] of own.entries()) {
    const operation = operations[at]!;
    const line = lines[at];
    const end = (kind: Divergence['kind'], path: string, expected: unknown, actual: unknown): Comparison => ({
      compared: at,
      divergence: { kind, at, operation, path, expected, actual },
    });
    if (line === undefined) {
      if (breakdown === undefined)
        throw codedError('ERR_SVM_INTERNAL', 'fewer lines than operations, and nothing broke down');
      return end(breakdown.kind, '', ours, breakdown.text);
    }
    // Nearly all lines are the same text, and need not be read.
    if (line === `{"in":${JSON.stringify(operation)},"out":${JSON.stringify(ours)}}`) continue;
    const answer = answerOf(line);
    if (answer === undefined) return end('garbage', '', ours, line.slice(0, LONGEST_TOLD));
    const difference = firstDifference('fx' in answer ? ours : withoutEffects(ours), answer);
    if (difference !== undefined) return end('answer', difference.path, difference.expected, difference.actual);
  }
  return { compared: own.length, divergence: undefined };
}

const LONGEST_TOLD = 300;

/** The answer in a recorded line; undefined for anything else. */
function answerOf(line: string): Readonly<Record<string, unknown>> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const out: unknown = typeof value === 'object' && value !== null && 'out' in value ? value.out : undefined;
  if (typeof out !== 'object' || out === null || Array.isArray(out)) return undefined;
  return out as Readonly<Record<string, unknown>>;
}

function withoutEffects({ fx: _effects, ...answer }: TraceAnswer): TraceAnswer {
  return answer;
}
