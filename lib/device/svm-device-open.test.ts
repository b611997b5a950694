import { UAPI_PROFILES } from '../uapi/profile.ts';
import { describe, expect, it, vi } from 'vitest';
import { openDevices, thrown } from '../../test/support/devices.ts';
import { EmulatedMachine } from '../../emulator/index.ts';
import type { OpenOptions } from '../index.ts';

const open = openDevices();

describe('opening a device', () => {
  it('falls back to the emulator without a GPU and says why', () => {
    const device = open({});
    expect(device.backend).toBe('emulated');
    expect(device.fallbackReason).toMatch(/\/dev\/dri/);
    expect(device.emulator?.gpu.model.asic).toBe('gfx942');
    expect(device.path).toBe('emulated:renderD128');
    expect(device.profile.name).toBe('v4');
  });

  it('has no reason to give when the emulator was asked for', () => {
    expect(open().fallbackReason).toBeUndefined();
  });

  it('takes the backend from the environment, and the option before it', () => {
    vi.stubEnv('AMDGPU_SVM_BACKEND', 'kernel');
    expect(thrown(() => open({})).code).toBe('ERR_SVM_BACKEND_UNAVAILABLE');
    expect(open().backend).toBe('emulated');
    vi.stubEnv('AMDGPU_SVM_BACKEND', 'cuda');
    expect(thrown(() => open({})).message).toMatch(
      /^AMDGPU_SVM_BACKEND: expected one of auto, kernel, ffi, emulated, got "cuda"/,
    );
  });

  it('takes the revision from the environment, and the option before it', () => {
    vi.stubEnv('AMDGPU_SVM_PROFILE', 'v7');
    expect(open().profile.name).toBe('v7');
    expect(open({ backend: 'emulated', profile: 'v4' }).profile.name).toBe('v4');
  });

  it('takes from the environment whether XNACK is off, and the option before it', () => {
    vi.stubEnv('AMDGPU_SVM_PROFILE', 'v7-xnack-off');
    vi.stubEnv('AMDGPU_SVM_XNACK_OFF', '1');
    expect(open().emulator!.xnackEnabled).toBe(false);
    expect(open({ backend: 'emulated', xnackOff: false }).emulator!.xnackEnabled).toBe(true);
    vi.stubEnv('AMDGPU_SVM_XNACK_OFF', '0');
    expect(open().emulator!.xnackEnabled).toBe(true);
    vi.stubEnv('AMDGPU_SVM_XNACK_OFF', 'yes');
    expect(thrown(() => open())).toMatchObject({
      code: 'ERR_SVM_INVALID_OPTION',
      message: 'AMDGPU_SVM_XNACK_OFF: expected 0 or 1, got "yes"',
    });
  });

  it('switches XNACK off for the one profile that works so', () => {
    const off = open({ backend: 'emulated', profile: 'v7-xnack-off', xnackOff: true });
    expect([off.emulator!.xnackEnabled, off.profile.name]).toEqual([false, 'v7-xnack-off']);
    for (const profile of ['v4', 'v7', 'v8'] as const) {
      expect(thrown(() => open({ backend: 'emulated', profile, xnackOff: true })).message).toBe(
        `options.xnackOff: the revision ${profile} has no mode for XNACK off; profile v7-xnack-off has`,
      );
    }
    const [on] = new EmulatedMachine({ profile: 'v7-xnack-off' }).devices;
    expect(thrown(() => open({ emulator: on!, xnackOff: true })).message).toBe(
      'xnackOff: the machine of that emulated device has XNACK on',
    );
    const [switched] = new EmulatedMachine({ profile: 'v7-xnack-off', xnackOff: true }).devices;
    expect(open({ emulator: switched!, xnackOff: true }).emulator).toBe(switched);
  });

  it('does not fall back when a node was named', () => {
    expect(thrown(() => open({ node: '/dev/null' })).message).toMatch(/\/dev\/null: no render node of amdgpu/);
    vi.stubEnv('AMDGPU_SVM_NODE', '/nowhere/renderD128');
    expect(thrown(() => open({}))).toMatchObject({ code: 'ENOENT', syscall: 'open', path: '/nowhere/renderD128' });
    expect(open().backend).toBe('emulated');
  });

  it('opens a GPU of a machine that is there already', () => {
    const machine = new EmulatedMachine({ gpus: 2, asic: 'gfx90a' });
    const second = open({ emulator: machine.devices[1]! });
    expect(second.emulator).toBe(machine.devices[1]);
    expect(second.path).toBe('emulated:renderD129');
  });

  it.each([
    [{ backend: 'hip' }, /^backend: expected one of auto/],
    [{ backened: 'auto' }, /^options\.backened: unknown option; known: backend, node/],
    [{ node: 5 }, /^node: expected a path, got 5/],
    [{ xnackOff: 1 }, /^xnackOff: expected true or false, got 1/],
    [{ record: '' }, /^record: expected a path, got ""/],
    [{ profile: 'v9' }, new RegExp(`^profile: expected one of ${Object.keys(UAPI_PROFILES).join(', ')}, got "v9"`)],
    [{ backend: 'emulated', node: '/dev/null' }, /^node: the emulated backend has no render node/],
    [
      { backend: 'emulated', emulator: { asic: 'gfx9000' } },
      /^asic: unknown GPU "gfx9000", near gfx900.*; known: gfx900/,
    ],
    [{ backend: 'emulated', emulator: { vaBits: 3 } }, /^vaBits: expected 36 to 56, got 3/],
    [{ backend: 'emulated', emulator: { memory: 3 } }, /^options\.memory: unknown option/],
    [null, /^options: expected an object, got null/],
  ])('refuses %j', (options, message) => {
    expect(thrown(() => open(options as OpenOptions)).message).toMatch(message);
  });

  it('can be closed twice, and refuses everything afterwards', async () => {
    const device = open();
    const buffer = device.memory.map(4096);
    const queue = device.createQueue();
    device.close();
    device.close();
    expect(device.closed).toBe(true);
    for (const action of [
      () => device.setAttributes(buffer, { coherent: true }),
      () => device.getAttributes(buffer),
      () => device.attributeSegments(buffer),
      () => device.prefetch(buffer, 'device'),
      () => device.memory.map(4096),
      () => device.createQueue(),
    ]) {
      expect(thrown(action).code).toBe('ERR_SVM_CLOSED');
    }
    await expect(device.setAttributesAsync(buffer, { coherent: true })).rejects.toMatchObject({
      code: 'ERR_SVM_CLOSED',
    });
    await expect(device.getAttributesAsync(buffer)).rejects.toMatchObject({ code: 'ERR_SVM_CLOSED' });
    await expect(device.prefetchAsync(buffer, 'device')).rejects.toMatchObject({ code: 'ERR_SVM_CLOSED' });
    await expect(queue.read(buffer.address, 1)).rejects.toMatchObject({ code: 'ERR_SVM_CLOSED' });
    expect(device.svmIoctl({ operation: 0, address: buffer.address, size: 4096 }).result).toBe(-9);
  });

  it('is closed by Symbol.dispose', () => {
    const device = open();
    device[Symbol.dispose]();
    expect(device.closed).toBe(true);
  });
});
