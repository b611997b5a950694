/** An exploration in parts, so that several threads can share it; what comes of them does not depend on how many there are. */
import { PARTS } from './commands/search.ts';
import { explore, exploreGenerated, mergeExplorations, mergeGenerated, readProgram } from '../explore/index.ts';
import type { Exploration, ExploreOptions, Generated, GenerateOptions } from '../explore/index.ts';

/** What is explored: a program, by its text, or random programs. */
export type ExploreJob =
  | {
      readonly kind: 'program';
      readonly file: string;
      readonly text: string;
      readonly profile: string | undefined;
      readonly options: Omit<ExploreOptions, 'until'>;
    }
  | { readonly kind: 'generated'; readonly options: GenerateOptions };

type PartResult = Exploration | Generated;

/** Explores one part, from 1 to `PARTS`. */
export function explorePart(job: ExploreJob, part: number): PartResult {
  const shard = { index: part, count: PARTS };
  if (job.kind === 'generated') return exploreGenerated({ ...job.options, shard });
  return explore(readProgram(job.file, job.text, job.profile), { ...job.options, shard });
}

/** What all parts together have found. */
export function mergeParts(job: ExploreJob, parts: readonly PartResult[]): PartResult {
  return job.kind === 'generated'
    ? mergeGenerated(parts as readonly Generated[])
    : mergeExplorations(parts as readonly Exploration[]);
}
