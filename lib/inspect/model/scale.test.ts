import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressScale, fittingScale, GAP_WIDTH, SPACE_PAGES, unite } from './scale.ts';
import { MapView } from './view.ts';

const places = unite([
  { start: 0x10000, end: 0x10200 },
  { start: 0x10100, end: 0x10300 },
  { start: 0x7f0000000, end: 0x7f0000200 },
]);

describe('the scale', () => {
  it('unites what touches', () => {
    expect(places).toEqual([
      { start: 0x10000, end: 0x10300 },
      { start: 0x7f0000000, end: 0x7f0000200 },
    ]);
  });

  it('draws long empty stretches short, and the rest in proportion', () => {
    const scale = new AddressScale(places, 1, true);
    expect(scale.gaps).toHaveLength(3);
    expect(scale.gaps.every(({ width }) => width === GAP_WIDTH)).toBe(true);
    expect(scale.x(0x10200) - scale.x(0x10000)).toBe(0x200);
    expect(scale.width).toBeLessThan(0x300 + 0x200 + 4 * 4 + 3 * GAP_WIDTH + 1);
  });

  it('keeps the order of addresses and finds each again', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            start: fc.integer({ min: 0, max: SPACE_PAGES - 5000 }),
            pages: fc.integer({ min: 1, max: 4000 }),
          }),
          { maxLength: 12 },
        ),
        fc.double({ min: -30, max: 9, noNaN: true }),
        fc.boolean(),
        fc.array(fc.integer({ min: 0, max: SPACE_PAGES }), { minLength: 2, maxLength: 20 }),
        (intervals, magnification, compress, pages) => {
          const scale = new AddressScale(
            unite(intervals.map(({ start, pages: count }) => ({ start, end: start + count }))),
            2 ** magnification,
            compress,
          );
          const xs = pages.sort((a, b) => a - b).map((page) => scale.x(page));
          for (let index = 1; index < xs.length; index++)
            expect(xs[index]!).toBeGreaterThanOrEqual(xs[index - 1]! - 1e-6);
          for (const [index, page] of pages.entries())
            expect(Math.abs(scale.x(scale.page(xs[index]!)) - scale.x(page))).toBeLessThan(1e-2);
        },
      ),
    );
  });
});

describe('the view', () => {
  it('fits everything, compressed or not', () => {
    const view = MapView.fit(places, true, 800);
    expect(view.x(0x10000)).toBeGreaterThanOrEqual(0);
    expect(view.x(0x7f0000200)).toBeLessThanOrEqual(800);
    const linear = MapView.fit(places, false, 800);
    expect([linear.firstPage, Math.round(linear.lastPage)]).toEqual([0, SPACE_PAGES]);
    expect(fittingScale([], 800, true)).toBe(800 / SPACE_PAGES);
  });

  it('zooms from 128 TiB to one page around the pointer', () => {
    let view = MapView.fit(places, false, 800);
    view = view.zoomTo(0x10123, 1);
    expect(view.lastPage - view.firstPage).toBeLessThan(2);
    expect(view.x(0x10123)).toBeGreaterThan(0);
    expect(view.x(0x10124)).toBeLessThan(800);
    const page = MapView.fit(places, true, 800).pageAt(300);
    expect(Math.abs(MapView.fit(places, true, 800).zoom(4, 300).pageAt(300) - page)).toBeLessThan(1);
    for (let step = 0; step < 200; step++) view = view.zoom(0.5, 400);
    expect(Math.round(view.lastPage - view.firstPage)).toBe(SPACE_PAGES);
  });

  it('reveals a place with as little movement as needed', () => {
    const view = MapView.fit(places, true, 800).zoomTo(0x10000, 16);
    expect(view.reveal(0x10004, 2)).toBe(view);
    const moved = view.reveal(0x7f0000010, 2);
    expect(moved.x(0x7f0000010)).toBeGreaterThanOrEqual(0);
    expect(moved.x(0x7f0000012)).toBeLessThanOrEqual(800);
    expect(moved.scale.pixelsPerPage).toBe(view.scale.pixelsPerPage);
  });
});
