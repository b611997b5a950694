/** Records what the devices of a process are asked and answer, as a trace (option `record`). */
import { resolve } from 'node:path';
import { threadId } from 'node:worker_threads';
import { MOST_GPUS } from '../../../emulator/index.ts';
import type { EmulatedDevice, EmulatedMachine, EmulatedNode } from '../../../emulator/index.ts';
import type { HostRegionMapper } from '../../backend/host-region.ts';
import { recordingName } from '../../backend/recording-names.ts';
import type { DeviceRecorder, RecordedAccess } from '../../backend/recording.ts';
import type { DeviceNode } from '../../uapi/node.ts';
import type { UapiProfile } from '../../uapi/profile.ts';
import type { OperationObject } from '../operations/descriptor.ts';
import type { TraceAnswer } from '../operations/index.ts';
import { MOST_INJECTIONS } from '../operations/parse.ts';
import { EmulatedSession, withGpu } from './emulated-session.ts';
import { RecordingMemory, RecordingNode } from './kernel-recorder.ts';
import type { KernelRecording } from './kernel-recorder.ts';
import { RecordFile } from './record-file.ts';
import { RecordingQueue } from './recording-queue.ts';

/** Room for the number of GPUs, which is known only when the last one was opened. */
const CONFIG_BYTES = 64;

/** One file, and the devices that are recorded in it. */
class Recording {
  readonly file: RecordFile;
  #users = 0;
  #session: EmulatedSession | undefined;
  #machine: EmulatedMachine | undefined;
  #kernelDevices = 0;

  constructor(path: string, first: number) {
    this.file = new RecordFile(path, first);
  }

  /** Whether another device can be recorded in the same file. */
  takesEmulated(machine: EmulatedMachine, node: EmulatedNode<EmulatedDevice>): boolean {
    if (this.#users === 0) return true;
    return this.#machine === machine && this.#session?.follows(node.device) === false;
  }

  /** Whether another render node can be recorded in the same file. */
  get takesKernel(): boolean {
    return this.#users === 0 || (this.#kernelDevices > 0 && this.#kernelDevices < MOST_GPUS);
  }

  attachEmulated(machine: EmulatedMachine, node: EmulatedNode<EmulatedDevice>): void {
    this.#users++;
    this.#machine = machine;
    this.#session ??= new EmulatedSession(machine, {
      write: (operation, answer) => {
        const nested = answer.inj?.length ?? 0;
        // A trace that no reader takes would be worse than a short one.
        if (nested <= MOST_INJECTIONS) this.#write(operation, answer);
        else
          this.file.stop(
            `other threads ran ${nested} operations at preemption points of one; a trace holds at most ${MOST_INJECTIONS}`,
          );
      },
      fail: (reason) => this.file.stop(reason),
    });
    this.#session.follow(node.device, node.file);
  }

  attachKernel(node: DeviceNode, memory: HostRegionMapper, profile: UapiProfile): RecordedAccess {
    this.#users++;
    const gpu = this.#kernelDevices++;
    // What the kernel runs on is not known here; for the rest the configuration is that of a plain replay.
    const config = JSON.stringify({
      config: {
        profile: profile.name,
        lazy: true,
        ...(gpu === 0 ? {} : { gpus: gpu + 1 }),
      },
    });
    if (gpu === 0) this.file.write(config.padEnd(CONFIG_BYTES));
    else this.file.rewriteFirst(config.padEnd(CONFIG_BYTES));
    // A device may take the kernel with it; a served file can't.
    const durable = 'renderMinor' in node && node.renderMinor !== undefined;
    const recording = (named: (operation: OperationObject) => OperationObject): KernelRecording => ({
      announce: (operation) => this.file.announce(JSON.stringify(named(operation)), durable),
      write: (operation, answer) => this.#write(named(operation), answer),
    });
    const ofGpu = recording((operation) => withGpu(operation, gpu));
    return {
      node: new RecordingNode(node, profile, ofGpu),
      queue: (queue) => new RecordingQueue(queue, ofGpu),
      memory: new RecordingMemory(
        memory,
        recording((operation) => operation),
      ),
    };
  }

  /** A device is closed; says whether it was the last one, which completes the file. */
  release(): boolean {
    if (--this.#users > 0) return false;
    this.#session?.end();
    this.file.close();
    return true;
  }

  #write(operation: OperationObject, answer: TraceAnswer | undefined): void {
    this.file.write(JSON.stringify(answer === undefined ? operation : { in: operation, out: answer }));
  }
}

/** The recording that is being written, and how many there were, by the path that was asked for. */
const recordings = new Map<string, { open: Recording | undefined; count: number }>();

/** The recorder of one device. Devices of one process that are recorded to one path share the file. */
export class TraceRecorder implements DeviceRecorder {
  readonly #asked: string;
  #recording: Recording | undefined;
  #attached = false;

  /**
   * Makes the file, unless a device of this thread is being recorded to it; throws the system's error if that is refused.
   * "%p" in `path` becomes the process id, "%t" the number of the thread, "%d" that of the recording in its thread. A file
   * that is there, or that cannot hold another device, is left: the recording gets ".2", ".3", ... before its ending.
   */
  constructor(path: string) {
    this.#asked = resolve(path);
    if (recordings.get(this.#asked)?.open === undefined) this.#recording = this.#begin();
  }

  /** The file that is written; undefined before the device is known, if it may share one. */
  get path(): string | undefined {
    return this.#recording?.file.path;
  }

  attachEmulated(machine: EmulatedMachine, node: EmulatedNode<EmulatedDevice>): void {
    this.#take((recording) => recording.takesEmulated(machine, node)).attachEmulated(machine, node);
  }

  attachKernel(node: DeviceNode, memory: HostRegionMapper, profile: UapiProfile): RecordedAccess {
    return this.#take((recording) => recording.takesKernel).attachKernel(node, memory, profile);
  }

  close(): void {
    const recording = this.#recording;
    if (recording === undefined) return;
    this.#recording = undefined;
    const known = recordings.get(this.#asked)!;
    if (!this.#attached) {
      recording.file.discard();
      known.count--;
    } else if (!recording.release()) {
      return;
    }
    if (known.open === recording) known.open = undefined;
  }

  #begin(): Recording {
    const known = recordings.get(this.#asked) ?? { open: undefined, count: 0 };
    const device = known.count + 1;
    const path = recordingName(this.#asked, { process: process.pid, thread: threadId, device });
    // A name of its own needs no number.
    const recording = new Recording(path, this.#asked.includes('%d') ? 1 : device);
    recordings.set(this.#asked, { open: known.open ?? recording, count: device });
    return recording;
  }

  /** The recording of this device: its own, or the open one if that takes it. */
  #take(takes: (recording: Recording) => boolean): Recording {
    const open = recordings.get(this.#asked)?.open;
    this.#recording ??= open !== undefined && takes(open) ? open : this.#begin();
    this.#attached = true;
    return this.#recording;
  }
}
