/** The state of a machine after some operations of a trace. */
import { contextSnapshot } from '../../emulator/index.ts';
import type { ContextSnapshot } from '../../emulator/index.ts';
import type { TraceLine } from './parse-trace.ts';
import { TraceRunner } from './runner.ts';

/** Runs the first `count` operations on a fresh machine. An operation that the emulator refuses throws its error. */
export function stateAfter(lines: readonly TraceLine[], count: number): ContextSnapshot {
  const runner = new TraceRunner();
  for (const line of lines.slice(0, count)) runner.execute(line.operation);
  return contextSnapshot(runner.machine.devices[0]!, runner.file);
}
