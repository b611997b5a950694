import { describe, expect, it } from 'vitest';
import { at, BLOCK, Rig, T, V } from '../../test/support/emulator-rig.ts';
import type { EmulatedMachine } from '../machine.ts';
import type { MachineOptions } from '../options.ts';
import { CLOCK_START } from '../kernel/clock.ts';
import { COST_FIELDS, COST_KINDS } from './cost-fields.ts';
import type { CostField, CostKind } from './cost-fields.ts';

const FIELDS = Object.keys(COST_FIELDS) as CostField[];
/** Nothing takes time, but accesses and copies of 2 MiB two nanoseconds. */
const NOTHING = Object.fromEntries(
  FIELDS.map((field) => [field, COST_FIELDS[field].unit === 'ns' ? 0 : 1e6]),
) as Record<CostField, number>;
const BYTES = BLOCK * 4096;

type Options = MachineOptions & { prepare?: (machine: EmulatedMachine) => void };

/** A range goes to VRAM by a fault, comes home by the CPU, goes there again, and gives way to another. */
function moveAround(options: Options): Rig {
  const rig = new Rig({ profile: 'v8', vram: BYTES, ...options });
  rig.map(V, 2 * BLOCK);
  rig.touch(V, 2 * BLOCK);
  rig.set(V, 2 * BLOCK, [T.preferredLocation, 1]);
  rig.device.access({ address: at(V), size: at(BLOCK), write: true });
  rig.touch(V + 3, 1);
  rig.set(V, BLOCK, [T.prefetchLocation, 1]);
  rig.device.access({ address: at(V + BLOCK), size: at(BLOCK), write: true });
  return rig;
}

/** Memory of the system is mapped, changed by the process, and mapped again by the restore worker; XNACK is off. */
function stopQueues(options: Options): Rig {
  const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true, ...options });
  rig.map(V, BLOCK);
  rig.touch(V, BLOCK);
  rig.set(V, BLOCK, [T.access, 1]);
  rig.device.access({ address: at(V), size: 4096, write: true });
  rig.discard(V, 1);
  rig.machine.clock.advance(1_000_000);
  rig.machine.runDueWork();
  return rig;
}

/** How often each quantity is spent; of bandwidths the bytes. */
const SPENT = {
  moveAround: {
    faultDelivery: 2,
    faultHandling: 2,
    ioctl: 2,
    // Each page of three mappings, and what is cleared: a range for the CPU's fault, one page by the eviction (V8-D5).
    pageTableCall: 3 * BLOCK + 2,
    pte: 3 * BLOCK + BLOCK + 1,
    // With each clearing, and by the prefetch.
    tlbFlush: 3,
    migrationCall: 4,
    migrationPage: 5 * BLOCK,
    copySetup: 5,
    copyBandwidth: 5 * BYTES,
    eviction: 1,
    cpuFault: 2 * BLOCK + 1,
    localBandwidth: 2 * BYTES,
  },
  stopQueues: {
    // SET, which maps the range, and the restore worker, which maps it again.
    ioctl: 1,
    pageTableCall: 2 * BLOCK,
    pte: 2 * BLOCK,
    tlbFlush: 2,
    dmaPage: 2 * BLOCK,
    cpuFault: BLOCK,
    queueStop: 1,
    queueResume: 1,
    remoteBandwidth: 4096,
  },
} as const satisfies Record<string, Partial<Record<CostField, number>>>;
const PROGRAMS = { moveAround, stopQueues };

const spent = (rig: Rig): number => rig.machine.costTotals!.machine.nanoseconds;

describe.each(['moveAround', 'stopQueues'] as const)('each quantity, in %s', (name) => {
  const program = PROGRAMS[name];
  const least = spent(program({ cost: NOTHING }));

  it.each(FIELDS)('%s', (field) => {
    const times = (SPENT[name] as Partial<Record<CostField, number>>)[field] ?? 0;
    const isTime = COST_FIELDS[field].unit === 'ns';
    const more = spent(program({ cost: { ...NOTHING, [field]: isTime ? 1000 : 1 } })) - least;
    // What the fastest link takes is in `least`.
    if (isTime) expect(more).toBe(1000 * times);
    else expect([times - 10, times - 9, times - 4, times]).toContain(more);
  });
});

describe('the cost of what a machine does', () => {
  it('is all of the time that passes', () => {
    for (const [program, advanced] of [
      [moveAround, 0],
      [stopQueues, 1_000_000],
    ] as const) {
      const { machine } = program({ cost: 'mi210' });
      expect(machine.clock.now).toBe(CLOCK_START + advanced + machine.costTotals!.machine.nanoseconds);
    }
  });

  it('is counted by its kind, and bytes by their way', () => {
    const { machine } = moveAround({ cost: 'mi300x' });
    const { machine: all, process, devices } = machine.costTotals!;
    expect(all.faults).toBe(2);
    const counts = Object.fromEntries(COST_KINDS.map((kind) => [kind, all.kinds[kind].count]));
    expect(counts).toEqual({
      'fault-delivery': 2,
      'fault-handling': 2,
      ioctl: 2,
      'page-tables': 3 * BLOCK + 2,
      'tlb-flush': 3,
      'dma-mapping': 0,
      'migration-setup': 4,
      migration: 5 * BLOCK,
      copy: 5,
      eviction: 1,
      'cpu-fault': 2 * BLOCK + 1,
      queues: 0,
      'gpu-access': 4,
    });
    expect(all.bytes).toEqual({ toVram: 3 * BYTES, toSystem: 2 * BYTES, local: 2 * BYTES, remote: 0 });
    // The process and the GPUs together are all.
    for (const kind of COST_KINDS)
      expect(process.kinds[kind].count + devices[0]!.kinds[kind].count, kind).toBe(all.kinds[kind].count);
    expect(process.nanoseconds + devices[0]!.nanoseconds).toBe(all.nanoseconds);
    expect(Object.entries(process.kinds).flatMap(([kind, { count }]) => (count > 0 ? [kind] : []))).toEqual([
      'migration-setup',
      'cpu-fault',
    ]);
    expect(machine.snapshot().cost).toEqual(machine.costTotals);
    expect(machine.devices[0]!.costTotals).toEqual(devices[0]);
  });

  it('is told as it passes', () => {
    const heard = new Map<string, number>();
    let now = CLOCK_START;
    const { machine } = moveAround({
      cost: 'mi300x',
      prepare: (made) =>
        made.onAny(
          ({ time, event }) => {
            const { device, kind, nanoseconds } = event as { device: number; kind: CostKind; nanoseconds: number };
            now += nanoseconds;
            expect([time, device]).toEqual([now, 0]);
            heard.set(kind, (heard.get(kind) ?? 0) + nanoseconds);
          },
          ['time-spent'],
        ),
    });
    for (const kind of COST_KINDS)
      expect(heard.get(kind) ?? 0, kind).toBe(machine.costTotals!.machine.kinds[kind].nanoseconds);
  });

  it('lies before what other listeners see', () => {
    const times: number[] = [];
    moveAround({
      cost: { ...NOTHING, copySetup: 500 },
      prepare: (made) => made.onAny(({ time }) => void times.push(time - CLOCK_START), ['pages-copied']),
    });
    expect(times.map((time) => Math.round(time / 500))).toEqual([1, 2, 3, 4, 5]);
  });

  it('is the same each time', () => {
    const run = (): unknown => moveAround({ cost: 'mi250x' }).machine.snapshot();
    expect(run()).toEqual(run());
  });

  it('of pages where nothing is counts each fault, although few are tried', () => {
    const rig = new Rig({ profile: 'v8', cost: { ...NOTHING, faultDelivery: 10, faultHandling: 1 } });
    const { faults } = rig.device.access({ address: at(V), size: at(1000), write: false });
    expect(faults).toBe(4000);
    const { machine } = rig.machine.costTotals!;
    expect([machine.faults, machine.nanoseconds, rig.machine.clock.now]).toEqual([4000, 44_000, CLOCK_START + 44_000]);
    expect(machine.kinds['fault-handling']).toEqual({ count: 4000, nanoseconds: 4000 });
  });

  it('of a part of a page is that of its bytes', () => {
    const rig = new Rig({ cost: { ...NOTHING, remoteBandwidth: 1 } });
    rig.region();
    rig.device.access({ address: at(V) + 100n, size: 5000, write: false });
    expect([spent(rig), rig.machine.costTotals!.machine.bytes.remote]).toEqual([5000, 5000]);
  });

  it('goes to the GPU that causes it', () => {
    const rig = new Rig({ profile: 'v8', gpus: 2, vram: BYTES, cost: 'mi300x' });
    const second = rig.machine.devices[1]!;
    second.open();
    rig.region();
    second.access({ address: at(V), size: at(BLOCK), write: true });
    const { devices } = rig.machine.costTotals!;
    expect([devices[0]!.faults, devices[1]!.faults, devices[0]!.nanoseconds]).toEqual([0, 1, 0]);
    expect(devices[1]!.bytes.remote).toBe(BYTES);
  });

  it('is none where the queues could not be stopped or resumed', () => {
    const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true, cost: 'mi300x' });
    rig.region();
    rig.set(V, BLOCK, [T.access, 1]);
    for (const refused of ['quiesce', 'resume'] as const) {
      rig.device.setKfdResults(rig.file, { quiesce: 0, resume: 0, [refused]: -3 });
      rig.discard(V, 1);
      rig.machine.clock.advance(2_000_000);
      rig.machine.runDueWork();
    }
    // The second time they were stopped.
    expect(rig.machine.costTotals!.machine.kinds.queues.count).toBe(1);
  });

  it('stops at the last moment of the clock', () => {
    const rig = new Rig({ cost: 'mi300x' });
    rig.region();
    rig.machine.clock.advance(Number.MAX_SAFE_INTEGER - rig.machine.clock.now - 5);
    rig.device.access({ address: at(V), size: 4096, write: false });
    expect(rig.machine.clock.now).toBe(Number.MAX_SAFE_INTEGER);
  });

  it('lets the window pass in which a fault is taken for a repeated one', () => {
    // Two faults for writing in a range that is mapped for reading: the second is answered as mapped already.
    const reasons = (cost: MachineOptions['cost']): string[] => {
      const heard: string[] = [];
      const rig = new Rig({
        profile: 'v8',
        ...(cost === undefined ? {} : { cost }),
        prepare: (made) => made.on('fault', ({ reason }) => void heard.push(reason)),
      });
      rig.region();
      for (let fault = 0; fault < 2; fault++) rig.device.fault({ address: at(V), write: true });
      return heard;
    };
    expect(reasons(undefined)).toEqual(['mapped', 'recently-mapped']);
    expect(reasons({ ...NOTHING, faultDelivery: 2_500_000 })).toEqual(['mapped', 'already-valid']);
  });

  it.each(['v4', 'v7', 'v8', 'v7-xnack-off'] as const)(
    'changes nothing else on %s where no time matters',
    (profile) => {
      const run = (cost: MachineOptions['cost']): unknown => {
        const rig = new Rig({ profile, ...(cost === undefined ? {} : { cost }) });
        rig.region();
        rig.set(V, BLOCK, [T.access, 1], [T.preferredLocation, 1]);
        rig.device.access({ address: at(V), size: at(BLOCK), write: true });
        rig.discard(V, 4);
        const { clock: _, cost: _spent, devices, ...rest } = rig.machine.snapshot();
        return JSON.stringify([devices, rest], (key, value: unknown) =>
          key === 'clock' || key === 'validationTime' ? undefined : typeof value === 'bigint' ? String(value) : value,
        );
      };
      expect(run(NOTHING)).toBe(run(undefined));
      expect(run('mi300x')).toBe(run(undefined));
    },
  );
});
