/**
 * Ours and C are two processes, and on a virtual machine one processor may be slower than the other for minutes: on different ones
 * their ratio says which side had which. So both are kept on one while they are measured in turns.
 */
import { spawnSync } from 'node:child_process';

/** Processors that this process may use, as a list for `taskset`, or why it cannot be asked. */
function allowedProcessors(): { readonly list: string } | { readonly problem: string } {
  const result = spawnSync('taskset', ['-c', '-p', String(process.pid)], { encoding: 'utf8' });
  if (result.status !== 0) return { problem: result.error?.message ?? result.stderr.trim() };
  return { list: result.stdout.trim().replace(/^.*:\s*/, '') };
}

/** All threads of this process, and children that it starts afterwards. */
function allow(list: string): void {
  const result = spawnSync('taskset', ['-a', '-c', '-p', list, String(process.pid)], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`taskset failed: ${result.error?.message ?? result.stderr}`);
}

let told = false;

/** Runs the work with this process and the ones that it starts on one processor, and says once which, or why not. */
export function onOneProcessor<Result>(work: () => Result): Result {
  const allowed = allowedProcessors();
  const tell = (text: string): void => {
    if (!told) process.stderr.write(`bench: ${text}\n`);
    told = true;
  };
  if ('problem' in allowed) {
    tell(`both sides may be on different processors, of which one may be slower: ${allowed.problem}`);
    return work();
  }
  // The last one: the first has the interrupts.
  const [last] = /\d+$/.exec(allowed.list) ?? [];
  if (last === undefined) throw new Error(`taskset gave no list of processors: ${allowed.list}`);
  tell(`ours and C are both on processor ${last}`);
  allow(last);
  try {
    return work();
  } finally {
    allow(allowed.list);
  }
}
