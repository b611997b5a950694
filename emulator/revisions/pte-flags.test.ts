import { describe, expect, it } from 'vitest';
import { parseGcVersion } from '../gpu/gc-version.ts';
import { pteFlags as commonPteFlags, PteMemory } from '../gpu/pte-format.ts';
import { V7 } from './v7/index.ts';
import { V8 } from './v8/index.ts';

const EXT_COHERENT = 4;
const gfx1210 = { gc: parseGcVersion('12.1.0'), apu: false, numaNodes: 1, mtypeLocal: 0 };

describe('PTE flags of GC 12.1.0', () => {
  it('are uncached outside of its own VRAM, on the second silicon only if it must be coherent', () => {
    const uncached = (memory: PteMemory, flags: number, siliconRevision: number): boolean =>
      (V7.pteFlags({ ...gfx1210, siliconRevision }, flags, false, memory) & (3n << 54n)) !== 0n;
    for (const memory of [PteMemory.system, PteMemory.peerVram]) {
      expect([uncached(memory, 0, 0), uncached(memory, 0, 16), uncached(memory, EXT_COHERENT, 16)]).toEqual([
        true,
        false,
        true,
      ]);
    }
    expect(uncached(PteMemory.localVram, EXT_COHERENT, 0)).toBe(false);
  });

  it.each([
    ['v7', V7, 0xc0c0_0000_0000_0067n],
    ['v8', V8, 0x88c0_0000_0000_0067n],
  ])('say whether there are atomics over the bus, in the bit of %s', (_, revision, expected) => {
    const flags = (busAtomics: boolean): bigint =>
      revision.pteFlags({ ...gfx1210, busAtomics }, 0, false, PteMemory.system);
    expect([flags(false), flags(true)]).toEqual([0x80c0_0000_0000_0067n, expected]);
  });

  it('have no SYSTEM bit in VRAM, and no WRITEABLE bit for reading', () => {
    expect(V7.pteFlags(gfx1210, 0, true, PteMemory.localVram)).toBe(0x8000_0000_0000_0025n);
    expect(V7.pteFlags(gfx1210, 0x30, false, PteMemory.localVram)).toBe(0x8000_0000_0000_0035n);
  });
});

it('PTE flags of every other GPU are those that all revisions share', () => {
  const gfx942 = { gc: parseGcVersion('9.4.3'), apu: false, numaNodes: 1, mtypeLocal: 0 };
  expect(V7.pteFlags(gfx942, 3, false, PteMemory.system)).toBe(commonPteFlags(gfx942, 3, false));
});
