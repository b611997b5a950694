/** A session of a trace that is read bit by bit, and the operation that it opens at. */
import { traceLines } from '../../trace/format/parse-trace.ts';
import { isFault, isTrouble } from './describe.ts';
import { InspectorSession } from './session.ts';
import type { Step } from './step.ts';

/** A trace with the name of its file. */
export interface NamedTrace {
  readonly name: string;
  readonly text: string;
}

/** How far a trace is read. */
export interface LoadProgress {
  /** Lines of the file that are read, and all that it has. */
  readonly done: number;
  readonly lines: number;
}

/** A session, and the step that it opens at. */
export interface LoadedSession {
  readonly name: string;
  readonly session: InspectorSession;
  readonly start: number;
}

/**
 * Reads a trace, runs its operations and works out the state at the one that it opens at; comes back after each of
 * them, so that a page can go on in between. Throws TraceFileError with file and line number.
 */
export function* loadSession({ name, text }: NamedTrace): Generator<LoadProgress, LoadedSession> {
  const lines = lineCount(text);
  const session = new InspectorSession([]);
  for (const line of traceLines(name, text)) {
    session.append(line);
    yield { done: line.line, lines };
  }
  const start = openingStep(session.steps);
  for (const _ of session.reach(start)) yield { done: lines, lines };
  return { name, session, start };
}

/**
 * The step that a person most likely wants to see: the first hazard or difference, else the first fault, else the last
 * that did something: recordings end with a dump of the state.
 */
export function openingStep(steps: readonly Step[]): number {
  const trouble = steps.findIndex(isTrouble);
  if (trouble >= 0) return trouble;
  const fault = steps.findIndex(isFault);
  if (fault >= 0) return fault;
  return Math.max(
    0,
    steps.findLastIndex(({ operation }) => operation.name !== 'dump'),
  );
}

function lineCount(text: string): number {
  let count = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
