import { describe, expect, it } from 'vitest';
import { InterruptRing, isStaleTimestamp } from './interrupt-ring.ts';

const RANGE = 2 ** 48;

describe('stale timestamps', () => {
  // checkpoint, timestamp -> stale
  for (const [checkpoint, timestamp, stale] of [
    [100, 100, true],
    [100, 99, true],
    [100, 101, false],
    [100, 0, true],
    [100, 100 + 2 ** 47, false],
    [100, 100 + 2 ** 47 + 1, true],
    [1, RANGE - 1, true],
    [RANGE - 1, 0, false],
    [RANGE - 1, 2 ** 47 - 1, false],
    [RANGE - 1, 2 ** 47, true],
    [2 ** 47, 0, false],
    [2 ** 47, 1, true],
  ] as const) {
    it(`${timestamp} is ${stale ? '' : 'not '}stale at the checkpoint ${checkpoint}`, () => {
      expect(isStaleTimestamp(checkpoint, timestamp)).toBe(stale);
    });

    it(`${timestamp} at ${checkpoint}: as the comparison of 64-bit numbers in the specification`, () => {
      const difference = BigInt.asIntN(64, BigInt(checkpoint) * 65536n - BigInt(timestamp) * 65536n);
      expect(isStaleTimestamp(checkpoint, timestamp)).toBe(difference >= 0n);
    });
  }
});

describe('InterruptRing', () => {
  it('is empty at first', () => {
    expect(new InterruptRing(true)).toMatchObject({ exists: true, pending: false });
  });
});
