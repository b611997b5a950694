import { describe, expect, it } from 'vitest';
import { at, BLOCK, PTE, Rig, T, V } from '../../../test/support/emulator-rig.ts';

const [EPERM, EINTR, EAGAIN, EOPNOTSUPP] = [-1, -4, -11, -95];

function v7(): Rig {
  return new Rig({ profile: 'v7' });
}

describe('a fault near a buffer object', () => {
  it('maps one page next to it, and nothing in it', () => {
    const rig = v7();
    rig.region();
    rig.device.mapBufferObject({ address: at(V + 100), size: 8192 });
    expect([rig.fault(V), rig.fault(V + 100), rig.fault(V + 101)]).toEqual([0, 0, 0]);
    expect([rig.ranges(), rig.intervals()]).toEqual([[[0, 1, true]], [[0, 0, 3]]]);
  });

  it('looks only at the lowest one', () => {
    const rig = v7();
    rig.region();
    rig.device.mapBufferObject({ address: at(V), size: 4096 });
    rig.device.mapBufferObject({ address: at(V + 100), size: 4096 });
    rig.fault(V + 100);
    expect(rig.ranges()).toEqual([[100, 1, true]]);
  });

  it('does not look under an attribute interval', () => {
    const rig = v7();
    rig.region();
    rig.set(V, BLOCK, [T.access, 2]);
    rig.device.mapBufferObject({ address: at(V + 100), size: 4096 });
    rig.fault(V + 100);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
  });
});

describe('the fault handler', () => {
  it('leaves it to the GPU to retry when the pages change three times', () => {
    const rig = v7();
    rig.region();
    let rounds = 0;
    const stop = rig.machine.at('pages-got', () => {
      rounds++;
      rig.discard(V, 1);
    });
    expect(rig.fault(V, true)).toBe(0);
    stop();
    expect([rounds, rig.ptes(), rig.snapshot().counters.filterRemove]).toEqual([3, [], 1]);
  });

  it('collects for reading what became read-only meanwhile', () => {
    const rig = v7();
    rig.region();
    rig.during(
      'mmap-unlock',
      () => rig.protect(V, BLOCK, 'r'),
      () => rig.fault(V),
      3,
    );
    expect(rig.pte(V)).toBe(PTE.UC.ro);
  });

  it('answers 0 forever to a write where the range is mapped for reading', () => {
    const rig = v7();
    rig.region();
    rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    rig.fault(V);
    rig.later();
    const { mapCalls } = rig.snapshot().counters;
    expect([rig.fault(V, true), rig.snapshot().counters.mapCalls]).toEqual([0, mapCalls]);
  });

  it('maps a whole range again with the attributes of the page that faults', () => {
    const rig = v7();
    rig.region();
    rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    rig.fault(V);
    rig.reset(V + 16, 1);
    rig.later();
    rig.fault(V + 16, true);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'ok']]);
  });

  it('goes on with attributes that RESET_ATTR freed while it collected pages', () => {
    const rig = v7();
    const monitor = rig.machine.watchHazards();
    rig.region();
    rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    rig.during(
      'hmm',
      () => rig.reset(V, BLOCK),
      () => rig.fault(V),
    );
    expect([rig.pte(V), rig.intervals()]).toEqual([PTE.UC.ro, []]);
    expect(monitor.hazards.map(({ quirk }) => quirk)).toContain('V7-B2');
  });

  it('keeps the attributes of pages that are unmapped, and maps what comes there next', () => {
    const rig = v7();
    rig.region();
    rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    rig.unmap(V, BLOCK);
    rig.region();
    expect([rig.fault(V), rig.pte(V)]).toEqual([0, PTE.UC.ro]);
  });

  it('returns what the wait for the page directory returns', () => {
    const rig = v7();
    rig.region();
    rig.device.failures.plan('lock-page-directory', 'EINTR');
    expect(rig.fault(V)).toBe(EINTR);
  });

  it('refuses without permission, without context and while closing', () => {
    const rig = v7();
    rig.map(V, BLOCK, 'r');
    expect(rig.fault(V, true)).toBe(EPERM);
    // The interval that the fault made stays.
    expect(rig.intervals().length).toBe(1);
    expect(rig.device.fault({ address: at(V), write: false, pasid: 0x7000 })).toBe(EOPNOTSUPP);
    rig.device.closeContext(rig.node.file);
    expect(rig.fault(V)).toBe(EAGAIN);
  });
});
