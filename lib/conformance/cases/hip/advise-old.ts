/** hipMemAdvise_old.cc: what is only set and asked. */
import { CaseGroup } from '../../framework/case.ts';
import {
  Advise,
  Attribute,
  CPU,
  eachGpu,
  eachHip,
  floats,
  floatValuesOf,
  hipFeatures,
  INVALID_VALUE,
  NONE,
  openHip,
  PAGE,
} from './runtime.ts';

export const adviseOldGroup = new CaseGroup('hip,hipMemAdvise_old', 'HIP: advice on managed memory, the older tests');

const SOURCE = 'HIP catch hipMemAdvise_old.cc';
const SIZE = 16 << 10;
const { setReadMostly, unsetReadMostly, setPreferredLocation, unsetPreferredLocation, setAccessedBy, unsetAccessedBy } =
  Advise;

adviseOldGroup
  .case('Unit_hipMemAdvise_TstFlags', 'each advice for each GPU in turn, set and unset, on one allocation')
  .source(`${SOURCE} TstFlags`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(8192);
    for (const gpu of hip.gpus) {
      const advise = (advice: number): void => hip.runtime.memAdvise(memory, 8192, advice, gpu);
      advise(setReadMostly);
      t.equal(hip.ask(Attribute.readMostly, memory, 8192), 1, 'ReadMostly when set');
      advise(unsetReadMostly);
      t.equal(hip.ask(Attribute.readMostly, memory, 8192), 0, 'ReadMostly when unset');
      advise(setPreferredLocation);
      t.equal(hip.ask(Attribute.preferredLocation, memory, 8192), gpu, 'PreferredLocation when set');
      advise(unsetPreferredLocation);
      t.equal(hip.ask(Attribute.preferredLocation, memory, 8192), NONE, 'PreferredLocation when unset');
      advise(setAccessedBy);
      t.equal(
        hip.accessedBy(memory, 8192, point.gpus),
        [gpu, ...hip.gpus.slice(1).map(() => NONE)],
        'AccessedBy when set',
      );
      advise(unsetAccessedBy);
      t.equal(
        hip.accessedBy(memory, 8192, point.gpus),
        hip.gpus.map(() => NONE),
        'AccessedBy when unset',
      );
    }
  });

adviseOldGroup
  .case('Unit_hipMemAdvise_NegtveTsts', 'a null pointer, a count of 0 and one beyond the allocation are refused')
  .source(`${SOURCE} NegtveTsts, disabled on AMD`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const { runtime } = openHip(t, point);
    const memory = runtime.mallocManaged(8192);
    await t.throws(() => runtime.memAdvise(null, 8192, setReadMostly, 0), INVALID_VALUE, 'a null pointer');
    await t.throws(() => runtime.memAdvise(memory, 0, setReadMostly, 0), INVALID_VALUE, 'count 0');
    await t.throws(() => runtime.memAdvise(memory, 24 << 10, setReadMostly, 0), INVALID_VALUE, '24 KiB of 8 KiB');
    await t.throws(
      () => runtime.memAdvise(memory.address + 4096n, 8192, setReadMostly, 0),
      INVALID_VALUE,
      '8 KiB from the middle of 8 KiB',
    );
  });

adviseOldGroup
  .case('Unit_hipMemAdvise_ReadMostly', 'ReadMostly outlasts CPU reads and writes and a prefetch, and takes any device')
  .source(`${SOURCE} ReadMostly`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(4096);
    memory.write(0, floats(1024, 9999));
    hip.runtime.memAdvise(memory, 4096, setReadMostly, 0);
    t.equal(floatValuesOf(memory.read()), [9999], 'what the CPU reads');
    memory.write(0, floats(1024, 777));
    t.equal(floatValuesOf(memory.read()), [777], 'what the CPU reads again');
    t.equal(hip.ask(Attribute.readMostly, memory, 4096), 1, 'ReadMostly');
    await hip.prefetch(memory, 4096, 0);
    t.equal(hip.ask(Attribute.readMostly, memory, 4096), 1, 'ReadMostly after a prefetch');
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, 4096), 0, 'LastPrefetchLocation');
    hip.runtime.memAdvise(memory, 4096, unsetReadMostly, -12);
    t.equal(hip.ask(Attribute.readMostly, memory, 4096), 0, 'ReadMostly unset for device -12');
    hip.runtime.memAdvise(memory, 4096, setReadMostly, 99);
    t.equal(hip.ask(Attribute.readMostly, memory, 4096), 1, 'ReadMostly set for device 99');
  });

adviseOldGroup
  .case(
    'Unit_hipMemAdvise_TstFlgOverrideEffect',
    'an advice for the next GPU takes the place of the one before; "rocm" still reads GPU 0 as preferred after GPU 1',
  )
  .source(`${SOURCE} TstFlgOverrideEffect`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    const preferred: number[] = [];
    for (const gpu of hip.gpus) {
      hip.runtime.memAdvise(memory, SIZE, setReadMostly, gpu);
      t.equal(hip.ask(Attribute.readMostly, memory, SIZE), 1, 'ReadMostly');
      hip.runtime.memAdvise(memory, SIZE, setPreferredLocation, gpu);
      preferred.push(hip.ask(Attribute.preferredLocation, memory, SIZE));
      hip.runtime.memAdvise(memory, SIZE, setAccessedBy, gpu);
      t.equal(hip.accessedBy(memory, SIZE, 1), [gpu], 'AccessedBy');
      hip.runtime.memAdvise(memory, SIZE, unsetAccessedBy, gpu);
      t.equal(hip.accessedBy(memory, SIZE, 1), [NONE], 'AccessedBy once unset');
    }
    t.equal(preferred, hip.isRocm ? hip.gpus.map(() => 0) : [...hip.gpus], 'PreferredLocation after each');
  });

adviseOldGroup
  .case('Unit_hipMemAdvise_TstAccessedByFlg', 'AccessedBy is no prefetch')
  .source(`${SOURCE} TstAccessedByFlg`)
  .parameters(eachGpu())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    hip.runtime.memAdvise(memory, SIZE, setAccessedBy, point.device);
    t.equal(
      [hip.ask(Attribute.lastPrefetchLocation, memory, SIZE), ...hip.accessedBy(memory, SIZE, 1)],
      [NONE, point.device],
      'LastPrefetchLocation and AccessedBy',
    );
  });

adviseOldGroup
  .case('Unit_hipMemAdvise_TstAccessedByFlg2', 'a prefetch to another GPU, not waited for, leaves AccessedBy')
  .source(`${SOURCE} TstAccessedByFlg2`)
  .parameters(eachHip([2]))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    hip.runtime.memAdvise(memory, SIZE, setAccessedBy, 0);
    hip.runtime.memPrefetchAsync(memory, SIZE, 1);
    t.equal(hip.accessedBy(memory, SIZE, 2), [0, NONE], 'AccessedBy');
    hip.runtime.setDevice(1);
    await hip.runtime.deviceSynchronize();
    t.equal(
      [...hip.accessedBy(memory, SIZE, 2), hip.ask(Attribute.lastPrefetchLocation, memory, SIZE)],
      [0, NONE, 1],
      'AccessedBy and LastPrefetchLocation afterwards',
    );
  });

adviseOldGroup
  .case(
    'Unit_hipMemAdvise_TstAccessedByFlg3',
    'the preferred location and AccessedBy are two things, and so are two GPUs',
  )
  .source(`${SOURCE} TstAccessedByFlg3`)
  .parameters(eachHip([2]))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    const advise = (advice: number, device: number): void => hip.runtime.memAdvise(memory, SIZE, advice, device);
    advise(setAccessedBy, 0);
    advise(setPreferredLocation, 1);
    t.equal(
      [...hip.accessedBy(memory, SIZE, 2), hip.ask(Attribute.preferredLocation, memory, SIZE)],
      [0, NONE, 1],
      'AccessedBy and PreferredLocation',
    );
    advise(unsetAccessedBy, 0);
    advise(setAccessedBy, 1);
    advise(setPreferredLocation, 0);
    t.equal(
      [...hip.accessedBy(memory, SIZE, 2), hip.ask(Attribute.preferredLocation, memory, SIZE)],
      [1, NONE, 0],
      'AccessedBy and PreferredLocation, the other way round',
    );
  });

adviseOldGroup
  .case(
    'Unit_hipMemAdvise_UnsetAccessedBy_CPU',
    'UnsetAccessedBy of the CPU concerns the CPU; in "rocm" GPU 0 loses its access in place instead',
  )
  .source('HIP layer, advice table: UnsetAccessedBy, CPU')
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    for (const place of hip.places) hip.runtime.memAdvise(memory, SIZE, setAccessedBy, place);
    t.equal(
      hip.accessedBy(memory, SIZE, point.gpus + 1),
      hip.isRocm ? [...hip.gpus, NONE] : [...hip.gpus, CPU],
      'AccessedBy',
    );
    hip.runtime.memAdvise(memory, SIZE, unsetAccessedBy, CPU);
    const left = hip.isRocm ? hip.gpus.slice(1) : [...hip.gpus];
    t.equal(hip.accessedBy(memory, SIZE, point.gpus), [...left, NONE].slice(0, point.gpus), 'AccessedBy afterwards');
  });

adviseOldGroup
  .case('Unit_hipMemAdvise_TstMemAdvisePrefrdLoc', 'the preferred location is no prefetch')
  .source(`${SOURCE} TstMemAdvisePrefrdLoc`)
  .parameters(eachGpu())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    hip.runtime.memAdvise(memory, SIZE, setPreferredLocation, point.device);
    t.equal(
      [hip.ask(Attribute.lastPrefetchLocation, memory, SIZE), hip.ask(Attribute.preferredLocation, memory, SIZE)],
      [NONE, point.device],
      'LastPrefetchLocation and PreferredLocation',
    );
  });

adviseOldGroup
  .case('Unit_hipMemAdvise_TstMemAdviseLstPreftchLoc', 'a prefetch to another GPU than the preferred one counts')
  .source(`${SOURCE} TstMemAdviseLstPreftchLoc`)
  .parameters(eachHip([2]))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    hip.runtime.memAdvise(memory, SIZE, setPreferredLocation, 0);
    const stream = hip.runtime.streamCreate();
    hip.runtime.memPrefetchAsync(memory, SIZE, 1, stream);
    await hip.runtime.streamSynchronize(stream);
    t.equal(
      [hip.ask(Attribute.lastPrefetchLocation, memory, SIZE), hip.ask(Attribute.preferredLocation, memory, SIZE)],
      [1, 0],
      'LastPrefetchLocation and PreferredLocation',
    );
  });

adviseOldGroup
  .case('Unit_hipMemAdvise_TstMemAdviseMultiFlag', 'ReadMostly and a preferred location at once')
  .source(`${SOURCE} TstMemAdviseMultiFlag`)
  .parameters(eachGpu())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    hip.runtime.memAdvise(memory, SIZE, setReadMostly, point.device);
    hip.runtime.memAdvise(memory, SIZE, setPreferredLocation, point.device);
    t.equal(
      [hip.ask(Attribute.readMostly, memory, SIZE), hip.ask(Attribute.preferredLocation, memory, SIZE)],
      [1, point.device],
      'ReadMostly and PreferredLocation',
    );
  });

adviseOldGroup
  .case('Unit_hipMemAdvise_TstSetUnsetPrfrdLoc', 'a preferred location is set and unset')
  .source(`${SOURCE} TstSetUnsetPrfrdLoc`)
  .parameters(eachGpu())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(SIZE);
    hip.runtime.memAdvise(memory, SIZE, setPreferredLocation, point.device);
    t.equal(hip.ask(Attribute.preferredLocation, memory, SIZE), point.device, 'PreferredLocation when set');
    hip.runtime.memAdvise(memory, SIZE, unsetPreferredLocation, point.device);
    t.equal(hip.ask(Attribute.preferredLocation, memory, SIZE), NONE, 'PreferredLocation when unset');
  });

adviseOldGroup
  .case('Unit_hipMemAdvise_MmapMem', 'a mapping that the runtime does not know takes every advice')
  .source('HIP catch hipMemAdviseMmap.cc MmapMem')
  .parameters(eachHip().combine('kind', ['file', 'anon']))
  .needsAt(({ gpus, kind }) => [...hipFeatures({ gpus }), ...(kind === 'file' ? (['file-mapping'] as const) : [])])
  .run((t, point) => {
    const hip = openHip(t, point);
    const size = 212_992 * 4;
    const memory = point.kind === 'file' ? t.map(size, { kind: 'file' }) : t.map(size);
    for (const advice of [setReadMostly, setPreferredLocation, setAccessedBy])
      hip.runtime.memAdvise(memory.address, size, advice, 0);
    t.equal(
      [hip.ask(Attribute.readMostly, memory.address, size), hip.ask(Attribute.preferredLocation, memory.address, size)],
      [1, 0],
      'ReadMostly and PreferredLocation',
    );
    t.equal(hip.accessedBy(memory.address, size, 1), [0], 'AccessedBy');
    t.equal(hip.ask(Attribute.readMostly, memory.address, size + PAGE), 0, 'ReadMostly with a page more');
  });
