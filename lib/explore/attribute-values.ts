/** The attributes of pages, however they are cut into intervals. */
import { contextSnapshot } from '../../emulator/index.ts';
import type { AttributeSnapshot } from '../../emulator/index.ts';
import type { TraceSubject } from '../trace/operations/descriptor.ts';

/** Runs of pages with equal attributes; intervals that touch and are equal are one. */
export function attributeValues(subjects: readonly TraceSubject[]): string {
  return subjects
    .map(({ device, file }) => {
      const runs: { first: number; last: number; values: string }[] = [];
      const { context } = file;
      for (const each of contextSnapshot(device, file).attributes) {
        // What a fault or a clearing leaves behind: as good as no interval.
        if (context !== null && isDefault(each, context.defaults)) continue;
        const { firstPage: first, lastPage: last } = each;
        const values = [
          each.preferredLocation,
          each.prefetchLocation,
          each.access,
          each.granularity,
          each.flags,
        ].join();
        const run = runs[runs.length - 1];
        if (run !== undefined && run.values === values && run.last + 1 === first) run.last = last;
        else runs.push({ first, last, values });
      }
      return runs.map(({ first, last, values }) => `${first}-${last}=${values}`).join(' ');
    })
    .join('|');
}

function isDefault(each: AttributeSnapshot, defaults: Omit<AttributeSnapshot, 'firstPage' | 'lastPage'>): boolean {
  return (
    each.preferredLocation === defaults.preferredLocation >>> 0 &&
    each.prefetchLocation === defaults.prefetchLocation >>> 0 &&
    each.access === defaults.access &&
    each.granularity === defaults.granularity &&
    each.flags === defaults.flags
  );
}
