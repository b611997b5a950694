/** KFD's queue ioctls, and what becomes of queues whose work fails (spec/kfd-queue §5, §8). */
import { constants } from 'node:os';
import { Errno } from '../../uapi/errno.ts';
import type { BufferMemory } from './buffers.ts';
import type { KfdClient, KfdSurroundings, ServedGpu } from './client.ts';
import { Doorbells } from './doorbells.ts';
import { hardwareException, memoryException } from './events.ts';
import type { KfdEvents } from './events.ts';
import { ENOTSUPP, EventType, gpuOf, SDMA_QUEUE_TYPES, USER_SPACE } from './interface.ts';
import { SdmaQueue } from './sdma-queue.ts';
import type { QueueFailure } from './sdma-queue.ts';

const MOST_QUEUES = 127;
const QUEUES_OF_GPU = 16;
/** Doorbells of SDMA queues: those of each engine, and every second queue half a frame further. */
const DOORBELL_OF_ENGINE = [0x100, 0x10a] as const;

/** The queues of one process. Methods return 0 or a negative errno. */
export class KfdQueues {
  readonly #client: KfdClient;
  readonly #surroundings: KfdSurroundings;
  readonly #gpus: readonly ServedGpu[];
  readonly #memory: BufferMemory;
  readonly #events: KfdEvents;
  readonly #doorbells: Doorbells;
  readonly #queues = new Map<number, { readonly queue: SdmaQueue; readonly gpu: ServedGpu }>();
  #nextQueue = 1;

  constructor(
    client: KfdClient,
    surroundings: KfdSurroundings,
    gpus: readonly ServedGpu[],
    memory: BufferMemory,
    events: KfdEvents,
  ) {
    this.#client = client;
    this.#surroundings = surroundings;
    this.#gpus = gpus;
    this.#memory = memory;
    this.#events = events;
    this.#doorbells = new Doorbells(
      surroundings,
      ({ ring }) => client.refresh(ring),
      (error) => surroundings.complain(`the doorbells of process ${client.pid}: ${String(error)}`),
    );
  }

  get size(): number {
    return this.#queues.size;
  }

  /** The VM of the GPU has gone. */
  destroyAll(gpu: ServedGpu): void {
    for (const [id, each] of this.#queues) if (each.gpu === gpu) this.destroy(id);
  }

  close(): void {
    this.#queues.clear();
    this.#doorbells.close();
  }

  /** CREATE_QUEUE. */
  create(view: DataView): number {
    const type = view.getUint32(40, true);
    const ringBytes = view.getUint32(32, true);
    const gpu = gpuOf(this.#gpus, view.getUint32(36, true));
    const [ring, writePointer, readPointer] = [0, 8, 16].map((at) => view.getBigUint64(at, true)) as [
      bigint,
      bigint,
      bigint,
    ];
    const percentage = view.getUint32(44, true) & 0xff;
    if (percentage > 100 || view.getUint32(48, true) > 15) return -Errno.EINVAL;
    if ((ringBytes & (ringBytes - 1)) !== 0 || gpu === undefined) return -Errno.EINVAL;
    if (!SDMA_QUEUE_TYPES.has(type)) return -ENOTSUPP;
    if (gpu.file === undefined || gpu.view === undefined) return -constants.errno.ESRCH;
    if ([ring, writePointer, readPointer].some((address) => address >= USER_SPACE)) return -Errno.EFAULT;
    if (
      ring % 256n !== 0n ||
      !this.#isBacked(ring, ringBytes) ||
      !this.#isBacked(readPointer, 8) ||
      !this.#isBacked(writePointer, 8)
    )
      return -Errno.EINVAL;
    if (this.#queues.size >= MOST_QUEUES) return -constants.errno.ENOSPC;
    const slot = this.#freeSlot(gpu);
    if (slot === undefined) return -Errno.ENOMEM;
    const id = this.#nextQueue++;
    const place = DOORBELL_OF_ENGINE[slot % 2]! + ((slot >> 1) & 1) * 512 + (slot >> 2);
    const doorbell = gpu.doorbells + BigInt(place * 8);
    const queue = new SdmaQueue(
      { id, slot, doorbell, readPointer, writePointer, ring, ringBytes },
      gpu.view,
      { trap: (context) => this.#events.trap(context), timestamp: () => process.hrtime.bigint() },
      (failure) => this.#failed(gpu, id, failure),
    );
    this.#queues.set(id, { queue, gpu });
    // The pointers are read where the client has mapped them by now.
    this.#client.refresh();
    this.#doorbells.add(queue);
    view.setBigUint64(24, doorbell, true);
    view.setUint32(52, id, true);
    return 0;
  }

  #freeSlot(gpu: ServedGpu): number | undefined {
    const used = new Set(
      [...this.#queues.values()].filter((each) => each.gpu === gpu).map((each) => each.queue.settings.slot),
    );
    for (let slot = 0; slot < QUEUES_OF_GPU; slot++) if (!used.has(slot)) return slot;
    return undefined;
  }

  /** Whether a buffer on the GPU holds all of it: rings and pointers are never SVM memory. */
  #isBacked(address: bigint, bytes: number): boolean {
    const buffer = this.#memory.at(address);
    return typeof buffer !== 'bigint' && address + BigInt(bytes) <= buffer.address + buffer.size;
  }

  /** UPDATE_QUEUE. */
  update(view: DataView): number {
    const found = this.#queues.get(view.getUint32(8, true));
    const ringBytes = view.getUint32(12, true);
    if (found === undefined || (ringBytes & (ringBytes - 1)) !== 0) return -Errno.EINVAL;
    const { settings } = found.queue;
    settings.ring = view.getBigUint64(0, true);
    settings.ringBytes = view.getUint32(16, true) === 0 ? 0 : ringBytes;
    return 0;
  }

  /** DESTROY_QUEUE. */
  destroy(id: number): number {
    const found = this.#queues.get(id);
    if (found === undefined) return -Errno.EINVAL;
    this.#queues.delete(id);
    this.#doorbells.remove(found.queue);
    return 0;
  }

  /** What the driver does where an access cannot be served, or an engine hangs: no queue of the process goes on. */
  #failed(gpu: ServedGpu, id: number, failure: QueueFailure): void {
    for (const each of this.#queues.values()) if (each.gpu === gpu) each.queue.stopped = true;
    // A process that ends takes its memory with it; its files are closed later.
    this.#client.refresh();
    if (this.#client.exited) return;
    const who = `queue ${id} of process ${this.#client.pid} on gpu ${gpu.id}`;
    if (failure.kind === 'fault') {
      const { address, write, readOnly } = failure;
      this.#surroundings.complain(`${who} is stopped: no ${write ? 'write' : 'read'} at 0x${address.toString(16)}`);
      this.#events.raise(EventType.memory, memoryException(address, gpu.id, readOnly));
    } else {
      this.#surroundings.complain(`${who} hangs: ${failure.reason}`);
      this.#events.raise(EventType.hardwareException, hardwareException(gpu.id));
    }
  }
}
