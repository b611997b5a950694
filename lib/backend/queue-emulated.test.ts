import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import { GpuFaultError, SvmDevice } from '../index.ts';

const MIB = 1 << 20;
const setUp = (options: ConstructorParameters<typeof EmulatedMachine>[0] = {}) => {
  const machine = new EmulatedMachine(options);
  const device = SvmDevice.open({ emulator: machine.devices[0]! });
  return { machine, device, queue: device.createQueue(), buffer: device.memory.map(4 * MIB) };
};

describe('GPU work on the emulator', () => {
  it('fills, copies, writes and reads through faults of the GPU', async () => {
    const { queue, buffer } = setUp();
    await queue.fill(buffer.address, 0xdeadbeef, MIB);
    await queue.copy(buffer.address + BigInt(2 * MIB), buffer.address, MIB);
    await queue.write(buffer.address + BigInt(3 * MIB) - 2n, new Uint8Array([1, 2, 3]));
    expect([...buffer.read(2 * MIB, 4)]).toEqual([0xef, 0xbe, 0xad, 0xde]);
    expect([...(await queue.read(buffer.address + BigInt(3 * MIB) - 3n, 5))]).toEqual([0xbe, 1, 2, 3, 0]);
  });

  it('adds to a word modulo 2^64, and answers nothing', async () => {
    const { queue, buffer } = setUp();
    const word = new DataView(buffer.bytes.buffer);
    word.setBigUint64(16, 41n, true);
    expect(await queue.atomicAdd(buffer.address + 16n, 1n)).toBeUndefined();
    expect(word.getBigUint64(16, true)).toBe(42n);
    await queue.atomicAdd(buffer.address + 16n, (1n << 64n) - 2n);
    expect([word.getBigUint64(8, true), word.getBigUint64(16, true), word.getBigUint64(24, true)]).toEqual([
      0n,
      40n,
      0n,
    ]);
  });

  it.each([
    ['swap', 64, 9n, 9n],
    ['add', 32, 0xffff_ffffn, 41n],
    ['subtract', 64, 43n, (1n << 64n) - 1n],
    ['signed-min', 32, 0x8000_0000n, 0x8000_0000n],
    ['unsigned-min', 32, 0x8000_0000n, 42n],
    ['signed-max', 64, 43n, 43n],
    ['unsigned-max', 64, 43n, 43n],
    ['and', 64, 0b1000n, 0b1000n],
    ['or', 64, 1n, 43n],
    ['xor', 64, 2n, 40n],
    ['increment', 64, 42n, 0n],
    ['decrement', 64, 41n, 41n],
  ] as const)('does %s to a word of %i bits', async (operation, bits, value, expected) => {
    const { queue, buffer } = setUp();
    const word = new DataView(buffer.bytes.buffer);
    word.setBigUint64(16, 42n, true);
    expect(await queue.atomic(operation, buffer.address + 16n, value, { bits })).toBeUndefined();
    expect(word.getBigUint64(16, true)).toBe(expected);
  });

  it('compares and swaps', async () => {
    const { queue, buffer } = setUp();
    const word = new DataView(buffer.bytes.buffer);
    await queue.atomic('compare-swap', buffer.address + 4n, 7n, { bits: 32, compare: 0n });
    await queue.atomic('compare-swap', buffer.address + 4n, 8n, { bits: 32, compare: 0n });
    expect(word.getBigUint64(0, true)).toBe(7n << 32n);
  });

  it('needs write permission for an addition', async () => {
    const { device, queue, buffer } = setUp();
    device.setAttributes(buffer, { gpuReadOnly: true });
    await expect(queue.atomicAdd(buffer.address, 1n)).rejects.toMatchObject({ access: 'write' });
  });

  it('takes nothing after close, and ends what it has', async () => {
    const { queue, buffer } = setUp();
    const before = queue.fill(buffer.address, 7, 4);
    queue.close();
    queue.close();
    for (const call of [
      queue.fill(buffer.address, 1, 4),
      queue.copy(buffer.address, buffer.address + 4096n, 4),
      queue.write(buffer.address, new Uint8Array(1)),
      queue.read(buffer.address, 1),
      queue.atomicAdd(buffer.address, 1n),
      queue.atomic('or', buffer.address, 1n),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'ERR_SVM_CLOSED', message: 'the queue is closed' });
    }
    await before;
    await queue.idle();
    expect(buffer.bytes[0]).toBe(7);
  });

  it('sees what the CPU writes, and the CPU what it writes', async () => {
    const { queue, buffer } = setUp();
    buffer.write(5000, new Uint8Array([42]));
    expect([...(await queue.read(buffer.address + 5000n, 1))]).toEqual([42]);
    await queue.write(buffer.address + 5000n, new Uint8Array([43]));
    expect(buffer.bytes[5000]).toBe(43);
  });

  it('keeps the order of calls, and goes on after one that failed', async () => {
    const { queue, buffer } = setUp();
    const order: string[] = [];
    const bad = queue.read(0x1000n, 1).catch(() => order.push('failed'));
    const fill = queue.fill(buffer.address, 1, 4096).then(() => order.push('fill'));
    const idle = queue.idle().then(() => order.push('idle'));
    await Promise.all([bad, fill, idle]);
    expect(order).toEqual(['failed', 'fill', 'idle']);
  });

  it('waits through the 2 ms window in virtual time (Q57)', async () => {
    const { machine, queue, buffer } = setUp();
    await queue.fill(buffer.address, 1, 4096);
    buffer.discard(0, 4096);
    const before = machine.clock.now;
    expect((await queue.read(buffer.address, 1))[0]).toBe(0);
    expect(machine.clock.now - before).toBe(2_000_000);
  });

  it('reads the old bytes through a stale PTE, and the machine reports the hazard (Q35)', async () => {
    const { machine, queue, buffer } = setUp();
    const hazards: string[] = [];
    machine.on('hazard', ({ quirk }) => hazards.push(quirk));
    buffer.write(0, new Uint8Array(8192).fill(7));
    await queue.read(buffer.address, 4096);
    buffer.discard(0, 4096);
    buffer.discard(4096, 4096);
    expect(buffer.read(4096, 1)[0]).toBe(0);
    expect((await queue.read(buffer.address + 4096n, 1))[0]).toBe(7);
    expect(hazards).toEqual(['I1']);
    await queue.read(buffer.address, 1);
    expect((await queue.read(buffer.address + 4096n, 1))[0]).toBe(0);
  });

  it.each([
    ['nothing mapped', 0x5000n, 'read', /nothing is mapped there in the process$/, undefined],
    ['a read-only attribute', undefined, 'write', /gpuReadOnly forbids the GPU to write$/, 'attribute'],
    [
      'a read-only mapping',
      undefined,
      'write',
      /killed the access with EPERM .*the mapping of the process does not permit the access/,
      'protect',
    ],
  ] as const)('rejects with GpuFaultError for %s', async (_what, address, access, reason, change) => {
    const { device, queue, buffer } = setUp();
    if (change === 'attribute') device.setAttributes(buffer, { gpuReadOnly: true });
    if (change === 'protect') buffer.protect('read');
    const at = address ?? buffer.address + 4096n;
    const work = access === 'read' ? queue.read(at, 4) : queue.fill(at, 1, 4);
    await expect(work).rejects.toBeInstanceOf(GpuFaultError);
    await expect(access === 'read' ? queue.read(at, 4) : queue.fill(at, 1, 4)).rejects.toMatchObject({
      code: 'ERR_SVM_GPU_FAULT',
      address: at,
      access,
      reason: expect.stringMatching(reason) as string,
    });
  });

  it('names the first page that fails, not the first of the access', async () => {
    const { queue, buffer } = setUp();
    buffer.unmap(2 * MIB, 4096);
    await expect(queue.read(buffer.address + 100n, 3 * MIB)).rejects.toMatchObject({
      address: buffer.address + BigInt(2 * MIB),
    });
  });

  it('is refused on a GPU without retry faults', async () => {
    const { queue, buffer } = setUp({ asic: 'gfx1100' });
    await expect(queue.fill(buffer.address, 1, 4)).rejects.toMatchObject({
      reason: expect.stringMatching(/gfx1100 has no retry faults/) as string,
    });
  });

  it.each([
    ['fill with an unaligned address', (q: Queue) => q.fill(2n, 1, 4), /multiples of 4/],
    [
      'fill with a value above u32',
      (q: Queue) => q.fill(0n, 2 ** 32, 4),
      /^value: expected a whole number from 0 to 4294967295/,
    ],
    ['an address that is no bigint', (q: Queue) => q.read(4096 as never, 1), /^address: expected a bigint/],
    ['a negative size', (q: Queue) => q.read(4096n, -1), /^size: expected a whole number/],
    ['a range beyond 2^64', (q: Queue) => q.read((1n << 64n) - 1n, 2), /reach beyond what can be accessed/],
    ['overlapping copies', (q: Queue) => q.copy(4096n, 4097n, 16), /the ranges must not overlap/],
    [
      'an addition at an unaligned address',
      (q: Queue) => q.atomicAdd(4n, 1n),
      /^address: expected a multiple of 8, got 4n/,
    ],
    ['an addend that is no bigint', (q: Queue) => q.atomicAdd(8n, 1 as never), /^value: expected a bigint, got 1/],
    ['an addend above u64', (q: Queue) => q.atomicAdd(8n, 1n << 64n), /^value: expected 0n to 2\^64 - 1/],
    [
      'a value above its bits',
      (q: Queue) => q.atomic('or', 8n, 1n << 32n, { bits: 32 }),
      /^value: expected 0n to 2\^32 - 1/,
    ],
    ['another width', (q: Queue) => q.atomic('or', 8n, 1n, { bits: 16 as never }), /^bits: expected 32 or 64, got 16/],
    [
      'an unaligned word of 32 bits',
      (q: Queue) => q.atomic('or', 2n, 1n, { bits: 32 }),
      /^address: expected a multiple of 4/,
    ],
    ['a comparison with nothing', (q: Queue) => q.atomic('compare-swap', 8n, 1n), /^compare: compare-swap needs it/],
    ['a comparison for nothing', (q: Queue) => q.atomic('or', 8n, 1n, { compare: 1n }), /^compare: or has none/],
    [
      'floating point',
      (q: Queue) => q.atomic('float-add' as never, 8n, 1n),
      /^operation: expected one of swap, compare-swap, add, .*, got "float-add"/,
    ],
    [
      'data of another type',
      (q: Queue) => q.write(4096n, 'x' as never),
      /^data: expected a typed array or a DataView, got "x"/,
    ],
  ])('refuses %s', (_what, call, message) => {
    const { queue } = setUp();
    expect(() => void call(queue)).toThrow(message);
  });

  it('does nothing for an access of no bytes', async () => {
    const { machine, queue } = setUp();
    expect(await queue.read(0x1000n, 0)).toEqual(new Uint8Array(0));
    await queue.write(0x1000n, new Uint8Array(0));
    expect(machine.snapshot().devices[0]!.files[0]!.counters.faults).toBe(0);
  });

  it('gives the same bytes and the same state twice', async () => {
    const once = async (): Promise<string> => {
      const { machine, device, queue, buffer } = setUp({ asic: 'gfx90a', defaultGranularity: 4 });
      await queue.fill(buffer.address, 5, 2 * MIB);
      buffer.unmap(MIB, 4096);
      device.setAttributes(buffer.slice(0, 4096), { gpuExecutable: true });
      await queue.copy(buffer.address + BigInt(3 * MIB), buffer.address, 4096);
      return JSON.stringify(machine.snapshot(), (_key, value: unknown) =>
        typeof value === 'bigint' ? value.toString() : value,
      );
    };
    expect(await once()).toBe(await once());
  });
});

type Queue = ReturnType<typeof setUp>['queue'];
