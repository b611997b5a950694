import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compareMaps, kindFromSmaps, parseMaps } from './proc-maps.ts';
import type { MappedArea } from './proc-maps.ts';

const never = (): 'file' => {
  throw new Error('nobody asked for the flags');
};

describe('parseMaps', () => {
  it('knows the kinds of mapping', () => {
    const text = `
00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/some program
00e03000-00e24000 rw-p 00000000 00:00 0           [heap]
7f0000000000-7f0000200000 ---p 00000000 00:00 0
7f0000200000-7f0000201000 rwxs 00000000 00:00 0   [anon:glibc]
7f0000300000-7f0000301000 rw-s 00000000 00:01 44  /dev/shm/x
7f0000400000-7f0000401000 rw-s 00003000 00:06 9   /dev/dri/card0
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0   [stack]
7ffd00030000-7ffd00034000 r--p 00000000 00:00 0   [vvar]
7ffd00034000-7ffd00036000 r-xp 00000000 00:00 0   [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
`;
    const areas = parseMaps(text, (start, name) =>
      start === '7f0000400000' && name === '/dev/dri/card0' ? 'io' : 'file',
    );
    expect(areas.map(({ kind, protection }) => [kind, protection])).toEqual([
      ['file', 5],
      ['heap', 3],
      ['anon', 0],
      ['anon', 7],
      ['file', 3],
      ['io', 3],
      ['stack', 3],
      ['pfnmap', 1],
      ['file', 5],
    ]);
    expect(areas[0]).toEqual({
      startPage: 0x400,
      endPage: 0x452,
      protection: 5,
      kind: 'file',
      backing: '08:02:173521:-1023',
    });
  });

  it('reads those of this process', () => {
    const areas = parseMaps(readFileSync('/proc/self/maps', 'latin1'), () => 'file');
    expect(areas.length).toBeGreaterThan(10);
    for (const [index, area] of areas.entries()) {
      expect(area.endPage).toBeGreaterThan(area.startPage);
      if (index > 0) expect(area.startPage).toBeGreaterThanOrEqual(areas[index - 1]!.endPage);
    }
  });

  it('takes the flags of a device mapping from smaps', () => {
    const smaps = (flags: string): string =>
      `1000-2000 rw-p 0 0:0 0\nVmFlags: rd\n7f00-8000 rw-s 0 0:6 9 /dev/x\nSize: 4 kB\nVmFlags: ${flags}\n`;
    expect(kindFromSmaps(smaps('rd wr pf io de'), '7f00')).toBe('pfnmap');
    expect(kindFromSmaps(smaps('rd wr io'), '7f00')).toBe('io');
    expect(kindFromSmaps(smaps('rd wr mm'), '7f00')).toBe('mixedmap');
    expect(kindFromSmaps(smaps('rd wr'), '7f00')).toBe('file');
    expect(kindFromSmaps(smaps('pf'), '9999')).toBe('file');
  });
});

describe('compareMaps', () => {
  const area = (startPage: number, endPage: number, protection = 3, backing = 'anon'): MappedArea => ({
    startPage,
    endPage,
    protection,
    backing,
    kind: 'anon',
  });
  const nothing = { vanished: [], reprotected: [] };

  it('sees nothing where VMAs were only split, merged, grown or added', () => {
    expect(compareMaps([area(10, 20)], [area(10, 15), area(15, 20)])).toEqual(nothing);
    expect(compareMaps([area(10, 15), area(15, 20)], [area(10, 20)])).toEqual(nothing);
    expect(compareMaps([area(10, 20)], [area(5, 30), area(40, 50)])).toEqual(nothing);
    expect(compareMaps([], [area(1, 2)])).toEqual(nothing);
  });

  it('sees what vanished, neighbours as one', () => {
    expect(compareMaps([area(10, 20), area(20, 30, 1)], []).vanished).toEqual([{ startPage: 10, endPage: 30 }]);
    expect(compareMaps([area(10, 20)], [area(12, 15)]).vanished).toEqual([
      { startPage: 10, endPage: 12 },
      { startPage: 15, endPage: 20 },
    ]);
    expect(compareMaps([area(10, 20), area(30, 40)], [area(30, 35)]).vanished).toEqual([
      { startPage: 10, endPage: 20 },
      { startPage: 35, endPage: 40 },
    ]);
  });

  it('sees what was replaced as vanished', () => {
    expect(compareMaps([area(10, 20)], [area(10, 12), area(12, 14, 3, '1:2:0'), area(14, 20)]).vanished).toEqual([
      { startPage: 12, endPage: 14 },
    ]);
  });

  it('sees what was reprotected', () => {
    expect(compareMaps([area(10, 20)], [area(10, 12), area(12, 14, 1), area(14, 20)])).toEqual({
      vanished: [],
      reprotected: [{ startPage: 12, endPage: 14, protection: 1 }],
    });
  });

  it('is right about the areas it never asks flags for', () => {
    expect(parseMaps('1000-2000 rw-p 00000000 00:00 0 \n', never)).toHaveLength(1);
  });
});
