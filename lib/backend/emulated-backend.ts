/** The backend without a GPU: a device of an `EmulatedMachine`. */
import type { EmulatedDevice, EmulatedMachine, EmulatedNode, Hazard } from '../../emulator/index.ts';
import { isSwitchedOffByNoretry, machineOf } from '../../emulator/index.ts';
import type { DeviceNode } from '../uapi/node.ts';
import { codedError } from '../uapi/errors.ts';
import { uapiProfile } from '../uapi/profile.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import type { Abilities, Backend, BackendEvents, DriverMapping, GpuLink, VramInfo } from './backend.ts';
import { EmulatedMemory } from './emulated-memory.ts';
import { shareEventChannels } from './event-channels.ts';
import type { SharedEventChannels } from './event-channels.ts';
import { watchHazards } from './hazard-watch.ts';
import type { HazardMode, HazardWatch } from './hazard-watch.ts';
import type { HostRegionMapper } from './host-region.ts';
import { pinPages } from './page-pins.ts';
import { EmulatedQueue } from './queue-emulated.ts';
import type { GpuQueue } from './queue.ts';
import type { DeviceRecorder } from './recording.ts';

/** How a device of a machine is opened. */
export interface EmulatedBackendOptions {
  /** As for `EmulatedDevice.open`. */
  readonly compute?: boolean | undefined;
  readonly hazards?: HazardMode | undefined;
  readonly fallbackReason?: string | undefined;
  /** Attached before anything else listens, so that it misses nothing; closed with the backend. */
  readonly recorder?: DeviceRecorder | undefined;
}

/** One open file of an emulated device. */
export class EmulatedBackend implements Backend {
  readonly kind = 'emulated';
  readonly fd = undefined;
  readonly fallbackReason: string | undefined;
  readonly profile: UapiProfile;
  readonly memory: HostRegionMapper;
  readonly abilities: Abilities;
  readonly events: BackendEvents;
  readonly emulator: EmulatedDevice;
  readonly #machine: EmulatedMachine;
  readonly #node: EmulatedNode<EmulatedDevice>;
  readonly #recorder: DeviceRecorder | undefined;
  readonly #channels: SharedEventChannels;
  readonly #watch: HazardWatch;
  #closed = false;

  constructor(device: EmulatedDevice, options: EmulatedBackendOptions = {}) {
    const machine = machineOf(device);
    this.emulator = device;
    this.#machine = machine;
    this.fallbackReason = options.fallbackReason;
    this.profile = uapiProfile(machine.options.profile);
    this.memory = new EmulatedMemory(machine.process);
    this.abilities = new EmulatedAbilities(machine, device);
    this.events = eventsOf(machine, device);
    this.#node = device.open(options.compute === undefined ? {} : { compute: options.compute });
    this.#recorder = options.recorder;
    this.#recorder?.attachEmulated(machine, this.#node);
    this.#channels = shareEventChannels(machine);
    this.#watch = watchHazards(machine, options.hazards ?? 'off');
  }

  get node(): DeviceNode {
    return this.#node;
  }

  get addressSpace(): object {
    return this.#machine.process.space;
  }

  get hazards(): readonly Hazard[] {
    return this.#watch.hazards;
  }

  vramInfo(): VramInfo | undefined {
    return this.emulator.vramInfo;
  }

  linkTo(other: Backend): GpuLink | undefined {
    const peer = other.emulator;
    if (peer === undefined || machineOf(peer) !== this.#machine) return undefined;
    return this.#machine.fabric.link(this.emulator.index, peer.index);
  }

  createQueue(): GpuQueue {
    return new EmulatedQueue(this.emulator, this.#node.file, this.#machine.clock, () => this.#node.closed);
  }

  isMapped(address: bigint, size = 1n): boolean {
    return this.#machine.process.isMapped(address, size);
  }

  mapDriverMemory(size: bigint, place: 'system' | 'vram'): DriverMapping {
    const { process } = this.#machine;
    const taken = place === 'vram' && this.emulator.vramInfo !== undefined ? this.#takeVram(size) : undefined;
    const address = process.mmap({ size, kind: 'pfnmap' });
    return {
      address,
      unmap: () => {
        process.munmap(address, size);
        if (taken !== undefined) this.emulator.freeVram(taken);
      },
    };
  }

  pinMemory(address: bigint, size: bigint): () => void {
    return pinPages(this.#machine.process, address, size);
  }

  readMemory(address: bigint, size: number): Uint8Array<ArrayBuffer> {
    return this.#machine.process.read(address, size);
  }

  writeMemory(address: bigint, data: Uint8Array): void {
    this.#machine.process.write(address, data);
  }

  /** First page of so much VRAM. */
  #takeVram(size: bigint): number {
    const offset = this.emulator.takeVram(size);
    if (offset >= 0) return offset;
    throw codedError('ERR_SVM_NO_VRAM', `${size} bytes: the GPU has no room for them in one piece`);
  }

  runDeferredWork(): void {
    for (const file of this.emulator.files) {
      const { context } = file;
      if (context === null || context.svmLock.held) continue;
      if (!context.hasRetryFaults) this.emulator.runDueWork(file);
      else if (context.collector.pending > 0) this.emulator.runPendingWork(file);
    }
  }

  async passTime(nanoseconds: number): Promise<void> {
    this.#machine.clock.advance(nanoseconds);
  }

  noticeSubscribers(): void {
    this.#channels.refresh();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#node.close();
    } finally {
      this.#recorder?.close();
      this.#watch.stop();
      this.#channels.release();
    }
  }
}

/** Asked again each time: a machine may be changed while it runs. */
class EmulatedAbilities implements Abilities {
  readonly #machine: EmulatedMachine;
  readonly #device: EmulatedDevice;

  constructor(machine: EmulatedMachine, device: EmulatedDevice) {
    this.#machine = machine;
    this.#device = device;
  }

  get vram(): boolean {
    return this.#device.memory?.usable ?? false;
  }

  get hive(): string | undefined {
    return this.#machine.fabric.hiveOf(this.#device.index) ?? undefined;
  }

  get svm(): boolean {
    return this.#device.surroundings.svmConfigured;
  }

  get xnack(): boolean {
    return this.#device.xnackEnabled;
  }

  get switchedOffByNoretry(): boolean {
    const { gpu, surroundings } = this.#device;
    return isSwitchedOffByNoretry(surroundings.revision.isXnackEnabled, gpu);
  }

  get apu(): boolean {
    return this.#device.gpu.model.apu;
  }
}

/** The events of a machine that concern one of its devices. */
function eventsOf(machine: EmulatedMachine, device: EmulatedDevice): BackendEvents {
  return {
    on: (name, listener) =>
      machine.on(name, (event) => {
        if (event.device === device.index) listener(event);
      }),
    onAny: (listener, names) =>
      machine.onAny((event) => {
        if (event.event.device === device.index) listener(event);
      }, names),
  };
}
