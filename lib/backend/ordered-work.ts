/** The order of a queue's operations: each begins when those before it have ended, failed or not. */
import { codedError } from '../uapi/errors.ts';

export class OrderedWork {
  readonly #isDeviceClosed: () => boolean;
  #tail: Promise<unknown> = Promise.resolve();
  #closed = false;
  #pending = 0;

  constructor(isDeviceClosed: () => boolean) {
    this.#isDeviceClosed = isDeviceClosed;
  }

  /** Runs `operation` in its turn; rejects with `ERR_SVM_CLOSED` after `close`, or when the device is closed by then. */
  run<T>(operation: () => T | Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(codedError('ERR_SVM_CLOSED', 'the queue is closed'));
    this.#pending++;
    const result = this.#tail.then(() => {
      if (this.#isDeviceClosed()) throw codedError('ERR_SVM_CLOSED', 'the device of this queue is closed');
      return operation();
    });
    // The next operation runs whatever became of this one; its own promise tells the caller.
    this.#tail = result.then(this.#ended, this.#ended);
    return result;
  }

  readonly #ended = (): void => {
    this.#pending--;
  };

  /** Whether every operation so far has ended. */
  get isIdle(): boolean {
    return this.#pending === 0;
  }

  /** Settles when all operations so far have ended. */
  idle(): Promise<void> {
    return this.#tail.then(() => undefined);
  }

  /** Takes no further operations; says whether it was the first call. */
  close(): boolean {
    const first = !this.#closed;
    this.#closed = true;
    return first;
  }
}
