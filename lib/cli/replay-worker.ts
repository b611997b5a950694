/** The thread of some files of a replay. */
import { replayFile } from './replay-file.ts';
import type { FileOutcome } from './replay-file.ts';
import type { ReplayJob } from './replay-threads.ts';
import { answerParts } from './worker-pool.ts';

answerParts(({ files, mode }: ReplayJob) => ({
  run: (part): FileOutcome & { lines: string[] } => {
    const lines: string[] = [];
    return { ...replayFile(files[part]!, mode, (line) => lines.push(line)), lines };
  },
}));
