/** Exports Chrome traces: of a trace that is replayed, and of an emulated device while a program runs on it. */
import { machineOf } from '../../../emulator/index.ts';
import type { EmulatedDevice, EmulatedFile, EmulatedMachine, HazardMonitor } from '../../../emulator/index.ts';
import { codedError } from '../../uapi/errors.ts';
import type { ChromeTrace } from './chrome-events.ts';
import { ChromeTraceBuilder } from './chrome-trace.ts';
import { EmulatedSession } from '../record/emulated-session.ts';
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
    try {
      answer = runner.execute(line.operation);
    } catch (error) {
      answer = { fatal: error instanceof Error ? error.message : String(error) };
    }
    builder.operation(line.source, answer, (gpu) => runner.subject(gpu));
    if (answer.fatal !== undefined) break;
  }
  return builder.finish(title);
}

/** Hands what is only an event to the builder; the returned function stops it. */
function listen(machine: EmulatedMachine, builder: ChromeTraceBuilder): () => void {
  const stops = [
    machine.on('hazard', ({ quirk, detail, address, size, hazard }) =>
      builder.hazard(quirk, detail, {
        addr: hex(address),
        size: hex(size),
        ...(hazard === undefined ? {} : { severity: hazard.severity }),
      }),
    ),
    machine.on('fault', ({ device, address, write, reason }) =>
      builder.decided({ gpu: device, page: Number(address >> 12n), write }, reason),
    ),
  ];
  return () => stops.forEach((stop) => stop());
}

/** Follows an emulated device from its making until `stop`, and holds what happened as a Chrome trace. */
export class ChromeTraceExporter {
  readonly #builder = new ChromeTraceBuilder();
  readonly #stops: (() => void)[] = [];
  #result: ChromeTrace | undefined;

  /** `file`: the open file to follow, by default the one opened first; ERR_SVM_NO_FILE if there is none. */
  constructor(device: EmulatedDevice, file: EmulatedFile | undefined = device.files[0]) {
    if (file === undefined) throw codedError('ERR_SVM_NO_FILE', 'trace: the device has no open file to follow');
    const machine = machineOf(device);
    const subject = { machine, device, file };
    const session = new EmulatedSession(machine, {
      write: (operation, answer) => this.#builder.operation(operation, answer, () => subject),
      // The events before it are true all the same; the title of the export is no place for more.
      fail: () => session.end(),
    });
    session.follow(device, file);
    this.#stops.push(() => session.end(), listen(machine, this.#builder));
  }

  /** Stops following (once) and returns the trace; `JSON.stringify` of it is the file. */
  stop(title = 'amdgpu-svm'): ChromeTrace {
    for (const stop of this.#stops.splice(0)) stop();
    return (this.#result ??= this.#builder.finish(title));
  }
}
