import { expect, it } from 'vitest';
import { complaintsAbout } from './mutant-types.mjs';
import { MUTANTS } from './mutants.mjs';
import { RACE_MUTANTS } from './mutants-races.mjs';

const HALF_A_MINUTE = 30_000;

it(
  'is content with every mutant: a case fails for the rule that is broken, not for a name that is gone',
  async () => {
    expect(await complaintsAbout([...MUTANTS, ...RACE_MUTANTS])).toEqual([]);
  },
  HALF_A_MINUTE,
);

it(
  'names the mutant that refers to what there is not, next to others of the file and on the same lines',
  async () => {
    const changed = new Map([
      ['vram-tried-again', 'const answer = this.commit(interval, range, mode, result, false);'],
      ['split-loses-right-piece', 'if (last < oldLast)\n  this.insertNothing();'],
      ['hole-errno', 'if (vma === undefined) return -Errno.EMISSING;'],
      ['closing-invalidates', 'if (context.closing) returns();'],
    ]);
    const complaints = await complaintsAbout(
      MUTANTS.map(({ id, becomes }) => ({ id, becomes: changed.get(id) ?? becomes })),
    );
    expect(complaints.map((complaint) => complaint.split(':')[0]).sort()).toEqual([...changed.keys()].sort());
    expect(complaints.join('\n')).toContain("vram-tried-again: Cannot find name 'mode'.");
  },
  HALF_A_MINUTE,
);

it('refuses one without a place', async () => {
  await expect(complaintsAbout([{ id: 'nowhere', becomes: '' }])).rejects.toThrow('mutant nowhere has no anchor');
});
