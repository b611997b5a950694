/** Managed memory that moves: what prefetch, advice and discard do to the memory of the GPUs, as hipMemGetInfo tells it. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { parameters } from '../../framework/parameters.ts';
import { HipMemRangeCoherencyMode } from '../../../hip/index.ts';
import { Advise, Attribute, CPU, eachHip, hipFeatures, hipOn, ints, Place, valuesOf } from './runtime.ts';
import type { Hip, HipPoint } from './runtime.ts';

export const deviceMemoryGroup = new CaseGroup(
  'hip,device-memory',
  'HIP: what managed memory takes of the memory of the GPUs (hipMemGetInfo)',
);

const MEBI = 1 << 20;
const VRAM = 8 * MEBI;
const SIZE = 2 * MEBI;

function open(t: CaseContext, point: HipPoint): Hip {
  t.setup({ gpus: point.gpus, vram: VRAM });
  return hipOn(t, point);
}

/** Bytes that are taken of the memory of each GPU. */
function taken({ runtime, gpus }: Hip): number[] {
  return gpus.map((gpu) => {
    runtime.setDevice(gpu);
    const { free, total } = runtime.memGetInfo();
    return total - free;
  });
}

/** `size` bytes on GPU `gpu`, nothing on the others. */
function only({ gpus }: Hip, gpu: number, size = SIZE): number[] {
  return gpus.map((each) => (each === gpu ? size : 0));
}

deviceMemoryGroup
  .case(
    'prefetch',
    'a prefetch to a GPU moves the memory there, one to the next GPU moves it on, the CPU brings it home',
  )
  .source('HIP catch Unit_hipMemPrefetchAsync_Basic, TstMemAdviseLstPreftchLoc; spec/migration §6, §7')
  .parameters(eachHip().combine('touch', ['read', 'write']))
  .needs('vram')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = open(t, point);
    const memory = hip.managed(SIZE);
    memory.write(0, ints(SIZE / 4, 42));
    t.equal(taken(hip), only(hip, NOWHERE), 'bytes taken before');
    for (const gpu of hip.gpus) {
      await hip.prefetch(memory, SIZE, gpu);
      t.equal(taken(hip), only(hip, gpu), `bytes taken after the prefetch to ${gpu}`);
      // As the code has it, the GPU before still claims the range.
      const last = hip.isRocm ? 0 : gpu;
      t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, SIZE), last, 'LastPrefetchLocation');
    }
    if (point.touch === 'write') memory.write(0, ints(1, 43));
    t.equal(valuesOf(memory.read()), point.touch === 'write' ? [42, 43] : [42], 'values that the CPU reads');
    t.equal(taken(hip), only(hip, NOWHERE), 'bytes taken when the CPU has read them');
  });

/** No GPU. */
const NOWHERE = -1;

deviceMemoryGroup
  .case('prefetch-home', 'a prefetch to the CPU moves nothing by itself: the pages come home when the CPU touches them')
  .source('spec/migration §3, §6')
  .parameters(eachHip())
  .needs('vram')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = open(t, point);
    const memory = hip.managed(SIZE);
    memory.write(0, ints(SIZE / 4, 5));
    await hip.prefetch(memory, SIZE, 0);
    await hip.prefetch(memory, SIZE, CPU);
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, SIZE), CPU, 'LastPrefetchLocation');
    t.equal(taken(hip), only(hip, 0), 'bytes taken after the prefetch to the CPU');
    t.equal(valuesOf(memory.read()), [5], 'values');
    t.equal(taken(hip), only(hip, NOWHERE), 'bytes taken when the CPU has read them');
  });

deviceMemoryGroup
  .case('preferred', 'memory moves to the GPU that prefers it when that one touches it, and to no other')
  .source('HIP catch Unit_hipMemAdvise_PrefrdLoc; spec/migration §3')
  .parameters(eachHip().combine('advice', ['preferred', 'accessed-by', 'read-mostly', 'none']))
  .needs('vram', 'gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = open(t, point);
    const gpu = hip.gpus.at(-1)!;
    const memory = hip.managed(SIZE);
    memory.write(0, ints(SIZE / 4, 4));
    const advice = {
      preferred: Advise.setPreferredLocation,
      'accessed-by': Advise.setAccessedBy,
      'read-mostly': Advise.setReadMostly,
      none: undefined,
    }[point.advice];
    if (advice !== undefined) hip.runtime.memAdvise(memory, SIZE, advice, gpu);
    t.equal(taken(hip), only(hip, NOWHERE), 'bytes taken by the advice');
    hip.runtime.setDevice(gpu);
    await hip.kernel(memory, memory, SIZE / 4, (value) => value * value);
    t.equal(taken(hip), only(hip, point.advice === 'preferred' ? gpu : NOWHERE), 'bytes taken by the kernel');
    t.equal(valuesOf(memory.read()), [16], 'values');
  });

deviceMemoryGroup
  .case(
    'discard',
    'discarded memory leaves the memory of the GPU with its contents; discarded and prefetched it is zeros there',
  )
  .source('HIP catch hipMemDiscardBatchAsync.cc ContentAfterDiscard, DiscardAndPrefetch SingleBuffer; spec/hip §3')
  .parameters(eachHip().combine('prefetch', [false, true]).combine('buffers', [1, 3]))
  .needs('vram', 'gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = open(t, point);
    const { runtime } = hip;
    const buffers = Array.from({ length: point.buffers }, () => hip.managed(MEBI));
    for (const buffer of buffers) {
      buffer.write(0, ints(MEBI / 4, 7));
      await hip.prefetch(buffer, MEBI, 0);
    }
    t.equal(taken(hip), only(hip, 0, point.buffers * MEBI), 'bytes taken before');
    const sizes = buffers.map(() => MEBI);
    const stream = runtime.streamCreate();
    if (point.prefetch) {
      const location = { type: Place.device, id: 0 };
      runtime.memDiscardAndPrefetchBatchAsync(buffers, sizes, point.buffers, [location], [0], 1, 0, stream);
    } else runtime.memDiscardBatchAsync(buffers, sizes, point.buffers, 0, stream);
    await runtime.streamSynchronize(stream);
    t.equal(taken(hip), only(hip, point.prefetch ? 0 : NOWHERE, point.buffers * MEBI), 'bytes taken afterwards');
    if (point.prefetch) {
      await runtime.launch(stream, async (queue) => {
        t.equal(valuesOf(await queue.read(buffers[0]!.address, MEBI)), [0], 'values that the GPU reads');
      });
    }
    for (const buffer of buffers) t.equal(valuesOf(buffer.read()), [0], 'values that the CPU reads');
  });

deviceMemoryGroup
  .case('free', 'freed memory gives the memory of the GPU back')
  .source('spec/migration §6')
  .parameters(eachHip().combine('size', [1, 4097, SIZE]))
  .needs('vram')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = open(t, point);
    const memory = hip.managed(point.size);
    const pages = Math.ceil(point.size / 4096) * 4096;
    await hip.prefetch(memory, point.size, 0);
    t.equal(taken(hip), only(hip, 0, pages), 'bytes taken');
    hip.runtime.free(memory);
    t.equal(taken(hip), only(hip, NOWHERE), 'bytes taken afterwards');
  });

deviceMemoryGroup
  .case('coherency', 'the coherency mode is what was advised, wherever the memory lies')
  .source('HIP catch Unit_hipMallocManaged_CoherentTstWthAdvise')
  .parameters(eachHip().combine('coarse', [false, true]))
  .needs('vram', 'gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = open(t, point);
    const memory = hip.managed(SIZE);
    memory.write(0, ints(SIZE / 4, 9));
    if (point.coarse) hip.runtime.memAdvise(memory, SIZE, Advise.setCoarseGrain, 0);
    await hip.prefetch(memory, SIZE, 0);
    const { coarseGrain, fineGrain } = HipMemRangeCoherencyMode;
    const expected = point.coarse ? coarseGrain : fineGrain;
    t.equal(hip.ask(Attribute.coherencyMode, memory, SIZE), expected, 'CoherencyMode on the GPU');
    hip.runtime.setDevice(0);
    await hip.kernel(memory, memory, SIZE / 4, (value) => value * value);
    t.equal(valuesOf(memory.read()), [81], 'values');
    t.equal(hip.ask(Attribute.coherencyMode, memory, SIZE), expected, 'CoherencyMode at home');
  });

deviceMemoryGroup
  .case('hive', 'in one hive a prefetch to the second GPU fails, and says so only as the manual has it')
  .source('spec/migration §1, §7; spec/hip §3')
  .parameters(parameters().combine('compatibility', ['rocm', 'documented']).combine('gpus', [2]))
  .needs('vram', 'hive', 'two-gpus', 'retry-faults')
  .run(async (t, point) => {
    t.setup({ gpus: 2, vram: VRAM, hive: true });
    const hip = hipOn(t, point);
    t.equal([hip.runtime.deviceCanAccessPeer(0, 1), hip.runtime.deviceCanAccessPeer(1, 0)], [1, 1], 'peer access');
    const memory = hip.managed(SIZE);
    memory.write(0, ints(SIZE / 4, 3));
    await hip.prefetch(memory, SIZE, 0);
    hip.runtime.setDevice(1);
    hip.runtime.memPrefetchAsync(memory, SIZE, 1);
    let failed = false;
    await hip.runtime.deviceSynchronize().catch(() => (failed = true));
    t.equal(failed, !hip.isRocm, 'whether the synchronisation tells of it');
    t.equal(taken(hip), only(hip, 0), 'bytes taken afterwards');
    t.equal(valuesOf(memory.read()), [3], 'values');
  });
