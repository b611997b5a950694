/** Chrome trace of an emulated device while a program runs on it. */
import { machineOf } from '../../../emulator/index.ts';
import type { EmulatedDevice, EmulatedFile } from '../../../emulator/index.ts';
import { codedError } from '../../uapi/errors.ts';
import { EmulatedSession } from '../record/emulated-session.ts';
import { warnOfRecording } from '../record/warning.ts';
import type { ChromeTrace } from './chrome-events.ts';
import { listen } from './chrome-exporter.ts';
import { ChromeTraceBuilder } from './chrome-trace.ts';

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
      write: (operation, answer, times) => this.#builder.operation(operation, answer, () => subject, times),
      // What came before is true all the same.
      fail: (reason) => {
        session.end();
        warnOfRecording(`trace: the export of GPU ${device.index} ends here: ${reason}`);
      },
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
