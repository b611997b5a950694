import { describe, expect, it } from 'vitest';
import { LateMap, LateSet } from './late-map.ts';

describe('LateMap', () => {
  it('does what a Map does, before and after its first entry', () => {
    const map = new LateMap<string, number>();
    expect([map.size, map.get('a'), map.has('a'), map.delete('a')]).toEqual([0, undefined, false, false]);
    expect([...map.entries(), ...map.keys(), ...map.values()]).toEqual([]);
    map.set('b', 1);
    map.set('a', 2);
    map.set('b', 3);
    expect([map.size, map.get('b'), map.has('a'), map.has('c')]).toEqual([2, 3, true, false]);
    expect([...map.entries()]).toEqual([
      ['b', 3],
      ['a', 2],
    ]);
    expect([[...map.keys()], [...map.values()]]).toEqual([
      ['b', 'a'],
      [3, 2],
    ]);
    for (const [key] of map.entries()) if (key === 'b') map.delete(key);
    expect([map.delete('b'), map.size]).toEqual([false, 1]);
    map.clear();
    expect([map.size, map.get('a')]).toEqual([0, undefined]);
  });
});

describe('LateSet', () => {
  it('does what a Set does, before and after its first value', () => {
    const set = new LateSet<number>();
    expect([set.size, set.has(1), set.delete(1), [...set.values()]]).toEqual([0, false, false, []]);
    set.add(2);
    set.add(1);
    set.add(2);
    expect([set.size, set.has(1), set.has(3), [...set.values()]]).toEqual([2, true, false, [2, 1]]);
    expect([set.delete(2), set.delete(2), set.size]).toEqual([true, false, 1]);
    set.clear();
    expect([set.size, set.has(1)]).toEqual([0, false]);
  });
});
