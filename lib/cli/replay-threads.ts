/** Files replayed by several threads, their output in the order of the files. */
import { availableParallelism } from 'node:os';
import { replayFile } from './replay-file.ts';
import type { FileOutcome, ReplayMode } from './replay-file.ts';
import { runParts } from './worker-pool.ts';

/** What the threads do. */
export interface ReplayJob {
  readonly files: readonly string[];
  readonly mode: ReplayMode;
}

/** Fewer files for each thread are not worth its start. */
const FILES_OF_THREAD = 16;
/** With fewer files for each core, one core has enough to do with the engine's own threads, which compile and collect garbage. */
const FILES_OF_CORE = 512;

/** How many threads replay so many files soonest; 0 and 1: only the main one. */
export function threadsThatPay(files: number, cores: number): number {
  const free = files < cores * FILES_OF_CORE ? cores - 1 : cores;
  return Math.min(free, Math.floor(files / FILES_OF_THREAD));
}

/**
 * Replays with `jobs` threads, by default with as many as pay; `onOperations` hears now and then how many operations of the
 * only file are done. Error with `code: 'ERR_SVM_REPLAY'` where one fails.
 */
export async function replayFiles(
  job: ReplayJob,
  jobs: number | undefined,
  say: (line: string) => void,
  onFile: (file: string, outcome: FileOutcome) => void,
  onOperations: (done: number) => void,
): Promise<void> {
  const { files, mode } = job;
  const threads = Math.min(files.length, jobs ?? threadsThatPay(files.length, availableParallelism()));
  if (threads <= 1) {
    const listener = files.length === 1 ? onOperations : undefined;
    for (const file of files) onFile(file, replayFile(file, mode, say, listener));
    return;
  }
  await runParts<FileOutcome & { readonly lines: readonly string[] }>({
    program: 'lib/cli/replay-worker',
    job,
    threads,
    parts: files.length,
    take: ({ lines, ...outcome }, part) => {
      for (const line of lines) say(line);
      onFile(files[part]!, outcome);
    },
    failed: (message) => Object.assign(new Error(`replay: a thread failed: ${message}`), { code: 'ERR_SVM_REPLAY' }),
  });
}
