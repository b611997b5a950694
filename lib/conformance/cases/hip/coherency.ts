/** The coherency tests, and those of managed variables. */
import { CaseGroup } from '../../framework/case.ts';
import {
  Advise,
  Attribute,
  eachGpu,
  eachHip,
  floats,
  floatValuesOf,
  hipFeatures,
  hipOn,
  ints,
  openHip,
  PAGE,
  valuesOf,
} from './runtime.ts';

export const coherencyGroup = new CaseGroup('hip,coherency', 'HIP: fine and coarse grained memory');
export const managedVariableGroup = new CaseGroup(
  'hip,managed-variables',
  'HIP: managed variables (here managed memory: a variable comes with a code object)',
);

const square = (value: number): number => value * value;

coherencyGroup
  .case('Unit_hipMallocManaged_CoherentTst', 'GPU and CPU count a variable up in turn while the kernel runs')
  .source('HIP catch coherency Unit_hipMallocManaged_CoherentTst')
  .needs('atomic-operations', 'spin-kernel')
  .unimplemented('needs a shader with atomic operations that runs while the CPU looks');

coherencyGroup
  .case(
    'Unit_hipMallocManaged_CoherentTstWthAdvise',
    'a kernel squares coarse grained memory; the mode is read back, and fine once it is unset',
  )
  .source('HIP catch coherency Unit_hipMallocManaged_CoherentTstWthAdvise')
  .parameters(eachGpu())
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(4);
    t.equal(hip.ask(Attribute.coherencyMode, memory, 4), 0, 'CoherencyMode by default');
    hip.runtime.memAdvise(memory, 4, Advise.setCoarseGrain, point.device);
    t.equal(hip.ask(Attribute.coherencyMode, memory, 4), 1, 'CoherencyMode when set');
    memory.write(0, ints(1, 9));
    hip.runtime.setDevice(point.device);
    await hip.kernel(memory, memory, 1, square);
    t.equal(valuesOf(memory.read()), [81], 'value');
    hip.runtime.memAdvise(memory, 4, Advise.unsetCoarseGrain, point.device);
    t.equal(hip.ask(Attribute.coherencyMode, memory, 4), 0, 'CoherencyMode when unset');
  });

coherencyGroup
  .case(
    'CoherencyMode-mixed',
    'of a range of which a part is coarse grained "rocm" reads coarse, where the manual has a third value',
  )
  .source('HIP layer, mixed ranges')
  .parameters(eachHip().combine('part', ['none', 'first', 'last', 'both']))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(2 * PAGE);
    const pages = { none: [], first: [0], last: [1], both: [0, 1] }[point.part];
    for (const page of pages)
      hip.runtime.memAdvise(memory.address + BigInt(page * PAGE), PAGE, Advise.setCoarseGrain, 0);
    const expected = pages.length === 1 ? (hip.isRocm ? 1 : 2) : pages.length === 0 ? 0 : 1;
    t.equal(hip.ask(Attribute.coherencyMode, memory, 2 * PAGE), expected, 'CoherencyMode');
  });

coherencyGroup
  .case('Unit_hipMalloc_CoherentTst', 'memory of hipMalloc is coarse grained')
  .source('HIP catch coherency Unit_hipMalloc_CoherentTst')
  .parameters(eachHip())
  .needs('special-mapping')
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    t.equal(hip.ask(Attribute.coherencyMode, hip.runtime.malloc(PAGE), PAGE), 1, 'CoherencyMode');
  });

for (const name of [
  'Unit_hipHostMalloc_CoherentTst',
  'Unit_hipExtMallocWithFlags_CoherentTst',
  'Unit_hipHostMalloc_WthEnv',
]) {
  coherencyGroup
    .case(name, 'the coherency of memory that is not SVM')
    .source(`HIP catch coherency ${name}`)
    .unimplemented('not about SVM');
}

for (const name of ['Unit_malloc_CoherentTst', 'Unit_mmap_CoherentTst']) {
  coherencyGroup
    .case(name, 'GPU and CPU count a variable of the process up in turn while the kernel runs')
    .source(`HIP catch multiproc ${name}`)
    .needs('atomic-operations', 'spin-kernel')
    .unimplemented('needs a shader with atomic operations that runs while the CPU looks');
}

for (const [name, value] of [
  ['Unit_malloc_CoherentTstWthAdvise', 4],
  ['Unit_mmap_CoherentTstWthAdvise', 9],
] as const) {
  coherencyGroup
    .case(name, 'a kernel squares an int of memory that the runtime does not know')
    .source(`HIP catch multiproc ${name}`)
    .parameters(eachGpu().combine('advised', [false, true]))
    .needs('gpu-work', 'pageable-memory')
    .needsAt(hipFeatures)
    .run(async (t, point) => {
      const hip = openHip(t, point);
      const memory = t.map(PAGE);
      memory.write(0, ints(1, value));
      if (point.advised) hip.runtime.memAdvise(memory.address, PAGE, Advise.setCoarseGrain, point.device);
      t.equal(hip.ask(Attribute.coherencyMode, memory.address, PAGE), point.advised ? 1 : 0, 'CoherencyMode');
      hip.runtime.setDevice(point.device);
      await hip.kernel(memory.address, memory.address, 1, square);
      t.equal(valuesOf(memory.read(0, 4)), [value * value], 'value');
    });
}

managedVariableGroup
  .case('Unit_hipManagedKeyword_SingleGpu', 'a kernel adds two arrays (1 Mi floats divided by `scale`)')
  .source('HIP catch Unit_hipManagedKeyword_SingleGpu')
  .parameters(eachGpu().combine('scale', [64]))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const size = (4 << 20) / point.scale;
    const [a, b] = [hip.managed(size), hip.managed(size)];
    a.write(0, floats(size / 4, 1));
    b.write(0, floats(size / 4, 2));
    hip.runtime.setDevice(point.device);
    await hip.runtime.launch(null, async (queue) => {
      const [one, other] = [
        new Float32Array((await queue.read(a.address, size)).buffer),
        new Float32Array((await queue.read(b.address, size)).buffer),
      ];
      await queue.write(b.address, new Uint8Array(one.map((value, index) => value + other[index]!).buffer));
    });
    t.equal(floatValuesOf(b.read()), [3], 'sums');
  });

managedVariableGroup
  .case('Unit_hipManagedKeyword_MultiGpu', 'each GPU counts a variable up')
  .source('HIP catch Unit_hipManagedKeyword_MultiGpu')
  .parameters(eachHip([2]).combine('initial', [0, 41]))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const variable = hip.managed(4);
    variable.write(0, ints(1, point.initial));
    for (const gpu of hip.gpus) {
      hip.runtime.setDevice(gpu);
      await hip.kernel(variable, variable, 1, (value) => value + 1);
    }
    t.equal(valuesOf(variable.read()), [point.initial + point.gpus], 'value');
  });

managedVariableGroup
  .case('Unit_hipModuleGetGlobal_Functional', 'a managed variable of a module')
  .source('HIP catch Unit_hipModuleGetGlobal_Functional')
  .needs('module-loading')
  .unimplemented('the package loads no code objects');

managedVariableGroup
  .case('Unit_hipManagedMultiGpuVaConsistency_MultiDevice', "CPU and GPUs see each other's writes at one address")
  .source('HIP catch Unit_hipManagedMultiGpuVaConsistency_MultiDevice')
  .parameters(eachHip([2]).combine('prefetched', [false, true]))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    t.setup({ gpus: 2 });
    const hip = hipOn(t, point);
    const variable = hip.managed(4);
    if (point.prefetched) for (const gpu of hip.gpus) await hip.prefetch(variable, 4, gpu);
    const write = async (gpu: number, value: number): Promise<void> => {
      hip.runtime.setDevice(gpu);
      await hip.runtime.launch(null, (queue) => queue.write(variable.address, ints(1, value)));
    };
    const read = (gpu: number): Promise<number[]> => {
      hip.runtime.setDevice(gpu);
      return hip.runtime.launch(null, async (queue) => valuesOf(await queue.read(variable.address, 4)));
    };
    for (const gpu of hip.gpus) {
      await write(gpu, 0xa000 + gpu);
      t.equal(valuesOf(variable.read()), [0xa000 + gpu], `what the CPU reads of GPU ${gpu}`);
    }
    for (const gpu of hip.gpus) {
      variable.write(0, ints(1, 0xb000 + gpu));
      t.equal(await read(gpu), [0xb000 + gpu], `what GPU ${gpu} reads of the CPU`);
    }
    await write(1, 0xc0de);
    t.equal(await read(0), [0xc0de], 'what GPU 0 reads of GPU 1');
  });

managedVariableGroup
  .case('Unit_hipManagedMultiGpuVaConsistency_HostAllocNoDivergence', 'the same of pinned memory')
  .source('HIP catch Unit_hipManagedMultiGpuVaConsistency_HostAllocNoDivergence')
  .unimplemented('not about SVM');
