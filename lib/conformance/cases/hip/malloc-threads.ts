/** hipMallocManaged.cc and its neighbours: several threads, which are tasks here. They interleave where they wait for the GPU. */
import { CaseGroup } from '../../framework/case.ts';
import {
  Advise,
  Attach,
  Attribute,
  eachGpu,
  eachHip,
  floats,
  floatValuesOf,
  hipFeatures,
  ints,
  openHip,
  valuesOf,
} from './runtime.ts';

export const mallocThreadsGroup = new CaseGroup(
  'hip,hipMallocManaged,threads',
  'HIP: managed memory that several tasks use (threads in the originals)',
);

const SOURCE = 'HIP catch hipMallocManaged_MultiThread.cc';
const MEBI = 1 << 20;
const square = (value: number): number => value * value;
const plusTen = (value: number): number => value + 10;

function tasks<T>(count: number, task: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => task(index)));
}

mallocThreadsGroup
  .case(
    'Unit_hipMallocManaged_HostDeviceConcurrent',
    'the CPU and a kernel double the same input at the same time, and agree (4 Mi floats divided by `scale`)',
  )
  .source('HIP catch hipMallocManaged.cc HostDeviceConcurrent, disabled on AMD')
  .parameters(eachGpu().combine('scale', [256]))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const count = (4 * MEBI) / point.scale;
    const [input, ofCpu, ofGpu] = [hip.managed(count * 4), hip.managed(count * 4), hip.managed(count * 4)];
    input.write(0, new Uint8Array(Float32Array.from({ length: count }, (_, index) => index % 4096).buffer));
    hip.runtime.setDevice(point.device);
    const kernel = hip.floatKernel(input, ofGpu, count, (value) => 2 * value);
    const pieces = 8;
    for (let piece = 0; piece < pieces; piece++) {
      const values = new Float32Array(input.read((piece * input.size) / pieces, input.size / pieces).buffer);
      ofCpu.write((piece * input.size) / pieces, new Uint8Array(values.map((value) => 2 * value).buffer));
      await Promise.resolve();
    }
    await kernel;
    t.equal(Buffer.compare(ofCpu.read(), ofGpu.read()), 0, 'difference of the results');
    t.equal(new Float32Array(ofGpu.read(0, 8).buffer), Float32Array.of(0, 2), 'the first results');
  });

mallocThreadsGroup
  .case(
    'Unit_hipMallocManaged_MultiThread',
    '10 tasks for each GPU allocate, square and free 10 times, while 10 others allocate and free 8 KiB',
  )
  .source(`${SOURCE} MultiThread, disabled on AMD`)
  .parameters(eachHip().combine('flags', ['global', 'host']))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const flags = Attach[point.flags];
    const count = 1024;
    const worker = async (index: number): Promise<string> => {
      for (let iteration = 0; iteration < 10; iteration++) {
        const memory = hip.managed(count * 4, flags);
        memory.write(0, floats(count, 2.5));
        hip.runtime.setDevice(index % point.gpus);
        await hip.floatKernel(memory, memory, count, square);
        const found = floatValuesOf(memory.read());
        hip.runtime.free(memory);
        if (found.join() !== '6.25') return `task ${index}: ${found.join()}`;
      }
      return '';
    };
    const allocator = async (): Promise<string> => {
      for (let iteration = 0; iteration < 10; iteration++) {
        hip.runtime.free(hip.managed(8192, flags));
        await Promise.resolve();
      }
      return '';
    };
    const wrong = await tasks(10 * point.gpus + 10, (index) => (index < 10 * point.gpus ? worker(index) : allocator()));
    t.equal(
      wrong.filter((text) => text !== ''),
      [],
      'tasks with wrong values',
    );
  });

mallocThreadsGroup
  .case(
    'Unit_hipMallocManaged_MGpuMThread',
    'a task for each GPU adds 10 to a shared input, twice, after an advice or a prefetch',
  )
  .source(`${SOURCE} MGpuMThread`)
  .parameters(eachHip([2]).combine('before', ['setReadMostly', 'setPreferredLocation', 'setAccessedBy', 'prefetch']))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const count = 16384;
    const input = hip.managed(count * 4);
    input.write(0, ints(count, 123));
    if (point.before === 'prefetch') await hip.prefetch(input, count * 4, 0);
    else hip.runtime.memAdvise(input, count * 4, Advise[point.before], 0);
    const outputs = await tasks(point.gpus, async (gpu) => {
      const output = hip.managed(count * 4);
      hip.runtime.setDevice(gpu);
      const stream = hip.runtime.streamCreate();
      for (let launch = 0; launch < 2; launch++) await hip.kernel(input, output, count, plusTen, stream);
      return valuesOf(output.read());
    });
    t.equal(
      outputs,
      hip.gpus.map(() => [133]),
      'values of the outputs',
    );
    if (point.before === 'prefetch')
      t.equal(hip.ask(Attribute.lastPrefetchLocation, input, count * 4), 0, 'LastPrefetchLocation');
  });

const COMMON = {
  MultiKrnlComnHmm: {
    title: '2 tasks add 10 to a common input, twice each (4096 ints; managed, where the original has device memory)',
    count: 4096,
    tasks: 2,
    launches: 2,
  },
  MultiKrnlComnMalloc: {
    title: '2 tasks add 10 to a common input (32768 ints; managed, where the original has device memory)',
    count: 32768,
    tasks: 2,
    launches: 1,
  },
  MultiThrdMultiStrm: {
    title: '4 tasks with streams of their own add 10 to a common managed input (16384 ints)',
    count: 16384,
    tasks: 4,
    launches: 1,
  },
} as const;

for (const name of ['MultiKrnlComnHmm', 'MultiKrnlComnMalloc', 'MultiThrdMultiStrm'] as const) {
  const { title, count, tasks: taskCount, launches } = COMMON[name];
  mallocThreadsGroup
    .case(`Unit_hipMallocManaged_${name}`, title)
    .source(`${SOURCE} ${name}`)
    .parameters(eachGpu())
    .needs('gpu-work')
    .needsAt(hipFeatures)
    .run(async (t, point) => {
      const hip = openHip(t, point);
      const input = hip.managed(count * 4);
      input.write(0, ints(count, 123));
      hip.runtime.setDevice(point.device);
      const outputs = await tasks(taskCount, async () => {
        const output = hip.managed(count * 4);
        const stream = hip.runtime.streamCreate();
        for (let launch = 0; launch < launches; launch++) void hip.kernel(input, output, count, plusTen, stream);
        await hip.runtime.streamSynchronize(stream);
        return valuesOf(output.read());
      });
      t.equal(
        outputs,
        outputs.map(() => [133]),
        'values of the outputs',
      );
      t.equal(valuesOf(input.read()), [123], 'values of the input');
    });
}

mallocThreadsGroup
  .case(
    'Unit_hipMallocManaged_TwoKrnlsComnHmmMem',
    'one task adds 10 to a common input, the other multiplies it (16384 ints; managed, where the original has device memory)',
  )
  .source(`${SOURCE} TwoKrnlsComnHmmMem`)
  .parameters(eachGpu())
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const count = 16384;
    const input = hip.managed(count * 4);
    input.write(0, ints(count, 123));
    hip.runtime.setDevice(point.device);
    const outputs = await tasks(2, async (index) => {
      const output = hip.managed(count * 4);
      const stream = hip.runtime.streamCreate();
      await hip.kernel(input, output, count, index === 0 ? plusTen : (value) => value * 10, stream);
      return valuesOf(output.read());
    });
    t.equal(outputs, [[133], [1230]], 'values of the outputs');
  });
