/** Every quirk of the catalogue that can be seen here is named by the hazard monitor in its own scenario. */
import { describe, expect, it } from 'vitest';
import { formatHazard, QUIRK_CATALOGUE, QUIRKS, UNOBSERVABLE } from '../emulator/index.ts';
import type { Hazard } from '../emulator/index.ts';
import { at, BLOCK, pageOf, V } from './support/emulator-rig.ts';
import { SCENARIOS, watchedRig } from './support/hazards-scenarios.ts';

function run(id: string): readonly Hazard[] {
  const { options, run: scenario } = SCENARIOS[id]!;
  const rig = watchedRig(options);
  scenario(rig);
  return rig.machine.watchHazards().hazards;
}

describe('the monitor', () => {
  it.each(Object.keys(SCENARIOS))('names %s', (id) => {
    const hazards = run(id);
    expect(hazards.map(({ quirk }) => quirk)).toContain(id);
    const hazard = hazards.find(({ quirk }) => quirk === id)!;
    expect(hazard.detail.startsWith(QUIRKS[id]!.title)).toBe(true);
    expect(hazard.advice.length).toBeGreaterThan(10);
    expect(hazard.operation).toBeGreaterThan(0);
    expect(formatHazard(hazard)).toMatch(new RegExp(`^hazard ${id} at operation \\d+: `));
  });

  it('has a scenario or a reason for each of the 70 entries', () => {
    const all = Array.from({ length: 70 }, (_, index) => `Q${String(index + 1).padStart(2, '0')}`);
    const named = [...Object.keys(SCENARIOS), ...Object.keys(UNOBSERVABLE)].filter((id) => /^Q\d\d$/.test(id));
    expect(named.sort()).toEqual(all);
    for (const reason of Object.values(UNOBSERVABLE)) expect(reason.length).toBeGreaterThan(20);
  });

  it('has a scenario for each entry that needs neither a race nor an injected failure', () => {
    const kinds = Object.keys(UNOBSERVABLE).map((id) => QUIRK_CATALOGUE[id]!.kind);
    expect(kinds.filter((kind) => /[DT]/.test(kind))).toEqual([]);
  });

  it('says nothing about the slab caches of a driver that made none', () => {
    const rig = watchedRig({ compute: false });
    rig.node.close();
    rig.machine.unloadDriver();
    expect(rig.machine.watchHazards().hazards).toEqual([]);
  });

  it('has a text, what can be seen and an advice in each of the 70 entries', () => {
    expect(Object.keys(QUIRK_CATALOGUE)).toHaveLength(70);
    for (const [id, { title, kind, text, observable, advice, invariants }] of Object.entries(QUIRK_CATALOGUE)) {
      for (const words of [title, text, observable, advice]) expect(words.length, id).toBeGreaterThan(8);
      expect(kind, id).toMatch(/^[DTRF](\/[DTRF])*$/);
      for (const invariant of invariants) expect(invariant, id).toMatch(/^I(\d|1[0-5])$/);
    }
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
