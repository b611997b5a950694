import { describe, expect, it } from 'vitest';
import { holdsIn, QUIRK_CATALOGUE } from '../../emulator/index.ts';
import { CONTROL_PROGRAMS, program, RACY_PROGRAMS, RESET_PROGRAMS } from '../../test/support/explore-programs.ts';
import { parseTrace } from '../trace/format/parse-trace.ts';
import { WITHOUT_TRACE } from '../trace/hazards/index.ts';
import { T, V } from '../trace/hazards/script.ts';
import type { TraceScript } from '../trace/hazards/script.ts';
import { replayTrace } from '../trace/replay/replay.ts';
import { explore, parseProgram } from './index.ts';
import type { Exploration, ExploreOptions, Finding, ProgramSource } from './index.ts';

function explored(source: ProgramSource & { preemptions?: number }, options: ExploreOptions = {}): Exploration {
  const { preemptions = 2, ...rest } = source;
  return explore(parseProgram('test', rest), { preemptions, ...options });
}

/** Quirks that the trace of a finding runs into. */
function replayed(finding: Finding): string[] {
  const seen: string[] = [];
  replayTrace(parseTrace('test', finding.trace.join('\n')), {
    check: false,
    onHazard: ({ quirk }) => seen.push(quirk),
  });
  return seen;
}

const ids = ({ findings }: Exploration): string[] => findings.map(({ id }) => id);

describe('the races of V4', () => {
  const racesOfV4 = Object.entries(QUIRK_CATALOGUE)
    .filter(([, quirk]) => quirk.kind === 'R' || quirk.kind === 'T/R')
    .filter(([id, quirk]) => holdsIn(quirk, 'v4') && quirk.unobservable === undefined && !(id in WITHOUT_TRACE))
    .map(([id]) => id);

  it('are all found, without a hint where they are', () => {
    const found = new Set(Object.values(RACY_PROGRAMS).flatMap((source) => ids(explored(source))));
    expect(racesOfV4.filter((id) => !found.has(id))).toEqual([]);
    expect(racesOfV4).toEqual([
      'Q08',
      'Q09',
      'Q10',
      'Q15',
      'Q21',
      'Q24',
      'Q31',
      'Q34',
      'Q40',
      'Q44',
      'Q45',
      'Q58',
      'Q64',
    ]);
  });

  for (const [name, source] of Object.entries(RACY_PROGRAMS)) {
    it(`${name}: each trace shows the finding again`, () => {
      const { findings } = explored(source);
      expect(findings.length).toBeGreaterThan(0);
      for (const finding of findings) {
        if (finding.id in QUIRK_CATALOGUE) expect(replayed(finding)).toContain(finding.id);
        expect(finding.story.length).toBeGreaterThan(1);
      }
    });
  }
});

describe('the end of a context', () => {
  const ends = (s: TraceScript): void => s.add({ fini: {} });

  it('waits for faults in PATCH v8', () => {
    const source = RACY_PROGRAMS['fault / the context ends']!;
    expect(ids(explored({ config: { profile: 'v7' }, ...source }))).toEqual(['Q09', 'Q10', 'Q61']);
    expect(ids(explored({ config: { profile: 'v8' }, ...source }))).toEqual([]);
  });

  it('comes after the calls on its file, and waits for its works', () => {
    const beside = (other: (s: TraceScript) => void): Exploration =>
      explored(program((s) => s.registered(16), other, ends));
    // One after the other.
    expect(beside((s) => s.get(V, 16, T.access))).toMatchObject({ schedules: 2, findings: [] });
    // ... or the work at the three points of the end.
    expect(beside((s) => s.gc())).toMatchObject({ schedules: 5, findings: [] });
  });

  it('of a GPU is nothing to a call on another one', () => {
    const call = { set: { addr: '0x10000000', size: '0x1000', attrs: [[T.gpuReadOnly, 1]], gpu: 1 } };
    const source = program(
      (s) => s.map(V, 16),
      (s) => s.add(call),
      ends,
    );
    expect(explored({ config: { gpus: 2 }, ...source }).schedules).toBeGreaterThan(2);
  });
});

describe('the races that came later', () => {
  it.each(['v7', 'v8'])('RESET frees or trims an interval that is in use, %s', (profile) => {
    for (const source of Object.values(RESET_PROGRAMS)) {
      const { findings } = explored({ config: { profile }, ...source });
      const found = findings.find(({ id }) => id === 'V7-B2')!;
      expect(found.isNew).toBe(false);
      expect(replayed(found)).toContain('V7-B2');
    }
  });
});

describe('nothing is found in programs that are correct by construction', () => {
  const machines = [
    { profile: 'v4' },
    { profile: 'v7' },
    { profile: 'v7-xnack-off', xnackOff: true },
    { profile: 'v8' },
  ];
  for (const [name, { config, ...source }] of Object.entries(CONTROL_PROGRAMS)) {
    for (const machine of machines) {
      it(`${name}, ${machine.profile}`, () => {
        const result = explored({ config: { ...config, ...machine }, ...source });
        expect(result.findings.map(({ id, detail, trace }) => ({ id, detail, trace }))).toEqual([]);
        expect(result.limited).toBe(false);
      });
    }
  }
});

describe('the schedules', () => {
  const source = program(
    (s) => s.registered(16),
    (s) => {
      s.fault(V, true);
      s.set(V + 4, 4, [T.gpuReadOnly, 1]);
    },
    (s) => {
      s.discard(V, 1);
      s.unmap(V + 8, 4);
    },
  );

  it('are the same each time', () => {
    expect(explored(source)).toEqual(explored(source));
  });

  it('show the same where those that meet are run to their end all the same', () => {
    const [merging, plain] = [explored(source), explored(source, { mergeStates: false })];
    expect(ids(merging)).toEqual(ids(plain));
    expect(merging.merged).toBeGreaterThan(0);
    expect([plain.merged, plain.schedules > merging.schedules]).toEqual([0, true]);
  });

  it('without preemptions are the ways to mix the threads', () => {
    const { schedules, bounded } = explored(source, { preemptions: 0, mergeStates: false });
    expect([schedules, bounded]).toEqual([6, true]);
  });

  it('are dealt out to shards, which together find all', () => {
    const whole = explored(source, { mergeStates: false });
    const serial = explored(source, { mergeStates: false, preemptions: 0 }).schedules;
    const parts = [1, 2, 3].map((index) => explored(source, { mergeStates: false, shard: { index, count: 3 } }));
    expect(parts.reduce((sum, { schedules }) => sum + schedules - serial, serial)).toBe(whole.schedules);
    expect([...new Set(parts.flatMap(ids))].sort()).toEqual(ids(whole).sort());
  });

  it('end where the most were run, and say so', () => {
    const { schedules, merged, blocked, limited } = explored(source, { schedules: 10 });
    expect([schedules + merged + blocked, limited]).toEqual([10, true]);
  });

  it('of a finding are the shortest', () => {
    const { findings } = explored(source);
    const q40 = findings.find(({ id }) => id === 'Q40')!;
    expect([q40.preemptions, q40.steps.flatMap(({ injections }) => injections).length]).toEqual([1, 1]);
    expect(q40.story).toMatchInlineSnapshot(`
      [
        "Thread A: The GPU faults at 0x40000000 for writing.",
        "  When it has written PTEs and not yet marked the range mapped (pte-committed), thread B: The process gives back 4 KiB at 0x40000000 (MADV_DONTNEED).",
        "  Thread A goes on to its end.",
        "This shows: "GPU mapped" was set after the pages were invalidated: PTEs of 1 page still map pages that the CPU does not map there any more.",
      ]
    `);
  });
});

describe('failures inside the driver', () => {
  const BLOCK = 0x200000;
  const discard = (address: number, fail?: unknown) => ({
    dontneed: { addr: `0x${address.toString(16)}`, len: BLOCK, ...(fail === undefined ? {} : { fail }) },
  });
  const mapped = (address: number) => [
    { mmap: { addr: `0x${address.toString(16)}`, len: BLOCK, prot: 'rw', kind: 'anon' } },
    { set: { addr: `0x${address.toString(16)}`, size: BLOCK, attrs: [[2, 2]] } },
    { access: { addr: `0x${address.toString(16)}`, len: BLOCK, write: true } },
  ];
  const [one, other] = [0x40000000, 0x50000000];
  const failing = [{ at: 'zap', nth: 1, err: -16 }];

  it('are those of one operation, and their findings are replayed', () => {
    const result = explored({ setup: [...mapped(one), ...mapped(other)], threads: [[discard(one, failing)], []] });
    const found = result.findings.find(({ id }) => id === 'Q39')!;
    expect(found.preemptions).toBe(0);
    expect(replayed(found)).toContain('Q39');
    expect(ids(explored({ setup: [...mapped(one)], threads: [[discard(one)], []] }))).toEqual([]);
  });

  it('are not met by an operation that comes in', () => {
    // The prefetch clears no PTEs; the one that could meet its failure is the thread that gives pages back in its middle.
    const prefetch = { set: { addr: one, size: BLOCK, attrs: [[1, 1]], fail: failing } };
    const unmapped = mapped(one).slice(0, 2);
    const result = explored({ setup: [...unmapped, ...mapped(other)], threads: [[prefetch], [discard(other)]] });
    expect(ids(result)).not.toContain('Q39');
    expect(result.schedules).toBeGreaterThan(10);
  });
});
