/** An exploration by several threads. */
import { Worker } from 'node:worker_threads';
import { programPath } from '../backend/package-root.ts';
import { mergeParts, PARTS } from './explore-part.ts';
import type { ExploreJob } from './explore-part.ts';
import type { Exploration, Generated } from '../explore/index.ts';

interface Answer {
  readonly part: number;
  readonly result?: Exploration | Generated;
  readonly error?: string;
}

/** Explores with `threads` threads; Error with `code: 'ERR_SVM_EXPLORE'` where a part fails. */
export async function exploreInThreads(job: ExploreJob, threads: number): Promise<Exploration | Generated> {
  const parts: (Exploration | Generated)[] = [];
  let next = 1;
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(programPath('lib/cli/explore-worker'), { workerData: job });
      const fail = (message: string): void =>
        reject(Object.assign(new Error(`explore: a thread failed: ${message}`), { code: 'ERR_SVM_EXPLORE' }));
      const ask = (): void => {
        if (next <= PARTS) worker.postMessage(next++);
        else void worker.terminate().then(() => resolve());
      };
      worker.on('message', ({ part, result, error }: Answer) => {
        if (result === undefined) return fail(error ?? 'no result');
        parts[part - 1] = result;
        ask();
      });
      worker.on('error', (error) => fail(error.message));
      ask();
    });
  await Promise.all(Array.from({ length: Math.min(threads, PARTS) }, work));
  return mergeParts(job, parts);
}
