/**
 * Signals: a signed 64-bit number that can be waited for. Every change is seen by every
 * waiter, and waiters are answered in the order in which they began to wait.
 */
import { rangeError, show, typeError } from '../uapi/errors.ts';
import { HsaError, HsaStatus } from './error.ts';

/** `hsa_signal_condition_t`: how the signal must compare to the value that is waited for. */
export const HSA_SIGNAL_CONDITIONS = ['eq', 'ne', 'lt', 'gte'] as const;
/** Condition of a wait for a signal. */
export type HsaSignalCondition = (typeof HSA_SIGNAL_CONDITIONS)[number];

/** Bounds of a wait. */
export interface HsaWaitOptions {
  /** Milliseconds after which the wait is answered with the value as it is then; 0 asks once. Default: never. */
  readonly timeout?: number;
  /** Ends the wait: it rejects with the reason of the abort. */
  readonly signal?: AbortSignal;
}

/** What signals share with their runtime. */
export interface SignalOwner {
  closed: boolean;
  /** Ends every pending wait of the runtime's signals. */
  readonly waits: Set<(error: Error) => void>;
}

/** A wait that has not been answered. */
interface Waiter {
  readonly isMet: (value: bigint) => boolean;
  readonly answer: (value: bigint) => void;
}

const LEAST = -(1n << 63n);
const MOST = (1n << 63n) - 1n;
/** The longest delay that the timer of Node takes. */
const LONGEST_TIMEOUT = 0x7fff_ffff;

/** A signal. Made by `runtime.createSignal`; every method throws NOT_INITIALIZED once the runtime is closed. */
export class HsaSignal {
  readonly #owner: SignalOwner;
  readonly #waiters = new Set<Waiter>();
  #value: bigint;

  /** Use `runtime.createSignal`. */
  constructor(owner: SignalOwner, value: number | bigint) {
    this.#owner = owner;
    this.#value = signalValue('value', value);
  }

  /** Whether the signal was made by that runtime. */
  belongsTo(owner: SignalOwner): boolean {
    return this.#owner === owner;
  }

  /** The value now. */
  load(): bigint {
    this.#assertOpen();
    return this.#value;
  }

  /** RangeError (`ERR_SVM_OUT_OF_RANGE`) for what is no signed 64-bit number. */
  store(value: number | bigint): void {
    this.#assertOpen();
    this.#change(signalValue('value', value));
  }

  /** Adds; wraps at 64 bits. */
  add(value: number | bigint): void {
    this.#assertOpen();
    this.#change(BigInt.asIntN(64, this.#value + signalValue('value', value)));
  }

  /** Subtracts; wraps at 64 bits. */
  subtract(value: number | bigint): void {
    this.#assertOpen();
    this.#change(BigInt.asIntN(64, this.#value - signalValue('value', value)));
  }

  /**
   * Waits until the signal compares to `value` as `condition` says, and answers with
   * the value that did. After `timeout` the answer is the value of that moment, which
   * then does not meet the condition - as `hsa_signal_wait` does. Rejects with the
   * reason of `signal`, and with NOT_INITIALIZED when the runtime is closed meanwhile.
   */
  async wait(condition: HsaSignalCondition, value: number | bigint, options: HsaWaitOptions = {}): Promise<bigint> {
    this.#assertOpen();
    const isMet = conditionOf(condition, signalValue('value', value));
    const { timeout, abort } = boundsOf(options);
    abort?.throwIfAborted();
    if (isMet(this.#value) || timeout === 0) return this.#value;
    return new Promise((resolve, reject) => {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const finish = (): void => {
        this.#waiters.delete(waiter);
        this.#owner.waits.delete(fail);
        abort?.removeEventListener('abort', onAbort);
        clearTimeout(timer);
      };
      const answer = (found: bigint): void => {
        finish();
        resolve(found);
      };
      const fail = (error: Error): void => {
        finish();
        reject(error);
      };
      const onAbort = (): void => fail(abort!.reason as Error);
      const waiter: Waiter = { isMet, answer };
      this.#waiters.add(waiter);
      this.#owner.waits.add(fail);
      abort?.addEventListener('abort', onAbort);
      if (timeout !== undefined) timer = setTimeout(() => answer(this.#value), timeout);
    });
  }

  #change(value: bigint): void {
    this.#value = value;
    for (const waiter of [...this.#waiters]) if (waiter.isMet(value)) waiter.answer(value);
  }

  #assertOpen(): void {
    if (this.#owner.closed) throw new HsaError(HsaStatus.notInitialized, 'the runtime of this signal is closed');
  }
}

function signalValue(field: string, value: unknown): bigint {
  if (typeof value !== 'bigint' && typeof value !== 'number') {
    throw typeError('ERR_SVM_INVALID_TYPE', `${field}: expected a number or a bigint, got ${show(value)}`);
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `${field}: expected a whole number (above 2^53 a bigint), got ${value}`);
  }
  const whole = BigInt(value);
  if (whole < LEAST || whole > MOST) {
    throw rangeError('ERR_SVM_OUT_OF_RANGE', `${field}: expected a signed 64-bit number, got ${whole}n`);
  }
  return whole;
}

function conditionOf(condition: unknown, wanted: bigint): (value: bigint) => boolean {
  switch (condition as HsaSignalCondition) {
    case 'eq':
      return (value) => value === wanted;
    case 'ne':
      return (value) => value !== wanted;
    case 'lt':
      return (value) => value < wanted;
    case 'gte':
      return (value) => value >= wanted;
    default:
      throw rangeError(
        'ERR_SVM_INVALID_VALUE',
        `condition: expected one of ${HSA_SIGNAL_CONDITIONS.join(', ')}, got ${show(condition)}`,
      );
  }
}

function boundsOf(options: HsaWaitOptions): { timeout: number | undefined; abort: AbortSignal | undefined } {
  if (typeof options !== 'object' || options === null) {
    throw typeError('ERR_SVM_INVALID_TYPE', `options: expected an object, got ${show(options)}`);
  }
  const { timeout, signal: abort } = options;
  if (timeout !== undefined && typeof timeout !== 'number') {
    throw typeError('ERR_SVM_INVALID_TYPE', `options.timeout: expected milliseconds, got ${show(timeout)}`);
  }
  if (timeout !== undefined && !(timeout >= 0 && timeout <= LONGEST_TIMEOUT)) {
    throw rangeError(
      'ERR_SVM_OUT_OF_RANGE',
      `options.timeout: expected 0 to ${LONGEST_TIMEOUT} milliseconds, got ${timeout}`,
    );
  }
  if (abort !== undefined && !(abort instanceof AbortSignal)) {
    throw typeError('ERR_SVM_INVALID_TYPE', `options.signal: expected an AbortSignal, got ${show(abort)}`);
  }
  return { timeout, abort };
}
