import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../machine.ts';
import { ALL_TYPES, BLOCK, Rig, T, V } from '../../../test/support/emulator-rig.ts';

const EOPNOTSUPP = -95;
const EAGAIN = -11;

describe('the mode without retry faults', () => {
  it.each([
    ['xnackOff', { asic: 'gfx942', xnackOff: true }],
    ['noretry', { asic: 'gfx908' }],
    ['a virtual function', { asic: 'gfx942', sriovXnack: false }],
    ['a generation that has none', { asic: 'gfx1100' }],
  ] as const)('is that of a GPU with %s', (_name, options) => {
    const rig = new Rig({ profile: 'v7-xnack-off', ...options });
    expect([rig.file.computeResult, rig.context.hasRetryFaults, rig.device.xnackEnabled]).toEqual([0, false, false]);
    rig.map(V, BLOCK);
    expect(rig.value(V, BLOCK, T.access)).toBe(0);
  });

  it('is not that of a GPU with XNACK, which works as with V7', () => {
    const rig = new Rig({ profile: 'v7-xnack-off' });
    expect([rig.context.hasRetryFaults, rig.device.xnackEnabled]).toEqual([true, true]);
    rig.region();
    expect([rig.fault(V, true), rig.ranges()]).toEqual([0, [[0, BLOCK, true]]]);
    expect(rig.restore()).toMatchObject({ evicted: 0, stopped: 0, statistics: undefined });
  });

  it('refuses every fault, and changes nothing', () => {
    const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true });
    const reasons: string[] = [];
    rig.machine.on('fault', ({ reason }) => void reasons.push(reason));
    rig.region();
    const before = rig.snapshot();
    expect([rig.fault(V), rig.fault(V, true), rig.fault(V + 0x10_0000)]).toEqual([EOPNOTSUPP, EOPNOTSUPP, EOPNOTSUPP]);
    expect(rig.reach(V)).toBe('failed');
    expect({ ...rig.snapshot(), counters: before.counters }).toEqual(before);
    expect(new Set(reasons)).toEqual(new Set(['no-retry-faults']));
  });

  it('answers as V7 with retry faults while the context closes', () => {
    const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true });
    rig.region();
    rig.device.closeContext(rig.file);
    expect(rig.fault(V)).toBe(EAGAIN);
  });

  it('serves an access to what SET_ATTR has mapped', () => {
    const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true });
    rig.region();
    expect(rig.set(V, BLOCK, [T.access, 1])).toBe(0);
    expect(rig.reach(V, true)).toBe('hit');
  });

  it('answers GET_ATTR of untouched pages with the defaults of V7, but for the access', () => {
    const on = new Rig({ profile: 'v7-xnack-off' });
    const off = new Rig({ profile: 'v7-xnack-off', xnackOff: true });
    for (const type of ALL_TYPES.filter((each) => each !== T.access && each !== T.gpuAlwaysMapped)) {
      for (const rig of [on, off]) rig.map(V + type * BLOCK, 1);
      expect([type, off.get(V + type * BLOCK, 1, type)]).toEqual([type, on.get(V + type * BLOCK, 1, type)]);
    }
  });
});

describe('xnackOff', () => {
  it.each(['v4', 'v7', 'v8'] as const)('is refused by name with the profile %s', (profile) => {
    expect(() => new EmulatedMachine({ profile, xnackOff: true })).toThrow(
      expect.objectContaining({
        name: 'RangeError',
        code: 'ERR_SVM_INVALID_ARGUMENT',
        message: `options.xnackOff: the revision ${profile} has no mode for XNACK off; profile v7-xnack-off has`,
      }),
    );
    expect(new EmulatedMachine({ profile, xnackOff: false }).options.xnackOff).toBe(false);
  });

  it('is a boolean', () => {
    expect(() => new EmulatedMachine({ profile: 'v7-xnack-off', xnackOff: 1 as unknown as boolean })).toThrow(
      /^xnackOff: expected true or false, got 1/,
    );
  });
});
