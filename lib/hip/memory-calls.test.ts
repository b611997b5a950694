/** Copies and fills, pinned and registered memory, and where failures are told. */
import { describe, expect, it } from 'vitest';
import { codeOf, openHip, PAGE } from '../../test/support/hip-rig.ts';
import { EmulatedMachine } from '../../emulator/index.ts';
import { HsaPointerType, HsaRuntime } from '../hsa/index.ts';
import { GpuFaultError, SvmDevice } from '../index.ts';
import { HipHostMalloc, HipMemoryType, HipRuntime, HipStatus } from './index.ts';

const MIB = 1 << 20;
const numbers = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 7) & 0xff);

describe('memcpy and memset', () => {
  it('move bytes between memory of every kind', async () => {
    const { hip, devices } = openHip();
    const data = numbers(MIB);
    const places = [
      hip.mallocManaged(MIB),
      hip.hostMalloc(MIB),
      hip.malloc(MIB),
      devices[0]!.memory.map(MIB),
      hip.mallocManaged(MIB),
    ] as const;
    places[0].write(0, data);
    for (const [index, place] of places.entries())
      if (index > 0) await hip.memcpy(place.address, places[index - 1]!.address, MIB);
    expect(places[4].read()).toEqual(data);
    // Unaligned parts.
    await hip.memcpy(places[4].address + 3n, places[2].address + 5n, 70_001);
    expect([...places[4].read(0, 3), ...places[4].read(3, 70_001)]).toEqual([
      ...data.subarray(0, 3),
      ...data.subarray(5, 70_006),
    ]);
  });

  it('fill memory of every kind, at any address', async () => {
    const { hip, devices } = openHip();
    const target = hip.mallocManaged(PAGE);
    for (const memory of [
      hip.mallocManaged(PAGE),
      hip.hostMalloc(PAGE),
      hip.malloc(PAGE),
      devices[0]!.memory.map(PAGE),
    ]) {
      for (const [at, size] of [
        [1, 10],
        [16, 4],
        [21, 1],
        [30, 3],
        [40, 8],
      ] as const)
        await hip.memset(memory.address + BigInt(at), 0x1a5, size);
      await hip.memcpy(target, memory.address, PAGE);
      const expected = new Uint8Array(PAGE);
      for (const [from, to] of [
        [1, 11],
        [16, 20],
        [21, 22],
        [30, 33],
        [40, 48],
      ] as const)
        expected.fill(0xa5, from, to);
      expect(target.read()).toEqual(expected);
    }
  });

  it('copy pageable memory by the CPU where the GPU does not reach it', async () => {
    const machine = new EmulatedMachine({ asic: 'gfx1151', vram: 1 << 26 });
    const device = SvmDevice.open({ emulator: machine.devices[0]! });
    using hip = HipRuntime.open({ devices: [device] });
    const [here, there] = [device.memory.map(PAGE), device.memory.map(PAGE)];
    const memory = hip.malloc(PAGE);
    here.write(0, numbers(PAGE));
    await hip.memcpy(memory, here, PAGE);
    await hip.memcpy(there, memory, PAGE);
    expect(there.read()).toEqual(numbers(PAGE));
    there.unmap();
    await expect(hip.memcpy(there.address, memory, PAGE)).rejects.toMatchObject({ code: HipStatus.invalidValue });
  });

  it('run in the order of the stream', async () => {
    const { hip } = openHip();
    const stream = hip.streamCreate();
    const [one, two] = [hip.mallocManaged(PAGE), hip.mallocManaged(PAGE)];
    void hip.launch(stream, (queue) => queue.fill(one.address, 0x0101_0101, PAGE));
    hip.memcpyAsync(two, one, PAGE, 3, stream);
    hip.memsetAsync(one, 9, PAGE, stream);
    expect(hip.streamQuery(stream)).toBe(HipStatus.notReady);
    await hip.streamSynchronize(stream);
    expect([one.bytes[5], two.bytes[5]]).toEqual([9, 1]);
  });

  it.each([
    ['null', (hip: HipRuntime, memory: bigint) => hip.memcpyAsync(null, memory, 1), 1],
    ['more than there is', (hip: HipRuntime, memory: bigint) => hip.memcpyAsync(memory, 0x7000n, PAGE + 1), 1],
    ['overlapping ranges', (hip: HipRuntime, memory: bigint) => hip.memcpyAsync(memory, memory + 1n, 8), 1],
    [
      'a direction that does not exist',
      (hip: HipRuntime, memory: bigint) => hip.memcpyAsync(memory, 0x7000n, 1, 5),
      21,
    ],
    ['a fill beyond the end', (hip: HipRuntime, memory: bigint) => hip.memsetAsync(memory + 1n, 0, PAGE), 1],
  ])('refuse %s', (_what, call, code) => {
    const { hip } = openHip();
    const memory = hip.mallocManaged(PAGE);
    expect(codeOf(() => call(hip, memory.address))).toBe(code);
    expect([hip.peekAtLastError(), hip.getLastError(), hip.getLastError()]).toEqual([code, code, 0]);
    // Nothing is moved for size 0, wherever.
    hip.memcpyAsync(null, null, 0);
  });
});

describe('a command that fails', () => {
  it('is told by the query, the event, the next synchronisation and the last error, and nobody has to wait for it', async () => {
    const { hip } = openHip();
    hip.getLastError();
    const stream = hip.streamCreate();
    const [before, after] = [hip.eventCreate(), hip.eventCreate()];
    hip.eventRecord(before, stream);
    // An unhandled rejection would end the process.
    void hip.launch(stream, (queue) => queue.fill(0xdead_0000n, 1, 4));
    hip.eventRecord(after, stream);
    await expect(hip.eventSynchronize(after)).rejects.toMatchObject({ codeName: 'hipErrorIllegalAddress' });
    expect([hip.eventQuery(before), hip.eventQuery(after), hip.streamQuery(stream)]).toEqual([0, 700, 700]);
    const told = hip.streamSynchronize(stream);
    await expect(told).rejects.toMatchObject({ code: 700, cause: expect.any(GpuFaultError) as GpuFaultError });
    expect(hip.getLastError()).toBe(700);
    await hip.streamSynchronize(stream);
    expect([hip.streamQuery(stream), hip.getLastError()]).toEqual([0, 0]);
    void hip.launch(stream, () => {
      throw new Error('a mistake of its own');
    });
    await expect(hip.deviceSynchronize()).rejects.toMatchObject({ codeName: 'hipErrorLaunchFailure' });
    hip.memsetAsync(0xdead_0000n, 1, 4, stream);
    await expect(hip.streamSynchronize(stream)).rejects.toMatchObject({ code: 700 });
    await expect(hip.memset(0xdead_0000n, 1, 4)).rejects.toMatchObject({ code: 700 });
  });
});

describe('pinned memory', () => {
  it('keeps the flags of hostMalloc, and refuses those that make no sense', () => {
    const { hip } = openHip();
    const flags = (HipHostMalloc.portable | HipHostMalloc.nonCoherent) >>> 0;
    const memory = hip.hostMalloc(PAGE, flags);
    expect(hip.hostGetFlags(memory.address + 8n)).toBe(flags);
    expect(hip.pointerGetAttributes(memory)).toMatchObject({ type: HipMemoryType.host, allocationFlags: flags });
    expect(hip.hostGetDevicePointer(memory)).toBe(memory.address);
    expect(codeOf(() => hip.hostMalloc(PAGE, 0x10))).toBe(1);
    expect(codeOf(() => hip.hostMalloc(PAGE, 0xc000_0000))).toBe(1);
    expect(codeOf(() => hip.hostFree(hip.malloc(PAGE)))).toBe(1);
    hip.hostFree(memory);
    expect(memory.freed).toBe(true);
  });

  it('registers pageable memory, which then stays where it is', async () => {
    const { hip, devices, machine } = openHip({ machine: { profile: 'v8', vram: 1 << 26 } });
    const buffer = devices[0]!.memory.map(2 * MIB);
    buffer.write(0, new Uint8Array(2 * MIB).fill(1));
    const { pins } = machine.process.space;
    hip.hostRegister(buffer, MIB + 1, 0x2);
    expect(pins.size).toBe(257);
    expect(hip.pointerGetAttributes(buffer.address + 5n)).toMatchObject({
      type: HipMemoryType.host,
      allocationFlags: 2,
    });
    expect(codeOf(() => hip.hostRegister(buffer.address + BigInt(MIB), PAGE))).toBe(712);
    expect(codeOf(() => hip.hostUnregister(buffer.address + 1n))).toBe(713);
    devices[0]!.setAttributes(buffer, { access: 'allow-migrate' });
    // A prefetch cannot move it.
    expect(() => devices[0]!.prefetch(buffer, 'device')).toThrow(/^EBUSY/);
    expect(devices[0]!.vramInfo()!.free).toBe(1 << 26);
    hip.hostUnregister(buffer);
    expect([pins.size, codeOf(() => hip.hostUnregister(buffer))]).toEqual([0, 713]);
    expect(hip.pointerGetAttributes(buffer).type).toBe(HipMemoryType.unregistered);
    for (const call of [
      () => hip.hostRegister(null, 1),
      () => hip.hostRegister(buffer, 0),
      () => hip.hostRegister(buffer, 1, 16),
      () => hip.hostRegister(hip.mallocManaged(PAGE), 1),
      () => hip.hostRegister(0x5000n, 1),
      () => hip.hostGetFlags(buffer),
    ])
      expect(codeOf(call)).toBe(1);
    hip.hostRegister(buffer, PAGE);
    hip.close();
    expect(pins.size).toBe(0);
  });

  it('is locked by HSA, which counts who keeps a page', () => {
    const machine = new EmulatedMachine();
    const device = SvmDevice.open({ emulator: machine.devices[0]! });
    using hsa = HsaRuntime.open({ devices: [device] });
    using other = HsaRuntime.open({ devices: [device] });
    const buffer = device.memory.map(4 * PAGE);
    const { pins } = machine.process.space;
    expect(hsa.memoryLock(buffer.address, 2 * PAGE, hsa.gpuAgents)).toBe(buffer.address);
    other.memoryLock(buffer.address + BigInt(PAGE), 2 * PAGE);
    expect(hsa.pointerInfo(buffer.address + 5n)).toEqual({
      type: HsaPointerType.locked,
      address: buffer.address,
      size: 2 * PAGE,
    });
    expect(pins.size).toBe(3);
    hsa.memoryUnlock(buffer.address);
    expect(pins.size).toBe(2);
    for (const call of [
      () => hsa.memoryUnlock(buffer.address),
      () => hsa.memoryLock(0n, 1),
      () => hsa.memoryLock(buffer.address, 0),
      () => hsa.memoryLock(0x5000n, 1),
    ])
      expect(call).toThrow(/INVALID_ARGUMENT/);
    expect(() => hsa.memoryLock(buffer.address, 1, [0x9999n])).toThrow(/INVALID_AGENT/);
    other.close();
    expect(pins.size).toBe(0);
  });
});

describe("prefetch batches of release '2026'", () => {
  it('take pageable memory where all devices reach it, and no hipMalloc memory', async () => {
    const { hip, devices } = openHip();
    const buffer = devices[0]!.memory.map(PAGE);
    const batch = (runtime: HipRuntime, pointer: bigint): void =>
      runtime.memPrefetchBatchAsync([pointer], [PAGE], 1, [{ type: 1, id: 0 }], [0], 1, 0, runtime.streamCreate());
    batch(hip, buffer.address);
    expect(codeOf(() => batch(hip, hip.malloc(PAGE).address))).toBe(1);
    expect(codeOf(() => batch(hip, hip.hostMalloc(PAGE).address))).toBe(1);
    const old = openHip({ release: '2024' });
    expect(codeOf(() => batch(old.hip, old.devices[0]!.memory.map(PAGE).address))).toBe(1);
    batch(old.hip, old.hip.malloc(PAGE).address);
    const blind = openHip({ machine: { sriovXnack: false } });
    expect(codeOf(() => batch(blind.hip, blind.devices[0]!.memory.map(PAGE).address))).toBe(1);
  });
});
