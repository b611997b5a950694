import { describe, expect, it } from 'vitest';
import { Errno, errnoMessage, errnoName } from './errno.ts';
import type { ErrnoName } from './errno.ts';

describe('errno', () => {
  it('has the numbers of Linux', () => {
    expect(Errno).toMatchObject({
      EPERM: 1,
      ENOENT: 2,
      ESRCH: 3,
      EINTR: 4,
      EIO: 5,
      EAGAIN: 11,
      ENOMEM: 12,
      EACCES: 13,
      EFAULT: 14,
      EBUSY: 16,
    });
    expect(Errno).toMatchObject({ EEXIST: 17, ENODEV: 19, EINVAL: 22, ENOTTY: 25, ETIME: 62, EOPNOTSUPP: 95 });
  });

  it('finds names of positive and negative numbers, and has a text for each', () => {
    for (const name of Object.keys(Errno) as ErrnoName[]) {
      expect([errnoName(Errno[name]), errnoName(-Errno[name])]).toEqual([name, name]);
      expect(errnoMessage(name)).toMatch(/^[a-z]/);
    }
    expect(errnoName(-8)).toBeUndefined();
  });
});
