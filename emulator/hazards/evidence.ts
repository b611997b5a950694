// Models: nothing - how it is known that a revision has an entry of the catalogue. None was confirmed on hardware yet.
import type { RevisionName } from '../../lib/uapi/profile.ts';

/**
 * 'recorded': a recording of the real code, running in a simulated process, shows it (test/vectors*). 'run': such a
 * run showed it, but its recording is not here: the code misuses memory. 'reading': it
 * follows from the text of the patches.
 */
export type Evidence = 'recorded' | 'run' | 'reading';

/** Ids whose recordings are here; test/hazards-evidence.test.ts holds them against these. */
export const RECORDED: Readonly<Record<RevisionName, readonly string[]>> = {
  v4: 'Q01 Q03 Q04 Q05 Q06 Q11 Q13 Q14 Q15 Q16 Q17 Q18 Q19 Q20 Q22 Q23 Q24 Q25 Q26 Q28 Q29 Q30 Q31 Q33 Q34 Q35 Q36 Q37 Q38 Q40 Q42 Q47 Q48 Q49 Q50 Q51 Q52 Q53 Q54 Q56 Q57 Q58 Q59 Q60 Q61 Q63 Q64 Q65 Q67 Q69 Q70'.split(
    ' ',
  ),
  v7: 'Q03 Q05 Q14 Q17 Q18 Q19 Q20 Q22 Q24 Q25 Q28 Q29 Q35 Q36 Q37 Q40 Q41 Q42 Q47 Q48 Q51 Q53 Q54 Q55 Q56 Q57 Q60 Q61 Q62 Q63 Q65 Q70 V7-B3 V7-B6 V7-R1 V7-R2 V7-R3 V7-R4'.split(
    ' ',
  ),
  'v7-xnack-off':
    'Q11 Q14 Q18 Q19 Q20 Q25 Q28 Q38 Q41 Q51 Q60 Q68 Q69 V7-B6 V7-R1 V7-R3 X-C1 X-C2 X-C3 X-C6 X-C7 X-C8 X-C11 X-D1 X-R1 X-R2 X-R3'.split(
      ' ',
    ),
  v8: 'Q03 Q11 Q14 Q17 Q18 Q19 Q20 Q24 Q25 Q28 Q35 Q36 Q37 Q38 Q39 Q40 Q41 Q42 Q47 Q48 Q50 Q54 Q56 Q57 Q60 Q61 Q63 Q65 Q70 V7-B2 V7-B6 V7-R1 V7-R2 V7-R3 V8-D4 V8-D5 V8-D6 V8-D8 V8-D9 V8-D10 V8-D11 V8-D12'.split(
    ' ',
  ),
};

/** Ids that other runs have shown (spec/findings-v7, spec/findings-v8, and further recordings). */
const RUN: Readonly<Record<RevisionName, readonly string[]>> = {
  v4: 'Q21'.split(' '),
  v7: 'Q01 Q04 Q06 Q11 Q38 Q44 Q50 Q59 Q68 Q69 V7-B2'.split(' '),
  'v7-xnack-off': 'Q01 Q04 Q06 Q17 Q24 Q35 Q36 Q37 Q40 Q44 Q47 Q48 Q54 Q57 X-D2'.split(' '),
  v8: 'Q01 Q29 Q45 Q51 Q53 Q55 Q64 V7-R4 V8-D1 V8-D3'.split(' '),
};

/** How it is known that `revision` has the entry `id`. */
export function evidenceOf(id: string, revision: RevisionName): Evidence {
  if (RECORDED[revision].includes(id)) return 'recorded';
  return RUN[revision].includes(id) ? 'run' : 'reading';
}
