/** What has changed since an earlier report, in lines. */
import { counted } from '../../../words/counted.ts';
import type { ChangedCase, Report } from '../report.ts';
import { targetText } from './groups.ts';

/** Cases of one kind that are named. */
const MOST_NAMED = 50;

/** Lines about the comparison of a report, the sum last; none without one. */
export function comparisonLines({ comparison }: Report): string[] {
  if (comparison === undefined) return [];
  const { target, date, regressions, failing, fixed, skipped, added, missing } = comparison;
  return [
    `compared with ${targetText(target)}, ${date}:`,
    ...named('regression', regressions.map(changeText)),
    ...named('new, and not as expected', added.failing),
    ...named('fixed', fixed.map(changeText)),
    ...named('skipped now', skipped),
    ...named('no longer there', missing ?? []),
    `${counted(regressions.length, 'regression')}, ${fixed.length} fixed, ${failing.length} failing as before, ${added.total} new${skipped.length === 0 ? '' : `, ${skipped.length} skipped now`}${missing === null || missing.length === 0 ? '' : `, ${missing.length} no longer there`}`,
  ];
}

function named(what: string, ids: readonly string[]): string[] {
  const more = ids.length - MOST_NAMED;
  return [
    ...ids.slice(0, MOST_NAMED).map((id) => `${what}: ${id}`),
    ...(more > 0 ? [`${what}: and ${more} more`] : []),
  ];
}

function changeText({ id, before, now }: ChangedCase): string {
  return `${id} (${before} -> ${now})`;
}
