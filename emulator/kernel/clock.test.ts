import { describe, expect, it } from 'vitest';
import { CLOCK_START, VirtualClock } from './clock.ts';

describe('VirtualClock', () => {
  it('starts at 10^9 ns, so that 0 can mean "never"', () => {
    expect(new VirtualClock().now).toBe(1_000_000_000);
    expect(CLOCK_START).toBe(1_000_000_000);
  });

  it('is moved by advance, by exactly so much', () => {
    const clock = new VirtualClock();
    clock.advance(0);
    clock.advance(1);
    clock.advance(2_000_000);
    expect(clock.now).toBe(CLOCK_START + 2_000_001);
  });

  for (const bad of [
    -1,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    '5' as unknown as number,
    5n as unknown as number,
  ]) {
    it(`refuses to advance by ${String(bad)} (${typeof bad}) and stays where it is`, () => {
      const clock = new VirtualClock();
      expect(() => clock.advance(bad)).toThrow(/^nanoseconds: expected a whole number from 0/);
      expect(clock.now).toBe(CLOCK_START);
    });
  }

  it('refuses to pass 2^53 - 1 ns', () => {
    const clock = new VirtualClock();
    clock.advance(Number.MAX_SAFE_INTEGER - CLOCK_START);
    expect(() => clock.advance(1)).toThrow(/^nanoseconds: the clock would pass/);
    expect(clock.now).toBe(Number.MAX_SAFE_INTEGER);
  });
});
