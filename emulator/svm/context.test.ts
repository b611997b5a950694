import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../machine.ts';
import type { EmulatedDevice } from '../drm/device.ts';
import { at, BLOCK, Rig, T, V } from '../../test/support/emulator-rig.ts';
import { createContext, GpuVm, PasidAllocator, PasidTable, SvmContext } from './context.ts';

function surroundings(rig: Rig) {
  const { device, clock, effects, points, failures } = rig.context;
  const { revision, driver } = rig.device.surroundings;
  return { revision, driver, device, clock, effects, points, failures, deviceMemory: null };
}

describe('creation of a context', () => {
  it('does nothing where there is one', () => {
    const rig = new Rig();
    const { context } = rig;
    expect(createContext(rig.node.file.vm, null, surroundings(rig))).toBe(0);
    expect(rig.context).toBe(context);
  });

  it('fails with EINVAL for a task without an mm, after the check of XNACK', () => {
    const rig = new Rig();
    const vm = new GpuVm(1);
    expect([createContext(vm, null, surroundings(rig)), vm.context]).toEqual([-22, null]);
    const off = new Rig({ asic: 'gfx1100' });
    expect(createContext(vm, null, { ...surroundings(rig), device: off.device.gpu })).toBe(-95);
    expect(createContext(vm, rig.machine.process.space, surroundings(rig))).toBe(0);
    expect(vm.context).toBeInstanceOf(SvmContext);
  });

  it('is done by the first ioctl of a file whose VM has none', () => {
    const rig = new Rig({ compute: false });
    expect(rig.node.file.context).toBeNull();
    expect(rig.get(V, 1, T.access).result).toBe(0);
    expect(rig.node.file.context).not.toBeNull();
  });
});

describe('close and finalisation', () => {
  it('leave nothing but the PTEs, and the next ioctl makes a new context', () => {
    const rig = new Rig();
    rig.region();
    rig.access(V, BLOCK, true);
    const { context } = rig;
    expect(rig.device.finaliseContext(rig.node.file)).toEqual({ ranges: 0, attrs: 0, dmaPages: 0 });
    expect([rig.node.file.context, rig.machine.process.space.notifiers.size, rig.device.gpu.counters.dmaPages]).toEqual(
      [null, 0, 0],
    );
    expect(rig.snapshot().ptes.map(({ pages, state }) => [pages, state])).toEqual([[BLOCK, 'orphan']]);
    expect(rig.value(V, 1, T.granularity)).toBe(9);
    expect(rig.context).not.toBe(context);
    expect(rig.intervals()).toEqual([]);
  });

  it('may be done twice', () => {
    const rig = new Rig();
    rig.device.closeContext(rig.node.file);
    rig.device.closeContext(rig.node.file);
    expect(rig.device.finaliseContext(rig.node.file)).toEqual({ ranges: 0, attrs: 0, dmaPages: 0 });
    expect(rig.device.finaliseContext(rig.node.file)).toBeUndefined();
  });

  it('leave faults without a context: EOPNOTSUPP, and KFD SVM is asked', () => {
    const rig = new Rig();
    rig.device.finaliseContext(rig.node.file);
    expect(rig.fault(V)).toBe(-95);
    expect(rig.device.vmFault({ address: at(V), write: false }).askedHandler).toBe('kfd-svm');
  });

  it('of one file leave those of others alone', () => {
    const rig = new Rig();
    rig.region();
    rig.access(V, BLOCK, true);
    const other = rig.device.open();
    rig.device.access({ address: at(V), size: 4096, write: true, file: other.file });
    other.close();
    expect(rig.ranges()).toEqual([[0, BLOCK, true]]);
    rig.discard(V, BLOCK);
    expect(rig.ptes()).toEqual([]);
  });
});

describe('exit of the process', () => {
  it('zaps and collects what is mapped, and the context lives on', () => {
    const rig = new Rig();
    rig.region();
    rig.set(V, BLOCK, [T.prefetchLocation, 1]);
    rig.machine.process.exit();
    expect([rig.ptes(), rig.gc(), rig.ranges(), rig.intervals()]).toEqual([[], 1, [], []]);
    expect([rig.fault(V), rig.get(V, 1, T.access).result, rig.set(V, 1, [T.access, 2])]).toEqual([0, 0, -14]);
  });
});

describe('PASIDs', () => {
  it('are 0x8001 + i for the first file of GPU i, and none is given twice', () => {
    const one = new PasidAllocator(1);
    expect([one.allocate(0), one.allocate(0), one.allocate(0)]).toEqual([0x8001, 0x8002, 0x8003]);
    const three = new PasidAllocator(3);
    expect([2, 0, 2, 1, 0].map((gpu) => three.allocate(gpu))).toEqual([0x8003, 0x8001, 0x8004, 0x8002, 0x8005]);
  });

  it('lead to a VM of their device until it is removed', () => {
    const table = new PasidTable();
    const vm = new GpuVm(0x8002);
    table.add(vm);
    expect([table.find(0x8002), table.find(0x8001)]).toEqual([vm, undefined]);
    table.remove(vm);
    expect(table.find(0x8002)).toBeUndefined();
  });

  it('of another GPU are unknown to this one', () => {
    const machine = new EmulatedMachine({ gpus: 2 });
    const [first, second] = machine.devices;
    second!.open();
    first!.open();
    const address = machine.process.mmap({ size: 4096 });
    const fault = (device: EmulatedDevice, pasid: number) => device.fault({ address, write: true, pasid });
    expect([fault(first!, 0x8001), fault(second!, 0x8002)]).toEqual([0, 0]);
    expect([fault(first!, 0x8002), fault(second!, 0x8001)]).toEqual([-95, -95]);
  });
});
