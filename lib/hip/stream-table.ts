/** The streams of a runtime: how an argument becomes one, what a command waits for, and how it is waited for. */
import { HsaError, HsaStatus } from '../hsa/index.ts';
import type { HsaAgent, HsaSignal } from '../hsa/index.ts';
import { show, typeError } from '../uapi/errors.ts';
import { GpuFaultError } from '../device/index.ts';
import type { GpuQueue } from '../device/index.ts';
import type { SvmRange } from '../uapi/range.ts';
import { HipStreamFlag } from './constants.ts';
import { HipError, HipStatus, invalidValue } from './error.ts';
import { appendCommand, HipStream, pendingOf, waitForAll } from './stream.ts';
import type { HipEvent } from './stream.ts';
import type { HipState } from './state.ts';
import { counted } from '../words/counted.ts';

/** A stream; null or undefined (or 'legacy', hipStreamLegacy) the null stream; 'per-thread' hipStreamPerThread. */
export type HipStreamArgument = HipStream | 'legacy' | 'per-thread' | null | undefined;

export class StreamTable {
  readonly #state: HipState;
  readonly #owner: object;
  /** By device; the streams that take turns with its null stream. */
  readonly #blocking: readonly Set<HipStream>[];
  readonly #nullStreams: HipStream[] = [];
  readonly #perThread: HipStream[] = [];

  constructor(state: HipState, owner: object) {
    this.#state = state;
    this.#owner = owner;
    this.#blocking = state.devices.map(() => new Set());
  }

  create(device: number, flags: number): HipStream {
    const stream = new HipStream(this.#owner, device, flags);
    if (flags === HipStreamFlag.default) this.#blocking[device]!.add(stream);
    return stream;
  }

  /** Its commands still run. */
  end(stream: HipStream, state: 'destroyed' | 'detached'): void {
    stream.end(state);
    this.#blocking[stream.device]!.delete(stream);
  }

  /** The stream that an argument means; null: the null stream of whichever device the call concerns. TypeError for other types. */
  resolve(field: string, value: unknown): HipStream | null {
    if (value === null || value === undefined || value === 'legacy') return null;
    if (value === 'per-thread') {
      const { currentDevice } = this.#state;
      return (this.#perThread[currentDevice] ??= this.create(currentDevice, HipStreamFlag.default));
    }
    if (value instanceof HipStream) return value;
    throw typeError(
      'ERR_SVM_INVALID_TYPE',
      `${field}: expected a stream of the runtime, 'legacy', 'per-thread' or null, got ${show(value)}`,
    );
  }

  nullStream(device: number): HipStream {
    return (this.#nullStreams[device] ??= new HipStream(this.#owner, device, HipStreamFlag.default));
  }

  /** hipErrorContextIsDestroyed, hipErrorStreamDetached. */
  assertLive(stream: HipStream | null): void {
    if (stream?.state === 'destroyed') throw new HipError(HipStatus.contextIsDestroyed, 'stream: it was destroyed');
    if (stream?.state === 'detached')
      throw new HipError(HipStatus.streamDetached, 'stream: its execution context was destroyed');
  }

  /** hipErrorInvalidValue for a stream that is not in this runtime's list. */
  assertOwn(stream: HipStream | null): void {
    if (stream !== null && stream.owner !== this.#owner) throw invalidValue('stream: a stream of another runtime');
  }

  /** A stream to act on: live, of this runtime; the null stream is the current device's. */
  use(field: string, value: unknown): HipStream {
    const stream = this.resolve(field, value);
    this.assertLive(stream);
    this.assertOwn(stream);
    return stream ?? this.nullStream(this.#state.currentDevice);
  }

  /** What a new command of the stream has to wait for. */
  dependencies(stream: HipStream): HsaSignal[] {
    const blocking = this.#blocking[stream.device]!;
    const nullStream = this.#nullStreams[stream.device];
    if (stream === nullStream) return pendingOf([stream.last, ...[...blocking].map(({ last }) => last)]);
    return pendingOf(blocking.has(stream) ? [stream.last, nullStream?.last] : [stream.last]);
  }

  /** Whether every command of the stream has ended. */
  isIdle(stream: HipStream): boolean {
    return this.dependencies(stream).length === 0;
  }

  /** Settles when every command issued so far has ended; rejects with what failed since the last time. */
  async synchronize(streams: readonly HipStream[]): Promise<void> {
    await this.#wait(streams.flatMap((stream) => this.dependencies(stream)));
    for (const stream of streams) {
      const { failure } = stream;
      stream.failure = undefined;
      if (failure !== undefined) throw failure.error;
    }
  }

  /** All streams of a device. */
  ofDevice(device: number): HipStream[] {
    return [this.nullStream(device), ...this.#blocking[device]!];
  }

  record(event: HipEvent, stream: HipStream): void {
    event.signals = this.dependencies(stream);
    event.recorded = { stream, command: stream.issued };
  }

  isOver(event: HipEvent): boolean {
    return pendingOf(event.signals).length === 0;
  }

  /** What failed of the commands before the event, and was not told by a synchronisation yet. */
  failureBefore({ recorded }: HipEvent): HipError | undefined {
    const failure = recorded?.stream.failure;
    return failure !== undefined && failure.command <= recorded!.command ? failure.error : undefined;
  }

  async waitForEvent(event: HipEvent): Promise<void> {
    await this.#wait(event.signals);
    const failure = this.failureBefore(event);
    if (failure !== undefined) throw failure;
  }

  /** Later commands of the stream wait for the event as it is now. */
  delay(stream: HipStream, event: HipEvent): void {
    const signals = pendingOf([...this.dependencies(stream), ...event.signals]);
    if (signals.length === 0) return;
    const marker = appendCommand(this.#state.hsa, stream);
    waitForAll(signals).then(
      () => marker.store(0),
      () => undefined, // The runtime was closed.
    );
  }

  /** Runs `work` when the commands before it have ended. */
  launch<T>(stream: HipStream, work: (queue: GpuQueue) => T | Promise<T>): Promise<T> {
    const queue = this.#queueOf(stream);
    return this.command(stream, () => work(queue));
  }

  /** As `launch`, with a queue that is made when it is asked for: where there is no GPU work, other work still runs. */
  command<T>(stream: HipStream, work: (queue: () => GpuQueue) => T | Promise<T>): Promise<T> {
    const before = this.dependencies(stream);
    const marker = appendCommand(this.#state.hsa, stream);
    const { issued } = stream;
    const done = this.#run(before, marker, async () => {
      try {
        return await work(() => this.#queueOf(stream));
      } catch (error) {
        stream.failure ??= { command: issued, error: commandFailure(error) };
        throw error;
      }
    });
    // It is told by the next synchronisation: nobody has to wait for it here as well.
    done.catch(() => undefined);
    return done;
  }

  #queueOf(stream: HipStream): GpuQueue {
    return (stream.queue ??= this.#state.devices[stream.device]!.createQueue());
  }

  /** Issues a prefetch. If it is `watched` the promise settles when the device was asked; it never rejects. */
  prefetch(stream: HipStream, address: bigint, count: bigint, agent: HsaAgent, watched: boolean): Promise<unknown> {
    const what = (): string => `the prefetch of 0x${address.toString(16)} to ${agent.name}`;
    return this.#issue(stream, watched, what, (before, done) =>
      this.#state.hsa.svmPrefetchAsync(address, count, agent, before, done),
    );
  }

  /** Issues a discard, followed by a prefetch if there are agents; `watched` as of `prefetch`. */
  discard(
    stream: HipStream,
    ranges: readonly SvmRange[],
    agents: readonly (HsaAgent | undefined)[],
    watched: boolean,
  ): Promise<unknown> {
    const { hsa } = this.#state;
    const destinations = agents.filter((agent) => agent !== undefined);
    return this.#issue(
      stream,
      watched,
      () => `the discard of ${counted(ranges.length, 'range')}`,
      (before, done) => {
        try {
          if (destinations.length === 0) hsa.svmDiscardBatchAsync(ranges, before, done);
          else hsa.svmDiscardAndPrefetchBatchAsync(ranges, destinations, before, done);
        } catch (error) {
          if (!(error instanceof HsaError) || error.status !== HsaStatus.xnackDisabled) throw error;
          throw new HipError(HipStatus.notSupported, 'discards need retry faults (XNACK), and a GPU has none', error);
        }
      },
    );
  }

  /** Makes an asynchronous call of HSA the last command of the stream. */
  #issue(
    stream: HipStream,
    watched: boolean,
    what: () => string,
    call: (before: HsaSignal[], done: HsaSignal) => void,
  ): Promise<unknown> {
    const { hsa, documented } = this.#state;
    const done = hsa.createSignal(1);
    call(this.dependencies(stream), done);
    if (!documented) {
      stream.last = done;
      stream.issued++;
      // Only the traffic view wants to know the end.
      return watched ? done.wait('lt', 1).catch(() => undefined) : NOTHING;
    }
    // A failure makes the signal negative, for which nobody else may wait.
    const marker = appendCommand(hsa, stream);
    const { issued: command } = stream;
    return done.wait('lt', 1).then(
      (value) => {
        if (value < 0n) stream.failure ??= { command, error: invalidValue(`${what()} failed`) };
        marker.store(0);
      },
      () => undefined,
    );
  }

  async #run<T>(before: readonly HsaSignal[], marker: HsaSignal, work: () => T | Promise<T>): Promise<T> {
    await this.#wait(before);
    try {
      return await work();
    } finally {
      if (!this.#state.closed) marker.store(0);
    }
  }

  async #wait(signals: readonly HsaSignal[]): Promise<void> {
    try {
      await waitForAll(signals);
    } catch (error) {
      if (error instanceof HsaError) throw new HipError(HipStatus.deinitialized, 'the runtime was closed', error);
      throw error;
    }
  }
}

/** What HIP says of a command that failed. */
function commandFailure(error: unknown): HipError {
  if (error instanceof HipError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const status = error instanceof GpuFaultError ? HipStatus.illegalAddress : HipStatus.launchFailure;
  return new HipError(status, message, error);
}

const NOTHING: Promise<undefined> = Promise.resolve(undefined);
