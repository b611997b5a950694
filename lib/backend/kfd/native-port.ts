/** The queue of a real KFD, through the addon: mapped memory, the doorbell, and waits on another thread. */
import type { KfdHandle, KfdQueueHandle, NativeAddon } from '../../../native/native.d.ts';
import { errnoName } from '../../uapi/errno.ts';
import { codedError } from '../../uapi/errors.ts';
import type { KfdEvent, KfdPort } from './port.ts';
import type { HostAtomics } from './topology.ts';

const RING_BYTES = 1 << 16;
/** Bounce buffer of `read` and `write`. */
const BUFFER_BYTES = 1 << 20;
/** The addon waits no longer at once, so that a thread can be ended. */
const LONGEST_WAIT = 100;
/** `reset_cause` of a reset event. */
const RESET_CAUSES: readonly string[] = ['it hung', 'an uncorrectable memory error'];

/** What a queue needs of the addon. */
type QueueFunctions = Pick<
  NativeAddon,
  'kfdCreateQueue' | 'kfdFetched' | 'kfdFenced' | 'kfdSubmit' | 'kfdWait' | 'kfdEvent' | 'kfdCloseQueue'
>;

export class NativeKfdPort implements KfdPort {
  readonly ring: Uint32Array;
  readonly buffer: Uint8Array;
  readonly bufferAddress: bigint;
  readonly fenceAddress: bigint;
  readonly atomics: HostAtomics;
  readonly #addon: QueueFunctions;
  readonly #queue: KfdQueueHandle;
  #event: ReturnType<NativeAddon['kfdEvent']>;
  #closed = false;

  /** Makes a queue. Throws `ERR_SVM_NOT_AVAILABLE` with the call that the system refused. */
  constructor(addon: QueueFunctions, kfd: KfdHandle, atomics: HostAtomics) {
    const made = addon.kfdCreateQueue(kfd, RING_BYTES, BUFFER_BYTES);
    if (!('handle' in made))
      throw codedError('ERR_SVM_NOT_AVAILABLE', `createQueue: ${queueRefusal(made.call, made.errno)}`);
    this.#addon = addon;
    this.#queue = made.handle;
    this.ring = new Uint32Array(made.ring);
    this.buffer = new Uint8Array(made.buffer);
    this.bufferAddress = made.bufferAddress;
    this.fenceAddress = made.fenceAddress;
    this.atomics = atomics;
  }

  fetched(): number {
    return this.#addon.kfdFetched(this.#queue);
  }

  fenced(): number {
    return this.#addon.kfdFenced(this.#queue);
  }

  submit(written: number): void {
    this.#addon.kfdSubmit(this.#queue, written);
  }

  async waitForFence(value: number, milliseconds: number): Promise<boolean> {
    // The store to a doorbell can take longer than the work. Another thread would have to be woken first.
    if (this.fenced() === value) return true;
    const end = performance.now() + milliseconds;
    for (;;) {
      const left = Math.max(0, Math.ceil(end - performance.now()));
      if (await this.#addon.kfdWait(this.#queue, value, Math.min(left, LONGEST_WAIT))) return true;
      if (this.#closed || left === 0) return false;
      this.#event ??= this.#addon.kfdEvent(this.#queue);
      if (this.#event !== undefined) return false;
    }
  }

  event(): KfdEvent | undefined {
    const event = this.#event ?? this.#addon.kfdEvent(this.#queue);
    this.#event = undefined;
    switch (event?.kind) {
      case undefined:
        return undefined;
      case 'memory':
        return event;
      case 'reset': {
        const cause = RESET_CAUSES[event.cause] ?? `cause ${event.cause}`;
        return { kind: 'reset', reason: event.memoryLost ? `${cause}; its memory is lost` : cause };
      }
      case 'failed':
        return { kind: 'reset', reason: `KFD answers ${nameOf(event.errno)}` };
    }
  }

  close(): void {
    this.#closed = true;
    this.#addon.kfdCloseQueue(this.#queue);
  }
}

/** Errors of a KFD call that mean more than their names. */
const HINTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  AMDKFD_IOC_CREATE_QUEUE: {
    ENOMEM: 'all SDMA queues of the machine are in use, by other ROCm programs too',
    ENOSPC: 'the process has as many queues as it may have',
  },
};

function queueRefusal(call: string, errno: number): string {
  const name = nameOf(errno);
  const hint = HINTS[call]?.[name];
  return `${call} failed with ${name}${hint === undefined ? '' : ` (${hint})`}`;
}

/** 'ENOMEM' for -12. */
export function nameOf(errno: number): string {
  return errnoName(errno) ?? `errno ${-errno}`;
}
