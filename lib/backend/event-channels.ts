/**
 * The events of emulated machines on `node:diagnostics_channel`, as `amdgpu-svm:<event>`. Without a subscriber a call
 * costs one comparison for each channel.
 */
import { channel } from 'node:diagnostics_channel';
import { EVENT_NAMES } from '../../emulator/index.ts';
import type { EmulatedMachine, MachineEvent } from '../../emulator/index.ts';

// The ioctls of every device, emulated or not, have a tracing channel of their own.
const EVENTS = EVENT_NAMES.filter((name) => name !== 'ioctl').map((name) => ({
  name,
  channel: channel(`amdgpu-svm:${name}`),
}));

/** A share in the channels of a machine. */
export interface SharedEventChannels {
  /** Listens to the events that have subscribers by now, and to no others. */
  refresh(): void;
  /** Gives the share back; the last one ends the publishing. */
  release(): void;
}

/** Publishes the events of one machine. A subscriber that comes later is noticed at the next call of a device. */
class EventChannels {
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

const shares = new WeakMap<EmulatedMachine, { readonly channels: EventChannels; users: number }>();

/** The channels of a machine, shared by its devices. */
export function shareEventChannels(machine: EmulatedMachine): SharedEventChannels {
  let shared = shares.get(machine);
  if (shared === undefined) shares.set(machine, (shared = { channels: new EventChannels(machine), users: 0 }));
  const { channels } = shared;
  const owner = shared;
  owner.users++;
  return {
    refresh: () => channels.refresh(),
    release: () => {
      if (--owner.users > 0) return;
      channels.stop();
      shares.delete(machine);
    },
  };
}
