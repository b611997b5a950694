import { describe, expect, it } from 'vitest';
import { Rig, V } from '../../test/support/emulator-rig.ts';
import { walkVmas } from './vma-walk.ts';

describe('the walk over VMAs', () => {
  const rig = new Rig();
  rig.region(V, 16);
  const { space } = rig.machine.process;

  it('accepts memory without holes', () => {
    expect(walkVmas(space, V, V + 15)).toBe(0);
  });

  it('refuses a hole at either end', () => {
    expect([walkVmas(space, V - 1, V + 3), walkVmas(space, V, V + 16)]).toEqual([-14, -14]);
  });

  it('looks at nothing when the interval ends with the address space', () => {
    expect(walkVmas(space, V - 1, 2 ** 52 - 1)).toBe(0);
    expect(walkVmas(space, V, 2 ** 52 - 2)).toBe(-14);
  });
});
