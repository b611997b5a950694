/** IGT pat-index: attributes are set on overlapping pieces, then queried and compared run by run. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { SvmFlag } from '../../../lib/uapi/constants.ts';
import { PAGES, VALUES, LAYOUTS, LAYOUT_NAMES } from '../../../lib/conformance/support/segment-layouts.ts';

export const segmentsGroup = new CaseGroup(
  'igt,segments',
  'Attributes of overlapping pieces, queried run by run (the idea of xe pat-index-*)',
);

segmentsGroup
  .case('intervals', 'the tree has one interval for each piece and merges none')
  .source('spec/02-attributes §3, §4.5, §4.6; spec/07-quirks §Q29')
  .parameters(parameters().combine('layout', LAYOUT_NAMES))
  .needs('introspection')
  .run((t, { layout }) => {
    const memory = t.map(pages(PAGES));
    const base = Number(memory.address >> 12n);
    let model: Interval[] = [];
    for (const [first, count, which] of LAYOUTS[layout]) {
      const value = VALUES.gpuExecutable[which];
      t.set(memory.range(pages(first), pages(count)), { gpuExecutable: value });
      model = afterSet(model, first, first + count - 1, value);
    }
    const found = t.state().attributes.filter(({ firstPage }) => firstPage >= base && firstPage < base + PAGES);
    t.equal(
      found.map(({ firstPage, lastPage, flags }): Interval => [
        firstPage - base,
        lastPage - base,
        (flags & SvmFlag.gpuExecutable) === 0 ? 0 : 1,
      ]),
      model,
      'intervals',
    );
  });

type Interval = readonly [first: number, last: number, value: number];

/** The intervals after a SET of `value` on the pages `[first, last]`, by the rules for holes and for existing intervals. */
function afterSet(intervals: readonly Interval[], first: number, last: number, value: number): Interval[] {
  const result: Interval[] = intervals.filter(([from, to]) => to < first || from > last);
  let cursor = first;
  for (const each of intervals) {
    const [from, to, old] = each;
    if (to < first || from > last) continue;
    if (cursor < from) result.push([cursor, from - 1, value]);
    cursor = to + 1;
    if (old === value) {
      result.push(each);
      continue;
    }
    if (from < first) result.push([from, first - 1, old]);
    result.push([Math.max(from, first), Math.min(to, last), value]);
    if (to > last) result.push([last + 1, to, old]);
  }
  if (cursor <= last) result.push([cursor, last, value]);
  return result.toSorted(([one], [other]) => one - other);
}
