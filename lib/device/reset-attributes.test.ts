import { describe, expect, it } from 'vitest';
import { SvmDevice } from './svm-device.ts';
import { SvmError } from './errors.ts';

function open(profile: 'v4' | 'v7'): SvmDevice {
  return SvmDevice.open({ backend: 'emulated', profile });
}

describe('resetAttributes', () => {
  it('brings the defaults back', async () => {
    using device = open('v7');
    const buffer = device.memory.map(2 << 20);
    for (const reset of [() => device.resetAttributes(buffer), () => device.resetAttributesAsync(buffer)]) {
      device.setAttributes(buffer, { prefetchLocation: 'system', coherent: false });
      await reset();
      expect(device.getAttributes(buffer)).toMatchObject({ prefetchLocation: 'undefined', coherent: true });
    }
    expect(device.emulator!.files[0]!.context!.tree.size).toBe(0);
  });

  it('is not available in V4', async () => {
    using device = open('v4');
    const buffer = device.memory.map(4096);
    const refusal = { code: 'ERR_SVM_NOT_AVAILABLE', message: expect.stringContaining('"v4"') };
    expect(() => device.resetAttributes(buffer)).toThrow(expect.objectContaining(refusal));
    await expect(device.resetAttributesAsync(buffer)).rejects.toMatchObject(refusal);
  });

  it('names the rule where the device refuses', () => {
    using device = open('v7');
    expect(() => device.resetAttributes({ address: 4096n, size: (1n << 64n) - 4096n })).not.toThrow();
    try {
      device.resetAttributes({ address: (1n << 64n) - 4096n, size: 8192 });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(SvmError);
      expect(error).toMatchObject({ code: 'EINVAL', operation: 'resetAttributes', hint: 'the range wraps past 2^64' });
    }
  });
});

describe('a device of RFC V7', () => {
  it('says why a GET is refused', () => {
    using device = open('v7');
    const get = (): unknown => device.getAttributes({ address: 1n << 40n, size: 4096 });
    expect(get).toThrow(
      expect.objectContaining({ code: 'EFAULT', hint: 'a page of the range is not mapped in the process' }),
    );
    const buffer = device.memory.map(4096);
    device.emulator!.mapBufferObject(buffer);
    expect(() => device.getAttributes(buffer)).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE', hint: expect.stringContaining('buffer object') }),
    );
  });

  it('has no attribute gpuAlwaysMapped', () => {
    using device = open('v7');
    expect(Object.keys(device.getAttributes(device.memory.map(4096)))).not.toContain('gpuAlwaysMapped');
  });
});
