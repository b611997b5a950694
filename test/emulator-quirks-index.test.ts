/** Which tests cover which entry of the catalogue 07-quirks; a test names its entry, "Qnn: ...". */
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bothSuites } from './model/both-suites.ts';

/** Kind: D deterministic, T deterministic once the moment is chosen, R race, F injected failure. */
type Kind = 'D' | 'T' | 'R' | 'F' | 'D/F' | 'F/T' | 'T/F' | 'T/R';
interface Covered {
  readonly kind: Kind;
  /** Test files `emulator-quirks-<name>.test.ts`; none where the conformance cases of the quirk say all that there is to say. */
  readonly in: readonly string[];
}
interface Outside {
  readonly kind: Kind;
  /** Why there is nothing to see of it in the emulator. */
  readonly notModelled: string;
}

const CATALOGUE: Readonly<Record<string, Covered | Outside>> = {
  Q01: { kind: 'D', in: [] },
  Q02: { kind: 'D', in: ['lifecycle'] },
  Q03: { kind: 'D', in: [] },
  Q04: { kind: 'D', in: ['lifecycle'] },
  Q05: { kind: 'D', in: [] },
  Q06: { kind: 'D', in: [] },
  Q07: { kind: 'D', in: ['lifecycle'] },
  Q08: { kind: 'R', in: ['races'] },
  Q09: { kind: 'R', in: ['races'] },
  Q10: { kind: 'R', in: ['races'] },
  Q11: { kind: 'T', in: ['lifecycle'] },
  Q12: { kind: 'D', in: ['lifecycle'] },
  Q13: { kind: 'D', in: ['attributes'] },
  Q14: { kind: 'D', in: ['attributes'] },
  Q15: { kind: 'R', in: ['races'] },
  Q16: { kind: 'D', in: ['attributes'] },
  Q17: { kind: 'D', in: ['attributes'] },
  Q18: { kind: 'D', in: ['attributes'] },
  Q19: { kind: 'D', in: ['attributes'] },
  Q20: { kind: 'D/F', in: ['attributes', 'failures'] },
  Q21: { kind: 'R', in: ['races'] },
  Q22: { kind: 'D', in: ['attributes'] },
  Q23: { kind: 'D', in: [] },
  Q24: { kind: 'R', in: ['races'] },
  Q25: { kind: 'F', in: ['failures'] },
  Q26: { kind: 'D', in: [] },
  Q27: { kind: 'T', in: ['attributes'] },
  Q28: { kind: 'D', in: ['attributes'] },
  Q29: { kind: 'D', in: ['attributes'] },
  Q30: { kind: 'T', in: ['attributes'] },
  Q31: { kind: 'R', in: ['races'] },
  Q32: { kind: 'T', in: ['attributes'] },
  Q33: { kind: 'T', in: ['attributes', 'races'] },
  Q34: { kind: 'R', in: ['races'] },
  Q35: { kind: 'D', in: ['ranges'] },
  Q36: { kind: 'D', in: ['ranges'] },
  Q37: { kind: 'D', in: ['ranges'] },
  Q38: { kind: 'D', in: ['ranges'] },
  Q39: { kind: 'F', in: ['failures'] },
  Q40: { kind: 'R', in: ['races'] },
  Q41: { kind: 'F', in: ['failures'] },
  // No TLB entries are modelled; what is tested is where a flush comes and where none does.
  Q42: { kind: 'D', in: ['ranges'] },
  Q43: { kind: 'F', notModelled: 'page-table updates are complete at once: there is no fence to wait for' },
  Q44: { kind: 'R', in: ['races'] },
  Q45: { kind: 'R', in: ['races'] },
  Q46: { kind: 'F', in: ['failures'] },
  Q47: { kind: 'D/F', in: ['ranges', 'failures'] },
  Q48: { kind: 'D', in: ['permissions'] },
  Q49: { kind: 'D', in: ['permissions'] },
  Q50: { kind: 'D', in: ['permissions'] },
  Q51: { kind: 'D', in: ['permissions'] },
  Q52: { kind: 'D', in: ['permissions'] },
  Q53: { kind: 'D', in: ['permissions'] },
  Q54: { kind: 'D', in: ['faults'] },
  Q55: { kind: 'D', in: ['faults'] },
  Q56: { kind: 'D', in: ['faults'] },
  Q57: { kind: 'T', in: ['faults'] },
  Q58: { kind: 'R', in: ['races'] },
  Q59: { kind: 'D', in: ['faults'] },
  Q60: { kind: 'D', in: ['faults'] },
  Q61: { kind: 'T/F', in: ['lifecycle', 'failures'] },
  Q62: { kind: 'F', in: ['failures'] },
  Q63: { kind: 'T', in: ['faults'] },
  Q64: { kind: 'T/R', in: ['faults'] },
  // The filter itself is not modelled; the request for expiry is counted.
  Q65: { kind: 'D', in: ['faults'] },
  Q66: {
    kind: 'F',
    notModelled: 'the evict procedure changes nothing that is modelled; references on the mm are not counted',
  },
  // What is dead cannot be reached; what can be seen of it is the refusal of GPU_ALWAYS_MAPPED.
  Q67: { kind: 'D', in: [] },
  Q68: { kind: 'F/T', in: ['failures'] },
  Q69: { kind: 'D', in: [] },
  Q70: { kind: 'D', in: ['faults'] },
};

const FILES = ['lifecycle', 'attributes', 'ranges', 'permissions', 'faults', 'races', 'failures'];

describe('the catalogue of quirks', () => {
  it('is complete: 70 entries', () => {
    expect(Object.keys(CATALOGUE).sort()).toEqual(
      Array.from({ length: 70 }, (_, index) => `Q${String(index + 1).padStart(2, '0')}`),
    );
  });

  it('is covered exactly where the table says', () => {
    const found: Record<string, string[]> = {};
    for (const name of FILES) {
      const text = fs.readFileSync(new URL(`emulator-quirks-${name}.test.ts`, import.meta.url), 'utf8');
      for (const [, quirk] of text.matchAll(/\bit\(\s*['"`](Q\d\d): /g)) {
        const files = (found[quirk!] ??= []);
        if (!files.includes(name)) files.push(name);
      }
    }
    const promised = Object.entries(CATALOGUE).filter((entry): entry is [string, Covered] => 'in' in entry[1]);
    const inTests = promised.filter(([, entry]) => entry.in.length > 0);
    expect(found).toEqual(Object.fromEntries(inTests.map(([quirk, entry]) => [quirk, [...entry.in]])));
  });

  it('has a conformance case for each entry that no test covers', () => {
    const cases = bothSuites().flatMap(({ group, name, unimplemented }) =>
      group.startsWith('quirks,') && unimplemented === undefined ? [name.slice(0, 3).toUpperCase()] : [],
    );
    const uncovered = Object.entries(CATALOGUE).filter(([, entry]) => 'in' in entry && entry.in.length === 0);
    for (const [quirk] of uncovered) expect(cases).toContain(quirk);
  });

  it('leaves out no deterministic entry', () => {
    const missing = Object.entries(CATALOGUE).filter(([, entry]) => 'notModelled' in entry && /[DT]/.test(entry.kind));
    expect(missing.map(([quirk]) => quirk)).toEqual([]);
  });
});
