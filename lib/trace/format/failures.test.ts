import { describe, expect, it } from 'vitest';
import { Fields, TraceFormatError } from './fields.ts';
import { parseFailures, plannedFailures } from './failures.ts';

const parse = (...fail: unknown[]): ReturnType<typeof parseFailures> => parseFailures(new Fields('set', { fail }));

describe('the list of failures', () => {
  it('counts the passages of each point by themselves; the last entry of a passage holds', () => {
    const failures = parse(
      { at: 'hmm', nth: 4, err: -14 },
      { at: 'zap' },
      { at: 'hmm', nth: 1, err: -1 },
      { at: 'hmm', nth: 4, err: -16 },
    );
    expect(plannedFailures(failures)).toEqual([
      { point: 'hmm-range-fault', errno: 1, skip: 0, count: 1 },
      { point: 'hmm-range-fault', errno: 16, skip: 2, count: 1 },
      { point: 'zap-ptes', errno: 12, skip: 0, count: 1 },
    ]);
  });

  it('lets an allocation fail with nothing but ENOMEM', () => {
    expect(parse({ at: 'attr-alloc', err: -5 })).toEqual([{ at: 'attr-alloc', nth: 1, errno: 12 }]);
  });

  for (const wrong of [
    { at: 'nowhere' },
    { at: 'hmm', nth: 0 },
    { at: 'hmm', err: 5 },
    { at: 'hmm', err: -5000 },
    {},
  ]) {
    it(`refuses ${JSON.stringify(wrong)}`, () => {
      expect(() => parse(wrong)).toThrow(TraceFormatError);
    });
  }
});
