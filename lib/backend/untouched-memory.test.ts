/** What memory costs that nobody wrote to: by every way in which pages leave, not what a memset of it would. */
import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import { SvmDevice } from '../index.ts';

const MIB = 1 << 20;
const SIZE = 1 << 30;

/** Memory and processor time that `action` takes. */
function costOf(action: () => void): { resident: number; milliseconds: number } {
  const before = process.memoryUsage.rss();
  const start = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(start);
  return { resident: (process.memoryUsage.rss() - before) / MIB, milliseconds: (user + system) / 1000 };
}

function setUp() {
  const machine = new EmulatedMachine();
  const device = SvmDevice.open({ emulator: machine.devices[0]! });
  const buffer = device.memory.map(SIZE);
  device.prefetch(buffer, 'device');
  return { machine, device, buffer };
}

describe('a GiB that was prefetched and never written', () => {
  it.each([
    ['munmap', ({ buffer }: ReturnType<typeof setUp>) => buffer.unmap()],
    [
      'munmap in parts',
      ({ buffer }: ReturnType<typeof setUp>) => {
        for (let offset = 0; offset < SIZE; offset += SIZE / 8) buffer.unmap(offset, SIZE / 8);
      },
    ],
    ['discard', ({ buffer }: ReturnType<typeof setUp>) => buffer.discard()],
    [
      'discard after a look at a byte',
      ({ buffer }: ReturnType<typeof setUp>) => {
        expect(buffer.read(SIZE / 2, 1)[0]).toBe(0);
        buffer.discard();
      },
    ],
    ['exit of the process', ({ machine }: ReturnType<typeof setUp>) => machine.process.exit()],
  ] as const)('%s: neither resident nor slow', (_name, leave) => {
    const scene = setUp();
    const { resident, milliseconds } = costOf(() => leave(scene));
    expect(resident).toBeLessThan(64);
    // A memset alone takes longer; so wide because other programs run at the same time.
    expect(milliseconds).toBeLessThan(300);
  });
});

describe('memory that was written', () => {
  it.each([64 << 10, 4 * MIB])(
    'is zero after a discard, also where it was written through `bytes` (%d bytes)',
    (size) => {
      const device = SvmDevice.open({ emulator: new EmulatedMachine().devices[0]! });
      const buffer = device.memory.map(size);
      buffer.bytes.fill(7);
      buffer.write(8192, Uint8Array.of(5));
      buffer.discard(4096, 8192);
      expect([buffer.bytes[4095], buffer.bytes[4096], buffer.bytes[8192], buffer.bytes[12288]]).toEqual([7, 0, 0, 7]);
      expect(buffer.read(4096, 8192).every((byte) => byte === 0)).toBe(true);
    },
  );

  it('by the GPU is seen through `bytes` that were asked for later, and earlier', async () => {
    const device = SvmDevice.open({ emulator: new EmulatedMachine().devices[0]! });
    const buffer = device.memory.map(4 * MIB);
    const queue = device.createQueue();
    await queue.fill(buffer.address + 4096n, 0x01010101, 4096);
    const { bytes } = buffer;
    await queue.fill(buffer.address + 8192n, 0x02020202, 4096);
    bytes[12288] = 3;
    expect([4095, 4096, 8192, 12288].map((at) => bytes[at])).toEqual([0, 1, 2, 3]);
    expect([...(await queue.read(buffer.address + 12287n, 2))]).toEqual([2, 3]);
    // The rest of a mapping keeps its contents.
    buffer.unmap(0, 4096);
    expect([...buffer.read(12287, 2)]).toEqual([2, 3]);
  });
});
