/** hipMallocManaged.cc and its neighbours: allocation, and kernels on one stream after another. */
import { CaseGroup } from '../../framework/case.ts';
import {
  Advise,
  Attach,
  Attribute,
  CPU,
  eachGpu,
  eachHip,
  floats,
  floatValuesOf,
  hipFeatures,
  hipOn,
  INVALID_VALUE,
  NONE,
  openHip,
  PAGE,
  valuesOf,
} from './runtime.ts';
import { allAre } from '../../support/distinct.ts';

export const mallocManagedGroup = new CaseGroup('hip,hipMallocManaged', 'HIP: managed memory');

const SOURCE = 'HIP catch hipMallocManaged.cc';

const MEBI = 1 << 20;

const FLAGS = ['global', 'host'] as const;

const square = (value: number): number => value * value;

const double = (value: number): number => value + value;

mallocManagedGroup
  .case('Unit_hipMallocManaged_Basic', 'three allocations of 256 MiB')
  .source(`${SOURCE} Basic`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memories = [0, 1, 2].map(() => hip.managed(256 * MEBI));
    t.equal(
      memories.map(({ size }) => size),
      [256 * MEBI, 256 * MEBI, 256 * MEBI],
      'sizes',
    );
    t.equal(new Set(memories.map(({ address }) => address)).size, 3, 'different addresses');
    // Every GPU may access all of it.
    for (const device of t.devices) t.has(memories[0]!, { access: 'allow-migrate' }, 'access', device);
    memories[2]!.write(256 * MEBI - 1, Uint8Array.of(7));
    t.equal(memories[2]!.read(256 * MEBI - 2, 2), Uint8Array.of(0, 7), 'the last bytes');
  });

mallocManagedGroup
  .case(
    'Unit_hipMallocManaged_defaults',
    'a fresh allocation is zeroed, has no location, and no GPU has access in place',
  )
  .source('HIP layer, defaults of fresh managed memory')
  .parameters(eachHip().combine('flags', FLAGS))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(3 * PAGE, Attach[point.flags]);
    t.equal(
      hip.runtime.memRangeAttributes(memory, 3 * PAGE),
      { readMostly: false, preferredLocation: NONE, lastPrefetchLocation: NONE, accessedBy: [], coherencyMode: 0 },
      'attributes',
    );
    t.equal(valuesOf(memory.read()), [0], 'contents');
  });

mallocManagedGroup
  .case(
    'Unit_hipMallocManaged_Advanced',
    'ReadMostly for the CPU, prefetches to the GPU, a vector addition, and a prefetch home (64 Mi floats divided by `scale`; the assertion of the original is no check)',
  )
  .source(`${SOURCE} Advanced`)
  .parameters(
    eachHip()
      .combine('scale', [4096, 512])
      .where(({ gpus, scale }) => gpus === 1 || scale === 4096),
  )
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const count = (64 * MEBI) / point.scale;
    const size = count * 4;
    const [a, b, c] = [hip.managed(size), hip.managed(size), hip.managed(size)];
    a.write(0, floats(count, 1));
    b.write(0, floats(count, 2));
    hip.runtime.memAdvise(a, size, Advise.setReadMostly, CPU);
    const stream = hip.runtime.streamCreate();
    for (const memory of [a, b]) hip.runtime.memPrefetchAsync(memory, size, 0, stream);
    await hip.runtime.launch(stream, async (queue) => {
      const [one, other] = [
        new Float32Array((await queue.read(a.address, size)).buffer),
        new Float32Array((await queue.read(b.address, size)).buffer),
      ];
      await queue.write(c.address, new Uint8Array(one.map((value, index) => value + other[index]!).buffer));
    });
    hip.runtime.memPrefetchAsync(b, size, CPU, stream);
    await hip.runtime.streamSynchronize(stream);
    t.equal(floatValuesOf(c.read()), [3], 'the sums');
    t.equal(
      [
        hip.ask(Attribute.readMostly, a, size),
        hip.ask(Attribute.lastPrefetchLocation, a, size),
        hip.ask(Attribute.lastPrefetchLocation, b, size),
      ],
      [1, 0, CPU],
      'ReadMostly of A, LastPrefetchLocation of A and B',
    );
  });

mallocManagedGroup
  .case('Unit_hipMallocManaged_Large', 'what no process can map is out of memory')
  .source(`${SOURCE} Large`)
  .parameters(eachHip().combine('flags', FLAGS))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    await t.throws(
      () => hip.runtime.mallocManaged((1n << 64n) - 1n, Attach[point.flags]),
      'hipErrorOutOfMemory',
      'SIZE_MAX bytes',
    );
    t.equal(hip.managed(1).size, 1, 'size of an allocation afterwards');
  });

mallocManagedGroup
  .case(
    'Unit_hipMallocManaged_Negative',
    'a size of 0 and flags that are none are refused (the null pointer of the original has no counterpart)',
  )
  .source(`${SOURCE} Negative`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const { runtime } = openHip(t, point);
    for (const flags of [Attach.global, Attach.host])
      await t.throws(() => runtime.mallocManaged(0, flags), INVALID_VALUE, 'size 0');
    for (const flags of [0, 145, 3, 4])
      await t.throws(() => runtime.mallocManaged(PAGE, flags), INVALID_VALUE, `flags ${flags}`);
  });

mallocManagedGroup
  .case(
    'Unit_hipMallocManaged_FlgParam',
    'a kernel squares managed memory into other memory (managed, where the original has device memory), on each GPU',
  )
  .source(`${SOURCE} FlgParam`)
  .parameters(eachGpu().combine('flags', FLAGS))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const [input, output] = [hip.managed(4096 * 4, Attach[point.flags]), hip.managed(4096 * 4, Attach[point.flags])];
    input.write(0, floats(4096, 2.5));
    hip.runtime.setDevice(point.device);
    await hip.floatKernel(input, output, 4096, square);
    t.equal([...floatValuesOf(input.read()), ...floatValuesOf(output.read())], [2.5, 6.25], 'input and output');
  });

mallocManagedGroup
  .case('Unit_hipMallocManaged_AccessMultiStream', 'the same with one stream for each GPU, or with four')
  .source(`${SOURCE} AccessMultiStream`)
  .parameters(eachHip().combine('flags', FLAGS))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const input = hip.managed(4096 * 4, Attach[point.flags]);
    input.write(0, floats(4096, 2.5));
    const gpus = point.gpus === 1 ? [0, 0, 0, 0] : hip.gpus;
    const outputs = gpus.map(() => hip.managed(4096 * 4, Attach[point.flags]));
    const streams = gpus.map((gpu) => {
      hip.runtime.setDevice(gpu);
      return hip.runtime.streamCreate();
    });
    for (const [index, stream] of streams.entries()) void hip.floatKernel(input, outputs[index]!, 4096, square, stream);
    for (const stream of streams) await hip.runtime.streamSynchronize(stream);
    t.equal(
      outputs.map((output) => floatValuesOf(output.read())),
      gpus.map(() => [6.25]),
      'outputs',
    );
  });

for (const [name, gpus] of [
  ['MultiChunkSingleDevice', [1]],
  ['MultiChunkMultiDevice', [2]],
] as const) {
  mallocManagedGroup
    .case(
      `Unit_hipMallocManaged_${name}`,
      gpus[0] === 1
        ? 'four chunks, each doubled on a stream of its own (1 Mi floats each, divided by `scale`)'
        : 'a chunk for each GPU, doubled there (1 Mi floats each, divided by `scale`)',
    )
    .source(`${SOURCE} ${name}`)
    .parameters(eachHip(gpus).combine('scale', [64]))
    .needs('gpu-work')
    .needsAt(hipFeatures)
    .run(async (t, point) => {
      const hip = openHip(t, point);
      const count = MEBI / point.scale;
      const devices = point.gpus === 1 ? [0, 0, 0, 0] : hip.gpus;
      const memory = hip.managed(devices.length * count * 4);
      const at = (chunk: number): bigint => memory.address + BigInt(chunk * count * 4);
      for (const chunk of devices.keys()) memory.write(chunk * count * 4, floats(count, 123 + chunk));
      const streams = devices.map((gpu) => {
        hip.runtime.setDevice(gpu);
        return hip.runtime.streamCreate();
      });
      for (const [chunk, stream] of streams.entries())
        void hip.floatKernel(at(chunk), at(chunk), count, double, stream);
      for (const stream of streams) await hip.runtime.streamSynchronize(stream);
      t.equal(
        devices.map((_, chunk) => floatValuesOf(memory.read(chunk * count * 4, count * 4))),
        devices.map((_, chunk) => [(123 + chunk) * 2]),
        'values of the chunks',
      );
    });
}

mallocManagedGroup
  .case('Unit_hipMallocManaged_OverSubscription', 'an allocation larger than the free memory of the GPU')
  .source(`${SOURCE} OverSubscription`)
  .parameters(eachHip())
  .needs('vram')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    t.setup({ gpus: point.gpus, vram: 8 * MEBI });
    const hip = hipOn(t, point);
    const { free } = hip.runtime.memGetInfo();
    const memory = hip.managed(free + 1);
    memory.write(free, Uint8Array.of(7));
    // Beyond the original: it may be sent there, too.
    await hip.prefetch(memory, memory.size, 0);
    // The last page makes one range leave.
    t.ok(hip.runtime.memGetInfo().free < 2 * MEBI, 'the memory of the GPU is full but for one range');
    t.equal(memory.read(free, 1)[0], 7, 'last byte');
  });

mallocManagedGroup
  .case(
    'Unit_hipMallocManaged_TwoPointers',
    'a kernel reads one allocation and writes another (4 Mi elements divided by `scale`)',
  )
  .source(`${SOURCE} TwoPointers`)
  .parameters(eachGpu().combine('type', ['int', 'float', 'double']).combine('scale', [256]))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const count = (4 * MEBI) / point.scale;
    const arrayOf = { int: Int32Array, float: Float32Array, double: Float64Array }[point.type];
    const size = count * arrayOf.BYTES_PER_ELEMENT;
    const [input, output] = [hip.managed(size), hip.managed(size)];
    const values = new arrayOf(count).map((_, index) => index % 1000);
    input.write(0, new Uint8Array(values.buffer.slice(0)));
    hip.runtime.setDevice(point.device);
    await hip.runtime.launch(null, async (queue) => {
      const read = new arrayOf((await queue.read(input.address, size)).buffer);
      await queue.write(output.address, new Uint8Array(read.map((value) => 2 * value).buffer));
    });
    const found = new arrayOf(output.read().buffer);
    t.equal(
      found.findIndex((value, index) => value !== 2 * (index % 1000)),
      -1,
      'first wrong element',
    );
  });

mallocManagedGroup
  .case(
    'Unit_hipMallocManaged_DeviceContextChange',
    'memory allocated with one GPU current is copied and doubled with each GPU current',
  )
  .source(`${SOURCE} DeviceContextChange`)
  .parameters(
    eachGpu()
      .where(({ gpus }) => gpus === 2)
      .combine('type', ['uchar', 'int', 'float', 'double']),
  )
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const count = 4096;
    const arrayOf = { uchar: Uint8Array, int: Int32Array, float: Float32Array, double: Float64Array }[point.type];
    const size = count * arrayOf.BYTES_PER_ELEMENT;
    hip.runtime.setDevice(point.device);
    const [first, second] = [hip.managed(size), hip.managed(size)];
    t.equal([first.device, second.device], [point.device, point.device], 'devices of the allocations');
    for (const gpu of hip.gpus) {
      hip.runtime.setDevice(gpu);
      first.write(0, new Uint8Array(new arrayOf(count).fill(123).buffer));
      second.write(0, new Uint8Array(size));
      await hip.runtime.launch(null, async (queue) => {
        await queue.copy(second.address, first.address, size);
        const read = new arrayOf((await queue.read(second.address, size)).buffer);
        await queue.write(second.address, new Uint8Array(read.map(double).buffer));
      });
      t.ok(allAre(new arrayOf(second.read().buffer), 246), `every element is 246 after GPU ${gpu}`);
    }
  });
