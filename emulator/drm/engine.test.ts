import { describe, expect, it } from 'vitest';
import { EmulatedMachine, Errno, GpuAccessError, GpuEngine, XNACK_RETRY_INTERVAL } from '../index.ts';
import type { EventMap, MachineOptions } from '../index.ts';

const PAGE = 4096;
const MIB = 1 << 20;

function setUp(options: MachineOptions = {}) {
  const machine = new EmulatedMachine(options);
  const device = machine.devices[0]!;
  const file = device.openFile();
  const address = machine.process.mmap({ size: 4 * MIB });
  const faults: EventMap['fault'][] = [];
  machine.on('fault', (event) => void faults.push(event));
  return { machine, device, file, engine: new GpuEngine(device, file, machine.clock), address, faults };
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

const ADD = { operation: 'add', bits: 64, value: 1n, compare: 0n } as const;

describe('the engine', () => {
  it('does its work through faults, and no time passes while they are answered', () => {
    const { machine, engine, address, faults } = setUp();
    const before = machine.clock.now;
    engine.fill(address, 0x01020304, 2 * MIB);
    engine.copy(address + BigInt(2 * MIB), address, MIB);
    engine.write(address + 8n, Uint8Array.of(9));
    engine.atomic(address + 16n, ADD);
    expect([...engine.read(address + 8n, 9)]).toEqual([9, 3, 2, 1, 4, 3, 2, 1, 5]);
    expect(machine.process.read(address + BigInt(3 * MIB - 4), 4)).toEqual(Uint8Array.of(4, 3, 2, 1));
    expect([machine.clock.now - before, faults.map(({ outcome }) => outcome)]).toEqual([0, ['mapped', 'mapped']]);
  });

  it('ends at the first fault that is answered with an error, and touches no byte', () => {
    for (const errno of ['EBUSY', 'EINVAL', 'ENOMEM'] as const) {
      const { machine, device, engine, address, faults } = setUp();
      device.failures.plan('write-ptes', errno);
      const before = machine.clock.now;
      const error = errorOf(() => engine.fill(address, 0xffff_ffff, 4 * MIB));
      expect([error.address, error.access, error.code]).toEqual([address, 'write', 'ERR_SVM_GPU_FAULT']);
      // What the event of the fault says, not what the state looks like afterwards.
      const decided = { reason: faults[0]!.reason, cause: -Errno[errno] };
      expect(error.denial).toEqual({ result: -Errno[errno], decided, cause: undefined });
      // Not repeated: one fault, no time.
      expect([faults.map(({ outcome }) => outcome), machine.clock.now - before]).toEqual([['killed'], 0]);
      expect(machine.process.read(address, 4 * MIB).every((byte) => byte === 0)).toBe(true);
      // The next work is served.
      engine.fill(address, 0xffff_ffff, 4);
      expect(machine.process.read(address, 4)[0]).toBe(0xff);
    }
  });

  it.each([
    ['copy', (engine: GpuEngine, at: bigint) => engine.copy(at + BigInt(2 * MIB), at, 8), 'read'],
    ['read', (engine: GpuEngine, at: bigint) => engine.read(at, 8), 'read'],
    ['write', (engine: GpuEngine, at: bigint) => engine.write(at, new Uint8Array(8).fill(1)), 'write'],
    ['atomic', (engine: GpuEngine, at: bigint) => engine.atomic(at, ADD), 'write'],
  ] as const)('kills %s likewise', (_name, work, access) => {
    const { machine, device, engine, address } = setUp();
    device.failures.plan('write-ptes', 'EBUSY');
    expect(errorOf(() => work(engine, address)).access).toBe(access);
    expect(machine.process.read(address, 4 * MIB).every((byte) => byte === 0)).toBe(true);
  });

  it('names the page that killed the work, after pages that were served', () => {
    const { device, engine, address, faults } = setUp();
    device.failures.plan('write-ptes', 'EBUSY', 1, 1);
    expect(errorOf(() => engine.fill(address + 8n, 1, 3 * MIB)).address).toBe(address + BigInt(2 * MIB));
    expect(faults.map(({ outcome }) => outcome)).toEqual(['mapped', 'killed']);
    device.failures.plan('write-ptes', 'EBUSY');
    expect(errorOf(() => engine.read(address + BigInt(2 * MIB + 100), 4)).address).toBe(
      address + BigInt(2 * MIB + 100),
    );
  });

  it('waits the retry interval where the handler says "retry" and maps nothing, and gives up in the end', () => {
    const { machine, engine, address } = setUp();
    machine.process.munmap(address + BigInt(PAGE), PAGE);
    const before = machine.clock.now;
    const error = errorOf(() => engine.read(address, 2 * PAGE));
    expect([error.address, error.denial]).toEqual([address + BigInt(PAGE), { result: 0, cause: 'nothing-mapped' }]);
    expect((machine.clock.now - before) / XNACK_RETRY_INTERVAL).toBe(65);
  });

  it('passes the window of a recent mapping by waiting', () => {
    const { machine, device, engine, address } = setUp();
    engine.write(address, Uint8Array.of(1));
    machine.process.discard(address, PAGE);
    const before = machine.clock.now;
    engine.write(address, Uint8Array.of(2));
    expect(machine.process.read(address, 1)[0]).toBe(2);
    expect((machine.clock.now - before) / XNACK_RETRY_INTERVAL).toBe(8);
    expect(device.gpu.counters.mapCalls).toBeGreaterThan(512);
  });
});
