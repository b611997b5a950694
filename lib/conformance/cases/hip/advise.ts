/** hipMemAdvise.cc */
import { CaseGroup } from '../../framework/case.ts';
import {
  Advise,
  Attribute,
  CPU,
  eachGpu,
  eachHip,
  eachPlace,
  hipFeatures,
  INVALID_DEVICE,
  INVALID_VALUE,
  ints,
  NONE,
  openHip,
  PAGE,
  ROUNDING,
  roundingOf,
  valuesOf,
} from './runtime.ts';

export const adviseGroup = new CaseGroup('hip,hipMemAdvise', 'HIP: advice on managed memory');

const { setReadMostly, unsetReadMostly, setPreferredLocation, unsetPreferredLocation, setAccessedBy, unsetAccessedBy } =
  Advise;

const SOURCE = 'HIP catch hipMemAdvise.cc';

const INTS = PAGE / 4;

adviseGroup
  .case('Unit_hipMemAdvise_Set_Unset_Basic', 'ReadMostly and PreferredLocation are what was set, and none once unset')
  .source(`${SOURCE} Unit_hipMemAdvise_Set_Unset_Basic`)
  .parameters(eachPlace())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    const advise = (advice: number): void => hip.runtime.memAdvise(memory, PAGE, advice, point.device);
    advise(setReadMostly);
    t.equal(hip.ask(Attribute.readMostly, memory, PAGE), 1, 'ReadMostly when set');
    advise(unsetReadMostly);
    t.equal(hip.ask(Attribute.readMostly, memory, PAGE), 0, 'ReadMostly when unset');
    advise(setPreferredLocation);
    t.equal(hip.ask(Attribute.preferredLocation, memory, PAGE), point.device, 'PreferredLocation when set');
    advise(unsetPreferredLocation);
    t.equal(hip.ask(Attribute.preferredLocation, memory, PAGE), NONE, 'PreferredLocation when unset');
  });

adviseGroup
  .case(
    'Unit_hipMemAdvise_Set_Unset_Basic-AccessedBy',
    'AccessedBy is what was set, and none once unset; the CPU, which "rocm" never lists, reads -2 there (EXSWHTEC-132)',
  )
  .source(`${SOURCE} Unit_hipMemAdvise_Set_Unset_Basic, section of NVIDIA`)
  .parameters(eachPlace())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    hip.runtime.memAdvise(memory, PAGE, setAccessedBy, point.device);
    const expected = hip.isRocm && point.device === CPU ? NONE : point.device;
    t.equal(hip.accessedBy(memory, PAGE, 1), [expected], 'AccessedBy when set');
    hip.runtime.memAdvise(memory, PAGE, unsetAccessedBy, point.device);
    t.equal(hip.accessedBy(memory, PAGE, 1), [NONE], 'AccessedBy when unset');
  });

adviseGroup
  .case(
    'Unit_hipMemAdvise_No_Flag_Interference',
    'three advices in any order keep out of each other\'s way; AccessedBy of the CPU reads -2 in "rocm"',
  )
  .source(`${SOURCE} Unit_hipMemAdvise_No_Flag_Interference, disabled on AMD`)
  .parameters(eachPlace().combine('order', ['RPA', 'RAP', 'PRA', 'PAR', 'ARP', 'APR']))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    const advices: Readonly<Record<string, number>> = { R: setReadMostly, P: setPreferredLocation, A: setAccessedBy };
    for (const letter of point.order) hip.runtime.memAdvise(memory, PAGE, advices[letter]!, point.device);
    t.equal(hip.ask(Attribute.readMostly, memory, PAGE), 1, 'ReadMostly');
    t.equal(hip.ask(Attribute.preferredLocation, memory, PAGE), point.device, 'PreferredLocation');
    t.equal(hip.accessedBy(memory, PAGE, 1), [hip.isRocm && point.device === CPU ? NONE : point.device], 'AccessedBy');
  });

adviseGroup
  .case('Unit_hipMemAdvise_Rounding', 'an advice on a part of pages is one on these pages, and on no others')
  .source(`${SOURCE} Unit_hipMemAdvise_Rounding`)
  .parameters(eachGpu().combine('range', ROUNDING))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(3 * PAGE);
    const { offset, width, end } = roundingOf(point.range);
    hip.runtime.memAdvise(memory.address + BigInt(offset), width, setAccessedBy, point.device);
    t.equal(hip.accessedBy(memory, end, 1), [point.device], 'AccessedBy of the rounded range');
    t.equal(hip.accessedBy(memory, 3 * PAGE, 1), [end === 3 * PAGE ? point.device : NONE], 'AccessedBy of 3 pages');
  });

adviseGroup
  .case('Unit_hipMemAdvise_Flags_Do_Not_Cause_Prefetch', 'an advice does not count as a prefetch')
  .source(`${SOURCE} Unit_hipMemAdvise_Flags_Do_Not_Cause_Prefetch`)
  .parameters(eachPlace().combine('advice', ['setPreferredLocation', 'setAccessedBy', 'setReadMostly']))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    hip.runtime.memAdvise(memory, PAGE, Advise[point.advice], point.device);
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, PAGE), NONE, 'LastPrefetchLocation');
    // The advice itself arrived.
    if (point.advice === 'setPreferredLocation')
      t.equal(hip.ask(Attribute.preferredLocation, memory, PAGE), point.device, 'PreferredLocation');
    if (point.advice === 'setReadMostly') t.equal(hip.ask(Attribute.readMostly, memory, PAGE), 1, 'ReadMostly');
  });

adviseGroup
  .case('Unit_hipMemAdvise_Read_Write_After_Advise', 'after an advice the CPU and every GPU read and write the memory')
  .source(`${SOURCE} Unit_hipMemAdvise_Read_Write_After_Advise`)
  .parameters(eachPlace())
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    hip.runtime.memAdvise(memory, PAGE, setPreferredLocation, point.device);
    memory.write(0, ints(INTS, -1));
    for (const gpu of hip.gpus) {
      hip.runtime.setDevice(gpu);
      await hip.kernel(memory, memory, INTS, (value) => value + 1);
      t.equal(valuesOf(memory.read()), [gpu], `values after the kernel of GPU ${gpu}`);
    }
    t.equal(hip.ask(Attribute.preferredLocation, memory, PAGE), point.device, 'PreferredLocation');
  });

adviseGroup
  .case(
    'Unit_hipMemAdvise_Prefetch_After_Advise',
    'prefetches after an advice are known, and the advice stays; after GPU 0 and GPU 1, GPU 0 is read in "rocm"',
  )
  .source(`${SOURCE} Unit_hipMemAdvise_Prefetch_After_Advise`)
  .parameters(eachPlace().combine('advice', ['setReadMostly', 'setPreferredLocation']))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    hip.runtime.memAdvise(memory, PAGE, Advise[point.advice], point.device);
    const found: number[] = [];
    for (const place of hip.places) {
      await hip.prefetch(memory, PAGE, place);
      found.push(hip.ask(Attribute.lastPrefetchLocation, memory, PAGE));
    }
    // The GPU of the first prefetch still claims the range after the second.
    t.equal(found, hip.isRocm && point.gpus === 2 ? [0, 0, CPU] : [...hip.places], 'LastPrefetchLocation after each');
    if (point.advice === 'setReadMostly') t.equal(hip.ask(Attribute.readMostly, memory, PAGE), 1, 'ReadMostly');
    else t.equal(hip.ask(Attribute.preferredLocation, memory, PAGE), point.device, 'PreferredLocation');
  });

adviseGroup
  .case('Unit_hipMemAdvise_AccessedBy_All_Devices', 'AccessedBy lists the GPUs in their order, however they were set')
  .source(`${SOURCE} Unit_hipMemAdvise_AccessedBy_All_Devices`)
  .parameters(eachHip().combine('order', ['up', 'down']))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    const gpus = point.order === 'up' ? hip.gpus : hip.gpus.toReversed();
    for (const gpu of gpus) hip.runtime.memAdvise(memory, PAGE, setAccessedBy, gpu);
    t.equal(hip.accessedBy(memory, PAGE, point.gpus), [...hip.gpus], 'AccessedBy');
  });

adviseGroup
  .case('Unit_hipMemAdvise_Negative_Parameters', 'what is refused, and with which error')
  .source(`${SOURCE} Unit_hipMemAdvise_Negative_Parameters, with the sections of NVIDIA`)
  .parameters(eachHip().combine('advice', ['setReadMostly', 'setPreferredLocation', 'setAccessedBy']))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    const advice = Advise[point.advice];
    const { runtime } = hip;
    await t.throws(() => runtime.memAdvise(memory, PAGE, -1, 0), INVALID_VALUE, 'advice -1');
    await t.throws(() => runtime.memAdvise(memory, 0, advice, 0), INVALID_VALUE, 'count 0');
    await t.throws(() => runtime.memAdvise(null, PAGE, advice, 0), INVALID_VALUE, 'a null pointer');
    await t.throws(
      () => runtime.memAdvise(memory, PAGE + 1, advice, 0),
      INVALID_VALUE,
      'a count beyond the allocation',
    );
    if (point.advice === 'setReadMostly') {
      runtime.memAdvise(memory, PAGE, advice, NONE);
      t.equal(hip.ask(Attribute.readMostly, memory, PAGE), 1, 'ReadMostly, whose device is not looked at');
    } else {
      for (const device of [NONE, point.gpus, 9999])
        await t.throws(() => runtime.memAdvise(memory, PAGE, advice, device), INVALID_DEVICE, `device ${device}`);
      t.equal(
        [hip.ask(Attribute.preferredLocation, memory, PAGE), ...hip.accessedBy(memory, PAGE, 1)],
        [NONE, NONE],
        'PreferredLocation and AccessedBy after the refusals',
      );
    }
  });

adviseGroup
  .case('Unit_hipMemAdvise_Negative_Parameters-hipMalloc', 'memory of hipMalloc takes no advice')
  .source(`${SOURCE} Unit_hipMemAdvise_Negative_Parameters`)
  .parameters(eachHip().combine('advice', ['setReadMostly', 'setPreferredLocation', 'setAccessedBy']))
  .needs('special-mapping')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.runtime.malloc(PAGE);
    await t.throws(() => hip.runtime.memAdvise(memory, PAGE, Advise[point.advice], 0), INVALID_VALUE, 'the advice');
  });

const HEAD = 64 << 10;

const WINDOW = 2 << 20;

for (const name of ['Unit_hipMemAdvise_Set_Unset_StreamCapture', 'Unit_hipMemAdvise_Rounding_StreamCapture']) {
  adviseGroup
    .case(name, 'an advice during a relaxed capture acts at once')
    .source(`${SOURCE} ${name}`)
    .needs('stream-capture')
    .unimplemented('the runtime has no graphs');
}

adviseGroup
  .case(
    'Unit_hipMemAdvise_SplitVramRestoreBoundary',
    'the GPU reads the right pages on both sides of a part with another advice; without retry faults what lies after it is lost',
  )
  .source(`${SOURCE} Unit_hipMemAdvise_SplitVramRestoreBoundary; spec/findings-v7 §C`)
  .parameters(eachGpu())
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(WINDOW);
    const bytes = new Uint8Array(WINDOW);
    for (let page = 0; page < WINDOW / PAGE; page++) bytes.fill(0x10 + page, page * PAGE, (page + 1) * PAGE);
    memory.write(0, bytes);
    await hip.prefetch(memory, WINDOW, point.device);
    hip.runtime.memAdvise(memory, HEAD, setReadMostly, point.device);
    t.equal(
      [hip.ask(Attribute.readMostly, memory, HEAD), hip.ask(Attribute.readMostly, memory, WINDOW)],
      [1, 0],
      'ReadMostly of the head and of the whole',
    );
    const read = (offset: number): Promise<number | undefined> =>
      hip.runtime.launch(null, async (queue) => (await queue.read(memory.address + BigInt(offset), 1))[0]);
    if (t.can('xnack-off')) {
      t.equal([await read(0), await read(HEAD - 1)], [0x10, 0x1f], 'bytes that the GPU reads in the part');
      const behind = await read(HEAD).catch(() => 'refused' as const);
      // The worker that restores the rest takes its device location for an order to have VRAM.
      t.shows('X-C7', { quirk: behind === 'refused', correct: behind === 0x20 }, 'what the GPU reads behind the part');
      return;
    }
    t.equal(
      [await read(0), await read(HEAD - 1), await read(HEAD), await read(WINDOW - 1)],
      [0x10, 0x1f, 0x20, 0x0f],
      'bytes that the GPU reads',
    );
  });

adviseGroup
  .case('Unit_hipMemVmm_ReadOnlyUnmapRemapWrite', 'reserved addresses are mapped, made read-only, and mapped again')
  .source(`${SOURCE} Unit_hipMemVmm_ReadOnlyUnmapRemapWrite`)
  .needs('virtual-memory-api')
  .unimplemented('the runtime has no handles of memory to map at reserved addresses; it is not managed memory either');
