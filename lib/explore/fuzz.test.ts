import { expect, it } from 'vitest';
import { fuzz } from './fuzz.ts';
import type { FuzzedHistory } from './fuzz.ts';

it('tells of each history while the others are still to come', async () => {
  const heard: FuzzedHistory[] = [];
  const { histories, operations } = await fuzz(
    { profile: 'v4', families: ['attributes', 'core'], seed: 3, operations: 300, length: 50 },
    (history) => heard.push(history),
  );
  expect(heard).toHaveLength(histories);
  expect(heard.reduce((sum, { made }) => sum + made, 0)).toBe(operations);
  expect(heard.slice(0, -1).reduce((sum, { made }) => sum + made, 0)).toBeLessThan(300);
});
