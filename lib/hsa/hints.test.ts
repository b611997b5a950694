/** The hint of a refusal names its one cause, and reaches the errors of the layers above. */
import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import type { MachineOptions } from '../../emulator/index.ts';
import { HipError, HipRuntime } from '../hip/index.ts';
import { SvmDevice, SvmError } from '../index.ts';
import { HsaError, HsaRuntime, HsaSvmAttribute } from './index.ts';

const PAGE = 4096;

function setUp(options: MachineOptions = {}) {
  const machine = new EmulatedMachine(options);
  const device = SvmDevice.open({ emulator: machine.devices[0]! });
  return { machine, device, hsa: HsaRuntime.open({ devices: [device] }) };
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

const hintOf = (action: () => unknown): string | undefined => (errorOf(action) as SvmError).hint;

describe('the hint of a refusal', () => {
  it('names the GPU or the mapping, and never both', () => {
    const { device, machine } = setUp();
    const special = { address: machine.process.mmap({ size: PAGE, kind: 'pfnmap' }), size: PAGE };
    expect(hintOf(() => device.setAttributes(special, { gpuReadOnly: true }))).toBe(
      'the range touches a VM_IO, VM_PFNMAP or VM_MIXEDMAP mapping',
    );
    const off = setUp({ asic: 'gfx1151' }).device;
    expect(hintOf(() => off.setAttributes(off.memory.map(PAGE), { gpuReadOnly: true }))).toBe(
      'the GPU has no retry faults (XNACK off)',
    );
    const unconfigured = setUp({ svmConfigured: false }).device;
    expect(hintOf(() => unconfigured.setAttributes(unconfigured.memory.map(PAGE), { gpuReadOnly: true }))).toBe(
      'the driver was built without SVM',
    );
  });

  it('tells a page that is missing from one that cannot be brought in', () => {
    const { device } = setUp();
    const buffer = device.memory.map(4 * PAGE);
    buffer.unmap(PAGE, PAGE);
    expect(hintOf(() => device.setAttributes(buffer, { gpuReadOnly: true }))).toBe(
      'a page of the range is not mapped in the process',
    );
  });

  it.each(['gfx1030', 'gfx1100', 'gfx1101', 'gfx1150', 'gfx1151', 'gfx1200', 'gfx1201'] as const)(
    'says XNACK on %s',
    (asic) => {
      const { device } = setUp({ asic });
      expect(errorOf(() => device.prefetch(device.memory.map(PAGE), 'device'))).toMatchObject({
        code: 'EOPNOTSUPP',
        message: expect.stringContaining('XNACK') as string,
      });
    },
  );

  it('reaches HsaError and HipError, whose cause has it', () => {
    const { hsa, device } = setUp();
    const buffer = device.memory.map(2 * PAGE);
    buffer.unmap(PAGE, PAGE);
    const pairs = [{ attribute: HsaSvmAttribute.readOnly, value: 1 }];
    const error = errorOf(() => hsa.svmAttributesSet(buffer.address, 2 * PAGE, pairs));
    const hint = 'a page of the range is not mapped in the process';
    expect(error).toBeInstanceOf(HsaError);
    expect((error as HsaError).cause).toBeInstanceOf(SvmError);
    expect(error).toMatchObject({ hint, code: 'HSA_STATUS_ERROR', errno: -14, cause: { hint, code: 'EFAULT' } });
    expect((error as HsaError).message).toContain(` - ${hint}`);
    const zero = errorOf(() => hsa.svmAttributesSet(0n, PAGE, pairs));
    expect(zero).toMatchObject({ hint: 'the address must not be 0', errno: -22 });

    using hip = HipRuntime.open({ devices: [device] });
    const refused = errorOf(() => hip.memAdvise(buffer, 2 * PAGE, 3, 0));
    expect(refused).toBeInstanceOf(HipError);
    expect(refused).toMatchObject({ hint, codeName: 'hipErrorInvalidValue', cause: { errno: -14 } });
  });
});
