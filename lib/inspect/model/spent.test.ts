import { describe, expect, it } from 'vitest';
import { spentTexts, stepSentence } from './describe.ts';
import { duration } from './format.ts';
import { InspectorSession, lineOf } from './session.ts';

const session = (cost: object): InspectorSession =>
  new InspectorSession(
    [
      { config: { profile: 'v8', vram: 0x40_0000, ...cost } },
      { mmap: { addr: '0x10000000', len: '0x200000', prot: 'rw', kind: 'anon' } },
      { touch: { addr: '0x10000000', len: '0x200000', write: true } },
      { set: { addr: '0x10000000', size: '0x200000', attrs: [[0, 1]] } },
      { access: { addr: '0x10000000', len: '0x200000', write: true } },
    ].map(lineOf),
  );

describe('what an operation took', () => {
  it('is told by what it was spent on, the most first', () => {
    const { steps } = session({ cost: 'mi210' });
    expect(steps.map((step) => spentTexts(step))).toEqual([
      { total: '', parts: '' },
      { total: '', parts: '' },
      { total: '512 us', parts: 'cpu-fault 512 us' },
      { total: '1 us', parts: 'ioctl 1 us' },
      {
        total: '891.4 us',
        parts:
          'migration 512 us, page-tables 258.6 us, copy 86.25 us, fault-delivery 20 us, migration-setup 10 us, fault-handling 3 us, gpu-access 1.6 us',
      },
    ]);
    expect(stepSentence(steps[4]!, 4, 5)).toMatch(/, took 891\.4 us, at 1\.001 404 s$/);
    const spent = steps.flatMap((step) => step.spent!.map(([, nanoseconds]) => nanoseconds));
    expect(steps.at(-1)!.clock).toBe(1e9 + spent.reduce((sum, each) => sum + each, 0));
  });

  it('is not told where nothing takes time', () => {
    const { steps } = session({});
    for (const step of steps) {
      expect('spent' in step).toBe(false);
      expect(spentTexts(step)).toEqual({ total: '', parts: '' });
    }
    expect(stepSentence(steps[4]!, 4, 5)).not.toContain('took');
  });

  it('has units that fit', () => {
    expect([0, 1, 999, 1000, 1500, 2_048_000, 3_123_456_789].map(duration)).toEqual([
      '0 ns',
      '1 ns',
      '999 ns',
      '1 us',
      '1.5 us',
      '2.048 ms',
      '3.123 s',
    ]);
  });
});
