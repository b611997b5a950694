import { describe, expect, it } from 'vitest';
import { parseGcVersion } from './gc-version.ts';
import { memoryType, PteBit, PteFlagTable, PteMemory, pteFlags } from './pte-format.ts';
import type { MemoryType } from './pte-format.ts';

const [COHERENT, EXT, RO, EXEC] = [0x02, 0x04, 0x10, 0x20];

interface Settings {
  readonly apu?: boolean;
  readonly numaNodes?: number;
  readonly mtypeLocal?: number;
}

function options(gc: string, settings: Settings = {}) {
  return {
    gc: parseGcVersion(gc),
    apu: settings.apu ?? false,
    numaNodes: settings.numaNodes ?? 1,
    mtypeLocal: settings.mtypeLocal ?? 0,
  };
}

// Version and settings -> memory type without flags, with COHERENT, with EXT_COHERENT, with both (spec/03-gpu-ranges §B.2).
const uncached: readonly MemoryType[] = ['NC', 'UC', 'UC', 'UC'];
const table: readonly (readonly [gc: string, settings: Settings, types: readonly MemoryType[]])[] = [
  ...['9.0.1', '9.1.0', '9.2.1', '9.2.2', '9.3.0', '9.4.0', '9.4.1', '9.4.2'].map((gc) => [gc, {}, uncached] as const),
  ...['10.1.1', '10.1.10', '10.3.0', '10.3.7'].map((gc) => [gc, {}, uncached] as const),
  ...['11.0.0', '11.0.1', '11.0.2', '11.0.3', '11.0.4', '11.5.0', '11.5.1', '11.5.2', '11.5.3'].map(
    (gc) => [gc, {}, uncached] as const,
  ),
  ...['12.0.0', '12.0.1'].map((gc) => [gc, {}, ['NC', 'NC', 'NC', 'NC']] as const),
  ['12.1.0', {}, uncached],
  ...['9.4.3', '9.4.4'].map((gc) => [gc, {}, ['UC', 'UC', 'UC', 'UC']] as const),
  ['9.5.0', {}, ['NC', 'NC', 'UC', 'UC']],
  ['9.4.2', { apu: true }, uncached],
  ...['9.4.3', '9.4.4', '9.5.0'].flatMap((gc) => [
    [gc, { apu: true }, ['RW', 'RW', 'CC', 'CC']] as const,
    [gc, { apu: true, numaNodes: 0 }, ['RW', 'RW', 'CC', 'CC']] as const,
    [gc, { apu: true, mtypeLocal: 1 }, ['NC', 'NC', 'CC', 'CC']] as const,
    [gc, { apu: true, mtypeLocal: 2 }, ['CC', 'CC', 'CC', 'CC']] as const,
    [gc, { apu: true, mtypeLocal: 3 }, ['RW', 'RW', 'CC', 'CC']] as const,
    [gc, { apu: true, numaNodes: 2 }, ['NC', 'NC', 'UC', 'UC']] as const,
    [gc, { apu: true, numaNodes: 2, mtypeLocal: 2 }, ['NC', 'NC', 'UC', 'UC']] as const,
    // mtype_local is of no account on a dGPU.
    [
      gc,
      { mtypeLocal: 2, numaNodes: 2 },
      gc === '9.5.0' ? (['NC', 'NC', 'UC', 'UC'] as const) : (['UC', 'UC', 'UC', 'UC'] as const),
    ] as const,
  ]),
];

describe('memory type', () => {
  for (const [gc, settings, types] of table) {
    it(`of ${gc} ${JSON.stringify(settings)} is ${types.join(', ')} by COHERENT and EXT_COHERENT`, () => {
      expect(
        [0, COHERENT, EXT, COHERENT | EXT].map((flags) => memoryType(options(gc, settings), flags, PteMemory.system)),
      ).toEqual(types);
      // Other flags have no influence.
      expect(memoryType(options(gc, settings), 0xff & ~(COHERENT | EXT), PteMemory.system)).toBe(types[0]);
    });
  }
});

describe('PTE flags', () => {
  it('of GFX9 are the eight values of the specification', () => {
    const value = (settings: Settings, flags: number, readOnly: boolean): bigint =>
      pteFlags(options('9.4.3', { apu: true, ...settings }), flags, readOnly);
    expect([value({ mtypeLocal: 1 }, 0, false), value({ mtypeLocal: 1 }, 0, true)]).toEqual([0x67n, 0x27n]);
    expect([value({}, 0, false), value({}, 0, true)]).toEqual([0x0200_0000_0000_0067n, 0x0200_0000_0000_0027n]);
    expect([value({ mtypeLocal: 2 }, 0, false), value({ mtypeLocal: 2 }, 0, true)]).toEqual([
      0x0400_0000_0000_0067n,
      0x0400_0000_0000_0027n,
    ]);
    expect([value({ numaNodes: 2 }, EXT, false), value({ numaNodes: 2 }, EXT, true)]).toEqual([
      0x0600_0000_0000_0067n,
      0x0600_0000_0000_0027n,
    ]);
  });

  it('have EXECUTABLE with GPU_EXEC, and no WRITEABLE with GPU_RO or read-only', () => {
    const gc = options('9.4.2');
    expect(pteFlags(gc, EXEC, false)).toBe(0x77n);
    for (const [flags, readOnly] of [
      [RO, false],
      [0, true],
      [RO, true],
    ] as const)
      expect(pteFlags(gc, flags, readOnly)).toBe(0x27n);
    for (const flags of [0x01, 0x08, 0x40, 0x80]) expect(pteFlags(gc, flags, false)).toBe(0x67n);
  });

  it('of GFX10 and GFX11 have the memory type in bits 48 to 50', () => {
    for (const gc of ['10.3.0', '11.0.0']) {
      expect(pteFlags(options(gc), 0, false)).toBe(0x67n);
      expect(pteFlags(options(gc), COHERENT, false)).toBe(0x67n | (3n << 48n));
    }
  });

  it('of GFX12 have the is-PTE bit, and the memory type in bits 54 and 55', () => {
    expect(pteFlags(options('12.0.1'), COHERENT, false)).toBe(0x67n | (1n << 63n));
    expect(pteFlags(options('12.1.0'), COHERENT, true)).toBe(0x27n | (1n << 63n) | (3n << 54n));
  });
});

describe('PTE flags of VRAM', () => {
  const vram = (gc: string, flags: number, rest: object = {}): bigint =>
    pteFlags({ ...options(gc), ...rest }, flags, false, PteMemory.localVram);
  const peer = (gc: string, flags: number): bigint => pteFlags(options(gc), flags, false, PteMemory.peerVram);
  const type = (number: bigint): bigint => number << 57n;

  it('of its own lack SYSTEM, and SNOOPED where the GPU does not look into caches', () => {
    expect(vram('9.4.1', 0)).toBe(0x61n | type(1n));
    expect(vram('9.4.1', COHERENT)).toBe(0x61n | type(2n));
    expect(vram('9.4.2', EXT)).toBe(0x61n | type(2n));
    expect(vram('9.4.2', 0, { connectedToCpu: true })).toBe(0x65n | type(1n));
    expect(vram('9.0.1', 0)).toBe(0x61n);
    expect(vram('9.0.1', COHERENT)).toBe(0x61n | type(3n));
    expect(vram('12.0.1', COHERENT)).toBe(0x61n | (1n << 63n));
  });

  it('of its own follow mtype_local on 9.4.3 to 9.5.0, whatever the machine is', () => {
    for (const gc of ['9.4.3', '9.4.4', '9.5.0']) {
      expect([0, 1, 2].map((mtypeLocal) => vram(gc, COHERENT, { mtypeLocal }))).toEqual([
        0x65n | type(1n),
        0x65n,
        0x65n | type(2n),
      ]);
      expect(vram(gc, EXT, { mtypeLocal: 1, numaNodes: 4 })).toBe(0x65n | type(2n));
    }
  });

  it('of a peer keep SYSTEM and SNOOPED', () => {
    for (const gc of ['9.4.3', '9.4.4', '9.5.0']) {
      expect([peer(gc, COHERENT), peer(gc, EXT)]).toEqual([0x67n, 0x67n | type(3n)]);
    }
    expect([peer('9.4.2', 0), peer('9.4.2', COHERENT)]).toEqual([0x67n, 0x67n | type(3n)]);
  });

  it('have indices of their own', () => {
    const flags = new PteFlagTable(options('9.4.3'));
    const indices = Object.values(PteMemory).map((memory) => flags.indexFor(COHERENT, false, memory));
    expect(new Set(indices).size).toBe(3);
    expect(indices.map((index) => flags.value(index))).toEqual([0x67n | type(3n), 0x65n | type(1n), 0x67n]);
  });
});

describe('PteFlagTable', () => {
  it('gives one number for one value, never 0, and the value back', () => {
    const flags = new PteFlagTable(options('9.4.3'));
    const seen = new Map<number, bigint>();
    for (let mask = 0; mask < 256; mask++) {
      for (const readOnly of [false, true]) {
        const index = flags.indexFor(mask, readOnly, PteMemory.system);
        expect(index).toBeGreaterThan(0);
        expect(flags.value(index)).toBe(pteFlags(options('9.4.3'), mask, readOnly));
        expect(seen.get(index) ?? flags.value(index)).toBe(flags.value(index));
        seen.set(index, flags.value(index));
      }
    }
    expect(seen.size).toBe(4); // writable or not, executable or not
    expect(flags.intern(flags.value(2))).toBe(2);
    expect(flags.value(0)).toBe(0n);
  });

  it('permits what the bits allow', () => {
    const table_ = new PteFlagTable(options('9.4.3'));
    const cases = [
      PteBit.valid | PteBit.readable | PteBit.writeable,
      PteBit.valid | PteBit.readable,
      PteBit.readable | PteBit.writeable,
      0x0140_0000_0000_0010n,
      0n,
    ];
    expect(
      cases.map((value) => [table_.permits(table_.intern(value), false), table_.permits(table_.intern(value), true)]),
    ).toEqual([
      [true, true],
      [true, false],
      [false, false],
      [false, false],
      [false, false],
    ]);
  });
});
