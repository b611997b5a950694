/** Histories by several threads. */
import { FuzzSum } from '../explore/index.ts';
import type { Fuzzed, FuzzedHistory, FuzzOptions } from '../explore/index.ts';
import { runParts } from './worker-pool.ts';

/** What the threads do. */
export interface FuzzJob {
  readonly options: FuzzOptions;
  /** Another implementation; each thread has one. */
  readonly against?: { readonly command: string; readonly timeout: number };
}

/** Fuzzes with `threads` threads; Error with `code: 'ERR_SVM_FUZZ'` where one fails. */
export async function fuzzInThreads(job: FuzzJob, threads: number): Promise<Fuzzed> {
  const sum = new FuzzSum(job.options, job.against !== undefined);
  await runParts<FuzzedHistory>({
    program: 'lib/cli/fuzz-worker',
    job,
    threads,
    take: (history) => sum.add(history),
    failed: (message) => Object.assign(new Error(`fuzz: a thread failed: ${message}`), { code: 'ERR_SVM_FUZZ' }),
  });
  return sum.result();
}
