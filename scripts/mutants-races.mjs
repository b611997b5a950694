/**
 * Rules of the emulator that only matter under a race, each with a way to break it: what the race explorer has to find
 * (test/explore-mutants.test.ts). `program` is the program of test/support/explore-programs.ts that shows it; in every
 * serial order of it nothing changes.
 *
 * @typedef {import('./mutants.mjs').Revision} Revision
 * @typedef {{ id: string, rule: string, becomes: string, revision?: Revision, program: string }} RaceMutant
 */

/** @type {readonly RaceMutant[]} */
export const RACE_MUTANTS = [
  // ---- commit and collection of pages: what was read before a lock is looked at again under it
  {
    id: 'race-commit-unchecked',
    rule: 'spec/03-gpu-ranges §B.7 step 3',
    becomes: 'result = writeRange(context, range, pteFlags);',
    program: 'prefetch / discard',
  },
  {
    id: 'race-collection-unchecked',
    rule: 'spec/03-gpu-ranges §A.8 step 6',
    becomes: '',
    program: 'prefetch / discard',
  },
  {
    id: 'race-sequence-read-late',
    rule: 'spec/03-gpu-ranges §A.8 step 2',
    becomes: 'if (result === 0) { sequence = notifier.sequence; break; }',
    program: 'prefetch / discard',
  },
  {
    id: 'race-event-keeps-sequence',
    rule: 'spec/03-gpu-ranges §A.8 step 2',
    becomes: '',
    program: 'prefetch / discard',
  },
  // ---- V4: who waits, and who tries again
  {
    id: 'race-set-not-retried',
    rule: 'spec/02-attributes §4.8',
    becomes: 'if (result !== 0) return result;',
    program: 'prefetch / discard',
  },
  {
    id: 'race-fault-not-restarted',
    rule: 'spec/05-faults §5',
    becomes: 'return result;',
    program: 'fault / discard, discard, discard',
  },
  { id: 'race-set-does-not-sleep', rule: 'spec/06-lifecycle §10', becomes: '', program: 'fault / set' },
  { id: 'race-fault-does-not-sleep', rule: 'spec/06-lifecycle §10', becomes: '', program: 'fault / fault' },
  {
    id: 'race-set-collects-under-lock',
    rule: 'spec/06-lifecycle §10',
    becomes: 'return false;',
    program: 'fault / unmap, set',
  },
  // ---- from V5 on
  {
    id: 'race-v7-get-collects-under-lock',
    rule: 'spec/revisions §4, V5 item 4',
    becomes: '',
    revision: 'v7',
    program: 'fault / unmap, get',
  },
  {
    id: 'race-reset-collects-under-lock',
    rule: 'spec/06-lifecycle §10',
    becomes: '',
    revision: 'v7',
    program: 'fault / unmap, reset',
  },
  {
    id: 'race-v7-set-does-not-sleep',
    rule: 'spec/06-lifecycle §10',
    becomes: '',
    revision: 'v7',
    program: 'fault / set',
  },
  {
    id: 'race-v7-set-collects-under-lock',
    rule: 'spec/06-lifecycle §10',
    becomes: '',
    revision: 'v7',
    program: 'fault / unmap, set',
  },
  {
    id: 'race-v7-fault-does-not-sleep',
    rule: 'spec/06-lifecycle §10',
    becomes: '',
    revision: 'v7',
    program: 'fault / fault',
  },
  {
    id: 'race-v7-set-not-repeated',
    rule: 'spec/revisions §4',
    becomes: 'if (result !== 0) return result;',
    revision: 'v7',
    program: 'prefetch / discard',
  },
  {
    id: 'race-v7-fault-killed',
    rule: 'spec/revisions §4',
    becomes: 'return result;',
    revision: 'v7',
    program: 'fault / discard, discard, discard',
  },
  // ---- without retry faults
  {
    id: 'race-off-unmap-lost',
    rule: 'spec/xnack-off §4',
    becomes: '',
    revision: 'v7-xnack-off',
    program: 'restore / unmap',
  },
  {
    id: 'race-off-processing-mark-late',
    rule: 'spec/xnack-off §3',
    becomes: 'range.state &= ~SvmRangeState.restoring;',
    revision: 'v7-xnack-off',
    program: 'restore / unmap',
  },
  {
    id: 'race-off-collected-while-restored',
    rule: 'spec/xnack-off §3',
    becomes: 'if ((range.state & SvmRangeState.queued) !== 0) return;',
    revision: 'v7-xnack-off',
    program: 'restore / unmap',
  },
  // ---- pages in VRAM
  {
    id: 'race-vram-collection-unchecked',
    rule: 'spec/migration §5',
    becomes: '',
    revision: 'v8',
    program: 'with VRAM: fault / discard',
  },
];
