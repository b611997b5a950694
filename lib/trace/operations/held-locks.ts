/** Which operations of another thread cannot begin where an operation is interrupted (spec/trace-format §8, §11). */
import type { AnyDescriptor } from './index.ts';
import type { TraceSubject } from './descriptor.ts';

/** Whether an operation with that descriptor, on `subject`, would have to wait at once for a lock that is held, and cannot sleep there. */
export function meetsHeldLock(
  { needs, enters }: { readonly needs?: AnyDescriptor['needs']; readonly enters?: AnyDescriptor['enters'] },
  { machine, device, file }: TraceSubject,
): boolean {
  if (needs === 'mmap-lock') return machine.process.space.mmapLock.held;
  if (enters === 'fault' && device.pasids.lock.held) return true;
  return needs === 'svm-lock' && file.context?.svmLock.held === true;
}
