/** An exploration by several threads. */
import type { Exploration, Generated } from '../explore/index.ts';
import { PARTS } from './commands/search.ts';
import { mergeParts } from './explore-part.ts';
import type { ExploreJob } from './explore-part.ts';
import { Progress } from './progress.ts';
import { runParts } from './worker-pool.ts';

/** Explores with `threads` threads; Error with `code: 'ERR_SVM_EXPLORE'` where a part fails. */
export async function exploreInThreads(job: ExploreJob, threads: number): Promise<Exploration | Generated> {
  const parts: (Exploration | Generated)[] = [];
  const progress = new Progress({ name: 'explore, parts', total: PARTS });
  progress.watch(() => parts.length);
  await runParts<Exploration | Generated>({
    program: 'lib/cli/explore-worker',
    job,
    threads,
    parts: PARTS,
    take: (result) => void parts.push(result),
    failed: (message) => Object.assign(new Error(`explore: a thread failed: ${message}`), { code: 'ERR_SVM_EXPLORE' }),
  });
  progress.end();
  return mergeParts(job, parts);
}
