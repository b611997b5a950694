import { describe, expect, it } from 'vitest';
import { EmulatedMachine, GpuAccessError, GpuEngine } from '../index.ts';
import type { EmulatedFile, MachineOptions } from '../index.ts';
import { SvmAttributeType } from '../../lib/uapi/constants.ts';
import { ATTRS_PTR_OFFSET, encodeAttributes, encodeSvmRequest } from '../../lib/uapi/codec.ts';

const MIB = 1 << 20;
const MILLISECOND = 1_000_000;

function setUp(options: MachineOptions = {}) {
  const machine = new EmulatedMachine({ profile: 'v7-xnack-off', xnackOff: true, ...options });
  const address = machine.process.mmap({ size: 2 * MIB });
  machine.process.touch(address, 2 * MIB, true);
  const gpus = machine.devices.map((device) => {
    const node = device.open();
    const data = encodeAttributes([{ type: SvmAttributeType.access, value: 1 }]);
    const arg = encodeSvmRequest({ startAddress: address, size: 2n * BigInt(MIB), operation: 0, attributeCount: 1 });
    expect(node.ioctl(node.profile.request, arg, [{ offset: ATTRS_PTR_OFFSET, data }])).toBe(0);
    return { device, file: node.file as EmulatedFile, engine: new GpuEngine(device, node.file, machine.clock) };
  });
  return { machine, address, gpus, ...gpus[0]! };
}

function errorOf(action: () => unknown): GpuAccessError {
  try {
    action();
  } catch (error) {
    if (error instanceof GpuAccessError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('GPU work while the queues are stopped', () => {
  it('waits until the worker has mapped again, and then does its work on the new pages', () => {
    const { machine, address, engine } = setUp();
    const told: string[] = [];
    machine.onAny(({ name }) => void told.push(name), ['queues-stopped', 'restore-ended', 'queues-resumed', 'hazard']);
    engine.fill(address, 0x01010101, 2 * MIB);
    machine.process.discard(address, 4096);
    const before = machine.clock.now;
    engine.write(address + 8n, Uint8Array.of(7));
    expect(machine.clock.now - before).toBe(MILLISECOND);
    // The discarded page came back empty, the others kept what they had.
    expect([...machine.process.read(address + 6n, 4)]).toEqual([0, 0, 7, 0]);
    expect(machine.process.read(address + 4096n, 1)[0]).toBe(1);
    expect(told).toEqual(['queues-stopped', 'queues-resumed', 'restore-ended']);
  });

  it('takes the same time and gives the same bytes each time', () => {
    const run = (): unknown => {
      const { machine, address, engine } = setUp();
      const log: unknown[] = [];
      machine.onAny(({ name, time, event }) => void log.push([name, time, event]));
      for (let page = 0; page < 8; page++) {
        machine.process.discard(address + BigInt(page * 65536), 4096);
        engine.fill(address, page, MIB);
      }
      const bytes = machine.process.read(address, MIB).reduce((sum, byte, index) => (sum * 31 + byte + index) >>> 0, 0);
      return [log, machine.snapshot(), bytes];
    };
    expect(run()).toEqual(run());
  });

  it('waits no longer than until the queues run: a machine without stops loses no time', () => {
    const { machine, address, engine } = setUp();
    const before = machine.clock.now;
    engine.fill(address, 1, 2 * MIB);
    expect(machine.clock.now).toBe(before);
  });

  it('waits for several passes where the worker has to come again', () => {
    const { machine, address, device, engine } = setUp();
    machine.process.discard(address, 4096);
    device.failures.plan('write-ptes', 'ENOMEM', 2);
    const before = machine.clock.now;
    engine.fill(address, 1, 4);
    expect((machine.clock.now - before) / MILLISECOND).toBe(2);
  });

  it('of every GPU of the process waits, whichever of them stopped the queues', () => {
    const { machine, address, gpus } = setUp({ gpus: 2 });
    machine.process.discard(address, 4096);
    expect(gpus.map(({ file }) => file.vm.kfd.stopped)).toEqual([1, 1]);
    gpus[1]!.engine.fill(address, 1, 4);
    expect(gpus.map(({ file }) => file.vm.kfd.stopped)).toEqual([0, 0]);
    // Only the first one has the pages mapped now.
    const own = machine.process.mmap({ size: MIB });
    expect(own).not.toBe(address);
    gpus[0]!.device.setKfdResults(gpus[0]!.file, { resume: -3 });
    machine.process.discard(address, 4096);
    expect(errorOf(() => gpus[1]!.engine.fill(address, 1, 4)).denial).toEqual({ result: 0, cause: 'queues-stopped' });
  });

  it('is given up where nothing is left that could resume them', () => {
    const { machine, address, device, file, engine } = setUp();
    device.setKfdResults(file, { resume: -3 });
    machine.process.discard(address, 4096);
    const error = errorOf(() => engine.read(address + 5n, 8));
    expect([error.address, error.access, error.denial]).toEqual([
      address + 5n,
      'read',
      { result: 0, cause: 'queues-stopped' },
    ]);
  });

  it('is given up after 1,000 works: it would starve', () => {
    const { machine, address, engine } = setUp();
    machine.process.discard(address, 4096);
    // Another thread is always faster than the GPU.
    machine.on('queues-resumed', () => void machine.process.discard(address, 4096));
    const before = machine.clock.now;
    expect(errorOf(() => engine.read(address, 8)).denial.cause).toBe('queues-stopped');
    expect((machine.clock.now - before) / MILLISECOND).toBe(1000);
  });

  it('is killed where the GPU has no PTE that permits it', () => {
    const { machine, engine, address } = setUp();
    const other = machine.process.mmap({ size: MIB });
    const denial = { result: -95, decided: { reason: 'no-retry-faults', cause: 0 }, cause: undefined };
    expect(errorOf(() => engine.read(other, 8)).denial).toEqual(denial);
    machine.process.munmap(address, 2 * MIB);
    expect(errorOf(() => engine.read(address, 8)).denial).toEqual(denial);
  });
});

describe('the due works of a machine', () => {
  it('are the restore workers whose time has come, and all collectors', () => {
    const { machine, address } = setUp({ gpus: 2 });
    machine.process.discard(address, 4096);
    expect(machine.runDueWork()).toBe(0);
    machine.clock.advance(MILLISECOND);
    expect(machine.runDueWork()).toBe(2);
    machine.process.munmap(address, 2 * MIB);
    expect(machine.runDueWork()).toBe(2);
  });

  it('are the collectors of GPUs with retry faults', () => {
    const machine = new EmulatedMachine();
    const device = machine.devices[0]!;
    device.openFile();
    const address = machine.process.mmap({ size: MIB });
    device.fault({ address, write: true });
    machine.process.munmap(address, MIB);
    expect([machine.runDueWork(), machine.runDueWork()]).toEqual([1, 0]);
  });
});
