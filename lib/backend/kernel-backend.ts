/** The backends on a kernel: a render node of amdgpu, reached by the addon or by ffi-rs. */
import { readFileSync } from 'node:fs';
import type { DeviceNode } from '../uapi/node.ts';
import { codedError } from '../uapi/errors.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import type { Abilities, Backend, DriverMapping, GpuLink, VramInfo } from './backend.ts';
import { libC } from './ffi-library.ts';
import { ffiMemoryFunctions } from './ffi-memory.ts';
import type { FfiNode } from './ffi-node.ts';
import type { HostRegionMapper } from './host-region.ts';
import { KernelMemory } from './kernel-memory.ts';
import { KernelVram } from './kernel-vram.ts';
import { kernelXnack } from './kernel-xnack.ts';
import type { XnackFacts } from './kernel-xnack.ts';
import type { KernelNode } from './kernel-node.ts';
import type { KfdConnection } from './kfd/connection.ts';
import { KfdQueue } from './kfd/queue-kfd.ts';
import type { GpuQueue } from './queue.ts';
import type { DeviceRecorder } from './recording.ts';

/** Every render node mirrors this process. */
const THIS_PROCESS = Object.freeze({ pid: process.pid });

/** The way to a kernel: a node, and the memory that goes with it. */
export interface KernelAccess {
  readonly node: DeviceNode & { readonly fd: number };
  readonly memory: HostRegionMapper;
  /** What is seen of the GPU and of the driver's module. */
  readonly facts: XnackFacts;
  /** The compute VM of the node, or why it has none: then no fault reaches SVM, and there is no GPU work. */
  readonly compute: KfdConnection | string;
}

/** By the addon. */
export function kernelAccess(node: KernelNode, facts: XnackFacts, compute: KfdConnection | string): KernelAccess {
  return { node, memory: new KernelMemory(), facts, compute };
}

/** By ffi-rs. */
export function ffiAccess(node: FfiNode, facts: XnackFacts): KernelAccess {
  const compute = 'the ffi backend has no doorbell to ring; use the backend kernel';
  return { node, memory: new KernelMemory(ffiMemoryFunctions(libC())), facts, compute };
}

/** One open render node. */
export class KernelBackend implements Backend {
  readonly kind: 'kernel' | 'ffi';
  readonly fallbackReason = undefined;
  readonly profile: UapiProfile;
  readonly node: DeviceNode;
  readonly memory: HostRegionMapper;
  readonly addressSpace = THIS_PROCESS;
  readonly abilities: Abilities;
  readonly events = undefined;
  readonly hazards = [];
  readonly emulator = undefined;
  readonly #file: KernelAccess['node'];
  readonly #compute: KfdConnection | string;
  readonly #queues = new Set<KfdQueue>();
  readonly #vram: KernelVram;
  readonly #recorder: DeviceRecorder | undefined;
  readonly #recordedQueue: ((queue: GpuQueue) => GpuQueue) | undefined;
  #closed = false;

  /** `recorder` sees what goes through the node, and the memory mapped for it; it is closed with the backend. */
  constructor(kind: 'kernel' | 'ffi', access: KernelAccess, profile: UapiProfile, recorder?: DeviceRecorder) {
    this.kind = kind;
    this.profile = profile;
    const { behaviour } = profile;
    const told = kernelXnack(access.facts, behaviour, typeof access.compute !== 'string');
    this.#file = access.node;
    this.#compute = access.compute;
    this.#vram = new KernelVram(access.node.fd);
    this.abilities = {
      svm: true,
      // Where it cannot be told: most drivers have a context only with XNACK, so that a device which answers has both.
      xnack: told.xnack ?? (behaviour.runsWithoutRetryFaults ? undefined : true),
      apu: undefined,
      switchedOffByNoretry: told.switchedOffByNoretry,
      // What cannot be read may be there all the same.
      vram: behaviour.movesToVram,
      hive: this.#vram.hive(),
    };
    this.#recorder = recorder;
    const recorded = recorder?.attachKernel(access.node, access.memory, profile);
    this.node = recorded?.node ?? access.node;
    this.memory = recorded?.memory ?? access.memory;
    this.#recordedQueue = recorded?.queue;
  }

  get fd(): number {
    return this.#file.fd;
  }

  vramInfo(): VramInfo | undefined {
    return this.#vram.info();
  }

  /** The hive is known, the bus is not. */
  linkTo(other: Backend): GpuLink | undefined {
    if (other === this || other.node.path === this.node.path) return 'self';
    const { hive } = this.abilities;
    return hive !== undefined && hive === other.abilities.hive ? 'hive' : undefined;
  }

  createQueue(): GpuQueue {
    if (typeof this.#compute === 'string')
      throw codedError('ERR_SVM_NOT_AVAILABLE', `createQueue: no GPU work on ${this.#file.path}: ${this.#compute}`);
    const queue = new KfdQueue(
      this.#compute.createPort(),
      () => this.#closed,
      () => this.#queues.delete(queue),
    );
    this.#queues.add(queue);
    return this.#recordedQueue?.(queue) ?? queue;
  }

  /** As /proc/self/maps says; true if that cannot be read. */
  isMapped(address: bigint, size = 1n): boolean {
    let maps: string;
    try {
      maps = readFileSync('/proc/self/maps', 'utf8');
    } catch {
      return true;
    }
    // In ascending order: `at` is how far the range is covered.
    let at = address;
    for (const [, start, end] of maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) /gm))
      if (BigInt(`0x${start}`) <= at && at < BigInt(`0x${end}`)) at = BigInt(`0x${end}`);
    return at >= address + size;
  }

  mapDriverMemory(): DriverMapping {
    throw this.#notAvailable('memory of the driver');
  }

  pinMemory(): () => void {
    throw this.#notAvailable('pinning memory for the GPU');
  }

  readMemory(): Uint8Array<ArrayBuffer> {
    throw this.#notAvailable('memory that no HostBuffer stands for');
  }

  writeMemory(): void {
    throw this.#notAvailable('memory that no HostBuffer stands for');
  }

  #notAvailable(what: string): Error {
    return codedError(
      'ERR_SVM_NOT_AVAILABLE',
      `${what} is not available on this backend (${this.kind}); use the emulated backend`,
    );
  }

  runDeferredWork(): void {
    // The kernel's own threads do.
  }

  async passTime(nanoseconds: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, Math.ceil(nanoseconds / 1e6)));
  }

  noticeSubscribers(): void {
    // There are no events to subscribe to; ioctls are published by the device.
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // What is under way ends first; a queue holds on to what it needs for that.
    for (const queue of this.#queues) queue.close();
    if (typeof this.#compute !== 'string') this.#compute.close();
    try {
      this.node.close();
    } finally {
      this.#recorder?.close();
    }
  }
}
