/**
 * What happens, on `node:diagnostics_channel`: `amdgpu-svm:ioctl` is a tracing channel around every SVM
 * ioctl of every device; the other events of an emulated machine are published on `amdgpu-svm:<event>`.
 * Without a subscriber a call costs one comparison for each channel.
 */
import { channel, tracingChannel } from 'node:diagnostics_channel';
import { EVENT_NAMES } from '../../emulator/index.ts';
import type { EmulatedMachine, MachineEvent } from '../../emulator/index.ts';
import type { SvmCallNumbers } from '../uapi/call.ts';

/** Message of the tracing channel `amdgpu-svm:ioctl`; `result` is there when the call has ended. */
export interface IoctlTrace extends SvmCallNumbers {
  /** Path of the node. */
  readonly path: string;
}

const ioctls = tracingChannel('amdgpu-svm:ioctl');
const EVENTS = EVENT_NAMES.filter((name) => name !== 'ioctl').map((name) => ({
  name,
  channel: channel(`amdgpu-svm:${name}`),
}));

/** Whether anybody listens to the ioctls. */
export function ioctlsAreTraced(): boolean {
  return ioctls.hasSubscribers;
}

/** Runs `call` inside the tracing channel. */
export function tracedIoctl<T extends { readonly result: number }>(message: IoctlTrace, call: () => T): T {
  let answer: T | undefined;
  ioctls.traceSync(() => (answer = call()).result, { ...message });
  return answer!;
}

/** As `tracedIoctl`, for a call that ends later. */
export async function tracedIoctlAsync<T extends { readonly result: number }>(
  message: IoctlTrace,
  call: () => Promise<T>,
): Promise<T> {
  let answer: T | undefined;
  await ioctls.tracePromise(async () => (answer = await call()).result, { ...message });
  return answer!;
}

/** Publishes the events of one machine. A subscriber that comes later is noticed at the next call of a device. */
export class DiagnosticsBridge {
  readonly #machine: EmulatedMachine;
  // By number in EVENTS; undefined where nobody listens.
  readonly #stops: ((() => void) | undefined)[] = EVENTS.map(() => undefined);

  constructor(machine: EmulatedMachine) {
    this.#machine = machine;
    this.refresh();
  }

  /** Listens to the events that have subscribers, and to no others. */
  refresh(): void {
    for (let index = 0; index < EVENTS.length; index++) {
      if (EVENTS[index]!.channel.hasSubscribers !== (this.#stops[index] !== undefined)) this.#toggle(index);
    }
  }

  stop(): void {
    this.#stops.forEach((stop, index) => {
      if (stop !== undefined) this.#toggle(index);
    });
  }

  #toggle(index: number): void {
    const stop = this.#stops[index];
    const { name, channel: target } = EVENTS[index]!;
    this.#stops[index] =
      stop === undefined ? this.#machine.onAny((event: MachineEvent) => target.publish(event), [name]) : undefined;
    stop?.();
  }
}

const bridges = new WeakMap<EmulatedMachine, { readonly bridge: DiagnosticsBridge; users: number }>();

/** The bridge of a machine, shared by its devices; `release` gives it back. */
export function bridgeOf(machine: EmulatedMachine): { refresh(): void; release(): void } {
  let shared = bridges.get(machine);
  if (shared === undefined) bridges.set(machine, (shared = { bridge: new DiagnosticsBridge(machine), users: 0 }));
  const { bridge } = shared;
  const owner = shared;
  owner.users++;
  return {
    refresh: () => bridge.refresh(),
    release: () => {
      if (--owner.users > 0) return;
      bridge.stop();
      bridges.delete(machine);
    },
  };
}
