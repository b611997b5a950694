import { describe, expect, it } from 'vitest';
import { Decisions, NO_PREFIX } from './decisions.ts';

describe('decisions of a run', () => {
  it('are the first choice everywhere without a prefix', () => {
    const decisions = new Decisions();
    decisions.begin(NO_PREFIX);
    expect(decisions.prefixIsOver).toBe(true);
    expect([decisions.decide(3, false), decisions.decide(2, true)]).toEqual([0, 0]);
    expect([decisions.count, decisions.taken()]).toEqual([2, [0, 0]]);
    expect([decisions.options(0), decisions.costs(0), decisions.options(1), decisions.costs(1)]).toEqual([
      3,
      false,
      2,
      true,
    ]);
  });

  it('are those of another run up to the one that is taken otherwise, then the first choice', () => {
    const decisions = new Decisions();
    decisions.begin({ length: 3, taken: [1, 2, 0, 9], last: 4 });
    const made = [3, 3, 5, 2].map((options) => {
      expect(decisions.prefixIsOver).toBe(decisions.count >= 3);
      return decisions.decide(options, false);
    });
    expect(made).toEqual([1, 2, 4, 0]);
    const taken = decisions.taken();
    // The lists are used again, what was given out is not changed by that.
    decisions.begin(NO_PREFIX);
    decisions.decide(2, false);
    expect([taken, decisions.taken()]).toEqual([[1, 2, 4, 0], [0]]);
  });
});
