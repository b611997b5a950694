/** What is wrong on the caller's side is a typed error: never a crash, never a silent success. */
import { describe, expect, it } from 'vitest';
import { codeOf, openDevices, openHip, PAGE } from '../../test/support/hip-rig.ts';
import { SvmDevice } from '../device/index.ts';
import { HipError, HipMemoryAdvise as Advise, HipMemRangeAttribute as Attribute, HipRuntime } from './index.ts';
import type { HipMemory, HipPointer, HipStream } from './index.ts';

/** Every call that takes a pointer. */
function pointerCalls(hip: HipRuntime, pointer: HipPointer): (() => unknown)[] {
  const data = new Int32Array(1);
  return [
    () => hip.memAdvise(pointer, PAGE, Advise.setReadMostly, 0),
    () => hip.memAdvise_v2(pointer, PAGE, Advise.setReadMostly, { type: 1, id: 0 }),
    () => hip.memPrefetchAsync(pointer, PAGE, 0),
    () => hip.memPrefetchAsync(pointer, PAGE, -1),
    () => hip.memPrefetchAsync_v2(pointer, PAGE, { type: 2 }),
    () => hip.memPrefetchBatchAsync([pointer], [PAGE], 1, [{ type: 2 }], [0], 1, 0, hip.streamCreate()),
    () => hip.memRangeGetAttribute(data, 4, Attribute.readMostly, pointer, PAGE),
    () => hip.memRangeGetAttributes([data], [4], [Attribute.readMostly], 1, pointer, PAGE),
    () => hip.streamAttachMemAsync('per-thread', pointer, PAGE),
    () => hip.free(pointer),
  ];
}

function codedAs(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
  return 'nothing thrown';
}

describe.each(['rocm', 'documented'] as const)('%s', (compatibility) => {
  it('freed memory is refused, as an object and as an address', () => {
    const { hip } = openHip({ compatibility });
    const memory = hip.mallocManaged(4 * PAGE);
    hip.free(memory);
    expect(memory.freed).toBe(true);
    for (const pointer of [memory, memory.address, memory.address + BigInt(PAGE)]) {
      for (const call of pointerCalls(hip, pointer)) expect(codeOf(call), call.toString()).toBe(1);
    }
    for (const use of [() => memory.bytes, () => memory.read(), () => memory.write(0, new Uint8Array(1))])
      expect(codedAs(use)).toBe('ERR_SVM_FREED');
    memory[Symbol.dispose]();
  });

  it('an address that was freed and mapped again by somebody else is theirs', () => {
    const { hip, machine } = openHip({ compatibility });
    const memory = hip.mallocManaged(PAGE);
    hip.free(memory);
    machine.process.mmap({ address: memory.address, size: PAGE });
    expect(codeOf(() => hip.memPrefetchAsync(memory.address, PAGE, 0))).toBe(0);
    expect(codeOf(() => hip.memAdvise(memory, PAGE, Advise.setReadMostly, 0))).toBe(1);
  });

  it('a range across two allocations is refused', () => {
    const { hip } = openHip({ compatibility });
    const [first, second] = [hip.mallocManaged(PAGE), hip.mallocManaged(PAGE)].sort((left, right) =>
      Number(left.address - right.address),
    ) as [HipMemory, HipMemory];
    const span = second.end - first.address;
    expect(codeOf(() => hip.memAdvise(first, span, Advise.setReadMostly, 0))).toBe(1);
    expect(codeOf(() => hip.memPrefetchAsync(first, span, 0))).toBe(1);
    expect(
      codeOf(() => hip.memPrefetchBatchAsync([first], [span], 1, [{ type: 2 }], [0], 1, 0, hip.streamCreate())),
    ).toBe(1);
  });

  it('a prefetch of nothing fails on the device; the stream goes on', async () => {
    const { hip } = openHip({ compatibility });
    const stream = hip.streamCreate();
    const memory = hip.mallocManaged(PAGE);
    hip.memPrefetchAsync(0xdead_0000n, PAGE, 0, stream);
    hip.memPrefetchAsync(memory, PAGE, 0, stream);
    await hip.streamSynchronize(stream).catch((error: unknown) => expect(error).toBeInstanceOf(HipError));
    expect(hip.streamQuery(stream)).toBe(0);
  });
});

it('memory, streams and events of another runtime are refused', () => {
  const { hip, devices } = openHip();
  const other = HipRuntime.open({ devices });
  const foreign = other.mallocManaged(PAGE);
  for (const call of pointerCalls(hip, foreign)) expect(codeOf(call), call.toString()).toBe(1);
  const memory = hip.mallocManaged(PAGE);
  const stream = other.streamCreate();
  expect(codeOf(() => hip.memPrefetchAsync(memory, PAGE, 0, stream))).toBe(1);
  expect(codeOf(() => hip.streamAttachMemAsync(stream, memory))).toBe(1);
  expect(codeOf(() => hip.streamQuery(stream))).toBe(1);
  expect(codeOf(() => hip.streamDestroy(stream))).toBe(1);
  expect(codeOf(() => hip.eventRecord(other.eventCreate()))).toBe(400);
  expect(codeOf(() => hip.executionContextStreamCreate(other.executionContextCreate(0)))).toBe(400);
  other.close();
});

it('only the begin of a live allocation can be freed, and only once', () => {
  const { hip, devices } = openHip();
  const memory = hip.mallocManaged(2 * PAGE);
  expect(codeOf(() => hip.free(memory.address + 1n))).toBe(1);
  expect(codeOf(() => hip.free(devices[0]!.memory.map(PAGE)))).toBe(1);
  expect(codeOf(() => hip.free(null))).toBe(0);
  expect(codeOf(() => hip.free(0n))).toBe(0);
  expect(codeOf(() => hip.free(memory.address))).toBe(0);
  expect(codeOf(() => hip.free(memory.address))).toBe(1);
  using scoped = hip.mallocManaged(PAGE);
  expect(scoped.freed).toBe(false);
});

it('arguments of a wrong type name the field', () => {
  const { hip } = openHip();
  const memory = hip.mallocManaged(PAGE);
  const bad = <T>(value: unknown): T => value as T;
  const calls: [() => unknown, RegExp, string][] = [
    [() => hip.mallocManaged(bad('4096')), /^size: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.mallocManaged(-1), /^size: /, 'ERR_SVM_OUT_OF_RANGE'],
    [() => hip.mallocManaged(PAGE, bad(null)), /^flags: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memAdvise(bad(4096), PAGE, 1, 0), /^pointer: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memAdvise(bad(undefined), PAGE, 1, 0), /^pointer: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memAdvise(bad({ address: 1 }), PAGE, 1, 0), /^pointer.address: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memAdvise(1n << 64n, PAGE, 1, 0), /^pointer: /, 'ERR_SVM_OUT_OF_RANGE'],
    [() => hip.memAdvise(memory, bad('x'), 1, 0), /^count: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memAdvise(memory, PAGE, bad('setReadMostly'), 0), /^advice: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memAdvise(memory, PAGE, 1, 0.5), /^device: /, 'ERR_SVM_OUT_OF_RANGE'],
    [() => hip.memAdvise(memory, PAGE, 1, bad(undefined)), /^device: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memAdvise_v2(memory, PAGE, 1, bad(0)), /^location: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memAdvise_v2(memory, PAGE, 1, bad({})), /^location.type: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memPrefetchAsync(memory, PAGE, 0, bad<HipStream>({})), /^stream: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memPrefetchAsync(memory, PAGE, 0, bad<HipStream>(1)), /^stream: /, 'ERR_SVM_INVALID_TYPE'],
    [
      () => hip.memPrefetchBatchAsync(bad({}), [1], 1, [], [], 1, 0, hip.streamCreate()),
      /^pointers: /,
      'ERR_SVM_INVALID_TYPE',
    ],
    [
      () => hip.memPrefetchBatchAsync([memory], [1], 2, [{ type: 2 }], [0], 1, 0, hip.streamCreate()),
      /^pointers: /,
      'ERR_SVM_OUT_OF_RANGE',
    ],
    [() => hip.memRangeGetAttribute(bad([1]), 4, 1, memory, PAGE), /^data: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.memRangeGetAttribute(new Int32Array(1), 8, 1, memory, PAGE), /^data: /, 'ERR_SVM_OUT_OF_RANGE'],
    [() => hip.memRangeGetAttributes([], [4], [1], 1, memory, PAGE), /^attributeCount: /, 'ERR_SVM_OUT_OF_RANGE'],
    [() => hip.streamCreate(bad('x')), /^flags: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.eventQuery(bad({})), /^event: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.executionContextDestroy(bad({})), /^context: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.launch(null, bad(1)), /^work: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.deviceGetAttribute(bad(5), 0), /^attribute: /, 'ERR_SVM_INVALID_TYPE'],
    [() => hip.setDevice(bad('0')), /^device: /, 'ERR_SVM_INVALID_TYPE'],
  ];
  for (const [call, message, code] of calls) {
    expect(call, call.toString()).toThrow(message);
    expect(codedAs(call), call.toString()).toBe(code);
  }
});

it('bad options name the option', () => {
  const { devices } = openDevices({});
  const bad = (options: unknown): unknown => codedAs(() => HipRuntime.open(options as never));
  expect(bad(null)).toBe('ERR_SVM_INVALID_OPTION');
  expect(bad({ devices: [] })).toBe('ERR_SVM_INVALID_OPTION');
  expect(bad({ devices: [devices[0], devices[0]] })).toBe('ERR_SVM_INVALID_OPTION');
  expect(bad({ devices: [{}] })).toBe('ERR_SVM_INVALID_TYPE');
  expect(bad({ devices, compatibility: 'exact' })).toBe('ERR_SVM_INVALID_OPTION');
  expect(bad({ devices, release: '2023' })).toBe('ERR_SVM_INVALID_OPTION');
  expect(bad({ devices, cpuAgents: 0 })).toBe('ERR_SVM_OUT_OF_RANGE');
  expect(bad({ devices, hmmFlags: 8 })).toBe('ERR_SVM_OUT_OF_RANGE');
  expect(bad({ devices, color: 1 })).toBe('ERR_SVM_INVALID_OPTION');
});

describe('close', () => {
  it('ends every call, frees the memory and leaves the caller’s devices open; twice is once', async () => {
    const { hip, devices, machine } = openHip();
    const memory = hip.mallocManaged(PAGE);
    const stream = hip.streamCreate();
    let release = (): void => undefined;
    const work = hip.launch(stream, () => new Promise<void>((resolve) => (release = resolve)));
    const waiting = hip.streamSynchronize(stream);
    await Promise.resolve();
    hip.close();
    hip.close();
    hip[Symbol.dispose]();
    await expect(waiting).rejects.toMatchObject({ code: 4, codeName: 'hipErrorDeinitialized' });
    release();
    await work;
    expect([hip.closed, memory.freed, devices[0]!.closed, machine.process.space.vmas.size]).toEqual([
      true,
      true,
      false,
      0,
    ]);
    for (const call of pointerCalls(hip, memory)) expect(codeOf(call), call.toString()).toBe(4);
    for (const call of [
      () => hip.mallocManaged(PAGE),
      () => hip.malloc(PAGE),
      () => hip.streamCreate(),
      () => hip.streamDestroy(stream),
      () => hip.streamQuery(stream),
      () => hip.eventCreate(),
      () => hip.launch(null, () => 1),
      () => hip.getDevice(),
      () => hip.setDevice(0),
      () => hip.deviceGetAttribute('ManagedMemory', 0),
      () => hip.executionContextCreate(0),
    ]) {
      expect(codeOf(call), call.toString()).toBe(4);
    }
    await expect(hip.streamSynchronize(stream)).rejects.toMatchObject({ code: 4 });
    await expect(hip.deviceSynchronize()).rejects.toMatchObject({ code: 4 });
  });

  it('closes the device that it opened itself', () => {
    const before = process.env['AMDGPU_SVM_BACKEND'];
    process.env['AMDGPU_SVM_BACKEND'] = 'emulated';
    try {
      const opened: SvmDevice[] = [];
      const open = SvmDevice.open;
      SvmDevice.open = (options) => {
        opened.push(open.call(SvmDevice, options));
        return opened[0]!;
      };
      try {
        using hip = HipRuntime.open();
        expect([hip.deviceCount, opened[0]!.closed]).toEqual([1, false]);
      } finally {
        SvmDevice.open = open;
      }
      expect(opened.map(({ closed }) => closed)).toEqual([true]);
    } finally {
      if (before === undefined) delete process.env['AMDGPU_SVM_BACKEND'];
      else process.env['AMDGPU_SVM_BACKEND'] = before;
    }
  });

  it('survives devices that were closed under the runtime', () => {
    const { hip, devices } = openHip();
    const memory = hip.mallocManaged(PAGE);
    devices[0]!.close();
    expect(codedAs(() => hip.memAdvise(memory, PAGE, Advise.setReadMostly, 0))).toBe('ERR_SVM_CLOSED');
    expect(codedAs(() => hip.mallocManaged(PAGE))).toBe('ERR_SVM_CLOSED');
    expect(codedAs(() => hip.memPrefetchAsync(memory, PAGE, 0))).toBe('ERR_SVM_CLOSED');
    expect(hip.streamQuery(null)).toBe(0);
    hip.free(memory);
    hip.close();
  });
});
