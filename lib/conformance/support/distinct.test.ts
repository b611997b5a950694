import { expect, it } from 'vitest';
import { allAre, distinct } from './distinct.ts';

it.each([
  [new Uint8Array(), []],
  [new Uint8Array([5]), [5]],
  [new Uint8Array([3, 3, 1, 1, 3, 2]), [3, 1, 2]],
  // The same bytes, other values.
  [new Int32Array([0x01_01_01_01, 1]), [0x01_01_01_01, 1]],
  [new Int32Array([-1, -1]), [-1]],
  [new Float32Array([0.5, Number.NaN, Number.NaN, 0.5]), [0.5, Number.NaN]],
  [new Uint8Array([9, 4, 4, 4, 9]).subarray(1, 4), [4]],
])('of %j gives each value once', (values, expected) => {
  expect(distinct(values)).toEqual(expected);
});

it('says whether all are one value, up to the last', () => {
  expect(allAre(new Uint8Array(4096), 0)).toBe(true);
  expect(allAre(new Uint8Array(4096), 1)).toBe(false);
  const last = new Uint8Array(4096);
  last[4095] = 1;
  expect(allAre(last, 0)).toBe(false);
  expect(allAre(new Int32Array([256, 1]), 256)).toBe(false);
  expect(allAre(new Int32Array(), 7)).toBe(true);
});
