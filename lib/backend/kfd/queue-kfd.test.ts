import { describe, expect, it } from 'vitest';
import { ATOMIC_OPERATIONS } from '../../uapi/atomic.ts';
import fc from 'fast-check';
import { FakeKfdPort } from '../../../test/support/fake-kfd-port.ts';
import type { FakeHardware } from '../../../test/support/fake-kfd-port.ts';
import { GpuFaultError } from '../queue.ts';
import { KfdQueue } from './queue-kfd.ts';

function queueOn(hardware: FakeHardware = {}, isClosed = () => false): { port: FakeKfdPort; queue: KfdQueue } {
  const port = new FakeKfdPort(hardware);
  return { port, queue: new KfdQueue(port, isClosed) };
}

describe('work', () => {
  it('fills, copies, writes, reads and adds, and every batch ends with a fence of the next number', async () => {
    const { port, queue } = queueOn();
    await queue.fill(0x100n, 0x0102_0304, 16);
    await queue.copy(0x201n, 0x100n, 5);
    expect([...(await queue.read(0x200n, 7))]).toEqual([0, 4, 3, 2, 1, 4, 0]);
    await queue.write(0x300n, Uint8Array.of(9, 8, 7));
    await queue.atomicAdd(0x300n, 1n);
    expect([...port.memory.subarray(0x300, 0x304)]).toEqual([10, 8, 7, 0]);
    expect(port.submissions.map((dwords) => dwords.slice(-4).map((word) => word >>> 0))).toEqual(
      [1, 2, 3, 4, 5].map((number) => [5, 0x7f00_0000, 0, number]),
    );
  });

  it('goes down in pieces of 2 MiB that nothing crosses twice', async () => {
    const memory: [bigint, number][] = [];
    const { queue } = queueOn({ onAccess: (address, bytes) => void memory.push([address, bytes]) });
    await expect(queue.fill(0n, 0, 0x10_0000)).resolves.toBeUndefined();
    expect(memory).toEqual([[0n, 0x10_0000]]);
    const large = new FakeKfdPort({ hangs: true });
    const lost = new KfdQueue(large, () => false).copy(0x1_0000_0000n, 0x2_0000_0000n, 0x50_0000);
    await expect(lost).rejects.toMatchObject({ code: 'ERR_SVM_DEVICE_LOST' });
    const counts = [1, 8, 15].map((index) => large.submissions[0]![index]! + 1);
    expect(counts).toEqual([0x20_0000, 0x20_0000, 0x10_0000]);
  });

  it('is larger than the bounce buffer where it has to be', async () => {
    const { port, queue } = queueOn({ bufferBytes: 64 });
    const data = Uint8Array.from({ length: 1000 }, (_, index) => index);
    await queue.write(0x1000n, data);
    expect([...(await queue.read(0x1000n, 1000))]).toEqual([...data]);
    expect(port.submissions).toHaveLength(32);
  });

  it('of no bytes is nothing', async () => {
    const { port, queue } = queueOn();
    await Promise.all([
      queue.fill(0n, 1, 0),
      queue.copy(0n, 8n, 0),
      queue.write(0n, new Uint8Array(0)),
      queue.read(0n, 0),
    ]);
    expect(port.submissions).toEqual([]);
  });

  it('goes round the ring as often as it likes, with the same bytes as plain memory', async () => {
    const operation = fc.record({
      kind: fc.constantFrom('fill', 'copy', 'write'),
      at: fc.nat(250),
      from: fc.nat(250),
      words: fc.integer({ min: 1, max: 20 }),
      value: fc.nat(0xffff_ffff),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 60, maxLength: 90 }), async (operations) => {
        const { port, queue } = queueOn({ ringBytes: 1024, bufferBytes: 32 });
        const plain = new Uint8Array(2048);
        for (const { kind, at, from, words, value } of operations) {
          const [to, size] = [at * 4, words * 4];
          if (kind === 'fill') {
            await queue.fill(BigInt(to), value, size);
            new Uint32Array(plain.buffer, to, words).fill(value);
          } else if (kind === 'write') {
            const data = Uint8Array.from({ length: size }, (_, index) => value + index);
            await queue.write(BigInt(to), data);
            plain.set(data, to);
          } else {
            if (from < at + words && at < from + words) continue;
            await queue.copy(BigInt(to), BigInt(from * 4), size);
            plain.copyWithin(to, from * 4, from * 4 + size);
          }
        }
        expect(port.memory.subarray(0, 2048)).toEqual(plain);
      }),
      { numRuns: 30 },
    );
  });
});

describe('an access that fails', () => {
  const refusing = (bad: bigint, readOnly = false): FakeHardware => ({
    onAccess: (address, bytes) =>
      bad >= address && bad < address + BigInt(bytes)
        ? { kind: 'memory', address: bad & ~0xfffn, readOnly }
        : undefined,
  });

  it.each([
    ['read', 0x2000n, false, 'the driver found no page for it'],
    ['write', 0x5010n, false, 'the driver found no page for it'],
    ['write', 0x5010n, true, 'the page may not be written'],
  ] as const)('rejects as a %s of the page, and the queue is lost', async (access, bad, readOnly, reason) => {
    const { queue } = queueOn(refusing(bad, readOnly));
    const failed = queue.copy(0x5000n, 0x2000n, 32);
    await expect(failed).rejects.toBeInstanceOf(GpuFaultError);
    await expect(failed).rejects.toMatchObject({ address: bad & ~0xfffn, access, reason });
    await expect(queue.fill(0n, 0, 4)).rejects.toMatchObject({ code: 'ERR_SVM_DEVICE_LOST' });
  });

  it('by a reset says so', async () => {
    const { queue } = queueOn({ onAccess: () => ({ kind: 'reset', reason: 'hang of an engine' }) });
    await expect(queue.read(0n, 4)).rejects.toMatchObject({
      code: 'ERR_SVM_DEVICE_LOST',
      message: 'the queue is lost: the GPU was reset (hang of an engine)',
    });
  });

  it('by a hang says so, and what waits after it is refused, not stuck', async () => {
    const { queue } = queueOn({ hangs: true });
    const all = await Promise.allSettled([queue.fill(0n, 0, 4), queue.read(0n, 4), queue.idle()]);
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });

  it('for lack of atomic operations is refused, and the queue goes on', async () => {
    const { queue } = queueOn({ atomics: 'none' });
    await expect(queue.atomicAdd(0n, 1n)).rejects.toMatchObject({ code: 'ERR_SVM_NOT_AVAILABLE' });
    await expect(queue.fill(0n, 1, 4)).resolves.toBeUndefined();
  });

  it('for an atomic operation that PCIe does not have is refused by name', async () => {
    const { port, queue } = queueOn({ atomics: 'pcie' });
    await queue.atomic('swap', 4n, 7n, { bits: 32 });
    await queue.atomic('compare-swap', 0n, 9n, { compare: 7n << 32n });
    await queue.atomicAdd(0n, 1n);
    expect([...port.memory.subarray(0, 8)]).toEqual([10, 0, 0, 0, 0, 0, 0, 0]);
    for (const operation of ATOMIC_OPERATIONS.filter((name) => !['swap', 'compare-swap', 'add'].includes(name)))
      await expect(queue.atomic(operation, 0n, 1n)).rejects.toMatchObject({
        code: 'ERR_SVM_NOT_AVAILABLE',
        message: `${operation}: over PCIe a GPU has no atomic operations on host memory but add, swap, compare-swap`,
      });
  });

  it('for none of them where the link to the CPU takes all', async () => {
    const { port, queue } = queueOn({ atomics: 'all' });
    await queue.atomic('or', 0n, 0xf0n, { bits: 32 });
    await queue.atomic('decrement', 0n, 0x100n, { bits: 32 });
    expect(port.memory[0]).toBe(0xef);
  });
});

describe('closing', () => {
  it('lets what was given run, takes no more, and gives the hardware back once', async () => {
    const { port, queue } = queueOn();
    const before = queue.fill(0n, 7, 4);
    queue.close();
    queue.close();
    await expect(queue.fill(0n, 8, 4)).rejects.toMatchObject({ code: 'ERR_SVM_CLOSED' });
    await before;
    await queue.idle();
    expect([port.memory[0], port.closed]).toEqual([7, 1]);
  });

  it('of the device rejects what has not begun', async () => {
    const { queue } = queueOn({}, () => true);
    await expect(queue.fill(0n, 7, 4)).rejects.toMatchObject({
      code: 'ERR_SVM_CLOSED',
      message: expect.stringContaining('device'),
    });
  });
});
