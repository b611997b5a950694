/** Which operations of another thread cannot begin where an operation is interrupted (spec/trace-format §8, §11). */
import type { TraceSubject } from './descriptor.ts';
import { descriptorOf } from './index.ts';
import type { TraceOperation } from './index.ts';

/** Whether the operation, on `subject`, would have to wait at once for a lock that is held, and cannot sleep there. */
export function meetsHeldLock({ name }: TraceOperation, { machine, device, file }: TraceSubject): boolean {
  const { needs, enters } = descriptorOf(name);
  if (needs === 'mmap-lock') return machine.process.space.mmapLock.held;
  if (enters === 'fault' && device.pasids.lock.held) return true;
  return needs === 'svm-lock' && file.context?.svmLock.held === true;
}
