/** A KFD queue without hardware: the emulated SDMA engine over one flat memory, with the pointers and events of a real one. */
import { SdmaEngine } from '../../emulator/drm/sdma-engine.ts';
import type { KfdEvent, KfdPort } from '../../lib/backend/kfd/port.ts';
import type { HostAtomics } from '../../lib/backend/kfd/topology.ts';
import { applyAtomic } from '../../lib/uapi/atomic.ts';

const BUFFER = 0x7000_0000n;
const FENCE = 0x7f00_0000n;

/** What the engine of a fake port meets. */
export interface FakeHardware {
  /** Called before each access; an event ends the queue as a fault or a reset does. */
  readonly onAccess?: (address: bigint, bytes: number, write: boolean) => KfdEvent | undefined;
  /** The engine never gets on. */
  readonly hangs?: boolean;
  readonly atomics?: HostAtomics;
  /** Bytes of the ring and of the bounce buffer. */
  readonly ringBytes?: number;
  readonly bufferBytes?: number;
}

class Stopped extends Error {}

export class FakeKfdPort implements KfdPort {
  readonly ring: Uint32Array;
  readonly buffer: Uint8Array;
  readonly bufferAddress = BUFFER;
  readonly fenceAddress = FENCE;
  readonly atomics: HostAtomics;
  /** The memory of the process, from address 0. */
  readonly memory = new Uint8Array(0x10_0000);
  /** Dwords of each submission, padding and all. */
  readonly submissions: number[][] = [];
  closed = 0;
  readonly #hardware: FakeHardware;
  readonly #fence = new Uint8Array(8);
  #fetched = 0;
  #event: KfdEvent | undefined;
  readonly #engine = new SdmaEngine(
    {
      read: (address, bytes) => this.#at(address, bytes, false).slice(),
      write: (address, data) => this.#at(address, data.length, true).set(data),
      atomic: (address, atomic) => applyAtomic(this.#at(address, atomic.bits / 8, true), atomic),
    },
    { trap: () => undefined, timestamp: () => 0n },
  );

  constructor(hardware: FakeHardware = {}) {
    this.#hardware = hardware;
    this.atomics = hardware.atomics ?? 'all';
    this.ring = new Uint32Array((hardware.ringBytes ?? 4096) / 4).fill(0xbad0_bad0);
    this.buffer = new Uint8Array(hardware.bufferBytes ?? 4096);
  }

  fetched(): number {
    return this.#fetched;
  }

  fenced(): number {
    return new DataView(this.#fence.buffer).getUint32(0, true);
  }

  submit(written: number): void {
    const dwords: number[] = [];
    for (let count = this.#fetched; count < written; count += 4)
      dwords.push(this.ring[(count / 4) % this.ring.length]!);
    this.submissions.push(dwords);
    if (this.#hardware.hangs || this.#event !== undefined) return;
    try {
      this.#engine.execute(Uint32Array.from(dwords), 0, dwords.length);
      this.#fetched = written;
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    }
  }

  async waitForFence(value: number): Promise<boolean> {
    await Promise.resolve();
    return this.fenced() === value;
  }

  event(): KfdEvent | undefined {
    return this.#event;
  }

  close(): void {
    this.closed++;
  }

  #at(address: bigint, bytes: number, write: boolean): Uint8Array {
    for (const [start, memory] of [
      [BUFFER, this.buffer],
      [FENCE, this.#fence],
      [0n, this.memory],
    ] as const) {
      const offset = Number(address - start);
      if (offset < 0 || offset + bytes > memory.length) continue;
      this.#event = start === 0n ? this.#hardware.onAccess?.(address, bytes, write) : undefined;
      if (this.#event !== undefined) throw new Stopped();
      return memory.subarray(offset, offset + bytes);
    }
    throw new Error(`the test gave the GPU no memory at 0x${address.toString(16)}`);
  }
}
