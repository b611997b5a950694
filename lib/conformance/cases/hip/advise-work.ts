/** hipMemAdvise_old.cc: with kernels. */
import { CaseGroup } from '../../framework/case.ts';
import { Advise, Attribute, eachGpu, eachHip, hipFeatures, ints, NONE, openHip, valuesOf } from './runtime.ts';

export const adviseWorkGroup = new CaseGroup(
  'hip,hipMemAdvise_old,kernels',
  'HIP: advice on memory that kernels work on',
);

const SOURCE = 'HIP catch hipMemAdvise_old.cc';
const MEBI = 1 << 20;
/** The originals have 1 Mi ints. */
const SCALES = [64, 8] as const;
const plusTen = (value: number): number => value + 10;
const square = (value: number): number => value * value;

adviseWorkGroup
  .case(
    'Unit_hipMemAdvise_PrefrdLoc',
    'a kernel does not change the preferred location, a prefetch is known; of two GPUs "rocm" reads GPU 0 both times',
  )
  .source(`${SOURCE} PrefrdLoc`)
  .parameters(eachHip())
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const count = 12 << 8;
    const memory = hip.managed(count * 4);
    const preferred: number[] = [];
    for (const gpu of hip.gpus) {
      memory.write(0, ints(count, 4));
      hip.runtime.setDevice(gpu);
      hip.runtime.memAdvise(memory, memory.size, Advise.setPreferredLocation, gpu);
      await hip.kernel(memory, memory, count, square);
      t.equal(valuesOf(memory.read()), [16], `values after the kernel of GPU ${gpu}`);
      preferred.push(hip.ask(Attribute.preferredLocation, memory, memory.size));
    }
    const walk = hip.isRocm ? hip.gpus.map(() => 0) : [...hip.gpus];
    t.equal(preferred, walk, 'PreferredLocation after each');
    const found: number[] = [];
    for (const gpu of hip.gpus) {
      hip.runtime.memAdvise(memory, memory.size, Advise.setPreferredLocation, gpu);
      await hip.prefetch(memory, memory.size, gpu);
      found.push(hip.ask(Attribute.lastPrefetchLocation, memory, memory.size));
    }
    t.equal(found, walk, 'LastPrefetchLocation after each');
  });

adviseWorkGroup
  .case('Unit_hipMemAdvise_TstAccessedByPeer', 'memory prefetched to one GPU is squared by the other')
  .source(`${SOURCE} TstAccessedByPeer`)
  .parameters(eachGpu().where(({ gpus }) => gpus === 2))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const count = (16 << 10) / 4;
    const memory = hip.managed(count * 4);
    const peer = 1 - point.device;
    await hip.prefetch(memory, memory.size, point.device);
    hip.runtime.memAdvise(memory, memory.size, Advise.setAccessedBy, peer);
    memory.write(0, ints(count, 4));
    hip.runtime.setDevice(peer);
    await hip.kernel(memory, memory, count, square);
    t.equal(valuesOf(memory.read()), [16], 'values');
    t.equal(hip.accessedBy(memory, memory.size, 2), [peer, NONE], 'AccessedBy');
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, memory.size), point.device, 'LastPrefetchLocation');
  });

adviseWorkGroup
  .case(
    'Unit_hipMemAdvise_TstAccessedByFlg4',
    'kernels work on memory with AccessedBy, and once it is unset (1 Mi ints divided by `scale`)',
  )
  .source(`${SOURCE} TstAccessedByFlg4`)
  .parameters(
    eachGpu()
      .combine('scale', SCALES)
      .where(({ gpus, scale }) => gpus === 1 || scale === SCALES[0]),
  )
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const count = MEBI / point.scale;
    const memory = hip.managed(count * 4);
    memory.write(0, ints(count, 123));
    hip.runtime.setDevice(point.device);
    hip.runtime.memAdvise(memory, memory.size, Advise.setAccessedBy, point.device);
    await hip.kernel(memory, memory, count, plusTen);
    t.equal(valuesOf(memory.read()), [133], 'values with AccessedBy');
    hip.runtime.memAdvise(memory, memory.size, Advise.unsetAccessedBy, point.device);
    await hip.kernel(memory, memory, count, plusTen);
    t.equal(valuesOf(memory.read()), [143], 'values without');
  });

for (const name of ['TstAlignedAllocMem', 'TstAlignedAllocMem_XNACK']) {
  adviseWorkGroup
    .case(
      `Unit_hipMemAdvise_${name}`,
      'memory that the runtime did not allocate takes an advice, a prefetch (which an older runtime refused) and a kernel',
    )
    .source(`${SOURCE} ${name}`)
    .parameters(eachGpu())
    .needs('gpu-work', 'pageable-memory')
    .needsAt(hipFeatures)
    .run(async (t, point) => {
      const hip = openHip(t, point);
      const memory = t.map(16 << 10);
      const count = memory.size / 4;
      memory.write(0, ints(count, 123));
      hip.runtime.setDevice(point.device);
      hip.runtime.memAdvise(memory.address, memory.size, Advise.setPreferredLocation, point.device);
      if (name.endsWith('XNACK')) await hip.prefetch(memory.address, memory.size, point.device);
      await hip.kernel(memory.address, memory.address, count, plusTen);
      t.equal(valuesOf(memory.read(0, memory.size)), [133], 'values');
      t.equal(hip.ask(Attribute.preferredLocation, memory.address, memory.size), point.device, 'PreferredLocation');
      t.equal(
        hip.ask(Attribute.lastPrefetchLocation, memory.address, memory.size),
        name.endsWith('XNACK') ? point.device : NONE,
        'LastPrefetchLocation',
      );
    });
}

adviseWorkGroup
  .case(
    'Unit_hipMemAdvise_ReadMosltyMgpuTst',
    'ReadMostly memory is read by every GPU, and written by each in turn (1 Mi ints divided by `scale`)',
  )
  .source(`${SOURCE} ReadMosltyMgpuTst`)
  .parameters(eachHip([2]).combine('scale', SCALES))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const count = MEBI / point.scale;
    const memory = hip.managed(count * 4);
    memory.write(0, ints(count, 123));
    hip.runtime.memAdvise(memory, memory.size, Advise.setReadMostly, 0);
    for (const gpu of hip.gpus) {
      const output = hip.managed(count * 4);
      hip.runtime.setDevice(gpu);
      await hip.kernel(memory, output, count, plusTen);
      t.equal(valuesOf(output.read()), [133], `what GPU ${gpu} made of it`);
    }
    for (const [index, gpu] of hip.gpus.entries()) {
      hip.runtime.setDevice(gpu);
      hip.runtime.memAdvise(memory, memory.size, Advise.setReadMostly, gpu);
      await hip.kernel(memory, memory, count, plusTen);
      t.equal(valuesOf(memory.read()), [123 + 10 * (index + 1)], `values after GPU ${gpu}`);
    }
    t.equal(hip.ask(Attribute.readMostly, memory, memory.size), 1, 'ReadMostly');
  });
