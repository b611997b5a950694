/** The runtime layers on a GPU without retry faults, which SVM of the XNACK-off series serves all the same. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { SvmDevice } from '../lib/index.ts';
import { HipMemoryAdvise, HipRuntime } from '../lib/hip/index.ts';
import { HsaRuntime, HsaSvmAttribute, HsaSystemInfo } from '../lib/hsa/index.ts';

const MIB = 1 << 20;

afterEach(() => vi.unstubAllEnvs());

function openOff(): SvmDevice {
  return SvmDevice.open({ backend: 'emulated', profile: 'v7-xnack-off', xnackOff: true });
}

describe('a device without retry faults', () => {
  it('maps by setAttributes, waits while the queues are stopped, and kills what is not mapped', async () => {
    using device = openOff();
    const buffer = device.memory.map(4 * MIB);
    using queue = device.createQueue();
    expect(device.getAttributes(buffer).access).toBe('inaccessible');
    await expect(queue.fill(buffer.address, 1, MIB)).rejects.toMatchObject({
      name: 'GpuFaultError',
      address: buffer.address,
      message: expect.stringContaining('no retry faults (XNACK off), so nothing is mapped by a fault'),
    });
    device.setAttributes(buffer, { access: 'in-place' });
    await queue.fill(buffer.address, 0x01010101, 4 * MIB);
    buffer.discard(0, 4096);
    buffer.unmap(2 * MIB, MIB);
    // The rest is mapped again before the queue goes on.
    await queue.fill(buffer.address, 0x02020202, 2 * MIB);
    await queue.fill(buffer.address + BigInt(3 * MIB), 0x03030303, MIB);
    expect([buffer.read(0, 1)[0], buffer.read(3 * MIB, 1)[0]]).toEqual([2, 3]);
    await expect(queue.read(buffer.address + BigInt(2 * MIB), 4)).rejects.toThrow(/nothing is mapped by a fault/);
  });
});

describe('HSA', () => {
  it('has SVM without XNACK, and memory that is not accessible by default', async () => {
    using device = openOff();
    using runtime = HsaRuntime.open({ devices: [device] });
    expect(
      [HsaSystemInfo.svmSupported, HsaSystemInfo.svmAccessibleByDefault, HsaSystemInfo.xnackEnabled].map((each) =>
        runtime.systemInfo(each),
      ),
    ).toEqual([true, false, false]);
    const buffer = device.memory.map(MIB);
    const [agent] = runtime.gpuAgents;
    const access = (): number =>
      runtime.svmAttributesGet(buffer.address, MIB, [{ attribute: HsaSvmAttribute.accessQuery, value: agent! }])[0]!
        .attribute;
    expect(access()).toBe(HsaSvmAttribute.agentNoAccess);
    runtime.svmAttributesSet(buffer.address, MIB, [{ attribute: HsaSvmAttribute.agentAccessible, value: agent! }]);
    expect(access()).toBe(HsaSvmAttribute.agentAccessible);
    await device.createQueue().fill(buffer.address, 1, MIB);
  });

  it('opens such a device by the environment', () => {
    vi.stubEnv('AMDGPU_SVM_BACKEND', 'emulated');
    vi.stubEnv('AMDGPU_SVM_PROFILE', 'v7-xnack-off');
    vi.stubEnv('AMDGPU_SVM_XNACK_OFF', '1');
    using runtime = HsaRuntime.open();
    expect(runtime.systemInfo(HsaSystemInfo.xnackEnabled)).toBe(false);
  });
});

describe('HIP', () => {
  it('makes managed memory that is mapped at once, and freed with its queued work', async () => {
    using device = openOff();
    using hip = HipRuntime.open({ devices: [device] });
    const memory = hip.mallocManaged(2 * MIB);
    await device.createQueue().fill(memory.address, 1, 2 * MIB);
    hip.memAdvise(memory, memory.size, HipMemoryAdvise.setReadMostly, 0);
    hip.free(memory);
    const [file] = device.emulator!.files;
    expect(file!.context!.framework.ranges.size).toBe(0);
  });
});
