import { expect, it } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import { EmulatedQueue } from '../backend/queue-emulated.ts';
import type { ClientFile } from './client.ts';
import { playOnFile } from './gpu-player.ts';

it('a fill, write or copy that is killed is refused and writes nothing; `access` repeats faults by its definition', async () => {
  const machine = new EmulatedMachine();
  const device = machine.devices[0]!;
  const node = device.open();
  const base = machine.process.mmap({ size: 4 << 20 });
  const client = { pid: 1, process: { pid: 1, name: 'test' }, refresh: () => undefined };
  const queue = new EmulatedQueue(device, node.file, machine.clock, () => false);
  const file = { number: 1, gpu: 0, client, node, queue } as unknown as ClientFile;
  const address = String(base);
  const requests = [
    { command: 'fill', address, value: '255', size: '4194304' },
    { command: 'write', address, data: 'ffffffff' },
    { command: 'copy', address, source: String(base + 4096n), size: '4096' },
  ] as const;
  for (const request of requests) {
    device.failures.plan('write-ptes', 'EBUSY');
    await expect(playOnFile(file, request)).rejects.toMatchObject({ code: 'ERR_SVM_GPU_FAULT' });
    expect(machine.process.read(base, 4 << 20).every((byte) => byte === 0)).toBe(true);
  }
  device.failures.plan('write-ptes', 'EBUSY');
  expect(await playOnFile(file, { command: 'access', address, size: '1', write: true })).toMatchObject({
    result: 0,
    faults: 2,
  });
});
