import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import { HipMemoryAdvise, HipRuntime } from '../hip/index.ts';
import { HsaRuntime, HsaSvmAttribute } from '../hsa/index.ts';
import { SvmDevice } from './index.ts';
import { trafficOutput, trafficObject } from './traffic-output.ts';
import { temporaryFolder } from '../../test/support/after-file.ts';

const PAGE = 4096;
const folder = temporaryFolder();
const toClose: { close(): void }[] = [];
let files = 0;
afterEach(() => {
  for (const open of toClose.splice(0).toReversed()) open.close();
  vi.unstubAllEnvs();
});

/** Devices of a machine whose trace goes to a file, and what is in it. */
function traced(gpus = 1, prefix = '') {
  const path = join(folder, `${files++}.txt`);
  vi.stubEnv('AMDGPU_SVM_TRACE', prefix + path);
  const machine = new EmulatedMachine({ gpus });
  const devices = machine.devices.map((emulator) => SvmDevice.open({ emulator }));
  toClose.push(...devices);
  const opened = <T extends { close(): void }>(runtime: T): T => {
    toClose.push(runtime);
    return runtime;
  };
  return { machine, devices, opened, lines: () => readFileSync(path, 'utf8').split('\n').slice(0, -1) };
}

describe('AMDGPU_SVM_TRACE', () => {
  it.each([undefined, '', '0'])('%j: nothing', (value) => {
    expect(trafficOutput({ AMDGPU_SVM_TRACE: value })).toBeUndefined();
  });

  it.each(['true', 'yes', 'stderr', 'json:', 'text', '2'])(
    '%s is no path: an error that says what is allowed',
    (value) => {
      const message = `AMDGPU_SVM_TRACE: expected 1, json, a path or json: and a path (with a "/" or a "."), got "${value}"`;
      expect(() => trafficOutput({ AMDGPU_SVM_TRACE: value })).toThrow(
        expect.objectContaining({ name: 'RangeError', code: 'ERR_SVM_INVALID_OPTION', message }),
      );
      vi.stubEnv('AMDGPU_SVM_TRACE', value);
      expect(() => SvmDevice.open({ backend: 'emulated' })).toThrow(message);
    },
  );

  it('a file that cannot be opened is the system’s error, of runtimes too', () => {
    const { devices } = traced();
    vi.stubEnv('AMDGPU_SVM_TRACE', join(folder, 'no', 'such', 'file'));
    for (const open of [
      () => SvmDevice.open({ backend: 'emulated' }),
      () => HsaRuntime.open({ devices }),
      () => HipRuntime.open({ devices }),
    ]) {
      expect(open).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    }
    expect(devices[0]!.closed).toBe(false);
  });

  it('"%p" is the process id', () => {
    vi.stubEnv('AMDGPU_SVM_TRACE', join(folder, 'of-%p.txt'));
    const device = SvmDevice.open({ backend: 'emulated' });
    toClose.push(device);
    device.prefetch(device.memory.map(PAGE), 'device');
    expect(readFileSync(join(folder, `of-${process.pid}.txt`), 'utf8')).toBe(
      'ioctl -> emulated:renderD128: PREFETCH_LOC=1\n',
    );
  });

  it('1: standard error', () => {
    vi.stubEnv('AMDGPU_SVM_TRACE', '1');
    const written = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const device = SvmDevice.open({ backend: 'emulated' });
    device.prefetch(device.memory.map(PAGE), 'device');
    expect(written.mock.calls).toEqual([['%s', 'ioctl -> emulated:renderD128: PREFETCH_LOC=1']]);
    written.mockRestore();
    device.close();
  });
});

describe('what is written', () => {
  it('is each call of HIP once, not those of the HSA runtime below it, nor its ioctls again', async () => {
    const { devices, opened, lines } = traced(2);
    const hip = opened(HipRuntime.open({ devices }));
    const memory = hip.mallocManaged(PAGE);
    hip.memAdvise(memory, PAGE, HipMemoryAdvise.setPreferredLocation, 1);
    hip.memPrefetchAsync(memory, PAGE, -1);
    await hip.deviceSynchronize();
    hip.streamAttachMemAsync('per-thread', memory);
    expect(() => hip.memAdvise(memory, PAGE, 12, 1)).toThrow('unknown advice');
    expect(lines()).toEqual([
      'hipMallocManaged(4096) -> GPU0: ACCESS=ALLOW_MIGRATE; GPU1: ACCESS=ALLOW_MIGRATE',
      'hipMemAdvise(SetPreferredLocation, 1) -> GPU1: PREFERRED_LOC=1',
      'hipMemPrefetchAsync(-1) -> GPU0: PREFETCH_LOC=SYSMEM; GPU1: PREFETCH_LOC=SYSMEM',
      'hipStreamAttachMemAsync(4) -> no ioctl',
      'hipMemAdvise(12, 1) -> no ioctl ! hipErrorInvalidValue (1): advice: unknown advice 12',
    ]);
  });

  it('is each call of HSA, and the ioctls of a device outside of a call', async () => {
    const { devices, opened, machine, lines } = traced(2);
    const runtime = opened(HsaRuntime.open({ devices }));
    const address = machine.process.mmap({ size: PAGE });
    runtime.svmAttributesSet(address, PAGE, [{ attribute: HsaSvmAttribute.readMostly, value: 1 }]);
    runtime.svmPrefetchAsync(address, PAGE, runtime.gpuAgents[1]!);
    devices[1]!.setAttributes({ address, size: PAGE }, { coherent: false });
    await runtime.idle();
    expect(lines()).toEqual([
      'hsa_amd_svm_attributes_set(READ_MOSTLY=1) -> GPU0: GPU_READ_MOSTLY=1; GPU1: GPU_READ_MOSTLY=1',
      'ioctl -> emulated:renderD129: COHERENT=0',
      'hsa_amd_svm_prefetch_async(GPU1) -> GPU1: PREFETCH_LOC=1',
    ]);
  });

  it('does not swallow the ioctls of a device whose runtime was closed', () => {
    const { devices, machine, lines } = traced();
    const range = { address: machine.process.mmap({ size: PAGE }), size: PAGE };
    HipRuntime.open({ devices }).close();
    devices[0]!.prefetch(range, 'device');
    expect(lines()).toEqual(['ioctl -> emulated:renderD128: PREFETCH_LOC=1']);
  });

  it('tells what was still to come when the runtime was closed', () => {
    const { devices, opened, lines } = traced();
    const hip = opened(HipRuntime.open({ devices }));
    const memory = hip.mallocManaged(PAGE);
    hip.memPrefetchAsync(memory, PAGE, 0);
    hip.close();
    expect(lines()[1]).toBe('hipMemPrefetchAsync(0) -> no ioctl ! the runtime was closed before the call ended');
  });

  it('counts equal ioctls in a row for people, and keeps them all for programs', () => {
    for (const [prefix, expected] of [
      ['', ['PREFETCH_LOC', '  (2 times more)', 'COHERENT']],
      ['json:', ['PREFETCH_LOC', 'PREFETCH_LOC', 'PREFETCH_LOC', 'COHERENT']],
    ] as const) {
      const { devices, machine, lines } = traced(1, prefix);
      const range = { address: machine.process.mmap({ size: PAGE }), size: PAGE };
      for (let index = 0; index < 3; index++) devices[0]!.prefetch(range, 'device');
      devices[0]!.setAttributes(range, { coherent: true });
      expect(lines().map((line) => /[A-Z_]{8,}/.exec(line)?.[0] ?? line)).toEqual(expected);
    }
  });

  it('is one object per line as JSON, with addresses, names and errors', () => {
    const { devices, opened, machine, lines } = traced(1, 'json:');
    const hip = opened(HipRuntime.open({ devices }));
    const memory = hip.mallocManaged(PAGE);
    const gone = memory.address;
    machine.process.munmap(gone, PAGE);
    expect(() => hip.memAdvise(memory, PAGE, HipMemoryAdvise.setAccessedBy, 0)).toThrow('errno 14');
    expect(JSON.parse(lines()[1]!)).toEqual({
      call: 'hipMemAdvise(SetAccessedBy, 0)',
      ioctls: [
        {
          gpu: 'GPU0',
          operation: 'set',
          address: `0x${gone.toString(16)}`,
          size: '0x1000',
          attributes: [{ type: 2, name: 'ACCESS', value: 1 }],
          result: -14,
          errno: 'EFAULT',
        },
      ],
      error: { name: 'HipError', code: 1, message: expect.stringContaining('GPU0 refused') as string },
    });
  });
});

it('anything that was thrown can be shown', () => {
  expect(trafficObject({ call: 'x', ioctls: [], error: 'text' })).toEqual({
    call: 'x',
    ioctls: [],
    error: { message: 'text' },
  });
  expect(trafficObject({ call: 'x', ioctls: [], error: new TypeError('t') })).toEqual({
    call: 'x',
    ioctls: [],
    error: { name: 'TypeError', message: 't' },
  });
});
