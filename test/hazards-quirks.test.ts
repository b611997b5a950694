/** Every hazard of the catalogue that can be seen here is named by the monitor in its own scenario, on each revision that has it. */
import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatHazard, holdsIn, QUIRK_CATALOGUE, QUIRKS, UNOBSERVABLE } from '../emulator/index.ts';
import type { Hazard } from '../emulator/index.ts';
import { parseTrace } from '../lib/trace/format/parse-trace.ts';
import { hazardTrace, TRACED_HAZARDS, WITHOUT_TRACE } from '../lib/trace/hazards/index.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';
import { UAPI_PROFILES } from '../lib/uapi/profile.ts';
import type { UapiProfileName } from '../lib/uapi/profile.ts';
import { at, BLOCK, pageOf, V } from './support/emulator-rig.ts';
import { SCENARIOS, watchedRig } from './support/hazards-scenarios.ts';

const PROFILES = Object.keys(UAPI_PROFILES) as UapiProfileName[];

/** What the monitor says in the scenario of an entry. */
function run(id: string, profile: UapiProfileName = 'v4'): readonly Hazard[] {
  const lines = hazardTrace(id, profile);
  if (lines === undefined) {
    const rig = watchedRig({ profile });
    SCENARIOS[id]!(rig);
    return rig.machine.watchHazards().hazards;
  }
  const hazards: Hazard[] = [];
  const { difference } = replayTrace(parseTrace(id, lines.join('\n')), {
    check: false,
    onHazard: (hazard) => hazards.push(hazard),
  });
  expect(difference, id).toBeUndefined();
  return hazards;
}

/** Only V4 has the failure that leaves objects behind, only XNACK off refuses every fault, and only v8 moves memory. */
const ONLY: Readonly<Record<string, UapiProfileName>> = {
  leak: 'v4',
  inaccessible: 'v7-xnack-off',
  'ping-pong': 'v8',
  thrash: 'v8',
};

/** Whether the monitor has to name an entry on a revision; what is no entry of the catalogue it does on all of them. */
function mustName(id: string, profile: UapiProfileName): boolean {
  const quirk = QUIRK_CATALOGUE[id];
  if (quirk === undefined) return (ONLY[id] ?? profile) === profile;
  return holdsIn(quirk, profile) && quirk.unobservable === undefined;
}

const SCENARIO_IDS = [...TRACED_HAZARDS, ...Object.keys(SCENARIOS)];

describe.each(PROFILES)('the monitor on %s', (profile) => {
  const held = SCENARIO_IDS.filter((id) => mustName(id, profile));
  it.each(held)('names %s', (id) => {
    const hazards = run(id, profile);
    expect(hazards.map(({ quirk }) => quirk)).toContain(id);
    const hazard = hazards.find(({ quirk }) => quirk === id)!;
    expect(hazard.detail.replace(/^GPU \d: /, '').startsWith(QUIRKS[id]!.title)).toBe(true);
    expect(hazard.advice.length).toBeGreaterThan(10);
    expect(hazard.operation).toBeGreaterThan(0);
    expect(formatHazard(hazard)).toMatch(new RegExp(`^hazard ${id} at operation \\d+: `));
  });

  const others = SCENARIO_IDS.filter((id) => id in QUIRK_CATALOGUE && !holdsIn(QUIRK_CATALOGUE[id]!, profile));
  it.each(others)('does not name %s, which this revision does not have', (id) => {
    expect(run(id, profile).map(({ quirk }) => quirk)).not.toContain(id);
  });
});

describe('the catalogue', () => {
  it('has every entry of the specification, and every finding by its own id or another', () => {
    const read = (name: string): string => fs.readFileSync(new URL(`../docs/spec/${name}.md`, import.meta.url), 'utf8');
    const quirks = read('07-quirks').match(/(?<=^### )Q\d\d(?= )/gm) ?? [];
    expect(quirks).toHaveLength(70);
    const numbered = (text: string, title: string, prefix: string): string[] => {
      const section = text.split(/^## /m).find((each) => each.startsWith(title))!;
      return [...section.slice(section.indexOf('\n')).matchAll(/^(?:D)?(\d+)\. /gm)].map(
        ([, number]) => `${prefix}${number}`,
      );
    };
    const findings = [
      ...numbered(read('findings-v7'), 'B.', 'V7-B'),
      ...numbered(read('findings-v7'), 'C.', 'X-C'),
      ...numbered(read('findings-v7'), 'D.', 'X-D').slice(0, -1),
      ...numbered(read('findings-v8'), '3.', 'V8-D'),
    ];
    expect(findings).toHaveLength(7 + 7 + 3 + 13);
    const known = new Set(Object.entries(QUIRK_CATALOGUE).flatMap(([id, { alsoKnown = [] }]) => [id, ...alsoKnown]));
    expect([...quirks, ...findings].filter((id) => !known.has(id))).toEqual([]);
  });

  it('has ids of one form each, and no name twice', () => {
    const names = Object.entries(QUIRK_CATALOGUE).flatMap(([id, { alsoKnown = [] }]) => [id, ...alsoKnown]);
    for (const name of names) expect(name).toMatch(/^(Q\d\d|(V7|V8|X)-[BCDR]\d+)$/);
    expect(new Set(names).size).toBe(names.length);
  });

  it('has a scenario or a reason for each entry, and a reason for each without a trace', () => {
    const named = [...SCENARIO_IDS, ...Object.keys(UNOBSERVABLE)].filter((id) => id in QUIRK_CATALOGUE);
    expect(named.sort()).toEqual(Object.keys(QUIRK_CATALOGUE).sort());
    for (const reason of Object.values(UNOBSERVABLE)) expect(reason.length).toBeGreaterThan(20);
    expect(Object.keys(WITHOUT_TRACE).sort()).toEqual(Object.keys(SCENARIOS).sort());
  });

  it('has a scenario for each entry that needs neither a race nor an injected failure', () => {
    const without = Object.keys(UNOBSERVABLE).filter((id) => /[DT]/.test(QUIRK_CATALOGUE[id]!.kind));
    // It was found by reading: nothing that the driver does today meets it.
    expect(without).toEqual(['V8-D13']);
  });

  it('has a text, what can be seen and an advice in each entry', () => {
    for (const [id, { title, kind, text, observable, advice, invariants }] of Object.entries(QUIRK_CATALOGUE)) {
      for (const words of [title, text, observable, advice]) expect(words.length, id).toBeGreaterThan(8);
      expect(kind, id).toMatch(/^[DTRF](\/[DTRF])*$/);
      for (const invariant of invariants) expect(invariant, id).toMatch(/^I(\d|1[0-5])$/);
    }
  });
});

describe('the monitor', () => {
  it('says nothing about the slab caches of a driver that made none', () => {
    const rig = watchedRig({ compute: false });
    rig.node.close();
    rig.machine.unloadDriver();
    expect(rig.machine.watchHazards().hazards).toEqual([]);
  });

  it('says how many pages, where, what led there, and what to do', () => {
    const [hazard] = run('Q35');
    expect(hazard).toMatchObject({
      quirk: 'Q35',
      severity: 'corruption',
      invariants: ['I1', 'I2', 'I3'],
      address: at(V + 1),
      size: at(BLOCK - 1),
    });
    expect(formatHazard(hazard!)).toContain('PTEs of 511 pages stay live');
    expect(formatHazard(hazard!)).toContain('reached only through a later fault');
    expect(hazard!.history.map(({ what }) => what)).toEqual(['mmap', 'SET_ATTR', 'GPU write fault', 'discard']);
  });

  it('reports a flooded log once for a page, from the 16th line on, and again when there is other memory', () => {
    const rig = watchedRig();
    const floods = (): number => rig.machine.watchHazards().hazards.filter(({ quirk }) => quirk === 'Q70').length;
    const seen = Array.from({ length: 12 }, () => {
      rig.fault(V);
      return floods();
    });
    expect(seen).toEqual([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
    rig.region();
    rig.fault(V);
    rig.unmap(V, BLOCK);
    rig.gc();
    for (let round = 0; round < 7; round++) rig.fault(V);
    expect(floods()).toBe(1);
    rig.fault(V);
    expect(floods()).toBe(2);
  });

  it('takes lines that were followed by progress for no flood', () => {
    const rig = watchedRig();
    rig.region();
    for (let round = 0; round < 20; round++) {
      rig.later();
      rig.device.failures.plan('collect-pages', 'EFAULT', 2);
      rig.fault(V);
      rig.discard(V, BLOCK);
    }
    expect(rig.snapshot().counters.errorLines).toBe(40);
    expect(rig.machine.watchHazards().hazards.map(({ quirk }) => quirk)).not.toContain('Q70');
  });

  it('reports the second event on the same range too, when pages are freed under live PTEs', () => {
    const hazards = run('Q42').filter(({ quirk }) => quirk === 'Q35');
    expect(hazards.map(({ address, size }) => [pageOf(address) - V, pageOf(size)])).toEqual([
      [1, 511],
      [1, 1],
    ]);
    expect(hazards[1]!.detail).toContain('still map pages that the CPU does not map');
  });
});
