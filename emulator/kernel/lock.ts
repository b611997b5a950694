// Models: the sleeping locks of spec/06-lifecycle §10, as assertions: a single thread of execution can't wait.

/** Thrown when modelled code takes a lock that is held: a real kernel would deadlock there. */
export class LockAssertionError extends Error {
  readonly code = 'ERR_SVM_LOCK';
  constructor(message: string) {
    super(message);
    this.name = 'LockAssertionError';
  }
}

/** A lock with one holder (the svm lock, the page-directory reservation). */
export class ExclusiveLock {
  held = false;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  acquire(): void {
    if (this.held) throw new LockAssertionError(`${this.name} is held already`);
    this.held = true;
  }

  release(): void {
    if (!this.held) throw new LockAssertionError(`${this.name} is not held`);
    this.held = false;
  }
}

/** A reader/writer lock (mmap lock, notifier lock). */
export class SharedLock {
  readers = 0;
  writing = false;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  get held(): boolean {
    return this.writing || this.readers > 0;
  }

  acquireRead(): void {
    if (this.writing) throw new LockAssertionError(`${this.name} is held for writing already`);
    this.readers++;
  }

  releaseRead(): void {
    if (this.readers === 0) throw new LockAssertionError(`${this.name} is not held for reading`);
    this.readers--;
  }

  acquireWrite(): void {
    if (this.held) throw new LockAssertionError(`${this.name} is held already`);
    this.writing = true;
  }

  releaseWrite(): void {
    if (!this.writing) throw new LockAssertionError(`${this.name} is not held for writing`);
    this.writing = false;
  }
}
