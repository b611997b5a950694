/**
 * Cases of the ROCm test suites that only set, get, prefetch and discard, through this layer and
 * under their own names. Where the layer can't say what the original says, the comment tells.
 */
import { describe, expect, it } from 'vitest';
import { hsaRigs, pairOf, refusal } from '../../test/support/hsa-rig.ts';
import { HsaPointerType, HsaStatus, HsaSvmAttribute } from './index.ts';
import type { HsaAgent } from './index.ts';

const A = HsaSvmAttribute;
const rig = hsaRigs();

describe.each([1, 2])('rocrtst SvmMemory, %i GPU(s)', (gpus) => {
  it('SvmMemory_Basic_Test TestSVMPrefetch', async () => {
    const made = rig(gpus);
    const { runtime } = made;
    for (const gpu of runtime.gpuAgents) {
      const size = 4096 * 4;
      const structure = made.map(4);
      runtime.svmAttributesSet(structure, size, [pairOf(A.preferredLocation, gpu), pairOf(A.agentAccessible, gpu)]);
      const done = runtime.createSignal(1);
      runtime.svmPrefetchAsync(structure, size, gpu, [], done);
      await done.wait('lt', 1);
      // The original asks for an attribute that can't be asked for, ignores the refusal, and compares its own input.
      const error = refusal(() =>
        runtime.svmAttributesGet(structure, size, [pairOf(A.preferredLocation, gpu), pairOf(A.agentAccessible, gpu)]),
      );
      expect(error.status).toBe(HsaStatus.invalidArgument);
      expect([
        made.value(structure, size, A.preferredLocation),
        made.value(structure, size, A.prefetchLocation),
        made.access(structure, gpu),
      ]).toEqual([gpu, gpu, A.agentAccessible]);
    }
  });

  it('SvmMemory_AccessedBy_All_Devices_Test TestAccessedByAllDevices', () => {
    const made = rig(gpus);
    const { runtime } = made;
    const [cpu] = runtime.cpuAgents;
    const page = made.map();
    const set = (attribute: number, agent: HsaAgent): void =>
      runtime.svmAttributesSet(page, 4096, [pairOf(attribute, agent)]);
    set(A.agentAccessible, cpu!);
    for (const gpu of runtime.gpuAgents) set(A.agentAccessible, gpu);
    expect(made.access(page, cpu!)).toBe(A.agentAccessible);
    for (const gpu of runtime.gpuAgents) expect(made.access(page, gpu)).toBe(A.agentAccessible);
    set(A.agentNoAccess, cpu!);
    expect(made.access(page, cpu!)).toBe(A.agentNoAccess);
    set(A.agentAccessible, cpu!);
    expect(made.access(page, cpu!)).toBe(A.agentAccessible);
  });

  it('SvmMemory_Basic_Test TestCreateDestroy, without its kernel', () => {
    const made = rig(gpus);
    const { runtime } = made;
    const [cpu] = runtime.cpuAgents;
    for (const gpu of runtime.gpuAgents) {
      for (const [size, preferred] of [
        [3 * 4096 * 4, cpu!],
        [4096 * 4, gpu],
      ] as const) {
        const structure = runtime.vmemAddressReserve(size);
        for (const inside of [0n, 4096n * 4n - 4n]) {
          expect(runtime.pointerInfo(structure.address + inside)).toEqual({
            type: HsaPointerType.reservedAddress,
            address: structure.address,
            size,
          });
        }
        runtime.svmAttributesSet(structure.address, size, [
          pairOf(A.preferredLocation, preferred),
          pairOf(A.agentAccessible, gpu),
        ]);
        expect(made.value(structure.address, size, A.preferredLocation)).toBe(preferred);
        runtime.vmemAddressFree(structure.address, size);
        expect(runtime.pointerInfo(structure.address).type).toBe(HsaPointerType.unknown);
      }
    }
  });

  it('SvmMemory_Basic_Test TestSVMBatchDiscard', async () => {
    for (let index = 0; index < gpus; index++) {
      const made = rig(gpus);
      const { runtime } = made;
      const gpu = runtime.gpuAgents[index]!;
      const queue = gpu.device!.createQueue();
      const regions = Array.from({ length: 4 }, () => runtime.vmemAddressReserve(1024));
      const ranges = regions.map(({ address }) => ({ address, size: 1024 }));
      for (const { address } of regions) {
        runtime.svmAttributesSet(address, 1024, [pairOf(A.preferredLocation, gpu), pairOf(A.agentAccessible, gpu)]);
        // In place of the kernel: b[i] = i.
        await queue.write(address, new Uint8Array(Uint32Array.from({ length: 256 }, (_, i) => i).buffer));
        expect(made.value(address, 1024, A.preferredLocation)).toBe(gpu);
      }
      const dependencies = [1, 1, 1].map((start) => runtime.createSignal(start));
      const done = runtime.createSignal(1);
      runtime.svmDiscardBatchAsync(ranges, dependencies, done);
      await new Promise((resolve) => setTimeout(resolve, 10));
      for (const { address } of regions) expect(made.value(address, 1024, A.preferredLocation)).toBe(gpu);
      expect(done.load()).toBe(1n);
      for (const dependency of dependencies) {
        dependency.store(0);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await done.wait('lt', 1);
      for (const { address } of regions) {
        expect(made.value(address, 1024, A.prefetchLocation)).toBe(runtime.cpuAgents[0]);
        expect(runtime.pointerInfo(address).type).toBe(HsaPointerType.reservedAddress);
      }
    }
  });

  it('SvmMemory_Negative_Test TestSVMDiscardNegative', () => {
    const made = rig(gpus);
    // Memory that is no reservation, as the stack is to the original.
    const error = refusal(() =>
      made.runtime.svmDiscardBatchAsync([{ address: made.map(), size: 4096 }], [], made.runtime.createSignal(1)),
    );
    expect([error.statusName, error.field]).toEqual(['HSA_STATUS_ERROR_INVALID_ARGUMENT', 'ranges[0]']);
  });

  it('SvmMemory_DiscardAndPrefetchBatch_Test TestSVMDiscardAndPrefetchBatch', async () => {
    for (let index = 0; index < gpus; index++) {
      const made = rig(gpus);
      const { runtime } = made;
      const gpu = runtime.gpuAgents[index]!;
      const size = 1 << 20;
      const regions = Array.from({ length: 4 }, () => runtime.vmemAddressReserve(size));
      for (const region of regions) {
        runtime.svmAttributesSet(region.address, size, [
          pairOf(A.preferredLocation, gpu),
          pairOf(A.agentAccessible, gpu),
        ]);
        region.write(0, new Uint8Array(new Int32Array(size / 4).fill(1).buffer));
        const moved = runtime.createSignal(1);
        runtime.svmPrefetchAsync(region.address, size, gpu, [], moved);
        await moved.wait('lt', 1);
      }
      const dependencies = [1, 1, 1].map((start) => runtime.createSignal(start));
      const done = runtime.createSignal(1);
      runtime.svmDiscardAndPrefetchBatchAsync(
        regions,
        regions.map(() => gpu),
        dependencies,
        done,
      );
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect([done.load(), regions[0]!.read(0, 1)[0]]).toEqual([1n, 1]);
      for (const dependency of dependencies) dependency.store(0);
      await done.wait('lt', 1);
      for (const region of regions) {
        expect(made.value(region.address, size, A.prefetchLocation)).toBe(gpu);
        expect(runtime.pointerInfo(region.address).type).toBe(HsaPointerType.reservedAddress);
        expect(region.read().some((byte) => byte !== 0)).toBe(false);
        expect((await gpu.device!.createQueue().read(region.address, size)).some((byte) => byte !== 0)).toBe(false);
      }
    }
  });
});
