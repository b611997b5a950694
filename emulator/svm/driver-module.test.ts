/** Unloading the driver: when it is refused, and what fails afterwards. */
import { describe, expect, it } from 'vitest';
import { at, Rig, T, V } from '../../test/support/emulator-rig.ts';

const UNLOADED = expect.objectContaining({ name: 'DriverUnloadedError', code: 'ERR_SVM_DRIVER_UNLOADED' }) as Error;

describe('unloading the driver', () => {
  it('is refused while a file is open, by name, and changes nothing then', () => {
    const rig = new Rig({ gpus: 2 });
    const other = rig.machine.devices[1]!.open();
    rig.node.close();
    expect(() => rig.machine.unloadDriver()).toThrow(
      'unloadDriver: emulated:renderD129 is open (PASID 0x8002); close it first',
    );
    expect(() => rig.machine.unloadDriver()).toThrow(expect.objectContaining({ code: 'ERR_SVM_DRIVER_IN_USE' }));
    expect(rig.machine.snapshot().driver.loaded).toBe(true);
    other.close();
    rig.machine.unloadDriver();
    expect(rig.machine.snapshot().driver.loaded).toBe(false);
  });

  it('ends opening, faults, accesses and ioctls; the process goes on', () => {
    const rig = new Rig();
    rig.region();
    rig.node.close();
    rig.machine.unloadDriver();
    expect(() => rig.device.open()).toThrow(UNLOADED);
    expect(() => rig.device.open()).toThrow('emulated:renderD128: the driver is unloaded');
    expect(() => rig.fault(V)).toThrow(UNLOADED);
    expect(() => rig.device.fault({ address: at(V), write: false, pasid: 0x8001 })).toThrow(UNLOADED);
    expect(() => rig.access(V)).toThrow('no open file');
    expect(() => rig.get(V, 1, T.access)).toThrow(expect.objectContaining({ code: 'ERR_SVM_CLOSED' }));
    expect(() => rig.machine.unloadDriver()).toThrow(UNLOADED);
    expect(rig.unmap(V, 1)).toBe(0);
  });

  it('leaves no way in for a node whose file was released behind its back', () => {
    const rig = new Rig();
    rig.device.releaseFile(rig.node.file);
    rig.machine.unloadDriver();
    expect(() => rig.get(V, 1, T.access)).toThrow(UNLOADED);
  });

  it('is an operation: a monitor counts it', () => {
    const rig = new Rig();
    const monitor = rig.machine.watchHazards();
    rig.node.close();
    const before = monitor.operation;
    rig.machine.unloadDriver();
    expect(monitor.operation).toBe(before + 1);
    expect(monitor.hazards).toMatchObject([
      { quirk: 'Q12', severity: 'notice', device: 0, size: 0n, operation: before },
    ]);
  });
});
