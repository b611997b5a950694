import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import type { MachineOptions } from '../../emulator/index.ts';
import { EmulatedBackend } from './emulated-backend.ts';

function setUp(options: MachineOptions = {}) {
  const machine = new EmulatedMachine(options);
  return { machine, backend: new EmulatedBackend(machine.devices[0]!) };
}

describe('the emulated backend', () => {
  it('answers for the GPU of the catalogue and the configuration of the driver', () => {
    expect(setUp().backend.abilities).toMatchObject({ svm: true, xnack: true, apu: false });
    expect(setUp({ asic: 'gfx942-apu' }).backend.abilities.apu).toBe(true);
    expect(setUp({ asic: 'gfx1100' }).backend.abilities.xnack).toBe(false);
    expect(setUp({ svmConfigured: false }).backend.abilities.svm).toBe(false);
  });

  it('knows what is mapped in the process of its machine, which its other devices mirror too', () => {
    const { machine, backend } = setUp({ gpus: 2 });
    const region = backend.memory.map({ size: 8192, shared: false });
    expect([backend.isMapped(region.address + 8191n), backend.isMapped(region.address + 8192n)]).toEqual([true, false]);
    expect(new EmulatedBackend(machine.devices[1]!).addressSpace).toBe(backend.addressSpace);
    expect(setUp().backend.addressSpace).not.toBe(backend.addressSpace);
  });

  it('maps memory of the driver, which the SVM ioctl refuses', () => {
    const { machine, backend } = setUp();
    const { address, unmap } = backend.mapDriverMemory(8192n, 'vram');
    expect(machine.process.space.findVma(Number(address >> 12n))).toMatchObject({ kind: 'pfnmap' });
    unmap();
    expect(backend.isMapped(address)).toBe(false);
  });

  it.each([
    ['that SVM uses', { profile: 'v8' }],
    ['of a revision that moves nothing there', { profile: 'v4' }],
    ['that is not registered for SVM', { profile: 'v8', preferGtt: true }],
  ] as const)('takes memory of the driver out of the VRAM %s', (_what, options) => {
    const { backend, machine } = setUp({ ...options, vram: 1 << 20 });
    const { unmap } = backend.mapDriverMemory(256n << 10n, 'vram');
    const pinned = backend.mapDriverMemory(256n << 10n, 'system');
    expect(backend.vramInfo()).toEqual({ total: 1 << 20, free: 768 << 10 });
    expect(machine.memorySnapshot().vram).toEqual([{ evictable: 0, pinned: 64, total: 256 }]);
    expect(() => backend.mapDriverMemory(2n << 20n, 'vram')).toThrow(
      expect.objectContaining({ code: 'ERR_SVM_NO_VRAM' }),
    );
    unmap();
    pinned.unmap();
    expect(backend.vramInfo()!.free).toBe(1 << 20);
  });

  it('knows the memory of its GPU, whether SVM uses it, and the way to the other GPUs', () => {
    const ofProfile = (profile: 'v4' | 'v8') => {
      const { backend, machine } = setUp({ gpus: 3, vram: [4096, 8192, 0], links: ['a', 'a', null], profile });
      const others = machine.devices.map((device) => new EmulatedBackend(device));
      return [
        [backend, ...others].map(({ abilities: { vram, hive } }) => [vram, hive]),
        others.map((other) => [backend.linkTo(other), other.vramInfo()]),
      ];
    };
    const info = (total: number) => ({ total, free: total });
    const links = [
      ['self', info(4096)],
      ['hive', info(8192)],
      ['none', undefined],
    ];
    for (const profile of ['v4', 'v8'] as const) {
      const uses = profile === 'v8';
      expect(ofProfile(profile)).toEqual([
        [
          [uses, 'a'],
          [uses, 'a'],
          [uses, 'a'],
          [false, undefined],
        ],
        links,
      ]);
    }
    expect(setUp().backend.linkTo(setUp().backend)).toBeUndefined();
  });

  it('runs what the driver has put off, and lets time pass at once', async () => {
    const { machine, backend } = setUp();
    const region = backend.memory.map({ size: 1 << 21, shared: false });
    await backend.createQueue().read(region.address, 4096);
    const [file] = backend.emulator.files;
    region.unmap(0, 1 << 21);
    expect(file!.context!.collector.pending).toBe(1);
    backend.runDeferredWork();
    expect(file!.context!.collector.pending).toBe(0);
    const before = machine.clock.now;
    await backend.passTime(5);
    expect(machine.clock.now).toBe(before + 5);
  });

  it('closes its file once', () => {
    const { machine, backend } = setUp();
    backend.close();
    backend.close();
    expect([backend.node.closed, machine.devices[0]!.files.length]).toEqual([true, 0]);
  });
});
