import { describe, expect, it } from 'vitest';
import { Errno } from '../../lib/uapi/errno.ts';
import { FAILURE_POINTS, FailureInjection } from './failures.ts';
import type { FailurePoint } from './failures.ts';

/** Results of `count` passes of a point. */
function passes(failures: FailureInjection, point: FailurePoint, count: number): number[] {
  return Array.from({ length: count }, () => failures.take(point));
}

describe('FailureInjection', () => {
  it('lets everything succeed unless something is planned', () => {
    const failures = new FailureInjection();
    for (const point of FAILURE_POINTS) expect(failures.take(point)).toBe(0);
  });

  it('delivers so many failures after so many passes, for its point only', () => {
    const failures = new FailureInjection();
    failures.plan('zap-ptes', 'EBUSY', 2, 1);
    expect(passes(failures, 'write-ptes', 3)).toEqual([0, 0, 0]);
    expect(passes(failures, 'zap-ptes', 5)).toEqual([0, -Errno.EBUSY, -Errno.EBUSY, 0, 0]);
  });

  it('delivers one failure at once by default', () => {
    const failures = new FailureInjection();
    failures.plan('allocate-range', 'ENOMEM');
    expect(passes(failures, 'allocate-range', 2)).toEqual([-Errno.ENOMEM, 0]);
  });

  it('delivers plans of one point one after the other, those of others at the same time', () => {
    const failures = new FailureInjection();
    failures.plan('collect-pages', 'ENOMEM');
    failures.plan('collect-pages', 'EBUSY', 1, 1);
    failures.plan('allocate-interval', 'ENOMEM');
    expect(passes(failures, 'collect-pages', 4)).toEqual([-Errno.ENOMEM, 0, -Errno.EBUSY, 0]);
    expect(passes(failures, 'allocate-interval', 2)).toEqual([-Errno.ENOMEM, 0]);
  });

  it('says how many of several passes came before the one that fails', () => {
    const failures = new FailureInjection();
    failures.plan('write-dma-entry', 'EIO', 1, 5);
    expect(failures.takeAmong('write-dma-entry', 3)).toEqual({ passed: 3, failure: 0 });
    expect(failures.takeAmong('write-dma-entry', 512)).toEqual({ passed: 2, failure: -Errno.EIO });
    expect([failures.none, failures.takeAmong('write-dma-entry', 512)]).toEqual([true, { passed: 512, failure: 0 }]);
  });

  it('counts allocations of all kinds together, those that fail by themselves too', () => {
    const failures = new FailureInjection();
    failures.plan('allocate-memory', 'ENOMEM', 1, 2);
    failures.plan('allocate-range', 'EIO', 1, 1);
    const results = (['allocate-range', 'allocate-page', 'allocate-range', 'allocate-interval'] as const).map((point) =>
      failures.take(point),
    );
    expect(results).toEqual([0, 0, -Errno.EIO, -Errno.ENOMEM]);
    expect(failures.none).toBe(true);
  });

  it('can be exchanged for the failures of one operation', () => {
    const failures = new FailureInjection();
    failures.plan('zap-ptes', 'EBUSY');
    const before = failures.exchange([{ point: 'zap-ptes', errno: Errno.EIO, skip: 0, count: 1 }]);
    expect(passes(failures, 'zap-ptes', 2)).toEqual([-Errno.EIO, 0]);
    expect([failures.exchange(before), failures.none]).toEqual([null, false]);
    expect(passes(failures, 'zap-ptes', 2)).toEqual([-Errno.EBUSY, 0]);
  });

  for (const [field, call] of [
    ['point', (it: FailureInjection) => it.plan('zap' as never, 'EBUSY')],
    ['errno', (it: FailureInjection) => it.plan('zap-ptes', 'EWHAT' as never)],
    ['errno', (it: FailureInjection) => it.plan('zap-ptes', 'toString' as never)],
    ['count', (it: FailureInjection) => it.plan('zap-ptes', 'EBUSY', 0)],
    ['count', (it: FailureInjection) => it.plan('zap-ptes', 'EBUSY', 1.5)],
    ['skip', (it: FailureInjection) => it.plan('zap-ptes', 'EBUSY', 1, -1)],
  ] as const) {
    it(`names a bad ${field} and plans nothing: ${call.toString().replace(/^.*plan/, 'plan')}`, () => {
      const failures = new FailureInjection();
      expect(() => call(failures)).toThrow(new RegExp(`^${field}: (unknown|expected)`));
      expect(failures.take('zap-ptes')).toBe(0);
    });
  }
});
