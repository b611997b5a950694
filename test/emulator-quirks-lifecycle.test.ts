/** Catalogue 07-quirks, section A: life cycle and ABI. */
import { describe, expect, it } from 'vitest';
import { AddressSpace } from '../emulator/mm/address-space.ts';
import { EmulatedMachine } from '../emulator/index.ts';
import { createContext } from '../emulator/svm/context.ts';
import { at, BLOCK, PTE, Rig, T, V } from './support/emulator-rig.ts';

const EAGAIN = -11;
const DUMMY_PAGE = 0x77n;
const NO_RETRY = 0x0140_0000_0000_0010n;
const CACHES = ['amdgpu_svm_range_cache', 'amdgpu_svm_attr_range_cache'];

describe('life cycle and ABI', () => {
  it('Q02: with a context only the SVM handler is asked, and KFD SVM is no fallback when it fails', () => {
    const rig = new Rig();
    rig.map(V, BLOCK, '-');
    expect(rig.device.vmFault({ address: at(V), write: false })).toEqual({
      handled: false,
      askedHandler: 'svm',
      result: -1,
    });
  });

  it('Q02: KFD SVM is asked only where the VM has no context', () => {
    const rig = new Rig({ svmConfigured: false });
    rig.region();
    expect(rig.device.vmFault({ address: at(V), write: false })).toEqual({
      handled: false,
      askedHandler: 'kfd-svm',
      result: undefined,
    });
  });

  it('Q04: the context of a non-compute VM maps by prefetch but gets no faults, only the dummy page', () => {
    const rig = new Rig({ compute: false });
    rig.region();
    expect(rig.set(V, BLOCK, [T.access, 2])).toBe(0);
    expect(rig.device.vmFault({ address: at(V), write: false })).toEqual({
      handled: false,
      askedHandler: 'none',
      result: undefined,
    });
    expect(rig.pte(V)).toBe(DUMMY_PAGE);
    expect(rig.set(V, BLOCK, [T.prefetchLocation, 1])).toBe(0);
    expect(rig.pte(V)).toBe(PTE.UC.rw);
  });

  it('Q07: the context keeps mirroring the process of its creator, whoever calls later', () => {
    const rig = new Rig();
    rig.region();
    const other = new AddressSpace();
    const { file } = rig.node;
    const { device, clock, effects, points, failures } = rig.context;
    const { revision, driver } = rig.device.surroundings;
    expect(
      createContext(file.vm, other, { revision, driver, device, clock, effects, points, failures, deviceMemory: null }),
    ).toBe(0);
    expect(rig.context.process).toBe(rig.machine.process.space);
    expect(rig.set(V, BLOCK, [T.access, 2])).toBe(0);
  });

  it('Q11: while the context closes, events neither zap nor flush, and finalisation leaves the PTEs', () => {
    const rig = new Rig();
    rig.region();
    rig.access(V, BLOCK, true);
    rig.device.closeContext(rig.node.file);
    const seen: string[] = [];
    for (const name of ['ptes-zapped', 'tlb-flushed', 'dma-unmapped', 'collection-queued'] as const)
      rig.machine.on(name, () => seen.push(name));
    rig.discard(V, BLOCK);
    expect(seen).toEqual([]);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'stale']]);
    expect(rig.unmap(V, BLOCK)).toBe(0);
    expect(rig.device.finaliseContext(rig.node.file)).toEqual({ ranges: 0, attrs: 0, dmaPages: 0 });
    expect(seen).toEqual(['dma-unmapped']);
    expect(rig.ptes()).toEqual([[0, BLOCK, PTE.UC.rw, 'stale']]);
  });

  it('Q12: the slab caches come with the first context of any device, and stay without the driver', () => {
    const machine = new EmulatedMachine({ gpus: 2 });
    expect(machine.snapshot().driver).toEqual({ loaded: true, slabCaches: [] });
    const files = [
      machine.devices[1]!.openFile({ compute: false }),
      machine.devices[1]!.openFile(),
      machine.devices[0]!.openFile(),
    ];
    expect(machine.snapshot().driver).toEqual({ loaded: true, slabCaches: CACHES });
    for (const file of files) machine.devices[1]!.releaseFile(file);
    machine.devices[0]!.releaseFile(files[2]!);
    expect(machine.unloadDriver()).toEqual(CACHES);
    expect(machine.snapshot().driver).toEqual({ loaded: false, slabCaches: CACHES });
  });

  it('Q12: they stay after a creation that failed, and are not there before the first one', () => {
    const failed = new Rig({ asic: 'gfx1100' });
    failed.node.close();
    expect(failed.machine.unloadDriver()).toEqual(CACHES);
    const unused = new Rig({ compute: false });
    unused.node.close();
    expect(unused.machine.unloadDriver()).toEqual([]);
    const without = new Rig({ svmConfigured: false });
    without.node.close();
    expect(without.machine.unloadDriver()).toEqual([]);
  });

  it('Q61: a fault on a closing context gets EAGAIN and its access is killed', () => {
    const rig = new Rig();
    rig.region();
    rig.device.closeContext(rig.node.file);
    expect(rig.fault(V)).toBe(EAGAIN);
    expect(rig.device.vmFault({ address: at(V), write: false }).handled).toBe(false);
    expect(rig.pte(V)).toBe(NO_RETRY);
  });
});
