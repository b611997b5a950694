/** The operations of a program with what each schedule asks of them, looked up once. */
import { descriptorOf } from '../trace/operations/index.ts';
import type { AnyDescriptor, TraceOperation } from '../trace/operations/index.ts';

/** One operation with its descriptor's words. */
export interface PlannedOperation {
  readonly operation: TraceOperation;
  readonly gpu: number;
  readonly needs: AnyDescriptor['needs'];
  readonly enters: AnyDescriptor['enters'];
  readonly perform: AnyDescriptor['perform'];
}

/** Plans an operation. */
export function planOperation(operation: TraceOperation): PlannedOperation {
  const { needs, enters, perform } = descriptorOf(operation.name);
  return { operation, gpu: operation.gpu, needs, enters, perform };
}

/** Whether the operation would have gone to sleep if it could: the lock that it takes instead is held by the thread below. */
export function sleepsByItself({ needs }: PlannedOperation): boolean {
  return needs === 'svm-lock-asleep';
}

/** Whether the operation enters the driver by itself, and not by an event of the mm. */
export function isDriverCall({ needs, operation: { name } }: PlannedOperation): boolean {
  return needs !== 'mmap-lock' && name !== 'dontneed' && name !== 'touch' && name !== 'mmexit';
}
