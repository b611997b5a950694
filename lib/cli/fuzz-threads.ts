/** Histories by several threads. */
import { FuzzSum } from '../explore/index.ts';
import type { Fuzzed, FuzzedHistory, FuzzOptions, HistoryListener } from '../explore/index.ts';
import { runParts } from './worker-pool.ts';

/** What the threads do. */
export interface FuzzJob {
  readonly options: FuzzOptions;
  /** Another implementation; each thread has one. */
  readonly against?: { readonly command: string; readonly timeout: number };
}

/** Fuzzes with `threads` threads, `onHistory` hears of the histories in order; Error with `code: 'ERR_SVM_FUZZ'` where one fails. */
export async function fuzzInThreads(job: FuzzJob, threads: number, onHistory: HistoryListener): Promise<Fuzzed> {
  const sum = new FuzzSum(job.options, job.against !== undefined);
  await runParts<FuzzedHistory>({
    program: 'lib/cli/fuzz-worker',
    job,
    threads,
    take: (history) => {
      onHistory(history);
      return sum.add(history);
    },
    failed: (message) => Object.assign(new Error(`fuzz: a thread failed: ${message}`), { code: 'ERR_SVM_FUZZ' }),
  });
  return sum.result();
}
