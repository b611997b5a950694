/** Each repair cures what its row of the table says, on each revision that it is made for. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  EmulatedMachine,
  formatHazard,
  gpuPageValue,
  holdsIn,
  PATCH_V8_POLICIES,
  QUIRK_CATALOGUE,
  REPAIRS,
  repairsFor,
  repairsOfHazard,
} from '../emulator/index.ts';
import type { Hazard, MachineOptions, Repair } from '../emulator/index.ts';
import { SYSTEM_FRAMES_END } from '../emulator/kernel/frame.ts';
import { Errno } from '../lib/uapi/errno.ts';
import { parseTrace } from '../lib/trace/format/parse-trace.ts';
import { hazardTrace } from '../lib/trace/hazards/index.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';
import { REVISION_NAMES } from '../lib/uapi/profile.ts';
import type { RevisionName } from '../lib/uapi/profile.ts';
import { BLOCK, Rig, T, V } from './support/emulator-rig.ts';
import type { Pair } from './support/emulator-rig.ts';
import { expectGenerated, markdownTable } from './support/generated-docs.ts';

/** What the monitor says in the smallest trace of hazard `id`, on a machine with `repairs`. */
function run(id: string, revision: RevisionName, repairs: 'all' | readonly string[]): readonly Hazard[] {
  const [first, ...lines] = hazardTrace(id, revision)!;
  const { config } = JSON.parse(first!) as { config: object };
  const hazards: Hazard[] = [];
  const { difference } = replayTrace(
    parseTrace(id, [JSON.stringify({ config: { ...config, repairs } }), ...lines].join('\n')),
    { check: false, onHazard: (hazard) => hazards.push(hazard) },
  );
  expect(difference, id).toBeUndefined();
  return hazards;
}

const ROWS = Object.entries(REPAIRS as Readonly<Record<string, Repair>>).flatMap(([repair, { cures, revisions }]) =>
  cures.flatMap((hazard) =>
    revisions
      .filter((revision) => holdsIn(QUIRK_CATALOGUE[hazard]!, revision))
      .map((revision) => ({ repair, hazard, revision })),
  ),
);

describe.each(ROWS)('$repair on $revision', ({ repair, hazard, revision }) => {
  it(`cures ${hazard}`, () => {
    expect(run(hazard, revision, []).map(({ quirk }) => quirk)).toContain(hazard);
    for (const repairs of [[repair], 'all'] as const) {
      const left = run(hazard, revision, repairs).filter(({ quirk }) => quirk === hazard);
      expect(left.map(formatHazard), JSON.stringify(repairs)).toEqual([]);
    }
  });
});

/** What is read in the last operation of the smallest trace of hazard `id` on PATCH v8. */
function lastValues(id: string, repairs: 'all' | readonly string[]): unknown[] {
  let values: readonly (readonly [unknown, ...unknown[]])[] = [];
  replayTrace(parseTrace(id, hazardTrace(id, 'v8')!.join('\n')), {
    check: false,
    repairs,
    onAnswer: (_, answer) => (values = (answer as { vals?: typeof values }).vals ?? []),
  });
  return values.map(([value]) => value);
}

it.each([
  ['V8-D4', 'copy-whole-folios', [7, 0]],
  // The buffer that took the place holds the same, but for what was written since.
  ['V8-D6', 'zap-whole-ranges', [7]],
  ['V8-D12', 'retry-copies', []],
])('reads the right bytes in the trace of %s with %s', (id, repair, without) => {
  expect(lastValues(id, [])).toEqual(without);
  expect(lastValues(id, [repair])).toEqual([7]);
});

it('brings what an eviction took to whom it belongs', () => {
  const [first, ...lines] = hazardTrace('V8-D5', 'v8')!;
  // The GPU writes through the PTE that the eviction left; the CPU looks at both pages.
  const write = { access: { addr: '0x40005000', len: '0x1000', value: 99 } };
  const load = (addr: string): object => ({ load: { addr, len: '0x1000' } });
  const text = [
    first,
    ...lines,
    ...[write, load('0x40005000'), load('0x40205000')].map((each) => JSON.stringify(each)),
  ];
  const read = (repairs: readonly string[]): unknown[] => {
    const values: unknown[] = [];
    replayTrace(parseTrace('V8-D5', text.join('\n')), {
      check: false,
      repairs,
      onAnswer: ({ operation }, answer) => {
        if (operation.name === 'load')
          values.push((answer as { vals?: readonly (readonly [unknown, ...unknown[]])[] }).vals![0]![0]);
      },
    });
    return values;
  };
  expect(read([])).toEqual([7, 99]);
  expect(read(['zap-whole-ranges'])).toEqual([99, 7]);
});

it('names every hazard of the table, and every repair has one on each of its revisions', () => {
  for (const [id, { cures, revisions, text }] of Object.entries(REPAIRS as Readonly<Record<string, Repair>>)) {
    expect(text.length, id).toBeGreaterThan(20);
    for (const revision of revisions) {
      expect(repairsFor(revision)).toContain(id);
      expect(
        cures.some((hazard) => holdsIn(QUIRK_CATALOGUE[hazard]!, revision)),
        `${id} on ${revision}`,
      ).toBe(true);
    }
  }
});

/** The entry of the catalogue about a defect of PATCH v8; `alsoKnown` where an older list has it. */
function entryOf(id: string): string | undefined {
  return Object.keys(QUIRK_CATALOGUE).find((each) => each === id || QUIRK_CATALOGUE[each]!.alsoKnown?.includes(id));
}

it('knows every defect that findings-v8 lists: each is named in a trace of its own, and cured by a repair', () => {
  const findings = readFileSync(new URL('../docs/spec/findings-v8.md', import.meta.url), 'utf8');
  const defects = Array.from(findings.matchAll(/^(D\d+)\. /gm), ([, id]) => `V8-${id!}`);
  expect(defects).toEqual(Array.from({ length: 13 }, (_, index) => `V8-D${index + 1}`));
  for (const id of defects) {
    const entry = entryOf(id);
    expect(entry, id).toBeDefined();
    const quirk = QUIRK_CATALOGUE[entry!]!;
    // What cannot be seen says so, and has nothing to repair.
    if (quirk.unobservable !== undefined) {
      expect([id, repairsOfHazard(entry!)]).toEqual(['V8-D13', []]);
      continue;
    }
    expect(hazardTrace(entry!, 'v8'), id).toBeDefined();
    expect(ROWS.filter(({ hazard, revision }) => hazard === entry && revision === 'v8').length, id).toBeGreaterThan(0);
  }
});

it('tests every repair, on each of its revisions, and every policy', () => {
  for (const revision of REVISION_NAMES)
    expect([...new Set(ROWS.filter((row) => row.revision === revision).map(({ repair }) => repair))].sort()).toEqual(
      repairsFor(revision).sort(),
    );
  // Each has a test below; a new one has to come here with its own.
  expect(Object.keys(PATCH_V8_POLICIES)).toEqual([
    'minimumResidency',
    'oneShotPrefetch',
    'honourInPlace',
    'systemPrefetchMoves',
  ]);
});

it('is what docs/repairs.md lists', () => {
  const rows = Object.entries(REPAIRS as Readonly<Record<string, Repair>>).map(([id, { text, cures, revisions }]) => [
    `\`${id}\``,
    text,
    cures.join(' '),
    REVISION_NAMES.every((name) => revisions.includes(name)) ? 'all' : revisions.join(', '),
  ]);
  expectGenerated(
    'repairs.md',
    'repairs',
    markdownTable([['id', 'what the repaired driver does', 'cures', 'profiles'], ...rows]),
  );
});

it.each([false, true])(
  'thpMigration %s: huge pages lose their contents, named V8-D4, only where they move as one',
  (on) => {
    const rig = new Rig({ profile: 'v8', vram: 16 << 20, thp: true, ...(on ? { thpMigration: true } : {}) });
    const { hazards } = rig.machine.watchHazards();
    rig.map(V, BLOCK);
    rig.machine.process.write(BigInt(V + 9) << 12n, new Uint8Array([5]));
    rig.set(V, BLOCK, [T.preferredLocation, 1]);
    rig.fault(V);
    expect(gpuPageValue(rig.device, rig.file, V + 9)).toBe(on ? 0 : 5);
    expect(hazards.map(({ quirk }) => quirk).filter((quirk) => quirk === 'V8-D4')).toEqual(on ? ['V8-D4'] : []);
  },
);

it('refuses what is no repair, none of the profile, and no policy', () => {
  const make = (options: MachineOptions) => () => new EmulatedMachine(options);
  const code = 'ERR_SVM_INVALID_ARGUMENT';
  const refused = (options: object, message: string): void =>
    expect(make(options as MachineOptions)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error,
    );
  refused({ repairs: ['all'] }, 'repairs: "all" is unknown; known: zap-whole-ranges, ');
  refused({ repairs: ['copy-whole-folios'] }, 'repairs: "copy-whole-folios" is none of v4; known: ');
  refused({ repairs: 'some' }, "repairs: expected 'all' or a list of ids, got some");
  refused({ policies: { oneShotPrefetch: true } }, 'policies: the revision v4 moves no memory to VRAM');
  refused({ profile: 'v8', policies: { sticky: true } }, 'policies.sticky: unknown policy; known: minimumResidency, ');
  refused({ profile: 'v8', policies: { minimumResidency: 60_001 } }, 'policies.minimumResidency: expected ');
  expect(new EmulatedMachine({ repairs: 'all' }).options.repairs).toEqual(repairsFor('v4'));
});

describe('the policy', () => {
  /** A machine of PATCH v8, and a mapping of 2 MiB that the CPU has written. */
  function moving(policies: MachineOptions['policies'], ...attributes: readonly Pair[]): Rig {
    const rig = new Rig({ profile: 'v8', vram: 16 << 20, policies: policies ?? {} });
    rig.region();
    rig.set(V, BLOCK, ...attributes);
    return rig;
  }
  const inVram = (rig: Rig): boolean => rig.machine.process.space.pages.frameOf(V, true) >= SYSTEM_FRAMES_END;

  it.each([0, 5])('minimumResidency %i lets the CPU wait so many milliseconds', (minimumResidency) => {
    const rig = moving({ minimumResidency }, [T.preferredLocation, 1]);
    rig.fault(V);
    const before = rig.machine.clock.now;
    rig.touch(V, 1);
    expect(rig.machine.clock.now - before).toBe(minimumResidency * 1e6);
    expect(inVram(rig)).toBe(false);
    rig.later();
    rig.fault(V);
    // Another client does not get its room before that time, either.
    expect(rig.device.evict()).toBe(minimumResidency === 0 ? 0 : -Errno.EBUSY);
  });

  it.each([false, true])('oneShotPrefetch %s: a later fault moves the pages again, or not', (oneShotPrefetch) => {
    const rig = moving({ oneShotPrefetch }, [T.prefetchLocation, 1]);
    expect(inVram(rig)).toBe(true);
    expect(rig.value(V, BLOCK, T.prefetchLocation)).toBe(oneShotPrefetch ? 0xffff_ffff : 1);
    rig.touch(V, 1);
    rig.later();
    rig.fault(V);
    expect(inVram(rig)).toBe(!oneShotPrefetch);
  });

  it.each([false, true])('honourInPlace %s: memory with that access moves, or not', (honourInPlace) => {
    const rig = moving({ honourInPlace }, [T.access, 1], [T.preferredLocation, 1]);
    rig.fault(V);
    expect(inVram(rig)).toBe(!honourInPlace);
    rig.later();
    rig.set(V, BLOCK, [T.access, 2]);
    rig.fault(V);
    expect(inVram(rig)).toBe(true);
  });

  it.each([false, true])(
    'systemPrefetchMoves %s: a prefetch to system memory brings the pages home, or not',
    (systemPrefetchMoves) => {
      const rig = moving({ systemPrefetchMoves }, [T.prefetchLocation, 1]);
      rig.set(V, BLOCK, [T.prefetchLocation, 0]);
      expect(inVram(rig)).toBe(!systemPrefetchMoves);
    },
  );
});
