// Models: what the fault handlers of all revisions have in common (spec/05-faults §3, §5.1; spec/06-lifecycle §11).
import { isStaleTimestamp } from '../gpu/interrupt-ring.ts';
import { Protection } from '../mm/vma.ts';
import type { SvmContext } from './context.ts';

const { read } = Protection;
const READ_WRITE = read | Protection.write;

/** Error lines about a fault in the kernel log (spec/06-lifecycle §11); nothing limits their rate (Q70). */
export function logFault(context: SvmContext, page: number, lines: number): void {
  // mutant: one-line-for-an-answer
  context.device.counters.errorLines += lines;
  context.effects.current?.faultLogged(page, lines);
}

/**
 * Stale-fault filter (spec/05-faults §3): whether a fault with this 48-bit timestamp is dropped, since it is not younger
 * than the checkpoint (Q63), which must be there. The first younger one takes it away.
 */
export function dropsStaleFault(context: SvmContext, page: number, timestamp: number): boolean {
  if (!isStaleTimestamp(context.checkpoint, timestamp)) {
    context.checkpoint = 0;
    return false;
  }
  context.device.counters.filterRemove++;
  context.effects.current?.faultDropped(page, timestamp, context.checkpoint);
  return true;
}

/** VM_READ always, VM_WRITE for a write; without a VMA everything is permitted (spec/05-faults §5.1). */
export function permitsAccess(context: SvmContext, page: number, write: boolean): boolean {
  const { process, points } = context;
  points.reach('mmap-lock');
  process.mmapLock.acquireRead();
  const vma = process.findVma(page);
  // mutant: write-permission
  const needed = write ? READ_WRITE : read;
  const permitted = vma === undefined || (vma.protection & needed) === needed;
  process.mmapLock.releaseRead();
  points.reach('mmap-unlock');
  return permitted;
}
