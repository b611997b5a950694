import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { SdmaRing } from './sdma-ring.ts';

describe('the ring', () => {
  it('puts batches one after the other, and pads where one would cross the end', () => {
    const ring = new SdmaRing(1024);
    expect(ring.take(100, 0)).toEqual({ index: 0, paddingIndex: 0, paddingDwords: 0 });
    expect(ring.take(100, 0)).toEqual({ index: 100, paddingIndex: 100, paddingDwords: 0 });
    expect(ring.take(100, 800)).toEqual({ index: 0, paddingIndex: 200, paddingDwords: 56 });
    expect(ring.written).toBe(1024 + 400);
  });

  it('ends exactly at the end without padding', () => {
    const ring = new SdmaRing(1024);
    ring.take(128, 0);
    expect(ring.take(128, 512)).toEqual({ index: 128, paddingIndex: 128, paddingDwords: 0 });
    expect(ring.take(1, 1024)).toMatchObject({ index: 0, paddingDwords: 0 });
  });

  it('is full one byte before all of it is used', () => {
    const ring = new SdmaRing(1024);
    ring.take(128, 0);
    expect(ring.take(128, 0)).toBeUndefined();
    expect(ring.written).toBe(512);
    expect(ring.take(127, 0)).toBeDefined();
  });

  it('of a size or for a batch that cannot be is refused', () => {
    for (const size of [0, 512, 1000, 1536, 2 ** 60, Number.NaN])
      expect(() => new SdmaRing(size)).toThrow(/size: expected a power of two/);
    const ring = new SdmaRing(1024);
    for (const dwords of [0, -1, 1.5, 129])
      expect(() => ring.take(dwords, 0)).toThrow(/dwords: expected a whole number from 1 to 128/);
  });

  it('agrees with a naive ring of single dwords, also far from its start', () => {
    const step = fc.record({ dwords: fc.integer({ min: 1, max: 128 }), fetch: fc.nat(300) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(2 ** 20), (steps, laps) => {
        const ring = new SdmaRing(1024);
        ring.written = laps * 1024;
        // Dwords by count since the start: what the engine has not fetched yet.
        const naive: string[] = [];
        let fetched = laps * 256;
        for (const { dwords, fetch } of steps) {
          fetched += naive.splice(0, fetch).length;
          const at = (fetched + naive.length) % 256;
          const padding = at + dwords > 256 ? 256 - at : 0;
          const place = ring.take(dwords, fetched * 4);
          if (naive.length + padding + dwords >= 256) {
            expect(place).toBeUndefined();
            continue;
          }
          expect(place).toEqual({ index: (at + padding) % 256, paddingIndex: at, paddingDwords: padding });
          naive.push(...Array<string>(padding + dwords).fill('x'));
          expect(ring.written).toBe((fetched + naive.length) * 4);
        }
      }),
    );
  });
});
