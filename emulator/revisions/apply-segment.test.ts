import { describe, expect, it } from 'vitest';
import { BLOCK, Rig, T, V } from '../../test/support/emulator-rig.ts';

describe.each(['v7', 'v8'] as const)('a change of attributes with retry faults on %s', (profile) => {
  function mapped(): Rig {
    const rig = new Rig({ profile });
    rig.region();
    rig.set(V, BLOCK, [T.access, 2]);
    rig.fault(V, true);
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
    return rig;
  }

  it('clears PTEs, and returns the error where it cannot', () => {
    const rig = mapped();
    rig.device.failures.plan('lock-page-directory', 'EINTR');
    expect([rig.set(V, BLOCK, [T.gpuReadOnly, 1]), rig.ranges()]).toEqual([-4, [[0, BLOCK, true]]]);
    expect([rig.set(V, BLOCK, [T.gpuReadOnly, 0]), rig.ptes()]).toEqual([0, []]);
  });

  it('maps by a prefetch, and tells what came of it', () => {
    const rig = mapped();
    const told: unknown[] = [];
    rig.machine.on('prefetch', ({ address, size, result }) => void told.push([address, size, result]));
    expect(rig.set(V, BLOCK, [T.prefetchLocation, 1])).toBe(0);
    expect([rig.ranges(), told]).toEqual([[[0, BLOCK, true]], [[BigInt(V) << 12n, BigInt(BLOCK) << 12n, 0]]]);
  });
});
