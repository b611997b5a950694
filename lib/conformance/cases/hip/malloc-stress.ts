/** hipMallocManaged.cc and hipMallocManagedStress: large and many allocations. */
import { CaseGroup } from '../../framework/case.ts';
import {
  Attach,
  eachGpu,
  eachHip,
  floats,
  floatValuesOf,
  hipFeatures,
  hipOn,
  ints,
  openHip,
  valuesOf,
} from './runtime.ts';
import { distinct } from '../../support/distinct.ts';

export const mallocStressGroup = new CaseGroup('hip,hipMallocManaged', 'HIP: managed memory');

const MEBI = 1 << 20;
/** Memory of an emulated GPU. */
const VRAM = 8 * MEBI;

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
      t.equal(distinct(memory.read()), [110], `values of ${size} bytes`);
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

mallocStressGroup
  .case('Stress_hipMallocManaged_ExtremeSizes', 'allocations of one byte, and of all free memory of the GPU')
  .source('HIP catch stress Stress_hipMallocManaged_ExtremeSizes')
  .parameters(eachHip().combine('flags', ['global', 'host']))
  .needs('vram')
  .needsAt(hipFeatures)
  .run((t, point) => {
    t.setup({ gpus: point.gpus, vram: VRAM });
    const hip = hipOn(t, point);
    for (const gpu of hip.gpus) {
      hip.runtime.setDevice(gpu);
      const { free } = hip.runtime.memGetInfo();
      for (const size of [1, free, free - 1]) {
        const memory = hip.managed(size, Attach[point.flags]);
        memory.write(size - 1, Uint8Array.of(gpu + 1));
        t.equal([memory.size, memory.read(size - 1, 1)[0]], [size, gpu + 1], 'size and last byte');
        hip.runtime.free(memory);
      }
    }
  });

mallocStressGroup
  .case(
    'Stress_HMM_OverSubscriptionTst',
    'kernels over 1.2 times the memory of the GPU, piece by piece (tasks where the original has threads)',
  )
  .source('HIP catch stress Stress_HMM_OverSubscriptionTst')
  .parameters(eachHip([1]).combine('pieces', [4, 12]))
  .needs('vram', 'gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    t.setup({ gpus: 1, vram: VRAM });
    const hip = hipOn(t, point);
    const { total } = hip.runtime.memGetInfo();
    const count = Math.ceil((1.2 * total) / point.pieces / 4);
    const pieces = Array.from({ length: point.pieces }, () => hip.managed(count * 4));
    for (const piece of pieces) {
      piece.write(0, floats(count, 1.5));
      hip.runtime.memPrefetchAsync(piece, piece.size, 0);
      await hip.floatKernel(piece, piece, count, (value) => 2 * value);
    }
    t.ok(hip.runtime.memGetInfo().free < total / 8, 'the memory of the GPU is in use');
    for (const [index, piece] of pieces.entries())
      t.equal(floatValuesOf(piece.read()), [3], `values of piece ${index}`);
  });
