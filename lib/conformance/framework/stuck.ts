/** Where a process waits that does not end: what the kernel tells of it in /proc. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const FRAMES = 4;

/**
 * Where a process waits that was killed and is still there: the function of the kernel, or the uppermost frames of its
 * stack there as far as this user may read them. Of several threads the one that cannot be interrupted. `proc` is for tests.
 */
export function whereItWaits(pid: number, proc = '/proc'): string {
  const tasks = join(proc, String(pid), 'task');
  let threads: string[];
  try {
    threads = readdirSync(tasks);
  } catch (error) {
    return `a place that nothing is known of (${(error as Error).message})`;
  }
  const states = threads.map((thread) => {
    const status = read(join(tasks, thread, 'status'));
    return { folder: join(tasks, thread), state: /^State:\s*(\S)/m.exec(status)?.[1] ?? '?' };
  });
  const { folder, state } = states.find((each) => each.state === 'D') ?? states[0] ?? { folder: tasks, state: '?' };
  const frames = read(join(folder, 'stack'))
    .split('\n')
    .map((line) => /^\[<[0-9a-fx]+>\] ([\w.]+)/.exec(line.trim())?.[1])
    .filter((name) => name !== undefined)
    .slice(0, FRAMES);
  const wchan = read(join(folder, 'wchan')).trim();
  const waits = wchan === '0' ? '' : wchan;
  const place = frames.length > 0 ? frames.join(' < ') : waits || 'a function that this user may not know';
  return `${place} (process ${pid}, state ${state})`;
}

/** '' where it cannot be read. */
function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
