/**
 * Calls that return at once and run later (spec/hsa §5.2): each waits for its
 * signals, then they run one after another, as on the runtime's thread for
 * asynchronous functions, then 1 is taken from the completion signal.
 */
import type { TrafficLog } from '../device/traffic.ts';
import { HsaError, HsaStatus } from './error.ts';
import type { Compatibility } from './options.ts';
import type { HsaSignal, SignalOwner } from './signal.ts';

/** One call that runs later. */
export interface AsyncCall {
  /** The call as the traffic view shows it. */
  readonly call: () => string;
  /** Settles when it may run; rejects when the runtime is closed meanwhile. */
  ready(): Promise<void>;
  /** Rejects with what the devices refuse. */
  run(): Promise<void>;
  /** What is to be done before anybody who waits for the completion wakes. */
  ended?(): void;
  readonly completion: HsaSignal | undefined;
}

export class AsyncCalls {
  readonly #traffic: TrafficLog;
  readonly #owner: SignalOwner;
  readonly #compatibility: Compatibility;
  readonly #waiting = new Set<AsyncCall>();
  readonly #pending = new Set<Promise<void>>();
  #thread: Promise<void> = Promise.resolve();

  constructor(traffic: TrafficLog, owner: SignalOwner, compatibility: Compatibility) {
    this.#traffic = traffic;
    this.#owner = owner;
    this.#compatibility = compatibility;
  }

  /** Runs `call` when it is ready, and never before this returns. */
  issue(call: AsyncCall): void {
    this.#waiting.add(call);
    const done = this.#process(call).finally(() => this.#pending.delete(done));
    this.#pending.add(done);
  }

  /** Settles when every call issued so far has run or was dropped by `close`. */
  async idle(): Promise<void> {
    await Promise.all([...this.#pending]);
  }

  /** Calls that have not begun never will; the traffic view shows them as refused. */
  close(): void {
    for (const { call } of this.#waiting) {
      const dropped = new HsaError(HsaStatus.notInitialized, 'the runtime was closed before the call ran');
      try {
        this.#traffic.log(call, () => {
          throw dropped;
        });
      } catch (error) {
        if (error !== dropped) throwLater(error);
      }
    }
    this.#waiting.clear();
  }

  async #process(call: AsyncCall): Promise<void> {
    try {
      await call.ready();
    } catch {
      return; // The runtime was closed; nobody can wait for the completion any more.
    }
    const turn = this.#thread.then(() => this.#run(call));
    this.#thread = turn;
    await turn;
  }

  async #run(call: AsyncCall): Promise<void> {
    if (this.#owner.closed) return;
    this.#waiting.delete(call);
    let refusal: unknown;
    const run = (): Promise<void> =>
      call.run().catch((error: unknown) => {
        refusal = error;
        throw error;
      });
    try {
      await this.#traffic.log(call.call, run);
    } catch (error) {
      // A release build of the runtime does not look at a refusal. An error of a listener has no caller to go to.
      if (error !== refusal) throwLater(error);
    }
    call.ended?.();
    const { completion } = call;
    if (this.#owner.closed || completion === undefined) return;
    if (refusal !== undefined && this.#compatibility === 'documented') completion.store(-1);
    else completion.subtract(1);
  }
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
