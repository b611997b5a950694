/** hipMemRangeGetAttribute.cc and hipMemRangeGetAttribute_old.cc */
import { CaseGroup } from '../../framework/case.ts';
import {
  Advise,
  Attribute,
  CPU,
  eachHip,
  eachPlace,
  hipFeatures,
  INVALID_VALUE,
  NONE,
  openHip,
  PAGE,
} from './runtime.ts';

export const rangeAttributeGroup = new CaseGroup('hip,hipMemRangeGetAttribute', 'HIP: one attribute of a range');

const SOURCE = 'HIP catch hipMemRangeGetAttribute.cc';
const OLD = 'HIP catch hipMemRangeGetAttribute_old.cc';
const { setReadMostly, setPreferredLocation, setAccessedBy } = Advise;
const UNKNOWN = 999;

rangeAttributeGroup
  .case('Unit_hipMemRangeGetAttribute_Positive_ReadMostly_Basic', 'ReadMostly is 0, and 1 once advised')
  .source(SOURCE)
  .parameters(eachPlace())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    t.equal(hip.ask(Attribute.readMostly, memory, PAGE), 0, 'ReadMostly by default');
    hip.runtime.memAdvise(memory, PAGE, setReadMostly, point.device);
    t.equal(hip.ask(Attribute.readMostly, memory, PAGE), 1, 'ReadMostly');
  });

rangeAttributeGroup
  .case(
    'Unit_hipMemRangeGetAttribute_Positive_ReadMostly_Partial_Range',
    'a range of which a part was advised is not ReadMostly',
  )
  .source(SOURCE)
  .parameters(eachHip().combine('page', [0, 1]))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(2 * PAGE);
    const part = memory.address + BigInt(point.page * PAGE);
    hip.runtime.memAdvise(part, PAGE, setReadMostly, 0);
    t.equal(hip.ask(Attribute.readMostly, memory, 2 * PAGE), 0, 'ReadMostly of 2 pages');
    t.equal(hip.ask(Attribute.readMostly, part, PAGE), 1, 'ReadMostly of the page');
  });

for (const name of ['PreferredLocation', 'LastPrefetchLocation'] as const) {
  const attribute = name === 'PreferredLocation' ? Attribute.preferredLocation : Attribute.lastPrefetchLocation;
  const isPrefetch = name === 'LastPrefetchLocation';
  rangeAttributeGroup
    .case(
      `Unit_hipMemRangeGetAttribute_Positive_${name}_Basic`,
      `${name} is none, then what was said${isPrefetch ? ', before the prefetch has run and after' : ''} (the original has a case of its own for the CPU)`,
    )
    .source(`${SOURCE} ${name}_Basic, ${name}_CPU`)
    .parameters(eachPlace())
    .needsAt(hipFeatures)
    .run(async (t, point) => {
      const hip = openHip(t, point);
      const memory = hip.managed(PAGE);
      t.equal(hip.ask(attribute, memory, PAGE), NONE, `${name} by default`);
      if (isPrefetch) hip.runtime.memPrefetchAsync(memory, PAGE, point.device);
      else hip.runtime.memAdvise(memory, PAGE, setPreferredLocation, point.device);
      t.equal(hip.ask(attribute, memory, PAGE), point.device, name);
      if (point.device !== CPU) hip.runtime.setDevice(point.device);
      await hip.runtime.deviceSynchronize();
      t.equal(hip.ask(attribute, memory, PAGE), point.device, `${name} after a synchronisation`);
    });

  rangeAttributeGroup
    .case(
      `Unit_hipMemRangeGetAttribute_Positive_${name}_Partial_Range`,
      `${name} of a range of which a part has one is none`,
    )
    .source(`${SOURCE} ${name}_Partial_Range`)
    .parameters(eachHip().combine('page', [0, 1]).combine('synchronized', [false, true]))
    .needsAt(hipFeatures)
    .run(async (t, point) => {
      const hip = openHip(t, point);
      const memory = hip.managed(2 * PAGE);
      const part = memory.address + BigInt(point.page * PAGE);
      if (isPrefetch) hip.runtime.memPrefetchAsync(part, PAGE, 0);
      else hip.runtime.memAdvise(part, PAGE, setPreferredLocation, 0);
      if (point.synchronized) await hip.runtime.deviceSynchronize();
      t.equal(hip.ask(attribute, memory, 2 * PAGE), NONE, `${name} of 2 pages`);
      t.equal(hip.ask(attribute, part, PAGE), 0, `${name} of the page`);
    });
}

rangeAttributeGroup
  .case(
    'Unit_hipMemRangeGetAttribute_Positive_AccessedBy_Basic',
    'AccessedBy lists a GPU and the CPU and fills up with -2; "rocm" leaves the CPU out',
  )
  .source(`${SOURCE} Positive_AccessedBy_Basic, disabled on AMD`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    t.equal(hip.accessedBy(memory, PAGE, 4), [NONE, NONE, NONE, NONE], 'AccessedBy by default');
    for (const device of [CPU, 0]) hip.runtime.memAdvise(memory, PAGE, setAccessedBy, device);
    t.equal(hip.accessedBy(memory, PAGE, 4), [0, hip.isRocm ? NONE : CPU, NONE, NONE], 'AccessedBy');
  });

rangeAttributeGroup
  .case(
    'Unit_hipMemRangeGetAttribute_Positive_AccessedBy_Partial_Range',
    'AccessedBy of a range of which a part was advised is empty; "rocm" leaves the CPU out of the part',
  )
  .source(`${SOURCE} Positive_AccessedBy_Partial_Range, disabled on AMD`)
  .parameters(eachHip().combine('page', [0, 1]))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(2 * PAGE);
    const part = memory.address + BigInt(point.page * PAGE);
    for (const device of [CPU, 0]) hip.runtime.memAdvise(part, PAGE, setAccessedBy, device);
    t.equal(hip.accessedBy(memory, 2 * PAGE, 2), [NONE, NONE], 'AccessedBy of 2 pages');
    t.equal(hip.accessedBy(part, PAGE, 2), [0, hip.isRocm ? NONE : CPU], 'AccessedBy of the page');
  });

rangeAttributeGroup
  .case('Unit_hipMemRangeGetAttribute_Positive_AccessedBy_MultiDevice', 'AccessedBy lists every GPU that was advised')
  .source(`${SOURCE} Positive_AccessedBy_MultiDevice`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    t.equal(
      hip.accessedBy(memory, PAGE, point.gpus),
      hip.gpus.map(() => NONE),
      'AccessedBy by default',
    );
    for (const gpu of hip.gpus) hip.runtime.memAdvise(memory, PAGE, setAccessedBy, gpu);
    t.equal(hip.accessedBy(memory, PAGE, point.gpus), [...hip.gpus], 'AccessedBy');
  });

rangeAttributeGroup
  .case('Unit_hipMemRangeGetAttribute_Negative_Parameters', 'what is refused')
  .source(`${SOURCE} Negative_Parameters; ${OLD} NegativeTests`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    const data = new Int32Array(8).fill(7);
    const { readMostly, preferredLocation, lastPrefetchLocation, accessedBy } = Attribute;
    const { runtime } = hip;
    await t.throws(() => runtime.memRangeGetAttribute(null, 4, readMostly, memory, PAGE), INVALID_VALUE, 'no data');
    for (const size of [0, 6, 7, 8, 27]) {
      for (const attribute of [readMostly, preferredLocation, lastPrefetchLocation]) {
        await t.throws(
          () => runtime.memRangeGetAttribute(data, size, attribute, memory, PAGE),
          INVALID_VALUE,
          `size ${size} of attribute ${attribute}`,
        );
      }
    }
    await t.throws(
      () => runtime.memRangeGetAttribute(data, 10, accessedBy, memory, PAGE),
      INVALID_VALUE,
      'size 10 of AccessedBy',
    );
    await t.throws(() => runtime.memRangeGetAttribute(data, 4, UNKNOWN, memory, PAGE), INVALID_VALUE, 'attribute 999');
    await t.throws(
      () => runtime.memRangeGetAttribute(data, 4, readMostly, null, PAGE),
      INVALID_VALUE,
      'a null pointer',
    );
    await t.throws(() => runtime.memRangeGetAttribute(data, 4, readMostly, memory, 0), INVALID_VALUE, 'count 0');
    t.equal(data[0], 7, 'the data after the refusals');
    t.equal(hip.ask(readMostly, memory, PAGE), 0, 'ReadMostly');
  });

rangeAttributeGroup
  .case(
    'Unit_hipMemRangeGetAttribute_Negative_Parameters-unmanaged',
    'memory of hipMalloc and hipHostMalloc has no such attributes; "rocm" answers 0, as the ioctl answers for any address',
  )
  .source(`${SOURCE} Negative_Parameters; ${OLD} NegativeTests`)
  .parameters(eachHip().combine('kind', ['malloc', 'hostMalloc']))
  .needs('special-mapping')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.runtime[point.kind](PAGE);
    const data = Int32Array.of(7);
    const ask = (): void => hip.runtime.memRangeGetAttribute(data, 4, Attribute.readMostly, memory, PAGE);
    if (hip.isRocm) ask();
    else await t.throws(ask, INVALID_VALUE, 'ReadMostly');
    t.equal(data[0], hip.isRocm ? 0 : 7, 'the data');
  });

rangeAttributeGroup
  .case(
    'Unit_hipMemRangeGetAttribute_TstCountParam',
    'ReadMostly of allocations of any size (where the original takes the free memory of the GPU: 64 MiB, and a byte less)',
  )
  .source(`${OLD} TstCountParam`)
  .parameters(eachHip().combine('size', [4096, 64 << 20, (64 << 20) - 1]))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(point.size);
    hip.runtime.memAdvise(memory, point.size, setReadMostly, 0);
    t.equal(hip.ask(Attribute.readMostly, memory, point.size), 1, 'ReadMostly');
  });

rangeAttributeGroup
  .case(
    'Unit_hipMemRangeGetAttribute_AccessedBy1',
    'a list that is too short is filled, and nothing is written after it',
  )
  .source(`${OLD} AccessedBy1`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    const data = new Int32Array(point.gpus + 1).fill(NONE);
    hip.runtime.memAdvise(memory, PAGE, setAccessedBy, 0);
    hip.runtime.memRangeGetAttribute(data, data.byteLength, Attribute.accessedBy, memory, PAGE);
    t.equal([...data], [0, ...hip.gpus.map(() => NONE)], 'AccessedBy of GPU 0');
    if (point.gpus < 2) return;
    for (const gpu of hip.gpus) hip.runtime.memAdvise(memory, PAGE, setAccessedBy, gpu);
    data.fill(12345);
    hip.runtime.memRangeGetAttribute(data, (point.gpus - 1) * 4, Attribute.accessedBy, memory, PAGE);
    t.equal([...data], [...hip.gpus.slice(0, -1), 12345, 12345], 'the data of a short list');
  });

rangeAttributeGroup
  .case(
    'Unit_hipMemRangeGetAttribte_3',
    'half of a range was advised, all of it is asked (the original does not look at the answers)',
  )
  .source(`${OLD} Unit_hipMemRangeGetAttribte_3`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(4 * PAGE);
    for (const advice of [setAccessedBy, setReadMostly, setPreferredLocation])
      hip.runtime.memAdvise(memory, 2 * PAGE, advice, 0);
    const ask = (count: number): number[] => [
      ...hip.accessedBy(memory, count, 1),
      hip.ask(Attribute.readMostly, memory, count),
      hip.ask(Attribute.preferredLocation, memory, count),
    ];
    t.equal(ask(2 * PAGE), [0, 1, 0], 'AccessedBy, ReadMostly, PreferredLocation of the half');
    t.equal(ask(4 * PAGE), [NONE, 0, NONE], 'AccessedBy, ReadMostly, PreferredLocation of the whole');
  });

rangeAttributeGroup
  .case(
    'Unit_hipMemRangeGetAttribute_4',
    'one advice was given, the other attributes keep their defaults (the original does not look at the answers)',
  )
  .source(`${OLD} Unit_hipMemRangeGetAttribute_4`)
  .parameters(eachHip().combine('advice', ['setAccessedBy', 'setReadMostly', 'setPreferredLocation', 'setCoarseGrain']))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    hip.runtime.memAdvise(memory, PAGE, Advise[point.advice], 0);
    t.equal(
      hip.runtime.memRangeAttributes(memory, PAGE),
      {
        readMostly: point.advice === 'setReadMostly',
        preferredLocation: point.advice === 'setPreferredLocation' ? 0 : NONE,
        lastPrefetchLocation: NONE,
        accessedBy: point.advice === 'setAccessedBy' ? [0] : [],
        coherencyMode: point.advice === 'setCoarseGrain' ? 1 : 0,
      },
      'all attributes',
    );
  });

rangeAttributeGroup
  .case('Unit_hipMemRangeGetAttribute_PrefetchAndGtAttr', 'a prefetch that was waited for is known')
  .source(`${OLD} PrefetchAndGtAttr`)
  .parameters(eachPlace())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(16 << 10);
    await hip.prefetch(memory, 16 << 10, point.device);
    t.equal(hip.ask(Attribute.lastPrefetchLocation, memory, 16 << 10), point.device, 'LastPrefetchLocation');
  });
