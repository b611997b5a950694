import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { DeviceNode } from '../uapi/node.ts';
import { uapiProfile } from '../uapi/profile.ts';
import type { HostRegionMapper } from './host-region.ts';
import { KernelBackend } from './kernel-backend.ts';
import type { DeviceRecorder } from './recording.ts';

function setUp(kind: 'kernel' | 'ffi' = 'kernel') {
  const log: string[] = [];
  const node = {
    kind,
    path: '/dev/dri/renderD128',
    closed: false,
    ioctl: () => 0,
    ioctlAsync: async () => 0,
    close: () => void log.push('node closed'),
    fd: 17,
  } satisfies DeviceNode & { fd: number };
  const memory: HostRegionMapper = {
    map: () => {
      throw new Error('nothing is mapped here');
    },
  };
  const recorder: DeviceRecorder = {
    attachEmulated: () => void log.push('attached to an emulated device'),
    attachKernel: (inner, mapper) => ({
      node: { ...inner, path: `recorded ${inner.path}` },
      memory: mapper,
      queue: (queue) => queue,
    }),
    close: () => void log.push('recorder closed'),
  };
  return { log, node, memory, recorder };
}

describe('a backend on a kernel', () => {
  it.each(['kernel', 'ffi'] as const)('has no GPU work without a compute VM, and says why (%s)', (kind) => {
    const { node, memory } = setUp(kind);
    const backend = new KernelBackend(
      kind,
      { node, memory, facts: { gfx: undefined, noretry: undefined }, compute: 'there is no KFD' },
      uapiProfile('v4'),
    );
    const code = 'ERR_SVM_NOT_AVAILABLE';
    const message = 'createQueue: no GPU work on /dev/dri/renderD128: there is no KFD';
    expect(() => backend.createQueue()).toThrow(expect.objectContaining({ code, message }));
    expect(() => backend.mapDriverMemory()).toThrow(expect.objectContaining({ code }));
    expect(backend).toMatchObject({ kind, events: undefined, emulator: undefined, hazards: [] });
    expect(backend.abilities).toEqual({
      svm: true,
      xnack: true,
      apu: undefined,
      switchedOffByNoretry: undefined,
      vram: false,
      hive: undefined,
    });
    expect([backend.vramInfo(), backend.linkTo(backend)]).toEqual([undefined, 'self']);
    expect(backend.fd).toBe(17);
  });

  it('knows what is mapped in this process, which all of its nodes mirror', () => {
    const { node, memory } = setUp();
    const backend = new KernelBackend(
      'kernel',
      { node, memory, facts: { gfx: undefined, noretry: undefined }, compute: 'there is no KFD' },
      uapiProfile('v4'),
    );
    // The program itself lies where it was loaded, for as long as it runs.
    const [, first, end] = /^([0-9a-f]+)-([0-9a-f]+) r-xp /m.exec(readFileSync('/proc/self/maps', 'utf8'))!;
    expect(backend.isMapped(BigInt(`0x${first}`))).toBe(true);
    expect(backend.isMapped(BigInt(`0x${end}`) - 1n)).toBe(true);
    expect(backend.isMapped(0n)).toBe(false);
    expect(
      new KernelBackend(
        'ffi',
        { node, memory, facts: { gfx: undefined, noretry: undefined }, compute: 'there is no KFD' },
        uapiProfile('v4'),
      ).addressSpace,
    ).toBe(backend.addressSpace);
  });

  it('sends everything through its recorder, and closes it after the node, once', () => {
    const { log, node, memory, recorder } = setUp();
    const backend = new KernelBackend(
      'kernel',
      { node, memory, facts: { gfx: undefined, noretry: undefined }, compute: 'there is no KFD' },
      uapiProfile('v4'),
      recorder,
    );
    expect(backend.node.path).toBe('recorded /dev/dri/renderD128');
    backend.close();
    backend.close();
    expect(log).toEqual(['node closed', 'recorder closed']);
  });

  it('lets time pass by waiting', async () => {
    const { node, memory } = setUp();
    const started = performance.now();
    await new KernelBackend(
      'kernel',
      { node, memory, facts: { gfx: undefined, noretry: undefined }, compute: 'there is no KFD' },
      uapiProfile('v4'),
    ).passTime(3_000_000);
    expect(performance.now() - started).toBeGreaterThan(2);
  });
});
