/** GPU work of a kernel in a recording, by a queue without hardware. */
import { describe, expect, it } from 'vitest';
import { FakeKfdPort } from '../../../test/support/fake-kfd-port.ts';
import { KfdQueue } from '../../backend/kfd/queue-kfd.ts';
import type { OperationObject } from '../operations/descriptor.ts';
import { RecordingQueue } from './recording-queue.ts';

function setUp(hardware: ConstructorParameters<typeof FakeKfdPort>[0] = {}) {
  const lines: string[] = [];
  const tell = (what: string, operation: OperationObject): void => {
    const { addr, len, write } = operation['access'] as { addr: string; len: string; write: boolean };
    lines.push(`${what} ${write ? 'write' : 'read'} ${addr} ${len}`);
  };
  const port = new FakeKfdPort(hardware);
  const queue = new RecordingQueue(new KfdQueue(port, () => false), {
    announce: (operation) => {
      tell('next', operation);
      return () => void lines.push('issued');
    },
    write: (operation, answer) => {
      expect(answer).toBeUndefined();
      tell('did', operation);
    },
  });
  return { lines, port, queue };
}

describe('a recorded queue', () => {
  it('announces each command and writes down what it touched', async () => {
    const { lines, port, queue } = setUp();
    await queue.fill(0x1000n, 0x0102_0304, 8);
    await queue.copy(0x2000n, 0x1000n, 5);
    await queue.write(0x3000n, Uint16Array.of(1, 2));
    expect([...(await queue.read(0x2000n, 5))]).toEqual([4, 3, 2, 1, 4]);
    await queue.atomic('or', 0x3000n, 0xf0n, { bits: 32 });
    await queue.atomicAdd(0x3000n, 1n);
    await queue.write(0x3000n, new Uint8Array(0));
    await queue.idle();
    expect(port.memory[0x3000]).toBe(0xf2);
    expect(lines).toEqual([
      ...['next write 0x1000 0x8', 'issued', 'did write 0x1000 0x8'],
      ...['next write 0x2000 0x5', 'issued', 'did read 0x1000 0x5', 'did write 0x2000 0x5'],
      ...['next write 0x3000 0x4', 'issued', 'did write 0x3000 0x4'],
      ...['next read 0x2000 0x5', 'issued', 'did read 0x2000 0x5'],
      ...['next write 0x3000 0x4', 'issued', 'did write 0x3000 0x4'],
      ...['next write 0x3000 0x8', 'issued', 'did write 0x3000 0x8'],
    ]);
  });

  it('has an access whose fault was refused, and nothing of what was not carried out', async () => {
    const { lines, queue } = setUp({
      atomics: 'none',
      onAccess: (address) => ({ kind: 'memory', address, readOnly: false }),
    });
    await expect(queue.atomicAdd(0n, 1n)).rejects.toMatchObject({ code: 'ERR_SVM_NOT_AVAILABLE' });
    await expect(queue.fill(0x1000n, 1, 4)).rejects.toMatchObject({ code: 'ERR_SVM_GPU_FAULT' });
    await expect(queue.fill(0x2000n, 1, 4)).rejects.toMatchObject({ code: 'ERR_SVM_DEVICE_LOST' });
    expect(() => queue.fill(1n, 1, 4)).toThrow('expected multiples of 4');
    queue.close();
    await expect(queue.read(0n, 1)).rejects.toMatchObject({ code: 'ERR_SVM_CLOSED' });
    expect(lines.filter((line) => line.startsWith('did'))).toEqual(['did write 0x1000 0x4']);
  });
});
