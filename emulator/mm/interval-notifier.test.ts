import { describe, expect, it } from 'vitest';
import { IntervalNotifierSet, NotifierEvent } from './interval-notifier.ts';
import type { IntervalNotifier } from './interval-notifier.ts';

function notifier(startPage: number, endPage: number, calls: string[], inside?: () => void): IntervalNotifier {
  return {
    startPage,
    endPage,
    sequence: -1,
    invalidate(event, from, to, sequence) {
      this.sequence = sequence;
      calls.push(`${startPage}: ${event} ${from}-${to}`);
      inside?.();
    },
  };
}

describe('IntervalNotifierSet', () => {
  it('delivers an event unclipped to those that intersect it, in address order', () => {
    const calls: string[] = [];
    const set = new IntervalNotifierSet();
    for (const [start, end] of [
      [30, 40],
      [10, 20],
      [20, 30],
    ] as const)
      set.insert(notifier(start, end, calls));
    set.deliver(NotifierEvent.clear, 15, 31);
    set.deliver(NotifierEvent.unmap, 20, 30);
    set.deliver(NotifierEvent.unmap, 5, 10);
    set.deliver(NotifierEvent.unmap, 40, 50);
    expect(calls).toEqual(['10: 1 15-31', '20: 1 15-31', '30: 1 15-31', '20: 0 20-30']);
  });

  it('moves the sequence of those that were hit, and of no others', () => {
    const set = new IntervalNotifierSet();
    const [hit, other] = [notifier(10, 20, []), notifier(20, 30, [])];
    set.insert(hit);
    set.insert(other);
    const before = [hit.sequence, other.sequence];
    set.deliver(NotifierEvent.clear, 12, 13);
    expect([hit.sequence === before[0], other.sequence === before[1]]).toEqual([false, true]);
    const once = hit.sequence;
    set.deliver(NotifierEvent.clear, 12, 13);
    expect(hit.sequence).toBeGreaterThan(once);
  });

  it('leaves out what was removed, and lets callbacks register and remove others', () => {
    const calls: string[] = [];
    const set = new IntervalNotifierSet();
    const late = notifier(25, 26, calls);
    const first = notifier(10, 20, calls, () => {
      set.remove(first);
      set.insert(late);
    });
    const second = notifier(20, 30, calls);
    set.insert(first);
    set.insert(second);
    set.deliver(NotifierEvent.clear, 0, 100);
    set.deliver(NotifierEvent.clear, 0, 100);
    expect(calls).toEqual(['10: 1 0-100', '20: 1 0-100', '20: 1 0-100', '25: 1 0-100']);
    expect(set.size).toBe(2);
  });
});
