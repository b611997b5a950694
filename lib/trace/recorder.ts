/** Records what a device is asked and answers, as a trace (option `record`). */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import type { EmulatedMachine, EmulatedNode } from '../../emulator/index.ts';
import type { DeviceRecorder } from '../backend/recording.ts';
import type { HostRegionMapper } from '../backend/host-region.ts';
import type { DeviceNode } from '../uapi/node.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import type { TraceAnswer } from './answer.ts';
import { EmulatedSession } from './emulated-session.ts';
import type { OperationObject } from './journal-lines.ts';
import { RecordingMemory, RecordingNode } from './kernel-recorder.ts';

/** Writes one line for each operation, at once: a crash loses nothing that was answered. */
export class TraceRecorder implements DeviceRecorder {
  readonly #descriptor: number;
  readonly #stops: (() => void)[] = [];
  #open = true;

  /** The file that is written. */
  readonly path: string;

  /**
   * Creates or empties the file; throws the system's error if that is refused. "%p"
   * in `path` becomes the process id. A path that this process has recorded to
   * before gets ".2", ".3", ... before its ending, so that nothing is overwritten.
   */
  constructor(path: string) {
    this.path = unusedPath(path.replaceAll('%p', String(process.pid)));
    this.#descriptor = openSync(this.path, 'w');
  }

  attachEmulated(machine: EmulatedMachine, node: EmulatedNode): void {
    const { file } = node;
    const session = new EmulatedSession(machine, file, (operation, answer) => this.#write(operation, answer));
    session.begin(node.device);
    this.#stops.push(() => session.end());
  }

  attachKernel(
    node: DeviceNode,
    memory: HostRegionMapper,
    profile: UapiProfile,
  ): { node: DeviceNode; memory: HostRegionMapper } {
    // What the kernel runs on is not known here; the configuration is that of a plain replay.
    this.#write({ config: { lazy: true } }, undefined);
    const write = (operation: OperationObject, answer: TraceAnswer | undefined): void => this.#write(operation, answer);
    return { node: new RecordingNode(node, profile, write), memory: new RecordingMemory(memory, write) };
  }

  close(): void {
    if (!this.#open) return;
    for (const stop of this.#stops) stop();
    this.#open = false;
    closeSync(this.#descriptor);
  }

  #write(operation: OperationObject, answer: TraceAnswer | undefined): void {
    if (!this.#open) return;
    const line = answer === undefined ? operation : { in: operation, out: answer };
    writeSync(this.#descriptor, `${JSON.stringify(line)}\n`);
  }
}

const recorded = new Map<string, number>();

function unusedPath(path: string): string {
  const absolute = resolve(path);
  const count = (recorded.get(absolute) ?? 0) + 1;
  recorded.set(absolute, count);
  if (count === 1) return absolute;
  const { dir, name, ext } = parse(absolute);
  return join(dir, `${name}.${count}${ext}`);
}
