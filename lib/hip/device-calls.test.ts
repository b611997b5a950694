import { afterEach, describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import type { MachineOptions } from '../../emulator/index.ts';
import { SvmDevice } from '../index.ts';
import { HipMemoryType, HipRuntime } from './index.ts';
import type { HipRuntimeOptions } from './index.ts';

const open: HipRuntime[] = [];
afterEach(() => {
  for (const runtime of open.splice(0)) runtime.close();
});

const MIB = 1 << 20;

function setUp(machine: MachineOptions, options: HipRuntimeOptions = {}) {
  const devices = SvmDevice.openAll({ emulator: new EmulatedMachine(machine) });
  const hip = HipRuntime.open({ devices, ...options });
  open.push(hip);
  return { hip, devices };
}

function codeOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { codeName?: string }).codeName ?? (error as { code?: string }).code;
  }
  return 'hipSuccess';
}

describe('memGetInfo', () => {
  it('tells what managed and device memory take of each GPU', async () => {
    const { hip } = setUp({ profile: 'v8', gpus: 2, vram: [8 * MIB, 4 * MIB] });
    const free = () => [0, 1].map((device) => (hip.setDevice(device), hip.memGetInfo().free / MIB));
    expect(free()).toEqual([8, 4]);
    hip.setDevice(1);
    const device = hip.malloc(MIB);
    const managed = hip.mallocManaged(2 * MIB);
    expect(free()).toEqual([8, 3]);
    hip.memPrefetchAsync(managed, managed.size, 0);
    await hip.deviceSynchronize();
    expect(free()).toEqual([6, 3]);
    hip.memPrefetchAsync(managed, managed.size, 1);
    await hip.deviceSynchronize();
    expect(free()).toEqual([8, 1]);
    expect(hip.memGetInfo()).toEqual({ free: MIB, total: 4 * MIB });
    expect(codeOf(() => hip.malloc(8 * MIB))).toBe('hipErrorOutOfMemory');
    hip.free(managed);
    hip.free(device);
    expect(free()).toEqual([8, 4]);
  });

  it('is not supported where the GPU has no memory of its own, and stays the whole where SVM does not use it', async () => {
    expect(codeOf(() => setUp({}).hip.memGetInfo())).toBe('hipErrorNotSupported');
    const { hip } = setUp({ vram: 8 * MIB });
    const managed = hip.mallocManaged(2 * MIB);
    hip.memPrefetchAsync(managed, managed.size, 0);
    await hip.deviceSynchronize();
    expect(hip.memGetInfo()).toEqual({ free: 8 * MIB, total: 8 * MIB });
    hip.close();
    expect(codeOf(() => hip.memGetInfo())).toBe('hipErrorDeinitialized');
  });
});

describe('peers', () => {
  it.each([
    ['hive', 1],
    ['pcie', 1],
    ['none', 0],
  ] as const)('of links %s: %d', (links, can) => {
    const { hip } = setUp({ profile: 'v8', gpus: 2, vram: MIB, links });
    expect([hip.deviceCanAccessPeer(0, 1), hip.deviceCanAccessPeer(1, 0), hip.deviceCanAccessPeer(0, 0)]).toEqual([
      can,
      can,
      0,
    ]);
    const first = codeOf(() => hip.deviceEnablePeerAccess(1));
    expect(first).toBe(can === 1 ? 'hipSuccess' : 'hipErrorInvalidDevice');
    if (can === 0) return;
    expect(codeOf(() => hip.deviceEnablePeerAccess(1))).toBe('hipErrorPeerAccessAlreadyEnabled');
    hip.deviceDisablePeerAccess(1);
    expect(codeOf(() => hip.deviceDisablePeerAccess(1))).toBe('hipErrorPeerAccessNotEnabled');
  });

  it('are refused by name where they do not exist', () => {
    const { hip } = setUp({ gpus: 2, links: 'pcie' });
    expect(codeOf(() => hip.deviceCanAccessPeer(0, 2))).toBe('hipErrorInvalidDevice');
    expect(codeOf(() => hip.deviceCanAccessPeer(-1, 1))).toBe('hipErrorInvalidDevice');
    expect(codeOf(() => hip.deviceEnablePeerAccess(0))).toBe('hipErrorInvalidDevice');
    expect(codeOf(() => hip.deviceEnablePeerAccess(1, 1))).toBe('hipErrorInvalidValue');
    expect(codeOf(() => hip.deviceCanAccessPeer('0' as unknown as number, 1))).toBe('ERR_SVM_INVALID_TYPE');
  });
});

describe('pointerGetAttributes', () => {
  it('tells managed, device, pinned and unknown memory apart', () => {
    const { hip, devices } = setUp({ gpus: 2 });
    hip.setDevice(1);
    const managed = hip.mallocManaged(8192);
    const inner = managed.address + 5n;
    expect(hip.pointerGetAttributes(inner)).toEqual({
      type: HipMemoryType.managed,
      device: 1,
      devicePointer: inner,
      hostPointer: inner,
      isManaged: true,
      allocationFlags: 1,
    });
    const device = hip.malloc(4096);
    expect(hip.pointerGetAttributes(device)).toMatchObject({ type: 2, device: 1, hostPointer: null, isManaged: false });
    const host = hip.hostMalloc(4096);
    expect(hip.pointerGetAttributes(host)).toMatchObject({ type: 1, hostPointer: host.address, allocationFlags: 0 });
    const unknown = devices[0]!.memory.map(4096);
    expect(hip.pointerGetAttributes(unknown)).toMatchObject({ type: 0, device: -2, devicePointer: null });
    expect(codeOf(() => hip.pointerGetAttributes(null))).toBe('hipErrorInvalidValue');
    hip.free(managed);
    expect(codeOf(() => hip.pointerGetAttributes(managed))).toBe('hipErrorInvalidValue');
    const old = setUp({}, { release: '2024' });
    expect(codeOf(() => old.hip.pointerGetAttributes(old.devices[0]!.memory.map(4096)))).toBe('hipErrorInvalidValue');
  });
});
