/** A killed access of the GPU reaches who launched the work. */
import { expect, it } from 'vitest';
import { openHip } from '../../test/support/hip-rig.ts';
import { GpuFaultError } from '../device/index.ts';

it('launch rejects when a fault of its work is answered with an error, and no byte is written', async () => {
  const { hip, machine } = openHip();
  const memory = hip.mallocManaged(8 << 20);
  machine.devices[0]!.failures.plan('write-ptes', 'EBUSY');
  const work = hip.launch(null, (queue) => queue.fill(memory.address, 0xffff_ffff, memory.size));
  await expect(work).rejects.toBeInstanceOf(GpuFaultError);
  await expect(work).rejects.toMatchObject({ address: memory.address, access: 'write' });
  expect(memory.bytes.every((byte) => byte === 0)).toBe(true);
  await hip.launch(null, (queue) => queue.fill(memory.address, 0xffff_ffff, memory.size));
  expect(memory.bytes.every((byte) => byte === 0xff)).toBe(true);
});
