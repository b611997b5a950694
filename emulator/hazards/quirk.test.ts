import { describe, expect, it } from 'vitest';
import { REVISION_NAMES, revisionPlace } from '../../lib/uapi/profile.ts';
import type { RevisionName } from '../../lib/uapi/profile.ts';
import { at, GET, Rig, T } from '../../test/support/emulator-rig.ts';
import { HazardMonitor } from './monitor.ts';
import { QUIRK_CATALOGUE } from './catalogue.ts';
import { holdsIn } from './quirk.ts';

const revisionsOf = (id: string): readonly RevisionName[] =>
  REVISION_NAMES.filter((name) => holdsIn(QUIRK_CATALOGUE[id]!, name));

describe('the revisions of a quirk', () => {
  it('are those from the first to the last, without exceptions', () => {
    expect(revisionsOf('Q23')).toEqual(['v4']);
    expect(revisionsOf('Q44')).toEqual(['v4', 'v7', 'v7-xnack-off']);
    expect(revisionsOf('Q03')).toEqual(['v4', 'v7', 'v8']);
    expect(revisionsOf('Q14')).toEqual(REVISION_NAMES);
    expect(revisionsOf('V7-B2')).toEqual(['v7', 'v7-xnack-off', 'v8']);
    expect(revisionsOf('V8-D5')).toEqual(['v8']);
  });

  it('are in order, and exceptions are between them', () => {
    for (const [id, { from, until, except = [] }] of Object.entries(QUIRK_CATALOGUE)) {
      const [first, last] = [revisionPlace(from), until === undefined ? Infinity : revisionPlace(until)];
      expect(first, id).toBeLessThanOrEqual(last);
      for (const name of except) {
        expect(revisionPlace(name), id).toBeGreaterThan(first);
        expect(revisionPlace(name), id).toBeLessThan(last);
      }
    }
  });
});

describe('a monitor', () => {
  // GET_ATTR of an interval that wraps, in the middle of the address space: Q23, which V5 cured.
  const hazardsOf = (revision: RevisionName): readonly string[] => {
    const rig = new Rig();
    const { process, scope, devices } = rig.machine;
    const monitor = new HazardMonitor(process.space, scope, revision, 1);
    const { vm, effects, computeResult } = rig.node.file;
    monitor.attach({ device: 0, gpu: devices[0]!.gpu, vm, process: process.space, effects, computeResult });
    rig.ioctl(GET, (1n << 64n) - at(1), at(2), [[T.access, 0]]);
    return monitor.hazards.map(({ quirk }) => quirk);
  };

  it('reports a quirk only where the revision has it', () => {
    expect(hazardsOf('v4')).toContain('Q23');
    expect(hazardsOf('v7')).not.toContain('Q23');
  });
});
