/**
 * Traffic view: which ioctls one call of a runtime layer (HSA, HIP) caused, on which GPU.
 * A layer wraps each of its calls in `log`; who wants to see them listens. Names are
 * those of the user ABI (spec/01-uapi §4) without prefix.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { errnoName } from '../uapi/errno.ts';
import { assertFunction, codedError } from '../uapi/errors.ts';
import { SvmOperation } from '../uapi/constants.ts';
import { uapiAttributeName, uapiAttributeValue } from '../words/attributes.ts';
import type { SvmAttributeRecord } from '../uapi/call.ts';
import type { SvmCallEvent } from '../uapi/call.ts';

/** A device as far as its calls are looked at. */
export interface CallSource {
  /** Path of the render node, or the name of the emulated one. */
  readonly path: string;
  /** Calls `listener` after every SVM ioctl; the returned function stops it. */
  observe(listener: (call: SvmCallEvent) => void): () => void;
}

/** One SVM ioctl with the label of the device that it went to. */
export interface TrafficIoctl extends SvmCallEvent {
  /** 'GPU0', 'GPU1', ... in the order of the devices. */
  readonly gpu: string;
}

/** One call of a layer, after it ended. */
export interface TrafficEvent {
  /** The call as the layer names it: 'hipMemAdvise(SetPreferredLocation, 1)'. */
  readonly call: string;
  /** Its ioctls in the order in which they were answered; none if it was refused before. */
  readonly ioctls: readonly TrafficIoctl[];
  /** What the call threw (or its promise was rejected with), if it failed. */
  readonly error: unknown;
}

/** Gets each call of a runtime after it ended. */
export type TrafficListener = (event: TrafficEvent) => void;

/** A call that has begun. */
interface Scope {
  readonly ioctls: TrafficIoctl[];
  ended: boolean;
}

/**
 * Groups the ioctls of some devices by the layer call that caused them. Without a
 * listener `log` only runs its action: no device is observed, no name is made.
 */
export class TrafficLog {
  readonly #devices: readonly CallSource[];
  readonly #listeners = new Set<TrafficListener>();
  /** Follows a call through its promises, so that overlapping asynchronous calls stay apart. */
  #calls: AsyncLocalStorage<Scope> | undefined;
  #stopObserving: (() => void)[] = [];
  /** Calls that have begun and not ended, with what ends them. */
  readonly #open = new Map<Scope, (error: unknown) => void>();
  readonly #onClose: (() => void)[] = [];

  /** `devices[i]` is labelled 'GPUi'. */
  constructor(devices: readonly CallSource[]) {
    this.#devices = [...devices];
  }

  /** True while somebody listens. */
  get active(): boolean {
    return this.#listeners.size > 0;
  }

  /** True inside a call that is logged: what a device is asked now belongs to it. */
  get running(): boolean {
    const scope = this.#calls?.getStore();
    return scope !== undefined && !scope.ended;
  }

  /** Calls `listener` at the end of every logged call; the returned function stops it. An error of the listener reaches the caller of the layer. */
  on(listener: TrafficListener): () => void {
    assertFunction('listener', listener);
    // A wrapper of its own: the same function may listen twice, and each is stopped alone.
    const entry: TrafficListener = (event) => listener(event);
    if (!this.active) this.#start();
    this.#listeners.add(entry);
    return () => {
      if (this.#listeners.delete(entry) && !this.active) this.#stop();
    };
  }

  /** Calls `action` when the log is closed. */
  onClose(action: () => void): void {
    this.#onClose.push(action);
  }

  /** Ends the calls that have not ended (`ERR_SVM_CLOSED`), as nobody will see them end, and stops all listeners. */
  close(): void {
    try {
      for (const end of [...this.#open.values()])
        end(codedError('ERR_SVM_CLOSED', 'the runtime was closed before the call ended'));
    } finally {
      this.#listeners.clear();
      this.#stop();
      for (const action of this.#onClose.splice(0)) action();
    }
  }

  /**
   * Runs `action` as the layer call `call` (a function is asked for the name only if
   * somebody listens) and returns its result. If that is a promise, the call ends
   * when it settles. What is logged inside another logged call belongs to the outer one.
   */
  log<T>(call: string | (() => string), action: () => T): T {
    const calls = this.#calls;
    if (calls === undefined) return action();
    const outer = calls.getStore();
    if (outer !== undefined && !outer.ended) return action();
    const scope: Scope = { ioctls: [], ended: false };
    const name = typeof call === 'string' ? call : call();
    const end = (error: unknown): void => {
      // Closing the log ends a call that is still under way.
      if (scope.ended) return;
      scope.ended = true;
      this.#open.delete(scope);
      const event: TrafficEvent = { call: name, ioctls: scope.ioctls, error };
      for (const listener of [...this.#listeners]) listener(event);
    };
    this.#open.set(scope, end);
    let result: T;
    try {
      result = calls.run(scope, action);
    } catch (error) {
      end(error);
      throw error;
    }
    if (result instanceof Promise) {
      return result.then(
        (value: unknown) => {
          end(undefined);
          return value;
        },
        (error: unknown) => {
          end(error);
          throw error;
        },
      ) as T;
    }
    end(undefined);
    return result;
  }

  #start(): void {
    const calls = new AsyncLocalStorage<Scope>();
    this.#calls = calls;
    this.#stopObserving = this.#devices.map((device, index) =>
      device.observe((call) => {
        const scope = calls.getStore();
        if (scope !== undefined && !scope.ended) scope.ioctls.push({ gpu: `GPU${index}`, ...call });
      }),
    );
  }

  #stop(): void {
    for (const stop of this.#stopObserving) stop();
    this.#stopObserving = [];
    this.#calls?.disable();
    this.#calls = undefined;
  }
}

/** One line: 'hipMemAdvise(SetPreferredLocation, 1) -> GPU1: PREFERRED_LOC=1'. */
export function formatTraffic(event: TrafficEvent): string {
  const ioctls = event.ioctls.length === 0 ? 'no ioctl' : event.ioctls.map(formatTrafficIoctl).join('; ');
  const failure =
    event.error === undefined ? '' : ` ! ${event.error instanceof Error ? event.error.message : String(event.error)}`;
  return `${event.call} -> ${ioctls}${failure}`;
}

/**
 * One ioctl: 'GPU0: COHERENT=0, ACCESS=ALLOW_MIGRATE'. A GET is marked and shows what
 * came back ('GPU0: GET PREFERRED_LOC=UNDEFINED'), a refusal ends in its errno ('[EINVAL]').
 */
export function formatTrafficIoctl(ioctl: TrafficIoctl): string {
  const { operation, attributes, result } = ioctl;
  const failed = result < 0;
  // What a refused GET left in the records are no answers.
  const named =
    operation === SvmOperation.getAttributes && failed
      ? attributes.map(({ type }) => uapiAttributeName(type))
      : attributes.map(formatRecord);
  let verb = '';
  if (operation === SvmOperation.getAttributes) verb = 'GET ';
  else if (operation === SvmOperation.resetAttributes) verb = 'RESET ';
  else if (operation !== SvmOperation.setAttributes) verb = `OPERATION ${operation} `;
  const refusal = failed ? ` [${errnoName(result) ?? `errno ${-result}`}]` : '';
  return `${ioctl.gpu}: ${verb}${named.join(', ')}`.trimEnd() + refusal;
}

function formatRecord({ type, value }: SvmAttributeRecord): string {
  return `${uapiAttributeName(type)}=${uapiAttributeValue(type, value)}`;
}
