import { describe, expect, it } from 'vitest';
import { stretches } from './paint-outlines.ts';

describe('outlines', () => {
  it('of narrow neighbours are one', () => {
    const many = Array.from({ length: 500 }, (_, index) => ({ x: 100 + index * 1.5, width: 1 }));
    expect(stretches(many)).toEqual([{ x: 100, width: 749.5, isNarrow: true }]);
  });

  it('stay apart where there is room, or where one is wide', () => {
    const extents = [
      { x: 0, width: 1 },
      { x: 10, width: 2 },
      { x: 13, width: 40 },
      { x: 53, width: 1 },
    ];
    expect(stretches(extents).map(({ x, width }) => [x, width])).toEqual([
      [0, 1],
      [10, 2],
      [13, 40],
      [53, 1],
    ]);
  });
});
