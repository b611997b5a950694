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

it('names the mutant that refers to what there is not, next to others of its file', async () => {
  const wrong = [
    { id: 'vram-tried-again', becomes: 'const answer = this.commit(interval, range, mode, result, false);' },
    { id: 'split-loses-right-piece', becomes: 'if (last < oldLast)\n  this.insertNothing();' },
    { id: 'hole-errno', becomes: 'if (vma === undefined) return -Errno.EMISSING;' },
    { id: 'closing-invalidates', becomes: 'if (context.closing) returns();' },
  ];
  const right = ['failed-move-is-0', 'split-left-with-new-record', 'special-vma-accepted', 'clear-event-queues'];
  const complaints = await complaintsAbout([...MUTANTS.filter(({ id }) => right.includes(id)), ...wrong]);
  expect(complaints.map((complaint) => complaint.split(':')[0]).sort()).toEqual(wrong.map(({ id }) => id).sort());
  expect(complaints.join('\n')).toContain("vram-tried-again: Cannot find name 'mode'.");
});

it('refuses one without a place', async () => {
  await expect(complaintsAbout([{ id: 'nowhere', becomes: '' }])).rejects.toThrow('mutant nowhere has no anchor');
});
