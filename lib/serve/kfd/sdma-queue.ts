/** One SDMA queue of a served KFD: its ring is read in the client's memory, and its packets are executed (spec/kfd-queue §6). */
import { GpuAccessError, NotModelledError, SdmaEngine } from '../../../emulator/index.ts';
import type { SdmaMemory, SdmaSurroundings } from '../../../emulator/index.ts';

/** What a queue was made with; addresses are the GPU's. */
export interface SdmaQueueSettings {
  readonly id: number;
  /** Number among the doorbells' users; gives the place of its doorbell. */
  readonly slot: number;
  /** In the file kfd, of its doorbell. */
  readonly doorbell: bigint;
  readonly readPointer: bigint;
  readonly writePointer: bigint;
  ring: bigint;
  /** Bytes; 0: it is stopped. */
  ringBytes: number;
}

/** What ends the work of a queue. */
export type QueueFailure =
  | { readonly kind: 'fault'; readonly address: bigint; readonly write: boolean; readonly readOnly: boolean }
  | { readonly kind: 'hang'; readonly reason: string };

/** How a step went. `waiting`: there is more to do that cannot be done yet. */
export interface QueueStep {
  readonly worked: boolean;
  readonly waiting: boolean;
}

const NOTHING: QueueStep = { worked: false, waiting: false };

export class SdmaQueue {
  readonly settings: SdmaQueueSettings;
  readonly #view: SdmaMemory;
  readonly #engine: SdmaEngine;
  readonly #onFailure: (failure: QueueFailure) => void;
  /** Counts of bytes since the queue was made. */
  #fetched = 0;
  #rung = 0;
  #stale = 0;
  /** No packet is executed any more: a fault was refused, or the engine hangs. */
  stopped = false;

  constructor(
    settings: SdmaQueueSettings,
    view: SdmaMemory,
    surroundings: SdmaSurroundings,
    onFailure: (failure: QueueFailure) => void,
  ) {
    this.settings = settings;
    this.#view = view;
    this.#engine = new SdmaEngine(view, surroundings);
    this.#onFailure = onFailure;
  }

  /** The doorbell's word may still have what an earlier queue was told. */
  begin(doorbell: number): void {
    this.#stale = doorbell;
  }

  /**
   * Takes the value of the doorbell; whether there is something to do. A client stores the write pointer before it rings, so that
   * a doorbell beyond it is somebody else's word: everybody can map every doorbell.
   */
  ring(doorbell: number): boolean {
    if (doorbell === this.#stale && (doorbell === 0 || this.#written() !== doorbell)) return this.#isReady();
    this.#stale = -1;
    if (doorbell > this.#rung) this.#rung = Math.max(this.#rung, Math.min(doorbell, this.#written()));
    return this.#isReady();
  }

  /** The same where the word of the doorbell may be lost: the write pointer tells. */
  ringByPointer(): boolean {
    this.#rung = Math.max(this.#rung, this.#written());
    return this.#isReady();
  }

  #isReady(): boolean {
    return !this.stopped && this.settings.ringBytes > 0 && this.#rung > this.#fetched;
  }

  /** Executes what was submitted, as far as it goes. */
  step(): QueueStep {
    const { ringBytes, readPointer } = this.settings;
    const bytes = this.#rung - this.#fetched;
    if (bytes <= 0) return NOTHING;
    if (bytes > ringBytes || bytes % 4 !== 0)
      return this.#fail({ kind: 'hang', reason: `its doorbell says ${bytes} bytes, its ring has ${ringBytes}` });
    try {
      const words = this.#submitted(bytes);
      const done = this.#execute(words);
      this.#fetched += done * 4;
      const pointer = new DataView(new ArrayBuffer(8));
      pointer.setBigUint64(0, BigInt(this.#fetched), true);
      this.#view.write(readPointer, new Uint8Array(pointer.buffer));
      return { worked: done > 0, waiting: done < words.length };
    } catch (error) {
      return this.#fail(failureOf(error));
    }
  }

  /** Number of dwords that were executed: not all, where one packet has to wait or faults forever. */
  #execute(words: Uint32Array): number {
    try {
      return this.#engine.execute(words, 0, words.length);
    } catch (error) {
      // The driver answers "retry" without mapping: the engine does so until somebody maps the page.
      if (error instanceof GpuAccessError && error.denial.result === 0) return this.#engine.at;
      throw error;
    }
  }

  /** The write pointer, which a client stores before it rings. Where it has gone the queue fails. */
  #written(): number {
    if (this.stopped) return 0;
    try {
      const word = this.#view.read(this.settings.writePointer, 8);
      return Number(new DataView(word.buffer, word.byteOffset).getBigUint64(0, true));
    } catch (error) {
      this.#fail(failureOf(error));
      return 0;
    }
  }

  #submitted(bytes: number): Uint32Array {
    const { ring, ringBytes } = this.settings;
    const data = new Uint8Array(bytes);
    const start = this.#fetched % ringBytes;
    const before = Math.min(bytes, ringBytes - start);
    data.set(this.#view.read(ring + BigInt(start), before));
    if (before < bytes) data.set(this.#view.read(ring, bytes - before), before);
    return new Uint32Array(data.buffer);
  }

  #fail(failure: QueueFailure): QueueStep {
    this.stopped = true;
    this.#onFailure(failure);
    return { worked: true, waiting: false };
  }
}

function failureOf(error: unknown): QueueFailure {
  if (error instanceof GpuAccessError) {
    const { address, access, denial } = error;
    const write = access === 'write';
    return { kind: 'fault', address, write, readOnly: write && denial.decided?.reason === 'no-permission' };
  }
  if (error instanceof NotModelledError) return { kind: 'hang', reason: error.message };
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EFAULT') return { kind: 'hang', reason: message };
  throw error;
}
