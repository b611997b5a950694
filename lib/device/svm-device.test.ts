import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openDevices, thrown } from '../../test/support/devices.ts';
import { EmulatedMachine } from '../../emulator/index.ts';
import { SvmDevice, SvmError } from '../index.ts';
import type { SvmAttributes, SvmRange } from '../index.ts';

const MIB = 1 << 20;
const open = openDevices();

describe('attributes', () => {
  it('come back as they were set, in all their forms', () => {
    const device = open();
    const buffer = device.memory.map(2 * MIB);
    const attributes: Partial<SvmAttributes> = {
      preferredLocation: { raw: 7 },
      prefetchLocation: 'system',
      access: 'in-place',
      granularity: 63,
      hostAccess: false,
      coherent: false,
      extCoherent: true,
      hiveLocal: true,
      gpuReadOnly: true,
      gpuExecutable: true,
      gpuReadMostly: true,
    };
    device.setAttributes(buffer, attributes);
    expect(device.getAttributes(buffer)).toEqual({ ...attributes, gpuAlwaysMapped: false });
    expect(device.getAttributes(buffer, ['granularity', 'access'])).toEqual({ granularity: 63, access: 'in-place' });
  });

  it('are the defaults where nothing was set', () => {
    const device = open();
    expect(device.getAttributes(device.memory.map(4096))).toEqual({
      preferredLocation: 'undefined',
      prefetchLocation: 'undefined',
      access: 'allow-migrate',
      granularity: 9,
      hostAccess: true,
      coherent: true,
      extCoherent: false,
      hiveLocal: false,
      gpuReadOnly: false,
      gpuExecutable: false,
      gpuReadMostly: false,
      gpuAlwaysMapped: false,
    });
  });

  it('are sent in the order in which they were written', () => {
    const device = open();
    const buffer = device.memory.map(4096);
    const sent: number[][] = [];
    const stop = device.observe((call) => sent.push(call.attributes.map(({ type }) => type)));
    device.setAttributes(buffer, { gpuReadOnly: true, access: 'in-place', coherent: false });
    stop();
    device.setAttributes(buffer, { coherent: true });
    expect(sent).toEqual([[8, 2, 5]]);
  });

  it('can be told apart in segments', () => {
    const device = open();
    const buffer = device.memory.map(64 << 10);
    device.setAttributes(buffer.slice(16 << 10, 8 << 10), { gpuExecutable: true });
    expect(
      device
        .attributeSegments(buffer)
        .map(({ address, size, attributes }) => [
          Number(address - buffer.address),
          Number(size),
          attributes.gpuExecutable,
        ]),
    ).toEqual([
      [0, 16384, false],
      [16384, 8192, true],
      [24576, 40960, false],
    ]);
  });

  it('have asynchronous forms', async () => {
    const device = open();
    const buffer = device.memory.map(2 * MIB);
    await device.setAttributesAsync(buffer, { gpuExecutable: true });
    await device.prefetchAsync(buffer, 'device');
    expect(await device.getAttributesAsync(buffer, ['gpuExecutable', 'prefetchLocation'])).toEqual({
      gpuExecutable: true,
      prefetchLocation: 'device',
    });
    await expect(device.setAttributesAsync({ address: 0n, size: 4096 }, { coherent: true })).rejects.toBeInstanceOf(
      SvmError,
    );
  });

  it.each([
    [{}, 'ERR_SVM_INVALID_VALUE', /^attributes: expected at least one/],
    [null, 'ERR_SVM_INVALID_TYPE', /^attributes: expected an object, got null/],
    [[], 'ERR_SVM_INVALID_TYPE', /^attributes: expected an object, got an array/],
    [
      { coherant: true },
      'ERR_SVM_UNKNOWN_ATTRIBUTE',
      /^attributes: unknown attribute "coherant"; profile v4 has preferredLocation/,
    ],
    [{ constructor: true }, 'ERR_SVM_UNKNOWN_ATTRIBUTE', /unknown attribute "constructor"/],
    [{ coherent: 1 }, 'ERR_SVM_INVALID_TYPE', /^coherent: expected true or false, got 1/],
    [{ coherent: undefined }, 'ERR_SVM_INVALID_TYPE', /^coherent: expected true or false, got undefined/],
    [
      { access: 'read' },
      'ERR_SVM_INVALID_VALUE',
      /^access: expected "inaccessible", "in-place", "allow-migrate", got "read"/,
    ],
    [{ granularity: -1 }, 'ERR_SVM_INVALID_VALUE', /^granularity: expected a whole number from 0 to 2\^32 - 1, got -1/],
    [{ granularity: 1.5 }, 'ERR_SVM_INVALID_VALUE', /^granularity: .* got 1\.5/],
    [{ granularity: 2 ** 32 }, 'ERR_SVM_INVALID_VALUE', /^granularity: .* got 4294967296/],
    [{ granularity: 9n }, 'ERR_SVM_INVALID_TYPE', /^granularity: expected a number, got 9n/],
    [
      { preferredLocation: 'gpu' },
      'ERR_SVM_INVALID_VALUE',
      /^preferredLocation: expected 'undefined', 'system', 'device' or \{ raw: number \}, got "gpu"/,
    ],
    [{ prefetchLocation: { raw: -1 } }, 'ERR_SVM_INVALID_VALUE', /^prefetchLocation\.raw: expected/],
  ])('refuses %o before the device', (attributes, code, message) => {
    const device = open();
    const error = thrown(() => device.setAttributes(device.memory.map(4096), attributes as Partial<SvmAttributes>));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('refuses unknown names in a query', () => {
    const device = open();
    const buffer = device.memory.map(4096);
    expect(thrown(() => device.getAttributes(buffer, ['speed' as 'access'])).message).toMatch(
      /^names: unknown attribute "speed"/,
    );
    expect(thrown(() => device.getAttributes(buffer, [])).message).toMatch(/^names: expected at least one/);
    expect(thrown(() => device.getAttributes(buffer, 'access' as never)).message).toMatch(/^names: expected a list/);
  });
});

describe('ranges', () => {
  it.each([
    [undefined, /^range: expected an object with address and size, got undefined/],
    [{ address: 4096, size: 4096 }, /^range\.address: expected a bigint \(a byte address\), got 4096/],
    [{ address: -4096n, size: 4096 }, /^range\.address: expected 0n to 2\^64 - 1, got -4096n/],
    [{ address: 1n << 64n, size: 4096 }, /^range\.address: expected 0n to 2\^64 - 1/],
    [{ address: 4096n, size: -1 }, /^range\.size: expected a whole number of bytes from 0/],
    [{ address: 4096n, size: 4096.5 }, /^range\.size: expected a whole number/],
    [{ address: 4096n, size: 2 ** 53 }, /^range\.size: expected a whole number .*\(larger: a bigint\)/],
    [{ address: 4096n, size: 1n << 64n }, /^range\.size: expected 0 to 2\^64 - 1 bytes/],
    [{ address: 4096n, size: '4096' }, /^range\.size: expected a number or a bigint \(bytes\), got "4096"/],
  ])('refuses what is no range: %o', (range, message) => {
    const device = open();
    expect(thrown(() => device.setAttributes(range as SvmRange, { coherent: true })).message).toMatch(message);
    expect(thrown(() => device.getAttributes(range as SvmRange)).message).toMatch(message);
  });

  it.each([
    ['unaligned address', { address: 0x1001n, size: 4096 }, 'EINVAL', /the address must be a multiple of 4096/],
    ['unaligned size', { address: 0x1000n, size: 4095 }, 'EINVAL', /the size must be a multiple of 4096/],
    ['address 0', { address: 0n, size: 4096 }, 'EINVAL', /the address must not be 0/],
    ['size 0', { address: 0x1000n, size: 0 }, 'EINVAL', /the size must not be 0/],
    ['wrapping', { address: (1n << 64n) - 4096n, size: 8192 }, 'EINVAL', /the range wraps past 2\^64/],
    ['a hole', { address: 0x7000_0000n, size: 4096 }, 'EFAULT', /a page of the range is not mapped/],
    ['huge', { address: 0x1000n, size: 1n << 62n }, 'EFAULT', /not mapped/],
  ])('leaves the refusal of a range with %s to the device, with a hint', (_what, range, code, hint) => {
    const error = thrown(() => open().setAttributes(range, { coherent: true }));
    expect(error).toBeInstanceOf(SvmError);
    expect(error).toMatchObject({
      code,
      syscall: 'ioctl',
      operation: 'setAttributes',
      address: range.address,
      size: BigInt(range.size),
    });
    expect(error['errno']).toBeLessThan(0);
    expect(error['hint']).toMatch(hint);
    expect(error.message).toMatch(/^E[A-Z]+: .*, ioctl DRM_AMDGPU_GEM_SVM setAttributes \[0x/);
  });

  it('takes a wrapping range in a query, as the device does (Q23)', () => {
    expect(open().getAttributes({ address: (1n << 64n) - 4096n, size: 8192 }, ['access'])).toEqual({
      access: 'allow-migrate',
    });
  });

  it.each(['io', 'pfnmap', 'mixedmap'] as const)('is refused over memory of kind %s', (kind) => {
    const device = open();
    const machine = new EmulatedMachine();
    const special = open({ emulator: machine.devices[0]! });
    const address = machine.process.mmap({ size: 4096, kind });
    expect(thrown(() => special.setAttributes({ address, size: 4096 }, { coherent: true }))).toMatchObject({
      code: 'EOPNOTSUPP',
      errno: -95,
    });
    device.close();
  });

  it.each(['gfx906', 'gfx908', 'gfx1030', 'gfx1100', 'gfx1201'] as const)(
    'is refused by %s, which has no retry faults',
    (asic) => {
      const device = open({ backend: 'emulated', emulator: { asic } });
      const error = thrown(() => device.getAttributes(device.memory.map(4096)));
      expect(error).toMatchObject({ code: 'EOPNOTSUPP', errno: -95, operation: 'getAttributes' });
      expect(error['hint']).toMatch(/XNACK off/);
      // Their generation has none, but for these two.
      expect(error['hint']?.toString().includes('amdgpu.noretry=1')).toBe(asic === 'gfx906' || asic === 'gfx908');
    },
  );

  it('names amdgpu.noretry where that is why there are no retry faults', async () => {
    const device = open({ backend: 'emulated', profile: 'v8', emulator: { asic: 'gfx942', noretry: true } });
    const buffer = device.memory.map(4096);
    const remedy = 'the module parameter amdgpu.noretry=1 has switched them off, boot with amdgpu.noretry=0';
    expect(thrown(() => device.resetAttributes(buffer))['hint']).toContain(remedy);
    await expect(device.createQueue().fill(buffer.address, 1, 4096)).rejects.toMatchObject({
      reason: expect.stringMatching(/gfx942 has its retry faults .* switched off by amdgpu\.noretry=1.*boot with/),
    });
  });

  it.each([
    [{ prefetchLocation: 'undefined' }, 'prefetchLocation "undefined" is refused: a prefetch location cannot be unset'],
    [{ gpuAlwaysMapped: true }, 'gpuAlwaysMapped true is refused'],
  ] as const)('is refused for the value %j, which the device does not take', (attributes, hint) => {
    const device = open();
    expect(thrown(() => device.setAttributes(device.memory.map(4096), attributes))['hint']).toBe(hint);
  });
});

describe('prefetch', () => {
  it('maps the range on the GPU', () => {
    const device = open();
    const buffer = device.memory.map(2 * MIB);
    device.prefetch(buffer, 'device');
    const access = device.emulator!.access({ address: buffer.address, size: buffer.size, write: true });
    expect(access).toMatchObject({ faults: 0, runs: [{ outcome: 'hit', pages: 512, state: 'ok' }] });
  });

  it('names itself in errors and refuses other places', () => {
    const device = open();
    expect(thrown(() => device.prefetch({ address: 0x1000n, size: 4096 }, 'device'))).toMatchObject({
      operation: 'prefetch',
      code: 'EFAULT',
    });
    expect(thrown(() => device.prefetch(device.memory.map(4096), 'gpu' as 'device')).message).toMatch(
      /^target: expected 'device' or 'system', got "gpu"/,
    );
  });
});

describe('the raw form', () => {
  it('checks nothing and returns the errno', () => {
    const device = open();
    const { address } = device.memory.map(4096);
    expect(device.svmIoctl({ operation: 1, address, size: 4096, attributes: [{ type: 3, value: 77 }] })).toEqual({
      result: 0,
      attributes: [{ type: 3, value: 9 }],
    });
    expect(device.svmIoctl({ operation: 0, address, size: 4096, attributes: [{ type: 99, value: 0 }] }).result).toBe(
      -22,
    );
    expect(device.svmIoctl({ operation: 5, address, size: 4096, attributes: [{ type: 0, value: 0 }] }).result).toBe(
      -22,
    );
    expect(device.svmIoctl({ operation: 0, address, size: 4096 }).result).toBe(-22);
    expect(
      device.svmIoctl({ operation: 0, address, size: 4096, attributes: Array(65).fill({ type: 0, value: 0 }) }).result,
    ).toBe(-22);
  });

  it.each([
    undefined,
    null,
    {},
    { operation: 'set', address: 'x', size: {}, attributes: 5 },
    { operation: NaN, address: Infinity, size: -1, attributes: [null] },
  ])('throws nothing for %j', (call) => {
    expect(open().svmIoctl(call as never).result).toBe(-22);
  });
});

describe('what console.log shows', () => {
  it('is one line for devices and machines', () => {
    const machine = new EmulatedMachine({ gpus: ['gfx942', 'gfx1151'] });
    const device = SvmDevice.open({ emulator: machine.devices[0]! });
    expect(inspect(machine)).toBe('EmulatedMachine { gfx942, gfx1151; profile v4, clock 1000000000 ns }');
    expect(inspect(machine.devices[0])).toBe('EmulatedDevice { 0: gfx942, XNACK on, 1 open file }');
    expect(inspect(machine.devices[1])).toBe('EmulatedDevice { 1: gfx1151, XNACK off, 0 open files }');
    expect(inspect(device)).toBe('SvmDevice { emulated gfx942, emulated:renderD128, profile v4 }');
    device.close();
    expect(inspect(device)).toMatch(/, closed }$/);
  });
});

describe('listeners', () => {
  it('that are no functions are refused when they are given', () => {
    const machine = new EmulatedMachine();
    const device = SvmDevice.open({ emulator: machine.devices[0]! });
    const refused = { code: expect.stringMatching(/^ERR_SVM_INVALID_(TYPE|ARGUMENT)$/) as string };
    for (const listen of [
      () => device.on('fault', undefined as never),
      () => device.onAny({} as never),
      () => device.observe('x' as never),
      () => machine.on('fault', null as never),
      () => machine.onAny(5 as never),
      () => machine.at('pages-got', undefined as never),
    ])
      expect(listen).toThrow(expect.objectContaining(refused) as Error);
  });
});
