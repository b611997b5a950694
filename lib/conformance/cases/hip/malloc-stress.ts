/** hipMallocManaged.cc and hipMallocManagedStress: large and many allocations. */
import { CaseGroup } from '../../framework/case.ts';
import { eachGpu, eachHip, hipFeatures, ints, openHip, valuesOf } from './runtime.ts';

export const mallocStressGroup = new CaseGroup('hip,hipMallocManaged', 'HIP: managed memory');

const MEBI = 1 << 20;

const plusTen = (value: number): number => value + 10;

mallocStressGroup
  .case(
    'Stress_hipMallocManaged_MultiSize',
    'allocations from 1 to 102399 bytes, every `stride` bytes, each of which a kernel adds 10 to (the original takes every size)',
  )
  .source('HIP catch stress Stress_hipMallocManaged_MultiSize')
  .parameters(eachHip().combine('first', [1, 4094, 65534]).combine('stride', [7919]))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const sizes = [point.first, point.first + 1, point.first + 2, point.first + 3];
    for (let size = point.first + point.stride; size < 102_400; size += point.stride) sizes.push(size);
    for (const size of sizes) {
      const memory = hip.managed(size);
      memory.write(0, new Uint8Array(size).fill(100));
      await hip.runtime.launch(null, async (queue) =>
        queue.write(memory.address, (await queue.read(memory.address, size)).map(plusTen)),
      );
      t.equal([...new Set(memory.read())], [110], `values of ${size} bytes`);
      hip.runtime.free(memory);
    }
  });

for (const name of ['Stress_hipMallocManaged_KrnlWth2MemTypes', 'Stress_hipMallocManaged_MultiKrnlHmmAccess']) {
  mallocStressGroup
    .case(
      name,
      name.endsWith('Access')
        ? 'three kernels with one input and outputs of their own (1 Mi ints divided by `scale`)'
        : 'a kernel with input and output of two kinds (both managed here; 1 Mi ints divided by `scale`)',
    )
    .source(`HIP catch stress ${name}`)
    .parameters(eachGpu().combine('scale', [64]))
    .needs('gpu-work')
    .needsAt(hipFeatures)
    .run(async (t, point) => {
      const hip = openHip(t, point);
      const count = MEBI / point.scale;
      const input = hip.managed(count * 4);
      input.write(0, ints(count, 123));
      hip.runtime.setDevice(point.device);
      const [plus, times, both] = [hip.managed(count * 4), hip.managed(count * 4), hip.managed(count * 4)];
      await hip.kernel(input, plus, count, plusTen);
      t.equal(valuesOf(plus.read()), [133], 'values plus 10');
      if (!name.endsWith('Access')) return;
      await hip.kernel(input, times, count, (value) => value * 10);
      t.equal(valuesOf(times.read()), [1230], 'values times 10');
      await hip.kernel(times, both, count, (value) => 2 * value + 10);
      t.equal(valuesOf(both.read()), [2470], 'twice these plus 10');
    });
}

for (const name of ['Stress_hipMallocManaged_ExtremeSizes', 'Stress_HMM_OverSubscriptionTst']) {
  mallocStressGroup
    .case(name, 'allocations as large as, and larger than, the free memory of the GPU')
    .source(`HIP catch stress ${name}`)
    .needs('vram-accounting')
    .unimplemented('the memory of the GPU is not known, and managed memory of V4 is not there');
}
