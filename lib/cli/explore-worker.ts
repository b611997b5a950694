/** The thread of a part of an exploration. */
import { parentPort, workerData } from 'node:worker_threads';
import { explorePart } from './explore-part.ts';
import type { ExploreJob } from './explore-part.ts';

const job = workerData as ExploreJob;
const port = parentPort!;
port.on('message', (part: number) => {
  try {
    port.postMessage({ part, result: explorePart(job, part) });
  } catch (error) {
    // Errors of other threads come as copies that have lost what makes them the caller's.
    port.postMessage({ part, error: (error as Error).message });
  }
});
