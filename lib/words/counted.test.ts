import { expect, it } from 'vitest';
import { counted } from './counted.ts';

it('one thing is singular, none and several are plural', () => {
  expect([0, 1, 2, 1n].map((count) => counted(count, 'operation'))).toEqual([
    '0 operations',
    '1 operation',
    '2 operations',
    '1 operation',
  ]);
  expect(counted(2, 'history', 'histories')).toBe('2 histories');
});
