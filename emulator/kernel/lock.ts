// Models: the sleeping locks of spec/06-lifecycle §10, as assertions: a single thread of execution can't wait.
//
// A GPU fault takes seven locks. Each call here stays below the 27 bytes of bytecode that V8 always inlines, so the
// refusals are made elsewhere: with them inside, a fault of 4 KiB takes a sixth longer.

/** Thrown when modelled code takes a lock that is held: a real kernel would deadlock there. */
export class LockAssertionError extends Error {
  readonly code = 'ERR_SVM_LOCK';
  constructor(message: string) {
    super(message);
    this.name = 'LockAssertionError';
  }
}

function refuse({ name }: { readonly name: string }, why: string): never {
  throw new LockAssertionError(`${name} ${why}`);
}

/** A lock with one holder (the svm lock, the page-directory reservation). */
export class ExclusiveLock {
  held = false;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  acquire(): void {
    if (this.held) refuse(this, 'is held already');
    this.held = true;
  }

  release(): void {
    if (!this.held) refuse(this, 'is not held');
    this.held = false;
  }
}

function refuseReader(lock: SharedLock): never {
  return refuse(lock, 'is held for writing already');
}

function refuseReleaseRead(lock: SharedLock): never {
  lock.readers = 0;
  return refuse(lock, 'is not held for reading');
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
    if (this.writing) refuseReader(this);
    this.readers++;
  }

  releaseRead(): void {
    if (--this.readers < 0) refuseReleaseRead(this);
  }

  acquireWrite(): void {
    if (this.held) refuse(this, 'is held already');
    this.writing = true;
  }

  releaseWrite(): void {
    if (!this.writing) refuse(this, 'is not held for writing');
    this.writing = false;
  }
}
