import { describe, expect, it } from 'vitest';
import { ExclusiveLock, LockAssertionError, SharedLock } from './lock.ts';

describe('ExclusiveLock', () => {
  it('has one holder, and says its name when it is taken twice', () => {
    const lock = new ExclusiveLock('svm lock');
    lock.acquire();
    expect(lock.held).toBe(true);
    expect(() => lock.acquire()).toThrow(new LockAssertionError('svm lock is held already'));
    lock.release();
    expect(lock.held).toBe(false);
  });

  it('cannot be released by nobody', () => {
    expect(() => new ExclusiveLock('svm lock').release()).toThrow('svm lock is not held');
  });
});

describe('SharedLock', () => {
  it('has many readers, and no writer among them', () => {
    const lock = new SharedLock('mmap lock');
    lock.acquireRead();
    lock.acquireRead();
    expect(() => lock.acquireWrite()).toThrow(LockAssertionError);
    lock.releaseRead();
    expect(lock.held).toBe(true);
    expect(() => lock.acquireWrite()).toThrow(LockAssertionError);
    lock.releaseRead();
    lock.acquireWrite();
    expect(lock.held).toBe(true);
  });

  it('has one writer, and no reader with it', () => {
    const lock = new SharedLock('mmap lock');
    lock.acquireWrite();
    expect(() => lock.acquireWrite()).toThrow('mmap lock is held already');
    expect(() => lock.acquireRead()).toThrow('mmap lock is held for writing already');
    lock.releaseWrite();
    lock.acquireRead();
    expect([lock.readers, lock.writing]).toEqual([1, false]);
  });

  it('cannot be released in a way in which it is not held', () => {
    const lock = new SharedLock('mmap lock');
    expect(() => lock.releaseRead()).toThrow('mmap lock is not held for reading');
    expect(() => lock.releaseWrite()).toThrow('mmap lock is not held for writing');
    lock.acquireRead();
    expect(() => lock.releaseWrite()).toThrow(LockAssertionError);
  });

  it('throws errors with a code of their own', () => {
    const error = new LockAssertionError('x');
    expect([error.code, error.name]).toEqual(['ERR_SVM_LOCK', 'LockAssertionError']);
  });
});
