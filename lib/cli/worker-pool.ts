/** Work in numbered parts by several threads; what comes of it does not depend on how many there are. */
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { programPath } from '../backend/package-root.ts';

/** What a thread says of a part. */
interface Answer<Result> {
  readonly part: number;
  readonly result?: Result;
  readonly error?: { readonly message: string; readonly code: unknown };
}

interface Pool<Result> {
  /** The program of the threads, which calls `answerParts`. */
  readonly program: string;
  /** What `answerParts` gets. */
  readonly job: unknown;
  readonly threads: number;
  /** Parts that there are; without it as many as `take` wants. */
  readonly parts?: number;
  /** Gets the results in the order of the parts, from part 0 on; true: that was the last. */
  readonly take: (result: Result, part: number) => boolean | void;
  /** The error of a thread that fails in a way that has no name. */
  readonly failed: (message: string) => Error;
}

/** Runs parts until `take` has enough, or all; throws the first error of a thread. */
export async function runParts<Result>(pool: Pool<Result>): Promise<void> {
  const { program, job, parts = Number.POSITIVE_INFINITY, take, failed } = pool;
  const waiting = new Map<number, Result>();
  let [next, taken, isEnough] = [0, 0, false];
  const takeAll = (): void => {
    for (; !isEnough && waiting.has(taken); taken++) {
      isEnough = take(waiting.get(taken)!, taken) === true;
      waiting.delete(taken);
    }
  };
  const work = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const worker = new Worker(programPath(program), { workerData: job });
      const ask = (): void => worker.postMessage(!isEnough && next < parts ? next++ : END);
      worker.on('message', ({ part, result, error }: Answer<Result>) => {
        if (error !== undefined) {
          reject(error.code === undefined ? failed(error.message) : Object.assign(new Error(error.message), error));
          return;
        }
        waiting.set(part, result!);
        takeAll();
        ask();
      });
      worker.on('error', (error) => reject(failed(error.message)));
      worker.on('exit', () => resolve());
      ask();
    });
  try {
    await Promise.all(Array.from({ length: Math.min(pool.threads, parts) }, work));
  } catch (error) {
    // The others end what they have begun, as a thread must that has processes.
    isEnough = true;
    throw error;
  }
  if (!isEnough && taken < parts) throw failed('it ended before its work was done');
}

const END = 'end';

/** The thread's side: answers with the result of each part that it is asked for, until it is told to end; then calls `end`. */
export function answerParts<Job, Result>(
  start: (job: Job) => { readonly run: (part: number) => Result | Promise<Result>; readonly end?: () => void },
): void {
  const port = parentPort!;
  const { run, end } = start(workerData as Job);
  port.on('message', async (part: number | typeof END) => {
    if (part === END) {
      end?.();
      port.close();
      return;
    }
    try {
      port.postMessage({ part, result: await run(part) });
    } catch (error) {
      // Errors of other threads come as copies that have lost what makes them the caller's.
      const { message, code } = error as Error & { code?: unknown };
      port.postMessage({ part, error: { message, code } });
      end?.();
      port.close();
    }
  });
}
