/** KFD as one client process sees it: its VMs, memory, queues and events, and the ioctls on them (spec/kfd-queue §1-§5). */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { Errno } from '../../uapi/errno.ts';
import { splitRequest } from '../../uapi/request.ts';
import type { CallerWrite, HelperIoctl } from '../helper-protocol.ts';
import { KfdAllocations } from './allocations.ts';
import { secretOffset } from './buffers.ts';
import type { KfdClient, KfdFile, KfdSurroundings, ServedGpu } from './client.ts';
import { KfdEvents } from './events.ts';
import type { WaitOutcome } from './events.ts';
import { GpuView } from './gpu-view.ts';
import {
  AVAILABLE_BYTES,
  DOORBELL_FRAME,
  EVENT_PAGE_BYTES,
  EventType,
  gpuIdOf,
  gpuOf,
  kfdIoctlOf,
  KfdIoctl,
  KFD_VERSION,
  USER_SPACE,
} from './interface.ts';
import type { KfdIoctlName } from './interface.ts';
import { KfdQueues } from './queues.ts';
import { KfdSvm } from './svm.ts';

/** The answer to an ioctl. */
export interface KfdAnswer {
  readonly result: number;
  readonly argument: Uint8Array;
  readonly writes: readonly CallerWrite[];
  /** What else is to be said of it in the log. */
  readonly notes: readonly string[];
}

/** An ioctl under way. */
interface Call {
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly writes: CallerWrite[];
  readonly notes: string[];
  readonly id: number;
  readonly records: HelperIoctl['records'];
  /** Bytes of the caller's structure. */
  readonly size: number;
}

type Handler = (call: Call) => number | Promise<number>;

const MOST_EVENTS_OF_WAIT = 4096;
const MOST_PATHS = 64;
const PROCESS_APERTURE = 56;
export class KfdProcess {
  readonly #client: KfdClient;
  readonly #surroundings: KfdSurroundings;
  readonly #gpus: ServedGpu[];
  readonly #events = new KfdEvents();
  readonly #allocations: KfdAllocations;
  readonly #queues: KfdQueues;
  readonly #svm: KfdSvm;
  /** Waits under way, by the ids of their calls. */
  readonly #waits = new Map<number, () => void>();
  /** Threads that are known to be the client's. */
  readonly #threads = new Set<number>();
  /** Offset of a page of slots in the file kfd. */
  readonly #eventPage = secretOffset();
  #xnack: number;

  constructor(client: KfdClient, surroundings: KfdSurroundings) {
    this.#client = client;
    this.#surroundings = surroundings;
    this.#gpus = client.machine.devices.map((_, index) => ({
      index,
      id: gpuIdOf(index),
      doorbells: surroundings.nextDoorbells(),
      file: undefined,
      view: undefined,
    }));
    this.#xnack = client.machine.devices.some((device) => device.xnackEnabled) ? 1 : 0;
    this.#allocations = new KfdAllocations(client, surroundings, this.#gpus);
    this.#svm = new KfdSvm(client, this.#gpus, this.#allocations.memory);
    this.#queues = new KfdQueues(client, surroundings, this.#gpus, this.#allocations.memory, this.#events);
    surroundings.keep(this.#kfdFile, this.#eventPage, EVENT_PAGE_BYTES);
    for (const gpu of this.#gpus) surroundings.keep(this.#kfdFile, gpu.doorbells, DOORBELL_FRAME, true);
  }

  /** Whether the name of the ioctl is known. */
  static nameOf(request: number): KfdIoctlName | undefined {
    return kfdIoctlOf(splitRequest(request).number);
  }

  /** Answers an ioctl, at once or when what it waits for has come. */
  async ioctl(call: HelperIoctl): Promise<KfdAnswer> {
    const { size } = splitRequest(call.request);
    const name = KfdProcess.nameOf(call.request);
    const bytes = new Uint8Array(Math.max(size, name === undefined ? 0 : KfdIoctl[name][1]));
    bytes.set(call.argument.subarray(0, size));
    const writes: CallerWrite[] = [];
    const notes: string[] = [];
    let result: number;
    if (!this.#isOurs(call.thread)) result = -Errno.EBADF;
    else if (name === undefined) result = -Errno.ENOTTY;
    else
      try {
        const view = new DataView(bytes.buffer);
        result = await this.#handlers[name]({ view, bytes, writes, notes, id: call.id, records: call.records, size });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EFAULT') throw error;
        result = -Errno.EFAULT;
      }
    return { result, argument: bytes.subarray(0, size), writes, notes };
  }

  /** The thread of a waiting call got a signal. */
  interrupt(id: number): void {
    this.#waits.get(id)?.();
  }

  /** A render node's file was closed: its VM has gone. */
  fileClosed(file: KfdFile): void {
    const gpu = this.#gpus.find((each) => each.file === file);
    if (gpu === undefined) return;
    this.#queues.destroyAll(gpu);
    gpu.file = undefined;
    gpu.view = undefined;
  }

  /** The last file of the process has gone. */
  close(): void {
    this.#events.close();
    this.#queues.close();
    this.#surroundings.forget(this.#kfdFile, this.#eventPage);
    for (const gpu of this.#gpus) this.#surroundings.forget(this.#kfdFile, gpu.doorbells);
    this.#allocations.close();
  }

  get #kfdFile(): number {
    return this.#gpus.length;
  }

  readonly #handlers: Readonly<Record<KfdIoctlName, Handler>> = {
    getVersion: ({ view }) => {
      view.setUint32(0, KFD_VERSION.major, true);
      view.setUint32(4, KFD_VERSION.minor, true);
      return 0;
    },
    createQueue: ({ view }) => this.#queues.create(view),
    destroyQueue: ({ view }) => this.#queues.destroy(view.getUint32(0, true)),
    updateQueue: ({ view }) => this.#queues.update(view),
    setMemoryPolicy: ({ view }) => this.#known(view.getUint32(16, true)),
    setScratchBackingVa: ({ view }) => this.#known(view.getUint32(8, true)),
    setTrapHandler: ({ view }) => this.#known(view.getUint32(16, true)),
    setCuMask: () => 0,
    getTileConfig: ({ view }) => {
      // No tiles: none of the arrays has an entry.
      view.setUint32(16, 0, true);
      view.setUint32(20, 0, true);
      return this.#known(view.getUint32(24, true));
    },
    runtimeEnable: () => 0,
    getClockCounters: ({ view }) => {
      const now = process.hrtime.bigint();
      for (const at of [0, 8, 16]) view.setBigUint64(at, now, true);
      view.setBigUint64(24, 1_000_000_000n, true);
      return 0;
    },
    getProcessApertures: (call) => {
      const { view, bytes } = call;
      const count = Math.min(this.#gpus.length, 7);
      for (let index = 0; index < count; index++) bytes.set(this.#aperture(index), index * PROCESS_APERTURE);
      view.setUint32(392, count, true);
      return 0;
    },
    getProcessAperturesNew: (call) => this.#apertures(call),
    acquireVm: (call) => this.#acquire(call),
    allocMemoryOfGpu: ({ view }) => this.#allocations.allocate(view),
    freeMemoryOfGpu: ({ view }) => this.#allocations.free(view.getBigUint64(0, true)),
    mapMemoryToGpu: ({ view }) => this.#allocations.map(view, true),
    unmapMemoryFromGpu: ({ view }) => this.#allocations.map(view, false),
    createEvent: ({ view }) => {
      const type = view.getUint32(12, true);
      const id = this.#events.create(type, view.getUint32(16, true) !== 0);
      if (id < 0) return id;
      // Whoever brought no page of slots may map one here; others take it for the word that there are slots.
      if (type === EventType.signal) view.setBigUint64(0, this.#eventPage, true);
      view.setUint32(8, id, true);
      view.setUint32(24, id, true);
      view.setUint32(28, id, true);
      return 0;
    },
    destroyEvent: ({ view }) => this.#events.destroy(view.getUint32(0, true)),
    setEvent: ({ view }) => this.#events.set(view.getUint32(0, true)),
    resetEvent: ({ view }) => this.#events.reset(view.getUint32(0, true)),
    waitEvents: (call) => this.#wait(call),
    svm: ({ view, notes, size }) => {
      const answer = this.#svm.ioctl(view, size, this.#xnack !== 0);
      notes.push(...answer.notes);
      return answer.result;
    },
    setXnackMode: ({ view }) => this.#setXnack(view),
    availableMemory: ({ view }) => {
      view.setBigUint64(0, AVAILABLE_BYTES, true);
      return this.#known(view.getUint32(8, true));
    },
  };

  /** The struct of an mm belongs to the process that opened the file: a child that inherits it is refused. */
  #isOurs(thread: number): boolean {
    if (this.#threads.has(thread)) return true;
    if (statSync(`/proc/${this.#client.pid}/task/${thread}`, { throwIfNoEntry: false }) === undefined) return false;
    // Threads that have ended may leave their numbers to other processes: they are asked for again.
    if (this.#threads.size > MOST_PATHS) this.#threads.clear();
    this.#threads.add(thread);
    return true;
  }

  #known(id: number): number {
    return gpuOf(this.#gpus, id) === undefined ? -Errno.EINVAL : 0;
  }

  #aperture(index: number): Uint8Array {
    const view = new DataView(new ArrayBuffer(PROCESS_APERTURE));
    const window = 0xffff_ffffn;
    const [lds, scratch] = [1n << 48n, 2n << 48n];
    for (const [at, value] of [lds, lds + window, scratch, scratch + window, 0x4000n, USER_SPACE - 1n].entries())
      view.setBigUint64(at * 8, value, true);
    view.setUint32(48, this.#gpus[index]!.id, true);
    return new Uint8Array(view.buffer);
  }

  #apertures({ view, writes }: Call): number {
    const count = view.getUint32(8, true);
    const address = view.getBigUint64(0, true);
    const all = this.#gpus.length;
    if (count > 0) {
      // The topology has a CPU, too.
      if (count > all + 1) return -Errno.EINVAL;
      for (let index = 0; index < Math.min(count, all); index++)
        writes.push({ address: address + BigInt(index * PROCESS_APERTURE), bytes: this.#aperture(index) });
    }
    view.setUint32(8, count === 0 ? all : Math.min(count, all), true);
    return 0;
  }

  #acquire({ view, records, notes }: Call): number {
    const descriptor = view.getUint32(0, true);
    const gpu = gpuOf(this.#gpus, view.getUint32(4, true));
    if (gpu === undefined || records === 'fault') return -Errno.EINVAL;
    const { file: likely, isAnyClosing } = this.#likelyFileOf(descriptor, gpu.index);
    let file = likely;
    if (records === undefined)
      notes.push('the system does not tell which file it is: taken by the order of descriptors');
    else file = this.#fileOf(Number(new DataView(records.buffer, records.byteOffset).getBigUint64(0, true)), gpu.index);
    if (file === undefined) return -Errno.EINVAL;
    if (gpu.file === file) return 0;
    if (gpu.file !== undefined) {
      if (!isAnyClosing) return -Errno.EBUSY;
      this.fileClosed(gpu.file);
    }
    const result = file.node.file.convertToCompute();
    if (result < 0) return result;
    gpu.file = file;
    const client = this.#client;
    gpu.view = new GpuView(this.#allocations.memory, file, client.machine.clock, (address, size) =>
      client.look(address, size),
    );
    return 0;
  }

  #fileOf(number: number, gpu: number): KfdFile | undefined {
    return [...this.#client.files].find((file) => file.number === number && file.gpu === gpu);
  }

  /**
   * The open file behind a descriptor of the client, if the system does not tell: where a process has several
   * of one GPU, the descriptors are taken to have been made in the order of their numbers.
   */
  #likelyFileOf(
    descriptor: number,
    gpu: number,
  ): { readonly file: KfdFile | undefined; readonly isAnyClosing: boolean } {
    const node = statSync(join(this.#surroundings.mount, `renderD${128 + gpu}`));
    const files = [...this.#client.files].filter((file) => file.gpu === gpu).sort((a, b) => a.number - b.number);
    const descriptors = this.#client.process.descriptorsOf(node);
    const rank = descriptors.indexOf(descriptor);
    const file = files[files.length === descriptors.length ? rank : files.length - 1];
    // The kernel tells the end of a file late, when the client may have opened the next one.
    return { file: rank < 0 ? undefined : file, isAnyClosing: files.length > descriptors.length };
  }

  #setXnack(view: DataView): number {
    const mode = view.getInt32(0, true);
    if (mode < 0) {
      view.setInt32(0, this.#xnack, true);
      return 0;
    }
    if (this.#queues.size > 0) return -Errno.EBUSY;
    if (mode !== 0 && this.#client.machine.devices.some((device) => !device.xnackEnabled)) return -Errno.EPERM;
    this.#xnack = mode === 0 ? 0 : 1;
    return 0;
  }

  async #wait({ view, writes, id }: Call): Promise<number> {
    const address = view.getBigUint64(0, true);
    const count = view.getUint32(8, true);
    if (count === 0 || count > MOST_EVENTS_OF_WAIT) return -Errno.EINVAL;
    const records = new Uint8Array(count * 48);
    this.#client.process.read(address, records);
    const wait = this.#events.wait(records, view.getUint32(12, true) !== 0, view.getUint32(16, true));
    let outcome: WaitOutcome;
    if ('ended' in wait) {
      this.#waits.set(id, wait.interrupt);
      outcome = await wait.ended;
      this.#waits.delete(id);
    } else {
      outcome = wait;
    }
    if (outcome.records !== undefined) writes.push({ address, bytes: outcome.records });
    view.setUint32(20, outcome.waitResult, true);
    return outcome.result;
  }
}
