/** Chrome trace of a trace, which is replayed for it. */
import type { EmulatedMachine, HazardMonitor } from '../../../emulator/index.ts';
import type { ChromeTrace } from './chrome-events.ts';
import { ChromeTraceBuilder } from './chrome-trace.ts';
import { hex } from '../format/hex.ts';
import type { TraceLine } from '../format/parse-trace.ts';
import type { TraceAnswer } from '../operations/index.ts';
import { TraceRunner } from '../replay/runner.ts';

/** Replays the lines on the emulator and returns what happened as a Chrome trace. */
export function chromeTraceOf(lines: readonly TraceLine[], title = 'amdgpu-svm'): ChromeTrace {
  const builder = new ChromeTraceBuilder();
  let monitor: HazardMonitor | undefined;
  const runner = new TraceRunner((machine) => {
    monitor = machine.watchHazards();
    listen(machine, builder);
  });
  let operation = 0;
  for (const line of lines) {
    operation++;
    if (monitor !== undefined) monitor.operation = operation;
    let answer: TraceAnswer;
    let times: readonly number[] = [];
    try {
      answer = runner.execute(line.operation);
      times = runner.effectTimes;
    } catch (error) {
      answer = { fatal: error instanceof Error ? error.message : String(error) };
    }
    builder.operation(line.source, answer, (gpu) => runner.subject(gpu), times);
    if (answer.fatal !== undefined) break;
  }
  return builder.finish(title);
}

/** Hands what is only an event to the builder; the returned function stops it. */
export function listen(machine: EmulatedMachine, builder: ChromeTraceBuilder): () => void {
  const stops = [
    machine.on('hazard', ({ quirk, detail, address, size, hazard }) =>
      builder.hazard(quirk, detail, {
        addr: hex(address),
        size: hex(size),
        ...(hazard === undefined ? {} : { severity: hazard.severity }),
      }),
    ),
    ...(machine.options.cost === null
      ? []
      : [machine.on('time-spent', (spending) => builder.spent(spending, machine.clock.now))]),
    machine.on('fault', ({ device, address, write, reason }) =>
      builder.decided({ gpu: device, page: Number(address >> 12n), write }, reason),
    ),
  ];
  return () => stops.forEach((stop) => stop());
}
