/** A schedule in sentences. */
import type { PreemptionPoint } from '../../emulator/index.ts';
import { descriptorOf } from '../trace/operations/index.ts';
import type { TraceOperation } from '../trace/operations/index.ts';
import { threadName } from './program.ts';
import type { ExploreProgram } from './program.ts';
import type { Step } from './schedule.ts';

/** What an operation has done when it comes to a point, and what it holds there. */
const WHEN: Readonly<Record<PreemptionPoint, string>> = {
  'vma-checked': 'it has validated the VMAs and dropped the mmap lock',
  'attr-edited': 'it has changed the attributes of a segment and not yet applied them',
  hmm: 'it has made the pages present and not yet taken them',
  'pages-got': 'it has collected the pages and not yet written PTEs',
  'pte-committed': 'it has written PTEs and not yet marked the range mapped',
  'mmap-lock': 'it is about to take the mmap lock',
  'mmap-unlock': 'it has dropped the mmap lock',
  'tree-unlock': 'it has dropped the lock of the attribute tree',
  'svm-lock': 'it is about to take the svm lock',
  'svm-unlock': 'it has dropped the svm lock',
  'bo-alloc': 'it is about to allocate a buffer in VRAM',
  collected: 'it has collected and locked the pages to move and copied nothing',
  copy: 'it is about to copy between system memory and VRAM',
  evict: 'it begins to evict a buffer from VRAM',
  'caches-checked': 'it has found no slab caches and not yet made them',
  'context-made': 'it has made a context and not yet given it to the VM',
  'context-looked-up': 'it has looked up the context of its PASID and not yet taken a reference',
  'closing-checked': 'it has seen that the context is not closing and not yet taken the svm lock',
  'work-unlock': "it has dropped the lock of the collector's list",
};

/** The schedule in sentences, one per line, and what it shows. */
export function tellSchedule(program: ExploreProgram, steps: readonly Step[], shows: string): string[] {
  const next = program.threads.map(() => 0);
  const take = (thread: number): TraceOperation => program.threads[thread]![next[thread]!++]!.operation;
  const lines: string[] = [];
  for (const { thread, injections } of steps) {
    lines.push(`Thread ${threadName(thread)}: ${sentence(take(thread))}.`);
    let before: (typeof injections)[number] | undefined;
    for (const injection of injections) {
      const { at, nth } = injection;
      const isSame = before?.at === at && before.nth === nth;
      const when = isSame ? 'Then' : `When ${WHEN[at]} (${at}${nth === 1 ? '' : `, pass ${nth}`})`;
      lines.push(`  ${when}, thread ${threadName(injection.thread)}: ${sentence(take(injection.thread))}.`);
      before = injection;
    }
    if (injections.length > 0) lines.push(`  Thread ${threadName(thread)} goes on to its end.`);
  }
  return [...lines, `This shows: ${shows}.`];
}

function sentence(operation: TraceOperation): string {
  return descriptorOf(operation.name).sentence(operation);
}
