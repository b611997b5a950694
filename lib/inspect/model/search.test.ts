import { describe, expect, it } from 'vitest';
import { parseTrace } from '../../trace/format/parse-trace.ts';
import { EVERYTHING, StepSearch } from './search.ts';
import type { Filter } from './search.ts';
import { InspectorSession } from './session.ts';
import { TimelineRows } from './timeline-rows.ts';

const { steps } = new InspectorSession(
  parseTrace(
    'test',
    [
      { config: {} },
      { mmap: { addr: '0x10000000', len: '0x200000', prot: 'rw', kind: 'anon' } },
      { set: { addr: '0x10000000', size: '0x1000', attrs: [[5, 77]] } },
      { fault: { addr: '0x10001000', write: false } },
      { fault: { addr: '0x7f0000000000', write: false } },
      { in: { gc: {} }, out: { ret: -22 } },
    ]
      .map((each) => JSON.stringify(each))
      .join('\n'),
  ),
);
const search = new StepSearch(steps);
const found = (filter: Partial<Filter>): number[] => [...(search.matches({ ...EVERYTHING, ...filter }) ?? [])];

describe('a search', () => {
  it('for nothing finds nothing in particular', () => {
    expect(search.matches(EVERYTHING)).toBeUndefined();
    expect(search.matches({ ...EVERYTHING, text: '  ' })).toBeUndefined();
  });

  it('finds words of the operation, its answer and its events, all of them', () => {
    expect(found({ text: 'MMAP' })).toEqual([1]);
    expect(found({ text: 'efault' })).toEqual([]);
    expect(found({ text: 'fault read' })).toEqual([3, 4]);
    expect(found({ text: 'fault range inserted' })).toEqual([3]);
    expect(found({ text: 'q54' })).toEqual([4]);
  });

  it('finds what is about an address', () => {
    // The mapping, and the fault of which the range holds it.
    expect(found({ text: '0x10000fff' })).toEqual([1, 2, 3]);
    expect(found({ text: '0x7f00_00000000' })).toEqual([4]);
    expect(found({ text: '0x10200000' })).toEqual([]);
    expect(found({ text: '0x10000000 mmap' })).toEqual([1]);
  });

  it('finds kinds, outcomes and quirks', () => {
    expect(found({ kind: 'fault' })).toEqual([3, 4]);
    expect(found({ only: 'fault' })).toEqual([3, 4]);
    expect(found({ only: 'hazard' })).toEqual([4]);
    expect(found({ only: 'Q54' })).toEqual([4]);
    expect(found({ only: 'differs' })).toEqual([5]);
    expect(found({ only: 'refused' })).toEqual([2]);
    expect(found({ only: 'fault', text: '0x10001000' })).toEqual([3]);
    expect(search.kinds[0]).toEqual(['fault', 2]);
    expect(search.quirks.map(([quirk]) => quirk)).toContain('Q54');
  });

  it('leaves rows of what it has found', () => {
    const rows = new TimelineRows(steps, true, search.matches({ ...EVERYTHING, kind: 'fault' }));
    const events = steps[3]!.effects.length + steps[3]!.hazards.length;
    expect([rows.rowOf(3), rows.rowOf(4), rows.rowOf(0), rows.rowOf(5)]).toEqual([0, events + 1, -1, -1]);
    expect(rows.at(events)).toEqual({ step: 3, event: events - 1 });
    expect(rows.at(events + 1)).toEqual({ step: 4, event: -1 });
    const all = new TimelineRows(steps, false);
    expect([all.count, all.rowOf(5), all.at(2)]).toEqual([6, 5, { step: 2, event: -1 }]);
  });
});
