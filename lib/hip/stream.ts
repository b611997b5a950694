/**
 * Streams and events: commands of one stream run one after another, which is told by a
 * signal for each (spec/hip §3, "Execution").
 */
import type { HsaRuntime, HsaSignal } from '../hsa/index.ts';
import type { GpuQueue } from '../device/index.ts';
import type { HipError } from './error.ts';

/** A stream. Made by `runtime.streamCreate` or by an execution context. */
export class HipStream {
  readonly device: number;
  /** A `HipStreamFlag`. */
  readonly flags: number;
  /** @internal The runtime that made it. */
  readonly owner: object;
  /** @internal 0 when the last command has ended. */
  last: HsaSignal | undefined;
  /** @internal Number of commands issued so far. */
  issued = 0;
  /** @internal The first command that failed since the last synchronisation, which tells it. */
  failure: { readonly command: number; readonly error: HipError } | undefined;
  /** @internal Made when it is first used. */
  queue: GpuQueue | undefined;
  #state: 'live' | 'destroyed' | 'detached' = 'live';

  /** Use `runtime.streamCreate`. */
  constructor(owner: object, device: number, flags: number) {
    this.owner = owner;
    this.device = device;
    this.flags = flags;
  }

  /** 'destroyed' by `streamDestroy`, 'detached' when its execution context was destroyed. */
  get state(): 'live' | 'destroyed' | 'detached' {
    return this.#state;
  }

  /** @internal */
  end(state: 'destroyed' | 'detached'): void {
    this.#state = state;
  }
}

/** An event: what was issued on a stream when it was recorded. Made by `runtime.eventCreate`. */
export class HipEvent {
  /** @internal */
  readonly owner: object;
  /** @internal Each is 0 when what it stands for has ended. */
  signals: readonly HsaSignal[] = [];
  /** @internal Where it was recorded, and after which command. */
  recorded: { readonly stream: HipStream; readonly command: number } | undefined;
  destroyed = false;

  /** Use `runtime.eventCreate`. */
  constructor(owner: object) {
    this.owner = owner;
  }
}

/** A part of a device with streams of its own, `hipExecutionCtx_t`; here only for what becomes of its streams. */
export class HipExecutionContext {
  readonly device: number;
  readonly #streams = new Set<HipStream>();
  readonly #create: () => HipStream;
  #destroyed = false;

  /** Use `runtime.executionContextCreate`. */
  constructor(device: number, create: () => HipStream) {
    this.device = device;
    this.#create = create;
  }

  /** Whether it was destroyed. */
  get destroyed(): boolean {
    return this.#destroyed;
  }

  /** @internal */
  streamCreate(): HipStream {
    const stream = this.#create();
    this.#streams.add(stream);
    return stream;
  }

  /** @internal */
  destroy(): HipStream[] {
    this.#destroyed = true;
    return [...this.#streams];
  }
}

/** Which of the signals are still to be waited for. */
export function pendingOf(signals: Iterable<HsaSignal | undefined>): HsaSignal[] {
  const pending: HsaSignal[] = [];
  for (const signal of signals) if (signal !== undefined && signal.load() !== 0n) pending.push(signal);
  return pending;
}

/** Settles when all signals are 0. Rejects when the runtime is closed meanwhile. */
export async function waitForAll(signals: readonly HsaSignal[]): Promise<void> {
  for (const signal of signals) await signal.wait('eq', 0);
}

/** Makes the signal of a new command the last one of its stream. */
export function appendCommand(hsa: HsaRuntime, stream: HipStream): HsaSignal {
  const marker = hsa.createSignal(1);
  stream.last = marker;
  stream.issued++;
  return marker;
}
