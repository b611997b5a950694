import { beforeEach, describe, expect, it } from 'vitest';
import { Rig, T, V } from '../../test/support/emulator-rig.ts';
import { clearAttributes } from './attribute-clear.ts';
import type { AttributeInterval } from './attribute-interval.ts';

let rig: Rig;
let interval: AttributeInterval;

beforeEach(() => {
  rig = new Rig();
  rig.map(V, 64);
  rig.set(V + 10, 20, [T.gpuExecutable, 1]);
  interval = rig.context.tree.find(V + 10)!;
});

describe('clearing attributes of 10 to 29', () => {
  it('in the middle splits: the left piece keeps the identity, the right one is new', () => {
    expect(clearAttributes(rig.context, V + 15, V + 19)).toBe(0);
    expect(rig.intervals()).toEqual([
      [10, 14, 0x23],
      [20, 29, 0x23],
    ]);
    expect([...rig.context.tree.values()].indexOf(interval)).toBe(0);
  });

  for (const [first, last, expected] of [
    [20, 29, [10, 19]],
    [20, 50, [10, 19]],
    [10, 19, [20, 29]],
    [0, 19, [20, 29]],
  ] as const) {
    it(`from ${first} to ${last} trims it in place`, () => {
      expect(clearAttributes(rig.context, V + first, V + last)).toBe(0);
      expect(rig.intervals()).toEqual([[...expected, 0x23]]);
      expect([[...rig.context.tree.values()][0], interval.freed]).toEqual([interval, false]);
    });
  }

  it('as a whole frees it', () => {
    expect(clearAttributes(rig.context, V + 10, V + 29)).toBe(0);
    expect([rig.intervals(), interval.freed, interval.first, interval.last]).toEqual([[], true, V + 10, V + 29]);
  });

  it('elsewhere does nothing', () => {
    expect([clearAttributes(rig.context, V, V + 9), clearAttributes(rig.context, V + 30, V + 60)]).toEqual([0, 0]);
    expect(rig.intervals()).toEqual([[10, 29, 0x23]]);
  });

  it('over several intervals trims the outer ones and frees those between', () => {
    rig.set(V, 64, [T.gpuReadOnly, 1]);
    expect(clearAttributes(rig.context, V + 5, V + 40)).toBe(0);
    expect(rig.intervals()).toEqual([
      [0, 4, 0x13],
      [41, 63, 0x13],
    ]);
  });

  it('refuses an empty span', () => {
    expect(clearAttributes(rig.context, V + 20, V + 19)).toBe(-22);
    expect(rig.intervals()).toEqual([[10, 29, 0x23]]);
  });

  it('leaves an interval alone whose right piece cannot be allocated', () => {
    rig.device.failures.plan('clear-split', 'ENOMEM');
    expect(clearAttributes(rig.context, V + 15, V + 19)).toBe(-12);
    expect(rig.intervals()).toEqual([[10, 29, 0x23]]);
  });
});
