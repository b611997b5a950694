/** Replays traces and checks them against what was recorded. */
import type { Hazard, HazardMonitor } from '../../../emulator/index.ts';
import { descriptorOf } from '../operations/index.ts';
import type { TraceAnswer } from '../operations/index.ts';
import { firstDifference } from '../compare/compare.ts';
import type { AnswerDifference } from '../compare/compare.ts';
import type { TraceLine } from '../format/parse-trace.ts';
import { TraceRunner } from './runner.ts';

/** The first operation of a trace whose answer is not the recorded one. */
export interface ReplayDifference extends AnswerDifference {
  readonly line: number;
  /** The operation as it is written in the trace. */
  readonly operation: unknown;
}

/** What came of a trace. */
export interface ReplayResult {
  readonly operations: number;
  /** Operations with a recorded answer that was compared. */
  readonly compared: number;
  /** Calls, faults and works of the driver without a recorded answer, where answers are compared. */
  readonly unanswered: number;
  readonly difference: ReplayDifference | undefined;
}

/** Called with each line and the emulator's answer to it. */
type AnswerListener = (line: TraceLine, answer: TraceAnswer) => void;

/** What a replay does besides running. */
export interface ReplayOptions {
  /** Compare with the recorded answers. */
  readonly check: boolean;
  readonly onAnswer?: AnswerListener;
  /** Defects of the driver that are repaired, whatever the trace says. */
  readonly repairs?: 'all' | readonly string[];
  /** Watch for hazards; called for each after the operation that showed it. `hazard.operation` counts the operations of the trace from 1. */
  readonly onHazard?: (hazard: Hazard, line: TraceLine) => void;
}

/**
 * Replays the lines on a fresh emulated machine. With `check`, stops at the first
 * answer that is not the recorded one; the lines after it are only read. Recorded answers of a kernel have no
 * `fx`; then the effects are not compared.
 */
export function replayTrace(lines: Iterable<TraceLine>, options: ReplayOptions): ReplayResult {
  let operations = 0;
  let compared = 0;
  let unanswered = 0;
  let monitor: HazardMonitor | undefined;
  const runner = new TraceRunner((machine) => {
    if (options.onHazard === undefined) return;
    monitor = machine.watchHazards();
    monitor.operation = operations + 1;
  }, options.repairs);
  let difference: ReplayDifference | undefined;
  for (const line of lines) {
    // The rest is not run, but what is wrong with it is said.
    if (difference !== undefined) continue;
    let answer: TraceAnswer | undefined;
    if (monitor !== undefined) monitor.operation = operations + 1;
    const before = monitor?.hazards.length ?? 0;
    try {
      answer =
        options.check && options.onAnswer === undefined && line.recorded !== undefined
          ? runner.executeUnlessSame(line.operation, line.recorded)
          : runner.execute(line.operation);
    } catch (error) {
      // What the emulator refuses by name is an answer too: it is shown with its line, never skipped.
      answer = { fatal: error instanceof Error ? error.message : String(error) };
    }
    operations++;
    if (answer !== undefined) options.onAnswer?.(line, answer);
    if (monitor !== undefined) for (const hazard of monitor.hazards.slice(before)) options.onHazard!(hazard, line);
    if (answer === undefined) {
      compared++;
      continue;
    }
    let found: AnswerDifference | undefined;
    if (options.check && line.expected !== undefined) {
      compared++;
      found = firstDifference(line.expected, 'fx' in line.expected ? answer : withoutEffects(answer));
    } else if (options.check && isAsked(line)) unanswered++;
    if (found === undefined && answer.fatal !== undefined)
      found = { path: 'fatal', expected: undefined, actual: answer.fatal };
    if (found !== undefined) difference = { ...found, line: line.line, operation: line.source };
  }
  return { operations, compared, unanswered, difference };
}

/** Whether the driver is asked for something; its end and what the process does with its memory are in a recording for their order. */
function isAsked({ operation }: TraceLine): boolean {
  const { enters } = descriptorOf(operation.name);
  return enters !== undefined && enters !== 'end';
}

function withoutEffects(answer: TraceAnswer): TraceAnswer {
  const { fx: _effects, ...rest } = answer;
  return rest;
}
