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

describe('timers', () => {
  const start = CLOCK_START;

  it('fire when the clock passes them, in the order of their times, and show the clock at their time', () => {
    const clock = new VirtualClock();
    const fired: string[] = [];
    const note = (name: string) => (): void => void fired.push(`${name} ${clock.now - start}`);
    clock.arm(start + 30, note('c'));
    clock.arm(start + 10, note('a'));
    clock.arm(start + 20, note('b'));
    clock.arm(start + 10, note('a, armed later'));
    clock.advance(9);
    expect([fired, clock.armed]).toEqual([[], 4]);
    clock.advance(11);
    expect([fired, clock.now - start]).toEqual([['a 10', 'a, armed later 10', 'b 20'], 20]);
    clock.advance(100);
    expect([fired[3], clock.now - start, clock.armed]).toEqual(['c 30', 120, 0]);
  });

  it('fire at the next movement if they are armed for a time that has passed', () => {
    const clock = new VirtualClock();
    let at = 0;
    clock.arm(0, () => (at = clock.now));
    clock.advance(0);
    expect([at, clock.now]).toEqual([start, start]);
  });

  it('may arm others, which fire in the same movement if it passes them', () => {
    const clock = new VirtualClock();
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.now - start);
      clock.arm(clock.now + 10, again);
    };
    clock.arm(start + 10, again);
    clock.advance(35);
    expect([fired, clock.armed]).toEqual([[10, 20, 30], 1]);
  });

  it('may move the clock', () => {
    const clock = new VirtualClock();
    const fired: number[] = [];
    clock.arm(start + 10, () => clock.advance(50));
    clock.arm(start + 20, () => void fired.push(clock.now - start));
    clock.advance(15);
    expect([fired, clock.now - start]).toEqual([[20], 60]);
  });

  it('do not fire after they were taken back', () => {
    const clock = new VirtualClock();
    const timer = clock.arm(start + 1, () => expect.unreachable());
    expect([clock.disarm(timer), clock.disarm(timer)]).toEqual([true, false]);
    clock.advance(5);
    const fired = clock.arm(start + 6, () => undefined);
    clock.advance(5);
    expect([fired.due, clock.disarm(fired)]).toEqual([start + 6, false]);
  });

  it('end the movement with their error, at their time', () => {
    const clock = new VirtualClock();
    clock.arm(start + 3, () => {
      throw new Error('of the timer');
    });
    expect(() => clock.advance(10)).toThrow('of the timer');
    expect([clock.now - start, clock.armed]).toEqual([3, 0]);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 53])('refuse the time %d', (due) => {
    expect(() => new VirtualClock().arm(due, () => undefined)).toThrow(RangeError);
  });
});
