/** What a process had mapped before a recording began, as operations that make it again. */
import { pageRunsPresent } from '../../../emulator/index.ts';
import type { EmulatedMachine } from '../../../emulator/index.ts';
import { protectionLetters } from '../../uapi/protection.ts';
import { hex, hexAddress } from '../format/hex.ts';
import type { OperationObject } from '../operations/descriptor.ts';
import type { TraceAnswer } from '../operations/index.ts';

/** One line, and how many pages the CPU faults in by it. */
interface InitialLine {
  readonly operation: OperationObject;
  readonly answer: TraceAnswer;
  readonly faults: number;
}

/** mmap and touch operations for the VMAs and present pages of the machine's process. */
export function presentMappings(machine: EmulatedMachine): InitialLine[] {
  const lines: InitialLine[] = [];
  const { space } = machine.process;
  for (const vma of space.vmas.values()) {
    const addr = hexAddress(vma.startPage);
    const len = hex(BigInt(vma.endPage - vma.startPage) << 12n);
    // Mapped readable and writable first, so that its pages can be touched.
    const runs = pageRunsPresent(space, vma);
    const letters = protectionLetters(vma.protection);
    lines.push({
      operation: { mmap: { addr, len, prot: runs.length > 0 ? 'rw' : letters, kind: vma.kind } },
      answer: { ret: 0 },
      faults: 0,
    });
    for (const run of runs) {
      const place = { addr: hexAddress(run.startPage), len: hex(BigInt(run.pages) << 12n) };
      lines.push({
        operation: { touch: { ...place, write: run.written } },
        answer: { ret: 0, pages: hex(run.pages), fresh: hex(run.fresh) },
        faults: run.fresh,
      });
    }
    if (runs.length > 0 && letters !== 'rw')
      lines.push({ operation: { mprotect: { addr, len, prot: letters } }, answer: { ret: 0 }, faults: 0 });
  }
  return lines;
}
