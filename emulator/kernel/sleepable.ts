// Models: code that sleeps in the middle, where a single thread of execution can't: it yields, and is asked again later.
import { LockAssertionError } from './lock.ts';

/** Yields where it waits for another thread; returns its result. */
export type Sleepable<T> = Generator<void, T, void>;

/** Runs code that is not expected to sleep, since no other thread is there to wait for. */
export function runAwake<T>(steps: Sleepable<T>): T {
  const step = steps.next();
  if (step.done !== true) throw new LockAssertionError('what the interrupted operation holds or moves is waited for');
  return step.value;
}
