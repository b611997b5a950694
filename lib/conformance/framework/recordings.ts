/** Where the recording of a case goes, and which cases have none. */
import { join } from 'node:path';
import { removeRecordings } from '../../backend/recording-names.ts';
import { MOST_GPUS } from '../../device/emulated.ts';
import type { ConcreteCase } from './case.ts';
import { hash } from './random.ts';
import { recordingOfGpu } from './target.ts';

const LONGEST = 160;

/** Why the case can't be recorded; undefined if it can. */
export function reasonNotRecorded(each: ConcreteCase): string | undefined {
  if (each.needs.includes('failure-injection')) return 'the trace format has no injected failures';
  if (each.needs.includes('several-files')) return 'the trace format knows one open file';
  if (each.needs.includes('two-gpus'))
    return 'the trace format knows one GPU, and what another one does to the memory would be missing';
  return each.unrecorded;
}

/** File name of a case: its id, with what file systems and shells dislike replaced. */
function recordingName(each: ConcreteCase): string {
  const plain = each.id
    .replaceAll('"', '')
    .replaceAll(/[^A-Za-z0-9,=_.-]+/g, '_')
    .replace(/_$/, '');
  // Ids that are cut must still differ.
  return `${plain.length <= LONGEST ? plain : `${plain.slice(0, LONGEST)}-${hash(each.id).toString(16)}`}.jsonl`;
}

export function recordingPath(directory: string, each: ConcreteCase): string {
  return join(directory, recordingName(each));
}

/** Removes what an earlier run has recorded of the case: a recording overwrites nothing. */
export function removeRecordingsOf(path: string): void {
  for (let gpu = 0; gpu < MOST_GPUS; gpu++) removeRecordings(recordingOfGpu(path, gpu));
}
