/** Events of a served KFD: signals, memory exceptions and resets, and those who wait for them (spec/kfd-queue §8). */
import { constants } from 'node:os';
import { Errno } from '../../uapi/errno.ts';
import { EventType, WaitResult } from './interface.ts';

/** The most signals of a process, one a slot of the event page. */
const MOST_SIGNALS = 4096;
const FIRST_OTHER = 0x4000_0000;
const RECORD_BYTES = 48;
/** Longer than that a timer does not run; nobody waits 24 days for an event. */
const LONGEST_TIMER = 0x7fff_ffff;

interface KfdEvent {
  readonly id: number;
  readonly type: number;
  readonly autoReset: boolean;
  signaled: boolean;
  /** Counts signals, from 1. */
  age: bigint;
  /** What the event tells: the first 32 bytes of a record. */
  data: Uint8Array | undefined;
}

/** What came of a wait. */
export interface WaitOutcome {
  /** 0 or a negative errno. */
  readonly result: number;
  readonly waitResult: number;
  /** The records as they go back; undefined: as they came. */
  readonly records: Uint8Array | undefined;
}

interface Waiter {
  readonly records: Uint8Array;
  readonly all: boolean;
  end(outcome: WaitOutcome): void;
}

/** A wait that was begun: it has ended already, or ends later. */
export type Wait = WaitOutcome | { readonly ended: Promise<WaitOutcome>; interrupt(): void };

/** The events of one process. */
export class KfdEvents {
  readonly #events = new Map<number, KfdEvent>();
  readonly #waiters = new Set<Waiter>();
  #signals = 0;

  /** Makes an event; its id, or a negative errno. */
  create(type: number, autoReset: boolean): number {
    if (type > EventType.memory) return -Errno.EINVAL;
    const isSignal = type === EventType.signal;
    if (isSignal && this.#signals >= MOST_SIGNALS) return -constants.errno.ENOSPC;
    // Id 0 is nobody's: it is what an empty record has.
    let id = isSignal ? 1 : FIRST_OTHER;
    while (this.#events.has(id)) id++;
    if (isSignal) this.#signals++;
    this.#events.set(id, { id, type, autoReset, signaled: false, age: 1n, data: undefined });
    return id;
  }

  destroy(id: number): number {
    const event = this.#events.get(id);
    if (event === undefined) return -Errno.EINVAL;
    this.#events.delete(id);
    if (event.type === EventType.signal) this.#signals--;
    // Who waits for an event that goes is told so.
    for (const waiter of [...this.#waiters])
      if (idsOf(waiter.records).includes(id))
        waiter.end({ result: -Errno.EIO, waitResult: WaitResult.fail, records: undefined });
    return 0;
  }

  /** SET_EVENT. */
  set(id: number): number {
    const event = this.#events.get(id);
    if (event === undefined || event.type !== EventType.signal) return -Errno.EINVAL;
    this.#signal(event);
    return 0;
  }

  reset(id: number): number {
    const event = this.#events.get(id);
    if (event === undefined || event.type !== EventType.signal) return -Errno.EINVAL;
    event.signaled = false;
    return 0;
  }

  /** A TRAP packet with the id of a signal; what is none changes nothing. */
  trap(id: number): void {
    const event = this.#events.get(id);
    if (event?.type === EventType.signal) this.#signal(event);
  }

  /** Tells all events of that type; `data`: up to 32 bytes of the record. */
  raise(type: number, data: Uint8Array): void {
    for (const event of this.#events.values()) {
      if (event.type !== type) continue;
      event.data = data;
      this.#signal(event);
    }
  }

  /** WAIT_EVENTS on `records` (48 bytes each). `milliseconds`: 0 only asks, 2^32 - 1 is forever. */
  wait(records: Uint8Array, all: boolean, milliseconds: number): Wait {
    if (idsOf(records).some((id) => !this.#events.has(id)))
      return { result: -Errno.EINVAL, waitResult: WaitResult.fail, records: undefined };
    const filled = this.#collect(records, all);
    if (filled !== undefined) return { result: 0, waitResult: WaitResult.complete, records: filled };
    const late: WaitOutcome = { result: 0, waitResult: WaitResult.timeout, records: undefined };
    if (milliseconds === 0) return late;
    let end!: (outcome: WaitOutcome) => void;
    const ended = new Promise<WaitOutcome>((settle) => (end = settle));
    const timer = milliseconds > LONGEST_TIMER ? undefined : setTimeout(() => waiter.end(late), milliseconds);
    const waiter: Waiter = {
      records,
      all,
      end: (outcome) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        end(outcome);
      },
    };
    this.#waiters.add(waiter);
    const interrupted: WaitOutcome = { result: -Errno.EINTR, waitResult: WaitResult.fail, records: undefined };
    return { ended, interrupt: () => waiter.end(interrupted) };
  }

  /** Ends all waits: the process goes. */
  close(): void {
    for (const waiter of [...this.#waiters])
      waiter.end({ result: -Errno.EINTR, waitResult: WaitResult.fail, records: undefined });
    this.#events.clear();
  }

  #signal(event: KfdEvent): void {
    event.signaled = true;
    event.age++;
    for (const waiter of [...this.#waiters]) {
      const filled = this.#collect(waiter.records, waiter.all);
      if (filled !== undefined) waiter.end({ result: 0, waitResult: WaitResult.complete, records: filled });
    }
  }

  /** The records with what was signaled, if that is enough; events that reset themselves are reset then. */
  #collect(records: Uint8Array, all: boolean): Uint8Array | undefined {
    const ids = idsOf(records);
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
    // Who knows how often a signal came has missed none.
    const isDue = (event: KfdEvent, index: number): boolean => {
      if (event.signaled) return true;
      const known = event.type === EventType.signal ? view.getBigUint64(index * RECORD_BYTES, true) : 0n;
      return known !== 0n && known !== event.age;
    };
    const due = ids.map((id, index) => isDue(this.#events.get(id)!, index));
    if (!(all ? due.every(Boolean) : due.some(Boolean))) return undefined;
    const filled = records.slice();
    for (const [index, id] of ids.entries()) {
      if (!due[index]) continue;
      const event = this.#events.get(id)!;
      if (event.type === EventType.signal)
        new DataView(filled.buffer).setBigUint64(index * RECORD_BYTES, event.age, true);
      else if (event.data !== undefined) filled.set(event.data, index * RECORD_BYTES);
      if (event.autoReset) event.signaled = false;
    }
    return filled;
  }
}

function idsOf(records: Uint8Array): number[] {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  return Array.from({ length: records.length / RECORD_BYTES }, (_, index) =>
    view.getUint32(index * RECORD_BYTES + 40, true),
  );
}

/** Record of a memory exception (spec/kfd-queue §8). */
export function memoryException(address: bigint, gpuId: number, readOnly: boolean): Uint8Array {
  const data = new DataView(new ArrayBuffer(32));
  data.setUint32(0, readOnly ? 0 : 1, true);
  data.setUint32(4, readOnly ? 1 : 0, true);
  data.setBigUint64(16, address & ~0xfffn, true);
  data.setUint32(24, gpuId, true);
  return new Uint8Array(data.buffer);
}

/** Record of an engine that hangs and was reset. */
export function hardwareException(gpuId: number): Uint8Array {
  const data = new DataView(new ArrayBuffer(32));
  data.setUint32(0, 1, true);
  data.setUint32(12, gpuId, true);
  return new Uint8Array(data.buffer);
}
