import { describe, expect, it } from 'vitest';
import { randomTrace } from '../../../test/support/random-trace.ts';
import { parseTrace } from '../../trace/format/parse-trace.ts';
import { isFault, isTrouble, markOf } from './describe.ts';
import { MARKS, StepMarks } from './marks.ts';
import { InspectorSession } from './session.ts';

describe('the marks of all operations', () => {
  const { steps } = new InspectorSession(parseTrace('test', randomTrace(300, 3)));
  const marks = new StepMarks(steps);

  it('are those of each, and counted', () => {
    expect(steps.map((_, index) => marks.of(index))).toEqual(steps.map(markOf));
    expect(marks.counts(50, 200)).toEqual(
      MARKS.map((mark) => steps.slice(50, 200).filter((step) => markOf(step) === mark).length),
    );
    expect(marks.faults).toBe(steps.filter(isFault).length);
    expect(marks.troubles).toBe(steps.filter(isTrouble).length);
  });

  it('lead on and back, round the ends', () => {
    const faults = steps.flatMap((step, index) => (isFault(step) ? [index] : []));
    expect(marks.next('fault', 0, 1)).toBe(faults[0]);
    expect(marks.next('fault', faults.at(-1)!, 1)).toBe(faults[0]);
    expect(marks.next('fault', faults[0]!, -1)).toBe(faults.at(-1));
    expect(new StepMarks(steps.slice(0, 1)).next('trouble', 0, 1)).toBeUndefined();
  });
});
