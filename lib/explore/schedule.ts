/** Schedules: which thread's operation runs when, and the trace that says the same (spec/trace-format §8). */
import type { PreemptionPoint } from '../../emulator/index.ts';
import type { OperationObject } from '../trace/operations/descriptor.ts';
import type { ExploreProgram } from './program.ts';

/** The next operation of `thread`, run at a preemption point of another one. */
export interface Injection {
  readonly at: PreemptionPoint;
  /** At which passing of the point, from 1. */
  readonly nth: number;
  readonly thread: number;
}

/** The next operation of `thread`, with what comes in between. */
export interface Step {
  readonly thread: number;
  readonly injections: readonly Injection[];
}

/** What runs when all threads have ended: the pending works, then the end of the context, which shows what is left. */
export function epilogue(program: ExploreProgram): readonly OperationObject[] {
  const gpus = Array.from({ length: program.config.gpus }, (_, gpu) => (gpu === 0 ? {} : { gpu }));
  return [...gpus.map((gpu) => ({ gc: gpu })), ...gpus.map((gpu) => ({ fini: gpu }))];
}

/** The operations of a trace, the configuration first; `whole`: with the end of the program. */
export function scheduleOperations(
  program: ExploreProgram,
  steps: readonly Step[],
  whole: boolean,
): readonly OperationObject[] {
  const next = program.threads.map(() => 0);
  const take = (thread: number): OperationObject => program.threads[thread]![next[thread]!++]!.source;
  const operations: OperationObject[] = [
    { config: program.configSource },
    ...program.setup.map(({ source }) => source),
  ];
  for (const { thread, injections } of steps) {
    const operation = take(thread);
    if (injections.length === 0) operations.push(operation);
    else {
      const inject = injections.map(({ at, nth, thread: other }) => ({
        at,
        ...(nth === 1 ? {} : { nth }),
        do: take(other),
      }));
      const [[name, fields]] = Object.entries(operation) as [[string, Readonly<Record<string, unknown>>]];
      operations.push({ [name]: { ...fields, inject } });
    }
  }
  return whole ? [...operations, ...program.end.map(({ source }) => source), ...epilogue(program)] : operations;
}

/** Operations that interrupt another one. */
export function injectedOperations(steps: readonly Step[]): number {
  return steps.reduce((sum, { injections }) => sum + injections.length, 0);
}
