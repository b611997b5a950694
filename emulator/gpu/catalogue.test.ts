import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../machine.ts';
import { GPU_CATALOGUE, gpuModel } from './catalogue.ts';
import type { AsicName } from './catalogue.ts';
import { formatGcVersion } from './gc-version.ts';

const EOPNOTSUPP = -95;

// ASIC -> GC version, whether an SVM context can live, PTE flags of the default record (spec/03-gpu-ranges §B.2, spec/06-lifecycle §3).
const expected: Readonly<Record<AsicName, readonly [gc: string, works: boolean, flags?: bigint]>> = {
  gfx900: ['9.0.1', false],
  gfx906: ['9.4.0', false],
  'gfx906-xnack': ['9.4.0', true, 0x0600_0000_0000_0067n],
  gfx908: ['9.4.1', false],
  'gfx908-xnack': ['9.4.1', true, 0x0600_0000_0000_0067n],
  gfx90a: ['9.4.2', true, 0x0600_0000_0000_0067n],
  gfx90c: ['9.3.0', true, 0x0600_0000_0000_0067n],
  gfx942: ['9.4.3', true, 0x0600_0000_0000_0067n],
  'gfx942-apu': ['9.4.3', true, 0x0200_0000_0000_0067n],
  gfx950: ['9.5.0', true, 0x67n],
  gfx1030: ['10.3.0', false],
  gfx1100: ['11.0.0', false],
  gfx1101: ['11.0.3', false],
  gfx1150: ['11.5.0', false],
  gfx1151: ['11.5.1', false],
  gfx1200: ['12.0.0', false],
  gfx1201: ['12.0.1', false],
};

describe('the catalogue', () => {
  it('has the ASICs of this table', () => {
    expect(Object.keys(GPU_CATALOGUE)).toEqual(Object.keys(expected));
  });

  for (const [asic, [gc, works, flags]] of Object.entries(expected) as [
    AsicName,
    readonly [string, boolean, bigint?],
  ][]) {
    it(`has ${asic} with GC ${gc}, on which SVM ${works ? 'works' : 'is refused with EOPNOTSUPP'}`, () => {
      const machine = new EmulatedMachine({ asic });
      const device = machine.devices[0]!;
      expect([gpuModel(asic).asic, formatGcVersion(gpuModel(asic).gc), device.xnackEnabled]).toEqual([asic, gc, works]);
      expect(device.openFile().computeResult).toBe(works ? 0 : EOPNOTSUPP);
      const address = machine.process.mmap({ size: 4096 });
      expect(device.fault({ address, write: true })).toBe(works ? 0 : EOPNOTSUPP);
      expect(machine.snapshot().devices[0]!.files[0]!.ptes.map((run) => run.flags)).toEqual(works ? [flags] : []);
    });
  }

  it('works on the older chips once retry is allowed, and on none of the newer ones', () => {
    for (const asic of ['gfx900', 'gfx906', 'gfx908'] as const)
      expect(new EmulatedMachine({ asic, noretry: false }).devices[0]!.openFile().computeResult).toBe(0);
    for (const asic of ['gfx1030', 'gfx1100', 'gfx1101', 'gfx1150', 'gfx1151', 'gfx1200', 'gfx1201'] as const) {
      expect(new EmulatedMachine({ asic, noretry: false }).devices[0]!.openFile().computeResult).toBe(EOPNOTSUPP);
    }
  });

  it('lists what it knows when it is asked for something else', () => {
    expect(() => gpuModel('gfx9')).toThrow(
      /^asic: unknown GPU "gfx9", near gfx900, gfx906, gfx908, gfx90a; known: gfx900, gfx906, /,
    );
    expect(() => gpuModel('gfx940')).toThrow('asic: unknown GPU "gfx940", near gfx900, gfx942, gfx950');
    expect(() => gpuModel('GB200')).toThrow(/^asic: unknown GPU "GB200"; known: /);
    expect(() => gpuModel('toString')).toThrow(RangeError);
  });

  it("may be extended by a model of one's own", () => {
    const machine = new EmulatedMachine({ asic: { ...gpuModel('gfx90a'), asic: 'mine', vaBits: 40 } });
    expect([machine.snapshot().devices[0]!.asic, machine.devices[0]!.gpu.maxPage]).toEqual(['mine', 2 ** 28]);
  });
});
