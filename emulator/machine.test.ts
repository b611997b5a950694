import { describe, expect, it } from 'vitest';
import { at, BLOCK, Rig, V } from '../test/support/emulator-rig.ts';
import { EmulatedMachine } from './machine.ts';
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
    expect([options.model.asic, devices.length, clock.now]).toEqual(['gfx942', 1, 1_000_000_000]);
  });

  it('overrides single members of the model', () => {
    const { model } = new EmulatedMachine({
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
});
