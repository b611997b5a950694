import { describe, expect, it } from 'vitest';
import { at, BLOCK, GET, Rig, SET, T, V } from '../../../test/support/emulator-rig.ts';
import type { Pair } from '../../../test/support/emulator-rig.ts';

const [EFAULT, EINVAL, EOPNOTSUPP] = [-14, -22, -95];
const LAST = 2 ** 52 - 1;

/** A machine whose pages 0x100 to 0x23f after V are mapped, and what it did to ranges and PTEs. */
function traced(): { rig: Rig; effects: string[] } {
  const rig = new Rig();
  rig.map(V, 2 * BLOCK);
  const effects: string[] = [];
  const hex = (page: bigint): string => (page - BigInt(V)).toString(16);
  rig.machine.on('ptes-zapped', ({ address, size }) =>
    effects.push(`zap ${hex(address >> 12n)}+${(size >> 12n).toString(16)}`),
  );
  rig.machine.on('ptes-written', ({ address, size }) =>
    effects.push(`map ${hex(address >> 12n)}+${(size >> 12n).toString(16)}`),
  );
  return { rig, effects };
}

/** Intervals as "first-last flags prefetch granularity", hexadecimal, relative to V. */
function tree(rig: Rig): string[] {
  return rig.snapshot().attributes.map((each) => {
    const prefetch = each.prefetchLocation === 0xffff_ffff ? '-' : each.prefetchLocation;
    return `${(each.firstPage - V).toString(16)}-${(each.lastPage - V).toString(16)} ${each.flags.toString(16)} ${prefetch} ${each.granularity}`;
  });
}

describe('the worked traces of the specification', () => {
  const { rig, effects } = traced();
  const steps: readonly (readonly [
    call: string,
    first: number,
    last: number,
    attribute: Pair,
    tree: readonly string[],
    effects: readonly string[],
  ])[] = [
    ['1: ACCESS=2 on an empty tree', 0x100, 0x1ff, [T.access, 2], ['100-1ff 3 - 9'], []],
    ['2: GPU_RO=1 on the whole', 0x100, 0x1ff, [T.gpuReadOnly, 1], ['100-1ff 13 - 9'], []],
    ['3: GPU_RO=1 on a part is a no-op', 0x140, 0x17f, [T.gpuReadOnly, 1], ['100-1ff 13 - 9'], []],
    [
      '4: GPU_RO=0 on a part splits',
      0x140,
      0x17f,
      [T.gpuReadOnly, 0],
      ['100-13f 13 - 9', '140-17f 3 - 9', '180-1ff 13 - 9'],
      [],
    ],
    [
      '5: prefetch over an interval and a hole',
      0x180,
      0x23f,
      [T.prefetchLocation, 1],
      ['100-13f 13 - 9', '140-17f 3 - 9', '180-1ff 13 1 9', '200-23f 3 1 9'],
      Array.from({ length: 12 }, (_, index) => `map ${(0x180 + index * 16).toString(16)}+10`),
    ],
    [
      '6: GRANULARITY=5 maps again (sticky), which is valid already',
      0x180,
      0x1ff,
      [T.granularity, 5],
      ['100-13f 13 - 9', '140-17f 3 - 9', '180-1ff 13 1 5', '200-23f 3 1 9'],
      [],
    ],
    [
      '7: prefetch to SYSMEM on a part invalidates it and maps nothing',
      0x200,
      0x21f,
      [T.prefetchLocation, 0],
      ['100-13f 13 - 9', '140-17f 3 - 9', '180-1ff 13 1 5', '200-21f 3 0 9', '220-23f 3 1 9'],
      ['zap 200+10', 'zap 210+10'],
    ],
  ];
  for (const [call, first, last, attribute, expected, done] of steps) {
    it(call, () => {
      effects.length = 0;
      expect(rig.set(V + first, last - first + 1, attribute)).toBe(0);
      expect(tree(rig)).toEqual(expected);
      expect(effects).toEqual(done);
    });
  }

  it('8: GET over the hole before and the first intervals', () => {
    const answer = rig.get(V + 0xf0, 0x110, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    expect(answer).toEqual({ result: 0, values: [0xffff_ffff, 0xffff_ffff, 2, 5, 1, 1, 0, 0, 0, 0, 0, 0] });
  });
});

describe('wrap-around', () => {
  const wrap = (first: number, pages: number): bigint => at(pages === 0 ? LAST + 1 - first : pages);

  it('stores an interval up to the last page when start + size is 2^64, and GET reads it', () => {
    const rig = new Rig();
    expect(rig.ioctl(SET, at(LAST - 1), at(2), [[T.access, 0]]).result).toBe(0);
    expect(rig.snapshot().attributes).toMatchObject([{ firstPage: LAST - 1, lastPage: LAST }]);
    expect(rig.ioctl(GET, at(LAST), at(1), [[T.access, 7]])).toEqual({ result: 0, values: [0] });
    expect(rig.ioctl(GET, at(LAST - 2), at(3), [[T.access, 7]]).values).toEqual([0]); // a hole next to it: INACCESSIBLE
  });

  it('splits such an interval, with no effect on the piece that wraps', () => {
    const rig = new Rig();
    rig.region();
    rig.ioctl(SET, at(V), wrap(V, 0), [[T.access, 2]]);
    expect(rig.ioctl(SET, at(LAST), at(1), [[T.gpuReadOnly, 1]]).result).toBe(0);
    expect(rig.set(V, BLOCK, [T.gpuReadOnly, 1])).toBe(0);
    expect(rig.snapshot().attributes.map(({ firstPage, lastPage }) => [firstPage, lastPage])).toEqual([
      [V, V + BLOCK - 1],
      [V + BLOCK, LAST - 1],
      [LAST, LAST],
    ]);
  });

  it('works normally on a range that exists inside such an interval', () => {
    const rig = new Rig();
    rig.region();
    rig.set(V, BLOCK, [T.access, 2]);
    rig.access(V);
    rig.discard(V, BLOCK);
    rig.later();
    // The interval of the region becomes part of nothing new: segments keep their bounds.
    expect(rig.ioctl(SET, at(V), wrap(V, 0), [[T.access, 1]]).result).toBe(0);
    expect(rig.fault(V)).toBe(0);
    expect(rig.fault(V + BLOCK)).toBe(0); // no VMA
  });

  for (const [start, pages] of [
    [LAST, 2],
    [LAST - 5, 100],
    [2, LAST],
  ] as const) {
    it(`refuses ${pages} pages from page ${start}, beyond 2^64, unless it is a GET`, () => {
      const rig = new Rig();
      expect(rig.ioctl(SET, at(start), at(pages), [[T.access, 2]]).result).toBe(EINVAL);
      expect(rig.ioctl(GET, at(start), at(pages), [[T.access, 7]])).toEqual({ result: 0, values: [2] });
    });
  }

  it('refuses an unknown type also of a GET that wraps', () => {
    expect(
      new Rig().ioctl(GET, at(LAST), at(2), [
        [T.access, 7],
        [12, 8],
      ]),
    ).toEqual({ result: EINVAL, values: [7, 8] });
  });
});

describe('validation of VMAs', () => {
  it('looks at the first offending address only', () => {
    const rig = new Rig();
    rig.map(V, 4);
    rig.map(V + 4, 4, 'rw', 'io');
    expect(rig.set(V, 20, [T.access, 2])).toBe(EOPNOTSUPP);
    rig.unmap(V + 2, 1);
    expect(rig.set(V, 20, [T.access, 2])).toBe(EFAULT);
    expect(rig.intervals()).toEqual([]);
  });

  it('comes after the validation of the records', () => {
    expect(new Rig().set(V, 1, [T.access, 3])).toBe(EINVAL);
    expect(new Rig().set(V, 1, [T.access, 2])).toBe(EFAULT);
  });

  for (const [kind, result] of [
    ['anon', 0],
    ['file', 0],
    ['thp', 0],
    ['heap', 0],
    ['stack', 0],
    ['io', EOPNOTSUPP],
    ['pfnmap', EOPNOTSUPP],
    ['mixedmap', EOPNOTSUPP],
  ] as const) {
    it(`answers ${result} for a mapping of kind ${kind}, whatever its protection`, () => {
      for (const protection of ['rw', 'r', 'w', 'x', '-']) {
        const rig = new Rig();
        rig.map(V, 4, protection, kind);
        expect(rig.set(V, 4, [T.access, 2])).toBe(result);
      }
    });
  }
});

describe('segments', () => {
  it('give every hole an interval, even one that equals the default, and never merge', () => {
    const rig = new Rig();
    rig.map(V, 64);
    rig.set(V + 8, 8, [T.access, 2]);
    rig.set(V + 24, 8, [T.access, 1]);
    rig.set(V, 64, [T.access, 2]);
    expect(rig.intervals().map(([first, last]) => [first, last])).toEqual([
      [0, 7],
      [8, 15],
      [16, 23],
      [24, 31],
      [32, 63],
    ]);
  });

  it('are the whole interval or a part of it: a part splits on one side or both', () => {
    const rig = new Rig();
    rig.map(V, 64);
    rig.set(V, 64, [T.access, 2]);
    rig.set(V + 32, 32, [T.gpuExecutable, 1]);
    rig.set(V + 8, 8, [T.gpuExecutable, 1]);
    expect(rig.intervals()).toEqual([
      [0, 7, 3],
      [8, 15, 0x23],
      [16, 31, 3],
      [32, 63, 0x23],
    ]);
  });

  it('take duplicates of a type as one change, the last one wins', () => {
    const rig = new Rig();
    rig.map(V, 64);
    expect(rig.set(V, 64, [T.access, 0], [T.access, 1], [T.gpuReadOnly, 1], [T.gpuReadOnly, 0])).toBe(0);
    expect(rig.get(V, 64, T.access, T.access, T.gpuReadOnly, T.access).values).toEqual([1, 1, 0, 1]);
  });

  it('of 64 records are as good as of one', () => {
    const rig = new Rig();
    rig.map(V, 64);
    expect(rig.set(V, 64, ...Array.from({ length: 64 }, (_, index) => [T.granularity, index] as const))).toBe(0);
    expect(rig.value(V, 64, T.granularity)).toBe(63);
  });
});

describe('preemption points', () => {
  it('are passed in the order of the specification where several lie at one place', () => {
    const { rig } = traced();
    const passed: string[] = [];
    const remove = rig.machine.scope.addHook((point) => passed.push(point));
    expect(rig.set(V, BLOCK, [T.access, 2])).toBe(0);
    remove();
    expect(passed).toEqual(['mmap-lock', 'vma-checked', 'mmap-unlock', 'attr-edited', 'tree-unlock']);
  });
});
