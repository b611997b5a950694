import { describe, expect, it } from 'vitest';
import { EVENT_NAMES, EventRing } from '../index.ts';
import { BLOCK, Rig, T, V } from '../../test/support/emulator-rig.ts';

function mapped(rig: Rig): void {
  rig.region();
  rig.set(V, BLOCK, [T.access, 2]);
  rig.fault(V, true);
}

describe('EventRing', () => {
  it('keeps the last events in their order and counts the dropped ones', () => {
    const rig = new Rig();
    const all: string[] = [];
    rig.machine.onAny(({ name }) => all.push(name));
    const ring = new EventRing(4);
    const stop = ring.follow(rig.machine);
    mapped(rig);
    expect(all.length).toBeGreaterThan(6);
    expect(ring.events().map(({ name }) => name)).toEqual(all.slice(-4));
    expect([ring.size, ring.dropped]).toEqual([4, all.length - 4]);
    stop();
    rig.unmap(V, BLOCK);
    expect(ring.dropped).toBe(all.indexOf('notifier-called') - 4);
    ring.clear();
    expect([ring.events(), ring.dropped]).toEqual([[], 0]);
  });

  it('can follow some names only, and refuses a capacity of 0', () => {
    const rig = new Rig();
    const ring = new EventRing(10);
    ring.follow(rig.machine, ['fault']);
    mapped(rig);
    expect(ring.events()).toMatchObject([
      { name: 'fault', time: 1e9, event: { outcome: 'mapped', reason: 'mapped', write: true, result: 0 } },
    ]);
    expect(() => new EventRing(0)).toThrow('capacity');
  });
});

describe('events', () => {
  it('tell a whole story in its order', () => {
    const rig = new Rig();
    const story: string[] = [];
    rig.machine.onAny(({ name }) => story.push(name));
    mapped(rig);
    rig.set(V, 1, [T.gpuReadOnly, 1]);
    rig.unmap(V, BLOCK);
    expect(story).toEqual([
      'attributes-changed',
      'ioctl',
      'notifier-inserted',
      'range-inserted',
      'dma-mapped',
      'ptes-written',
      'fault',
      'attributes-changed',
      'attribute-split',
      'ptes-zapped',
      'dma-unmapped',
      'range-removed',
      'notifier-removed',
      'tlb-flushed',
      'ioctl',
    ]);
  });

  it.each([
    [
      'recently-mapped',
      'retry',
      (rig: Rig) => {
        mapped(rig);
        rig.discard(V, BLOCK);
        rig.fault(V);
      },
    ],
    [
      'already-valid',
      'retry',
      (rig: Rig) => {
        mapped(rig);
        rig.later();
        rig.fault(V);
      },
    ],
    [
      'no-vma',
      'retry',
      (rig: Rig) => {
        rig.fault(V);
      },
    ],
    [
      'no-permission',
      'killed',
      (rig: Rig) => {
        rig.map(V, 1, 'r');
        rig.fault(V, true);
      },
    ],
    [
      'vma-refused',
      'killed',
      (rig: Rig) => {
        rig.map(V, 1, 'rw', 'io');
        rig.fault(V);
      },
    ],
    [
      'pages-unavailable',
      'retry',
      (rig: Rig) => {
        rig.region();
        rig.device.failures.plan('collect-pages', 'EBUSY');
        rig.fault(V);
      },
    ],
    [
      'commit-failed',
      'killed',
      (rig: Rig) => {
        rig.region();
        rig.device.failures.plan('write-ptes', 'ENODEV');
        rig.fault(V);
      },
    ],
    [
      'closing',
      'killed',
      (rig: Rig) => {
        rig.device.closeContext(rig.node.file);
        rig.fault(V);
      },
    ],
    [
      'no-context',
      'killed',
      (rig: Rig) => {
        rig.device.finaliseContext(rig.node.file);
        rig.fault(V);
      },
    ],
    [
      'no-context',
      'killed',
      (rig: Rig) => {
        rig.device.fault({ address: 4096n, write: false, pasid: 5 });
      },
    ],
  ] as const)('a fault says why: %s, %s', (reason, outcome, run) => {
    const rig = new Rig();
    const ring = new EventRing(100);
    ring.follow(rig.machine, ['fault']);
    run(rig);
    expect(ring.events().at(-1)!.event).toMatchObject({ reason, outcome });
  });

  it('are counted by name', () => {
    const rig = new Rig();
    const { counts, stop } = rig.machine.countEvents();
    mapped(rig);
    expect(Object.keys(counts)).toEqual([...EVENT_NAMES]);
    expect(counts).toMatchObject({ ioctl: 1, fault: 1, 'ptes-written': 1, hazard: 0 });
    stop();
    rig.fault(V);
    expect(counts.fault).toBe(1);
    // Nobody listens any more: the modelled code has nothing to call.
    expect(rig.node.file.effects.current).toBeNull();
  });

  it('of devices that were closed are released', () => {
    const rig = new Rig();
    rig.machine.on('fault', () => undefined);
    const { file } = rig.node;
    rig.node.close();
    expect(file.effects.current).toBeNull();
  });
});
