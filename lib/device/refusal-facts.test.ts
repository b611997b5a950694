import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import { openDevices, thrown } from '../../test/support/devices.ts';
import type { HostBuffer, SvmDevice } from '../index.ts';

const MIB = 1 << 20;
const open = openDevices();

/** Memory that the GPU may use and nothing is prefetched of: a prefetch that was refused is not tried again. */
function touched(device: SvmDevice): HostBuffer {
  const buffer = device.memory.map(2 * MIB);
  buffer.write(0, new Uint8Array(2 * MIB));
  device.setAttributes(buffer, { access: 'allow-migrate' });
  return buffer;
}

function refusalOfPrefetch(device: SvmDevice, buffer: HostBuffer): unknown[] {
  const { code, hint } = thrown(() => device.prefetch(buffer, 'device'));
  return [code, hint];
}

describe('EBUSY', () => {
  it('names the GPU address space where its eviction is the cause', () => {
    const device = open();
    const buffer = touched(device);
    device.emulator!.failures.plan('write-ptes', 'EBUSY');
    expect(refusalOfPrefetch(device, buffer)).toEqual(['EBUSY', 'the GPU address space is being evicted']);
  });

  it('names pages that kept changing for a second', () => {
    const machine = new EmulatedMachine();
    const device = open({ emulator: machine.devices[0]! });
    const buffer = touched(device);
    const stop = machine.at('hmm', () => {
      buffer.discard(0, 4096);
      machine.clock.advance(400_000_000);
    });
    expect(refusalOfPrefetch(device, buffer)).toEqual([
      'EBUSY',
      'pages kept changing for a second while they were collected',
    ]);
    stop();
  });

  it('names a chunk that did not move where one was to move into VRAM', () => {
    const device = open({ backend: 'emulated', profile: 'v8', emulator: { vram: 64 * MIB } });
    const buffer = touched(device);
    device.emulator!.failures.plan('copy-buffer', 'EBUSY', 2);
    expect(refusalOfPrefetch(device, buffer)).toEqual([
      'EBUSY',
      'a chunk of pages did not move to the memory of the GPU as a whole',
    ]);
  });
});
