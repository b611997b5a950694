import { expect, it } from 'vitest';
import { threadsThatPay } from './replay-threads.ts';

it.each([
  [15, 8, 0],
  [16, 8, 1],
  [100, 8, 6],
  // One core is left to the engine, until each has enough to do.
  [518, 8, 7],
  [518, 2, 1],
  [1023, 2, 1],
  [1024, 2, 2],
  [4096, 8, 8],
  [1000, 1, 1],
  [500, 1, 0],
])('%i files on %i cores are replayed by %i threads', (files, cores, threads) => {
  expect(threadsThatPay(files, cores)).toBe(threads);
});
