/** Where two sessions part: in what was recorded, or in what the emulator answers where nothing was. */
import { whereTheyPart } from '../../trace/compare/diff.ts';
import type { TraceLine } from '../../trace/format/parse-trace.ts';
import { operationText } from './describe.ts';
import type { Step } from './step.ts';

/** The first difference of two sessions, A and B. */
export interface SessionDifference {
  /** 'none'; 'operation': other things were asked; 'answer': the same was answered otherwise; 'end': one has no more. */
  readonly kind: 'none' | 'operation' | 'answer' | 'end';
  /** The steps that part; of one that has ended the number of its steps. Those of the beginning where nothing parts. */
  readonly a: number;
  readonly b: number;
  /** In a few words: 'ret', 'fx[0]', ... */
  readonly what: string;
  /** In a sentence. */
  readonly text: string;
}

export function compareSessions(stepsOfA: readonly Step[], stepsOfB: readonly Step[]): SessionDifference {
  const { operations, effects, difference } = whereTheyPart(linesOf(stepsOfA), linesOf(stepsOfB));
  if (difference === undefined) {
    const [a, b] = [stepsOfA, stepsOfB].map((steps) => (steps[0]?.operation.name === 'config' ? 1 : 0)) as [
      number,
      number,
    ];
    const compared = effects ? 'answers and effects' : 'answers; one of them has no effects';
    return { kind: 'none', a, b, what: '', text: `The same: ${operations} operations, with ${compared}.` };
  }
  const { kind, path, lineA, lineB } = difference;
  const a = lineA === undefined ? stepsOfA.length : lineA.line - 1;
  const b = lineB === undefined ? stepsOfB.length : lineB.line - 1;
  const same = `${operations} operation${operations === 1 ? ' is' : 's are'} the same`;
  if (kind === 'end') {
    const rest =
      lineA === undefined
        ? `A ends there; B goes on with operation ${b + 1}`
        : `B ends there; A goes on with operation ${a + 1}`;
    return { kind, a, b, what: 'only here', text: `${same}; ${rest}.` };
  }
  const [stepOfA, stepOfB] = [stepsOfA[a]!, stepsOfB[b]!];
  if (stepOfA.operation.name !== stepOfB.operation.name) {
    const [askedOfA, askedOfB] = [stepOfA, stepOfB].map(({ operation }) =>
      `${operation.name} ${operationText(operation)}`.trim(),
    ) as [string, string];
    return {
      kind,
      a,
      b,
      what: 'other operation',
      text: `${same}; then A asks for ${askedOfA} (operation ${a + 1}), B for ${askedOfB} (operation ${b + 1}).`,
    };
  }
  const what = path === '' ? kind : path;
  const where = a === b ? `operation ${a + 1}` : `operation ${a + 1} of A, ${b + 1} of B,`;
  const values = `A ${shortened(difference.a)}, B ${shortened(difference.b)}`;
  const text =
    kind === 'operation'
      ? `${same}; then other things are asked: ${where} differs in ${what}: ${values}.`
      : `${same}; ${where} is answered otherwise, in ${what}: ${values}.`;
  return { kind, a, b, what, text };
}

/** The steps as lines of a trace: recorded answers where there are any. */
function linesOf(steps: readonly Step[]): TraceLine[] {
  return steps.map(({ operation, source, expected, answer }, index) => ({
    line: index + 1,
    operation,
    source,
    expected: expected ?? { ...answer },
  }));
}

const MOST_CHARACTERS = 80;

function shortened(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}...`;
}
