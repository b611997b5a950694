/** The thread of a part of an exploration. */
import { explorePart } from './explore-part.ts';
import type { ExploreJob } from './explore-part.ts';
import { answerParts } from './worker-pool.ts';

answerParts((job: ExploreJob) => ({ run: (part) => explorePart(job, part + 1) }));
