/** HIP's calls for streams and events, as far as managed memory needs them (spec/hip §3). */
import { NotModelledError } from '../device/emulated.ts';
import { show, typeError } from '../uapi/errors.ts';
import type { GpuQueue } from '../device/index.ts';
import { intOf, unsignedOf } from './arguments.ts';
import { HipStreamFlag } from './constants.ts';
import { HipError, HipStatus, invalidValue, peekAtLastError, takeLastError } from './error.ts';
import type { HipState } from './state.ts';
import { HipEvent, HipExecutionContext } from './stream.ts';
import type { HipStream } from './stream.ts';
import { StreamTable } from './stream-table.ts';
import type { HipStreamArgument } from './stream-table.ts';

/** The part of `HipRuntime` that is about streams. */
export class StreamCalls {
  /** @internal */
  protected readonly streams: StreamTable;
  readonly #state: HipState;
  readonly #contexts = new WeakSet<HipExecutionContext>();

  constructor(state: HipState) {
    this.#state = state;
    this.streams = new StreamTable(state, this);
  }

  /** hipStreamCreateWithFlags, on the current device; `flags` is a `HipStreamFlag`. hipErrorInvalidValue. */
  streamCreate(flags: number = HipStreamFlag.default): HipStream {
    this.#state.assertOpen();
    const given = unsignedOf('flags', flags);
    if (given !== HipStreamFlag.default && given !== HipStreamFlag.nonBlocking)
      throw invalidValue(`flags: expected 0 or 1, got ${given}`);
    return this.streams.create(this.#state.currentDevice, given);
  }

  /** hipStreamDestroy; commands that were issued still run. hipErrorInvalidHandle for the null stream, hipErrorContextIsDestroyed a second time. */
  streamDestroy(stream: HipStream): void {
    this.#state.assertOpen();
    const given = this.streams.resolve('stream', stream);
    if (given === null) throw new HipError(HipStatus.invalidHandle, "stream: the null stream can't be destroyed");
    this.streams.assertLive(given);
    this.streams.assertOwn(given);
    this.streams.end(given, 'destroyed');
  }

  /**
   * hipStreamQuery: hipSuccess (0) when every command has ended, else hipErrorNotReady (600). If one has failed, what the
   * next synchronisation will reject with.
   */
  streamQuery(stream: HipStreamArgument): number {
    this.#state.assertOpen();
    const given = this.streams.use('stream', stream);
    if (!this.streams.isIdle(given)) return HipStatus.notReady;
    return given.failure?.error.code ?? HipStatus.success;
  }

  /** hipGetLastError: the `HipStatus` of the last refusal or failure of any runtime of this thread, hipSuccess (0) without one. It is forgotten. */
  getLastError(): HipStatus {
    return takeLastError();
  }

  /** hipPeekAtLastError: as `getLastError`, and it is kept. */
  peekAtLastError(): HipStatus {
    return peekAtLastError();
  }

  /**
   * hipStreamSynchronize: settles when every command has ended. It rejects if a launch,
   * copy or fill failed since the last time (hipErrorIllegalAddress,
   * hipErrorLaunchFailure), and with compatibility 'documented' with
   * hipErrorInvalidValue if a prefetch did; 'rocm' keeps that to itself, as the original.
   */
  async streamSynchronize(stream: HipStreamArgument): Promise<void> {
    this.#state.assertOpen();
    await this.streams.synchronize([this.streams.use('stream', stream)]);
  }

  /** hipDeviceSynchronize: as `streamSynchronize`, for all streams of the current device that take turns with its null stream. */
  async deviceSynchronize(): Promise<void> {
    this.#state.assertOpen();
    await this.streams.synchronize(this.streams.ofDevice(this.#state.currentDevice));
  }

  /** hipEventCreate */
  eventCreate(): HipEvent {
    this.#state.assertOpen();
    return new HipEvent(this);
  }

  /** hipEventDestroy. hipErrorInvalidHandle a second time. */
  eventDestroy(event: HipEvent): void {
    this.#event(event).destroyed = true;
  }

  /** hipEventRecord: the event is over when what was issued on the stream so far is. */
  eventRecord(event: HipEvent, stream: HipStreamArgument = null): void {
    this.streams.record(this.#event(event), this.streams.use('stream', stream));
  }

  /** hipEventQuery: as `streamQuery`, for the commands before the event. */
  eventQuery(event: HipEvent): number {
    const given = this.#event(event);
    if (!this.streams.isOver(given)) return HipStatus.notReady;
    return this.streams.failureBefore(given)?.code ?? HipStatus.success;
  }

  /** hipEventSynchronize: rejects with what failed before the event. */
  async eventSynchronize(event: HipEvent): Promise<void> {
    await this.streams.waitForEvent(this.#event(event));
  }

  /** hipStreamWaitEvent: later commands of the stream wait for the event as it was recorded last. */
  streamWaitEvent(stream: HipStreamArgument, event: HipEvent): void {
    const given = this.#event(event);
    this.streams.delay(this.streams.use('stream', stream), given);
  }

  /**
   * GPU work in the order of the stream: what a kernel launch is to HIP. `work` runs
   * when the commands before it have ended, on a queue of the stream's device; the next
   * command begins when its promise has settled. The result is that of `work`, also if
   * it fails; the failure is told as well by the next synchronisation, `streamQuery`,
   * `eventQuery` and `getLastError`, so that nobody has to wait here. Throws `ERR_SVM_NOT_AVAILABLE` where there is no GPU work (kernel backend).
   */
  launch<T>(stream: HipStreamArgument, work: (queue: GpuQueue) => T | Promise<T>): Promise<T> {
    this.#state.assertOpen();
    if (typeof work !== 'function')
      throw typeError('ERR_SVM_INVALID_TYPE', `work: expected a function, got ${show(work)}`);
    return this.streams.launch(this.streams.use('stream', stream), work);
  }

  /**
   * hipStreamBeginCapture is not modelled (`NotModelledError`): what a captured call
   * records and what its graph does is not described. As no capture can begin, the
   * check for one (spec/hip §1, "C": hipErrorStreamCaptureUnsupported) always passes.
   */
  streamBeginCapture(stream: HipStreamArgument, _mode?: number): never {
    this.#state.assertOpen();
    this.streams.use('stream', stream);
    throw new NotModelledError('hipStreamBeginCapture', 'no stream can be captured');
  }

  /** hipThreadExchangeStreamCaptureMode: as `streamBeginCapture`. */
  threadExchangeStreamCaptureMode(_mode?: number): never {
    this.#state.assertOpen();
    throw new NotModelledError('hipThreadExchangeStreamCaptureMode', 'no stream can be captured');
  }

  /** An execution context of a device: a source of streams that all end with it. */
  executionContextCreate(device: number): HipExecutionContext {
    this.#state.assertOpen();
    const id = intOf('device', device);
    this.#state.assertDevice('device', id);
    const context = new HipExecutionContext(id, () => this.streams.create(id, HipStreamFlag.nonBlocking));
    this.#contexts.add(context);
    return context;
  }

  /** hipExecutionCtxStreamCreate. hipErrorContextIsDestroyed, hipErrorInvalidHandle. */
  executionContextStreamCreate(context: HipExecutionContext): HipStream {
    return this.#context(context).streamCreate();
  }

  /** hipExecutionCtxDestroy: its streams are detached from now on. */
  executionContextDestroy(context: HipExecutionContext): void {
    for (const stream of this.#context(context).destroy())
      if (stream.state === 'live') this.streams.end(stream, 'detached');
  }

  #context(context: unknown): HipExecutionContext {
    this.#state.assertOpen();
    if (!(context instanceof HipExecutionContext)) {
      throw typeError(
        'ERR_SVM_INVALID_TYPE',
        `context: expected an execution context of the runtime, got ${show(context)}`,
      );
    }
    if (!this.#contexts.has(context)) throw new HipError(HipStatus.invalidHandle, 'context: of another runtime');
    if (context.destroyed) throw new HipError(HipStatus.contextIsDestroyed, 'context: it was destroyed');
    return context;
  }

  #event(event: unknown): HipEvent {
    this.#state.assertOpen();
    if (!(event instanceof HipEvent))
      throw typeError('ERR_SVM_INVALID_TYPE', `event: expected an event of the runtime, got ${show(event)}`);
    if (event.owner !== this) throw new HipError(HipStatus.invalidHandle, 'event: of another runtime');
    if (event.destroyed) throw new HipError(HipStatus.invalidHandle, 'event: it was destroyed');
    return event;
  }
}
