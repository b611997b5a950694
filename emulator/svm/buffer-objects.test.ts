import { describe, expect, it } from 'vitest';
import { BufferObjectMappings } from './buffer-objects.ts';

const [ENOENT, EINVAL] = [-2, -22];

describe('buffer objects in a VM', () => {
  it('do not overlap, are not empty and end at 2^64', () => {
    const mappings = new BufferObjectMappings();
    expect(mappings.map(10, 5)).toBe(0);
    expect([mappings.map(14, 1), mappings.map(0, 100), mappings.map(8, 3), mappings.map(20, 0)]).toEqual([
      EINVAL,
      EINVAL,
      EINVAL,
      EINVAL,
    ]);
    expect([mappings.map(15, 1), mappings.map(9, 1)]).toEqual([0, 0]);
    expect([mappings.map(2 ** 52 - 1, 1), mappings.map(2 ** 52 - 4, 5)]).toEqual([0, EINVAL]);
  });

  it('are unmapped by their first page', () => {
    const mappings = new BufferObjectMappings();
    mappings.map(10, 5);
    expect([mappings.unmap(11), mappings.unmap(10), mappings.unmap(10)]).toEqual([ENOENT, 0, ENOENT]);
    expect([...mappings.values()]).toEqual([]);
  });

  it('are found from the lowest one on', () => {
    const mappings = new BufferObjectMappings();
    mappings.map(10, 5);
    mappings.map(20, 1);
    const found = (first: number, last: number): number | undefined => mappings.firstIn(first, last)?.startPage;
    expect([found(0, 9), found(0, 10), found(14, 30), found(15, 19), found(15, 20), found(21, 99)]).toEqual([
      undefined,
      10,
      10,
      undefined,
      20,
      undefined,
    ]);
  });
});
