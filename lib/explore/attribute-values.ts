/** The attributes of pages, however they are cut into intervals. */
import type { TraceSubject } from '../trace/operations/descriptor.ts';

type Context = NonNullable<TraceSubject['file']['context']>;

/** Runs of pages with equal attributes; intervals that touch and are equal are one. */
export function attributeValues(subjects: readonly TraceSubject[]): string {
  let text = '';
  for (const { file } of subjects) {
    if (file !== subjects[0]!.file) text += '|';
    if (file.context !== null) text += valuesOfContext(file.context);
  }
  return text;
}

function valuesOfContext({ tree, defaults }: Context): string {
  const ofNone = valuesOf(defaults);
  const runs: { first: number; last: number; values: string }[] = [];
  for (const interval of tree.values()) {
    const values = valuesOf(interval);
    // What a fault or a clearing leaves behind: as good as no interval.
    if (values === ofNone) continue;
    const { first, last } = interval;
    const run = runs[runs.length - 1];
    if (run !== undefined && run.values === values && run.last + 1 === first) run.last = last;
    else runs.push({ first, last, values });
  }
  return runs.map(({ first, last, values }) => `${first}-${last}=${values}`).join(' ');
}

function valuesOf(record: Context['defaults']): string {
  const { preferredLocation, prefetchLocation, access, granularity, flags } = record;
  // Locations as a user knows them: 32 bits without a sign.
  return `${preferredLocation >>> 0},${prefetchLocation >>> 0},${access},${granularity},${flags}`;
}
