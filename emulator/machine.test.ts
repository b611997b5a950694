import { describe, expect, it } from 'vitest';
import { at, BLOCK, Rig, V } from '../test/support/emulator-rig.ts';
import { EmulatedMachine } from './machine.ts';
import { checkedOptions } from './options.ts';
import type { MachineOptions } from './options.ts';
import type { JournalEntry } from './drm/journal.ts';

describe('EmulatedMachine', () => {
  it('has one GPU of kind gfx942 and the granularity 9 by default', () => {
    const { options, devices, clock } = new EmulatedMachine();
    expect(options).toMatchObject({
      gpus: 1,
      profile: 'v4',
      defaultGranularity: 9,
      numaNodes: 1,
      mtypeLocal: 0,
      thp: false,
      vmaMerge: true,
      sriovXnack: true,
      svmConfigured: true,
    });
    expect([options.models.map(({ asic }) => asic), devices.length, clock.now]).toEqual([['gfx942'], 1, 1_000_000_000]);
  });

  it('is the same with options that were checked before', () => {
    const given = { profile: 'v8', gpus: 2, vram: [1 << 24, 0] } as const;
    const checked = checkedOptions(given);
    expect(new EmulatedMachine(checked).options).toEqual(new EmulatedMachine(given).options);
    expect(new EmulatedMachine(checked).options).toBe(new EmulatedMachine(checked).options);
    expect(() => checkedOptions({ gpus: 9 })).toThrow(/gpus/);
    expect(() => Object.assign(checked, { gpus: 1 })).toThrow(TypeError);
  });

  it('overrides single members of the model', () => {
    const {
      models: [model],
    } = new EmulatedMachine({
      asic: 'gfx90a',
      gc: '9.4.4',
      apu: true,
      noretry: true,
      retryCam: false,
      ih1: false,
      vaBits: 47,
    }).options;
    expect(model).toMatchObject({
      asic: 'gfx90a',
      gc: { major: 9, minor: 4, revision: 4 },
      apu: true,
      noretry: true,
      retryCam: false,
      ih1: false,
      vaBits: 47,
    });
  });

  it('gives each of its GPUs page tables and contexts of their own, over one process', () => {
    const machine = new EmulatedMachine({ gpus: 3 });
    for (const device of machine.devices) device.open();
    const address = machine.process.mmap({ size: 4096 });
    machine.devices[1]!.fault({ address, write: true });
    expect(machine.snapshot().devices.map(({ files }) => files[0]!.ptes.length)).toEqual([0, 1, 0]);
    machine.devices[2]!.fault({ address, write: true });
    machine.process.munmap(address, 4096);
    expect([machine.runPendingWork(), machine.runPendingWork()]).toEqual([2, 0]);
    expect(machine.snapshot().devices.map(({ files }) => files[0]!.ranges.length)).toEqual([0, 0, 0]);
  });

  it('gives anonymous memory huge pages with thp, and then one PTE write a block', () => {
    for (const [thp, writes] of [
      [false, BLOCK],
      [true, 1],
    ] as const) {
      const rig = new Rig({ thp });
      rig.map(V, BLOCK);
      rig.fault(V, true);
      expect([rig.snapshot().vmas[0]!.kind, rig.snapshot().counters.mapCalls]).toEqual([thp ? 'thp' : 'anon', writes]);
    }
  });

  it('shows nothing of the machine before it whose storage it takes over', () => {
    const run = (machine: EmulatedMachine): unknown => {
      const [device] = machine.devices;
      machine.process.mmap({ address: 0x4000_0000n, size: 0x40_0000n, protection: 'rw', kind: 'anon' });
      device!.openFile();
      machine.process.touch(0x4000_0000n, 0x1_0000n, true);
      return [device!.access({ address: 0x4000_0000n, size: 0x2_0000n, write: true }), machine.snapshot()];
    };
    const fresh = run(new EmulatedMachine());
    let previous = new EmulatedMachine();
    for (let time = 0; time < 3; time++) {
      expect(run(previous)).toEqual(fresh);
      const next = new EmulatedMachine({}, previous);
      expect(next.snapshot()).toEqual(new EmulatedMachine().snapshot());
      previous = next;
    }
  });

  it('moves its clock by nothing but advance', () => {
    const rig = new Rig();
    rig.region();
    rig.access(V, BLOCK, true);
    rig.unmap(V, BLOCK);
    rig.gc();
    expect([rig.machine.clock.now, rig.snapshot().clock]).toEqual([1_000_000_000, 1_000_000_000]);
    rig.machine.clock.advance(7);
    expect(rig.machine.snapshot().clock).toBe(1_000_000_007);
  });

  it('takes snapshots that change nothing and are plain data', () => {
    const rig = new Rig();
    rig.region();
    rig.access(V, BLOCK, true);
    const once = rig.snapshot();
    expect(rig.snapshot()).toEqual(once);
    expect(structuredClone(once)).toEqual(once);
    rig.discard(V, 1);
    expect(once.ranges[0]!.mapped).toBe(true);
  });

  it('hands every operation and its answer to journals, until they are taken out', () => {
    const rig = new Rig();
    const entries: JournalEntry[] = [];
    const removes = [
      rig.machine.addJournal({ record: (entry) => entries.push(entry), complete: () => {} }),
      rig.machine.addJournal({ record: () => {}, complete: () => {} }),
    ];
    rig.region();
    rig.fault(V);
    rig.get(V, 1, 3);
    rig.machine.clock.advance(5);
    rig.unmap(V, 1);
    rig.gc();
    expect(entries.map(({ name, result }) => [name, result])).toEqual([
      ['mmap', 0],
      ['touch', 0],
      ['fault', 0],
      ['ioctl', 0],
      ['advance', 0],
      ['munmap', 0],
      ['gc', 0],
    ]);
    expect(entries[3]).toMatchObject({
      operation: 1,
      address: at(V),
      size: 4096n,
      attributeCount: 1,
      pointer: 'ok',
      values: [9],
    });
    for (const remove of removes) remove();
    rig.fault(V);
    expect(entries.length).toBe(7);
  });

  it.each(['v4', 'v7', 'v7-xnack-off'] as const)(
    'of %s may have VRAM, and nothing that is about moving to it',
    (profile) => {
      const { devices } = new EmulatedMachine({ profile, vram: 1 << 20, coherentVram: false, vramRegistration: 0 });
      expect(devices[0]!.vramInfo).toEqual({ total: 1 << 20, free: 1 << 20 });
      expect(devices[0]!.takeVram(4096n)).toBe(0);
      expect(devices[0]!.vramInfo!.free).toBe((1 << 20) - 4096);
      expect([devices[0]!.takeVram(1n << 20n), devices[0]!.freeVram(1), devices[0]!.evict()]).toEqual([-12, -2, -2]);
      expect([devices[0]!.freeVram(0), devices[0]!.vramInfo!.free]).toEqual([0, 1 << 20]);
      const meant = {
        coherentVram: [true],
        thpMigration: true,
        preferGtt: true,
        appApu: true,
        vramRegistration: -12,
        policies: {},
      };
      for (const [name, value] of Object.entries(meant)) {
        expect(() => new EmulatedMachine({ profile, vram: 1 << 20, [name]: value }), name).toThrow(
          `${name}: the revision ${profile} moves no memory to VRAM`,
        );
        expect(() => new EmulatedMachine({ profile: 'v8', vram: 1 << 20, [name]: value }), name).not.toThrow();
      }
    },
  );

  it('has GPUs of different models, each with its board', () => {
    const machine = new EmulatedMachine({ gpus: ['gfx90a', 'gfx1030'], profile: 'v8', vram: 'board' });
    expect(machine.devices.map(({ gpu, xnackEnabled, vramInfo }) => [gpu.model.asic, xnackEnabled, vramInfo])).toEqual([
      ['gfx90a', true, { total: 64 * 2 ** 30, free: 64 * 2 ** 30 }],
      ['gfx1030', false, { total: 16 * 2 ** 30, free: 16 * 2 ** 30 }],
    ]);
    expect(machine.devices.map((device) => device.openFile().computeResult)).toEqual([0, -95]);
    expect(machine.snapshot().devices.map(({ asic }) => asic)).toEqual(['gfx90a', 'gfx1030']);
  });

  it('links its GPUs: in one hive, by PCI Express, or not at all', () => {
    const linksOf = (options: Pick<MachineOptions, 'links' | 'gpus'>) => {
      const { fabric } = new EmulatedMachine({ gpus: 3, ...options });
      return [fabric.link(0, 0), fabric.link(0, 1), fabric.link(0, 2), fabric.ownerOf(0) === fabric.ownerOf(1)];
    };
    expect(linksOf({})).toEqual(['self', 'none', 'none', false]);
    expect(linksOf({ links: 'pcie' })).toEqual(['self', 'pcie', 'pcie', false]);
    expect(linksOf({ links: 'hive' })).toEqual(['self', 'hive', 'hive', true]);
    expect(linksOf({ links: ['a', 'a', 'b'] })).toEqual(['self', 'hive', 'none', true]);
    expect(() => new EmulatedMachine().fabric.link(0, 1)).toThrow('gpu: expected 0 to 0, got 1');
  });

  it.each([
    [{ gpus: ['gfx90a'], asic: 'gfx942' }, 'asic: the list gpus says of which kind each GPU is; leave asic out'],
    [{ gpus: [] }, /^gpus\.length: expected .*1.*8.*, got 0/],
    [{ gpus: ['gfx90b'] }, /^asic: unknown GPU "gfx90b"/],
    [{ gpus: 9 }, /^gpus: /],
    [{ links: 'xgmi' }, /^links: expected one of none, pcie, hive/],
    [
      { gpus: ['gfx90a', 'gfx1030'], links: 'hive' },
      'links: GPU 1 (gfx1030) has no XGMI links and is in no hive; give a list with null for it',
    ],
    [{ gpus: 2, links: ['a'] }, 'links: expected 2 values, one for each GPU, got 1'],
  ])('refuses %j', (options, message) => {
    expect(() => new EmulatedMachine(options as MachineOptions)).toThrow(message);
  });
});
