import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../machine.ts';

const [ENOENT, EINVAL] = [-2, -22];

describe('buffer objects of a device', () => {
  it('are aligned to pages, and unmapped by an address in their first one', () => {
    const device = new EmulatedMachine({ profile: 'v7' }).devices[0]!;
    device.open();
    const map = (address: bigint, size: number | bigint): number => device.mapBufferObject({ address, size });
    expect([map(1n, 4096), map(4096n, 1), map(4096n, 0), map(-4096n & ((1n << 64n) - 1n), 8192)]).toEqual([
      EINVAL,
      EINVAL,
      EINVAL,
      EINVAL,
    ]);
    expect([map(4096n, 8192n), map(8192n, 4096), map(0n, 4096)]).toEqual([0, EINVAL, 0]);
    expect([
      device.unmapBufferObject({ address: 8192n }),
      device.unmapBufferObject({ address: 4097n }),
      device.unmapBufferObject({ address: 4096n }),
    ]).toEqual([ENOENT, 0, ENOENT]);
  });

  it('are of one file each', () => {
    const device = new EmulatedMachine({ profile: 'v7' }).devices[0]!;
    const [first, second] = [device.openFile(), device.openFile()];
    expect(device.mapBufferObject({ address: 4096n, size: 4096, file: second })).toBe(0);
    expect([device.unmapBufferObject({ address: 4096n }), [...first.vm.bufferObjects.values()]]).toEqual([ENOENT, []]);
    expect(device.unmapBufferObject({ address: 4096n, file: second })).toBe(0);
  });

  it('need an open file', () => {
    const device = new EmulatedMachine().devices[0]!;
    expect(() => device.mapBufferObject({ address: 4096n, size: 4096 })).toThrow(/^mapBufferObject: .*no open file/);
    expect(() => device.unmapBufferObject({ address: 4096n })).toThrow(/^unmapBufferObject: .*no open file/);
  });
});
