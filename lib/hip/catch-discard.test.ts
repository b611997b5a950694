/** Cases of the HIP test suite for discarding (peer-tests.md 3.11), on the runtime and on the driver API. */
import { describe, expect, it } from 'vitest';
import { catchCase, codeOf, CPU, NONE, openHip, PAGE } from '../../test/support/hip-rig.ts';
import type { Catch } from '../../test/support/hip-rig.ts';
import { HipMemLocationType, HipMemRangeAttribute as Attribute } from './index.ts';
import type { HipMemLocation, HipMemory, HipPointer, HipRuntime, HipStreamArgument } from './index.ts';

const INVALID = 1;
const device: HipMemLocation = { type: HipMemLocationType.device, id: 0 };
const host: HipMemLocation = { type: HipMemLocationType.host };
const filled = (test: Catch, size: number, byte: number): HipMemory => {
  const memory = test.managed(size);
  memory.write(0, new Uint8Array(size).fill(byte));
  return memory;
};
/** That memory can be rewritten by the CPU, and read back. */
const isUsable = (memory: HipMemory, byte: number): void => {
  memory.write(0, new Uint8Array(memory.size).fill(byte));
  expect(memory.read().every((each) => each === byte)).toBe(true);
};

const DISCARD = ['memDiscardBatchAsync', 'drvMemDiscardBatchAsync'] as const;
describe.each(DISCARD)('hipMemDiscardBatchAsync.cc, %s', (call) => {
  const discard = (
    hip: HipRuntime,
    pointers: HipPointer[] | null,
    sizes: (number | bigint)[] | null,
    stream: HipStreamArgument,
    count = pointers?.length ?? 1,
    flags = 0,
  ): void => hip[call](pointers, sizes, count, flags, stream);

  catchCase('NegativeTests', {}, (test) => {
    const { hip } = test;
    const stream = hip.streamCreate();
    const memory = filled(test, PAGE, 0xaa);
    const code = (...args: Parameters<typeof discard> extends [HipRuntime, ...infer Rest] ? Rest : never): number =>
      codeOf(() => discard(hip, ...args));
    expect(code(null, [PAGE], stream)).toBe(INVALID);
    expect(code([memory], null, stream)).toBe(INVALID);
    expect(code([memory], [PAGE], stream, 0)).toBe(INVALID);
    expect(code([memory], [PAGE], stream, 1, 1)).toBe(INVALID);
    expect(code([memory], [PAGE], null)).toBe(INVALID);
    expect(code([memory, null], [PAGE, PAGE], stream)).toBe(INVALID);
    expect(code([memory], [0], stream)).toBe(INVALID);
    expect(code([memory], [PAGE + 1], stream)).toBe(INVALID);
    // Of memory that is not managed 0 or 1: here the GPUs are pageable.
    expect(code([hip.malloc(PAGE)], [PAGE], stream)).toBe(0);
    expect(code([test.machine.process.mmap({ size: PAGE })], [PAGE], stream)).toBe(0);
  });

  catchCase('NegativeTests, nothing of a refused batch is done', {}, async (test) => {
    const stream = test.hip.streamCreate();
    const [first, second] = [filled(test, PAGE, 0xaa), filled(test, PAGE, 0xbb)];
    expect(codeOf(() => discard(test.hip, [first, second], [PAGE, PAGE + 1], stream))).toBe(INVALID);
    await test.hip.streamSynchronize(stream);
    expect([first.read(0, 1)[0], second.read(0, 1)[0]]).toEqual([0xaa, 0xbb]);
  });

  it('NegativeTests, memory that is not managed: refused without pageable access', () => {
    const { hip, machine } = openHip({ machine: { sriovXnack: false } });
    for (const pointer of [hip.malloc(PAGE), hip.hostMalloc(PAGE), machine.process.mmap({ size: PAGE })]) {
      expect(codeOf(() => discard(hip, [pointer], [PAGE], hip.streamCreate()))).toBe(INVALID);
    }
  });

  catchCase('SingleDiscard, ContentAfterDiscard', {}, async (test) => {
    const stream = test.hip.streamCreate();
    const memory = filled(test, 1 << 20, 0xaa);
    discard(test.hip, [memory], [memory.size], stream);
    await test.hip.streamSynchronize(stream);
    // The original takes any content; here it is known.
    expect(memory.read().every((byte) => byte === 0)).toBe(true);
    isUsable(memory, 0x55);
  });

  catchCase('MultipleDiscards', {}, async (test) => {
    const stream = test.hip.streamCreate();
    const memories = [4096, 65536, 1 << 20, 16].map((size) => filled(test, size, 0xaa));
    discard(
      test.hip,
      memories,
      memories.map(({ size }) => size),
      stream,
    );
    await test.hip.streamSynchronize(stream);
    for (const memory of memories) {
      expect(memory.read(0, 1)[0]).toBe(0);
      isUsable(memory, 0x55);
    }
  });

  catchCase('LargeCount, SamePointerTwice, MinimalSize', {}, async (test) => {
    const stream = test.hip.streamCreate();
    const memories = Array.from({ length: 64 }, () => filled(test, PAGE, 0xaa));
    discard(
      test.hip,
      memories,
      memories.map(() => PAGE),
      stream,
    );
    const twice = filled(test, PAGE, 0xaa);
    discard(test.hip, [twice, twice], [PAGE, PAGE], stream);
    const small = filled(test, 1, 0xaa);
    discard(test.hip, [small], [1], stream);
    const large = filled(test, PAGE, 0xaa);
    discard(test.hip, [large], [1], stream);
    await test.hip.streamSynchronize(stream);
    for (const memory of [...memories, twice, small, large]) isUsable(memory, 0x55);
  });

  catchCase('StreamOrdering', {}, async (test) => {
    const stream = test.hip.streamCreate();
    const memory = filled(test, PAGE, 0xaa);
    const order: number[] = [];
    const before = test.hip.launch(stream, () => void order.push(memory.read(0, 1)[0]!));
    discard(test.hip, [memory], [PAGE], stream);
    const after = test.hip.launch(stream, async (queue) => {
      order.push((await queue.read(memory.address, 1))[0]!);
      await queue.fill(memory.address, 0x03030303, PAGE);
    });
    await Promise.all([before, after]);
    expect([...order, memory.read(PAGE - 1, 1)[0]]).toEqual([0xaa, 0, 3]);
  });

  catchCase('SubrangeDiscard', {}, async (test) => {
    const stream = test.hip.streamCreate();
    const memory = filled(test, 64 << 10, 0xdd);
    discard(test.hip, [memory.address + 4096n], [12288 - 4096], stream);
    await test.hip.streamSynchronize(stream);
    const bytes = memory.read();
    expect([...bytes.subarray(0, 4096), ...bytes.subarray(12288)].every((byte) => byte === 0xdd)).toBe(true);
    expect(bytes.subarray(4096, 12288).every((byte) => byte === 0)).toBe(true);
  });

  catchCase('DiscardThenPrefetch', {}, async (test) => {
    const { hip, read } = test;
    const stream = hip.streamCreate();
    const memory = filled(test, 64 << 10, 0xaa);
    hip.memPrefetchAsync(memory, memory.size, 0, stream);
    discard(hip, [memory], [memory.size], stream);
    await hip.streamSynchronize(stream);
    expect(read(Attribute.lastPrefetchLocation, memory, memory.size)).toBe(CPU);
    hip.memPrefetchAsync(memory, memory.size, 0, stream);
    await hip.streamSynchronize(stream);
    expect(read(Attribute.lastPrefetchLocation, memory, memory.size)).toBe(0);
    isUsable(memory, 0x55);
  });

  catchCase('PageableDeviceMemory, SystemMemory, MixedBatch', {}, async (test) => {
    const { hip, machine } = test;
    const stream = hip.streamCreate();
    const system = machine.process.mmap({ size: PAGE });
    machine.process.write(system, new Uint8Array(PAGE).fill(7));
    const memory = filled(test, PAGE, 0xaa);
    discard(hip, [hip.malloc(PAGE)], [PAGE], stream);
    discard(hip, [system], [PAGE], stream);
    discard(hip, [system, memory, hip.malloc(PAGE)], [PAGE, PAGE, PAGE], stream);
    await hip.streamSynchronize(stream);
    // It is a hint: only what is reserved can be thrown away.
    expect([memory.read(0, 1)[0], machine.process.read(system, 1)[0]]).toEqual([0, 7]);
  });
});

const BOTH = ['memDiscardAndPrefetchBatchAsync', 'drvMemDiscardAndPrefetchBatchAsync'] as const;
describe.each(BOTH)('hipMemDiscardBatchAsync.cc, %s', (call) => {
  catchCase('DiscardAndPrefetch NegativeTests', {}, (test) => {
    const { hip } = test;
    const stream = hip.streamCreate();
    const memory = filled(test, PAGE, 0xaa);
    type Arguments = Parameters<HipRuntime[typeof call]>;
    const good: Arguments = [[memory], [PAGE], 1, [device], [0], 1, 0, stream];
    const code = (change: Partial<Record<number, unknown>>): number =>
      codeOf(() => hip[call](...(good.map((value, index) => (index in change ? change[index] : value)) as Arguments)));
    expect(code({ 0: null })).toBe(INVALID);
    expect(code({ 1: null })).toBe(INVALID);
    expect(code({ 2: 0 })).toBe(INVALID);
    expect(code({ 3: null })).toBe(INVALID);
    expect(code({ 4: null })).toBe(INVALID);
    expect(code({ 4: [1] })).toBe(INVALID);
    expect(code({ 5: 0 })).toBe(INVALID);
    expect(code({ 5: 2 })).toBe(INVALID);
    expect(code({ 6: 1 })).toBe(INVALID);
    expect(code({ 7: null })).toBe(INVALID);
    expect(code({ 0: [null] })).toBe(INVALID);
    expect(code({ 1: [0] })).toBe(INVALID);
    expect(code({ 1: [PAGE + 1] })).toBe(INVALID);
    expect(code({ 3: [{ type: HipMemLocationType.device, id: test.gpus.length }] })).toBe(INVALID);
    expect(code({ 3: [{ type: HipMemLocationType.device, id: -5 }] })).toBe(INVALID);
    expect(code({})).toBe(0);
  });

  catchCase('DiscardAndPrefetch_SingleBuffer, MultipleSameDevice', {}, async (test) => {
    const { hip, read } = test;
    const stream = hip.streamCreate();
    for (const sizes of [[1 << 20], [65536, 65536, 65536, 65536]]) {
      const memories = sizes.map((size) => filled(test, size, 0xaa));
      hip[call](memories, sizes, sizes.length, [device], [0], 1, 0, stream);
      // Unlike that of a prefetch it is told when it has run.
      for (const memory of memories) expect(read(Attribute.lastPrefetchLocation, memory, memory.size)).toBe(NONE);
      await hip.launch(stream, async (queue) => {
        for (const memory of memories)
          expect((await queue.read(memory.address, memory.size)).some((byte) => byte !== 0)).toBe(false);
      });
      for (const memory of memories) {
        expect(read(Attribute.lastPrefetchLocation, memory, memory.size)).toBe(0);
        isUsable(memory, 0x55);
      }
    }
  });

  catchCase('DiscardAndPrefetch_ParitySeparateCalls', {}, async (test) => {
    const { hip, read } = test;
    const stream = hip.streamCreate();
    const [fused, separate] = [filled(test, 65536, 0xaa), filled(test, 65536, 0xaa)];
    hip[call]([fused], [65536], 1, [device], [0], 1, 0, stream);
    hip.memDiscardBatchAsync([separate], [65536], 1, 0, stream);
    hip.memPrefetchBatchAsync([separate], [65536], 1, [device], [0], 1, 0, stream);
    await hip.streamSynchronize(stream);
    for (const memory of [fused, separate]) {
      expect([
        read(Attribute.lastPrefetchLocation, memory, memory.size),
        memory.read().some((byte) => byte !== 0),
      ]).toEqual([0, false]);
    }
  });

  catchCase('DiscardAndPrefetch, each operation to its location', { gpus: [2] }, async (test) => {
    const { hip, read } = test;
    const stream = hip.streamCreate();
    const memories = Array.from({ length: 4 }, () => filled(test, PAGE, 0xaa));
    const other: HipMemLocation = { type: HipMemLocationType.device, id: 1 };
    hip[call](
      memories,
      memories.map(() => PAGE),
      4,
      [other, host, device],
      [0, 1, 3],
      3,
      0,
      stream,
    );
    await hip.streamSynchronize(stream);
    expect(memories.map((memory) => read(Attribute.lastPrefetchLocation, memory, PAGE))).toEqual([1, CPU, CPU, 0]);
  });

  catchCase('DiscardAndPrefetch_Atomicity', {}, async (test) => {
    const { hip } = test;
    const stream = hip.streamCreate();
    const memories = [filled(test, PAGE, 0xaa), filled(test, PAGE, 0xbb)];
    expect(codeOf(() => hip[call](memories, [PAGE, PAGE], 2, null, [0], 1, 0, stream))).toBe(INVALID);
    expect(codeOf(() => hip[call](memories, [PAGE, PAGE], 2, [device, device], [0, 999], 2, 0, stream))).toBe(INVALID);
    await hip.streamSynchronize(stream);
    expect(memories.map((memory) => memory.read(PAGE - 1, 1)[0])).toEqual([0xaa, 0xbb]);
  });

  catchCase('DiscardAndPrefetch, memory that HIP does not know is prefetched, not discarded', {}, async (test) => {
    const { hip, machine, read } = test;
    const stream = hip.streamCreate();
    const system = machine.process.mmap({ size: PAGE });
    machine.process.write(system, new Uint8Array(PAGE).fill(7));
    hip[call]([system, hip.malloc(PAGE)], [PAGE, PAGE], 2, [device], [0], 1, 0, stream);
    await hip.streamSynchronize(stream);
    expect([read(Attribute.lastPrefetchLocation, system, PAGE), machine.process.read(system, 1)[0]]).toEqual([0, 7]);
  });
});
