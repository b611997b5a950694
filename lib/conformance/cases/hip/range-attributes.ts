/** hipMemRangeGetAttributes.cc and hipMemRangeGetAttributes_old.cc */
import { CaseGroup } from '../../framework/case.ts';
import { Advise, Attribute, CPU, eachHip, hipFeatures, INVALID_VALUE, NONE, openHip, PAGE } from './runtime.ts';

export const rangeAttributesGroup = new CaseGroup(
  'hip,hipMemRangeGetAttributes',
  'HIP: several attributes of a range in one call',
);

const SOURCE = 'HIP catch hipMemRangeGetAttributes.cc';
const OLD = 'HIP catch hipMemRangeGetAttributes_old.cc';
const FOUR = [
  Attribute.readMostly,
  Attribute.preferredLocation,
  Attribute.lastPrefetchLocation,
  Attribute.accessedBy,
] as const;
const UNKNOWN = 999;

rangeAttributesGroup
  .case('Unit_hipMemRangeGetAttributes_Positive_Basic', 'one call answers four attributes, in any order')
  .source(`${SOURCE} Positive_Basic`)
  .parameters(eachHip().combine('order', ['0123', '3210', '1302', '2031']))
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE);
    hip.runtime.memAdvise(memory, PAGE, Advise.setReadMostly, 0);
    hip.runtime.memAdvise(memory, PAGE, Advise.setPreferredLocation, 0);
    await hip.prefetch(memory, PAGE, CPU);
    hip.runtime.memAdvise(memory, PAGE, Advise.setAccessedBy, 0);
    const order = [...point.order].map(Number);
    const data = order.map(() => new Int32Array(1));
    hip.runtime.memRangeGetAttributes(
      data,
      [4, 4, 4, 4],
      order.map((index) => FOUR[index]!),
      4,
      memory,
      PAGE,
    );
    t.equal(
      data.map(([value]) => value),
      order.map((index) => [1, 0, CPU, 0][index]),
      'the answers',
    );
  });

rangeAttributesGroup
  .case('Unit_hipMemRangeGetAttributes_Negative_Parameters', 'what is refused')
  .source(`${SOURCE} Negative_Parameters; ${OLD} NegativeTst`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const { runtime } = openHip(t, point);
    const memory = runtime.mallocManaged(8192);
    const data = FOUR.map(() => new Int32Array(2));
    const sizes = [4, 4, 4, 4];
    const refused = (what: string, action: () => void): Promise<Error> => t.throws(action, INVALID_VALUE, what);
    await refused('no data', () => runtime.memRangeGetAttributes(null, sizes, FOUR, 4, memory, 8192));
    await refused('data of nulls', () =>
      runtime.memRangeGetAttributes([null, null, null, null], sizes, FOUR, 4, memory, 8192),
    );
    await refused('a null at the end of the data', () =>
      runtime.memRangeGetAttributes([...data.slice(0, 3), null], sizes, FOUR, 4, memory, 8192),
    );
    await refused('no sizes', () => runtime.memRangeGetAttributes(data, null, FOUR, 4, memory, 8192));
    await refused('no attributes', () => runtime.memRangeGetAttributes(data, sizes, null, 4, memory, 8192));
    for (const wrong of [
      [4, 5, 4, 6],
      [0, 4, 4, 4],
      [2, 4, 4, 4],
      [6, 4, 4, 4],
      [7, 4, 4, 4],
      [4, 4, 4, 7],
    ]) {
      await refused(`sizes ${wrong.join()}`, () => runtime.memRangeGetAttributes(data, wrong, FOUR, 4, memory, 8192));
    }
    await refused('attribute 999', () =>
      runtime.memRangeGetAttributes(data, sizes, [...FOUR.slice(1), UNKNOWN], 4, memory, 8192),
    );
    await refused('0 attributes', () => runtime.memRangeGetAttributes(data, sizes, FOUR, 0, memory, 8192));
    await refused('a null pointer', () => runtime.memRangeGetAttributes(data, sizes, FOUR, 4, null, 8192));
    await refused('count 0', () => runtime.memRangeGetAttributes(data, sizes, FOUR, 4, memory, 0));
    runtime.memRangeGetAttributes(data, sizes, FOUR, 4, memory, 8192);
    t.equal(
      data.map(([value]) => value),
      [0, NONE, NONE, NONE],
      'the answers to what is not refused',
    );
  });

rangeAttributesGroup
  .case(
    'Unit_hipMemRangeGetAttributes_Negative_Parameters-unmanaged',
    'memory of hipMalloc, and memory that the runtime does not know, is refused',
  )
  .source(`${SOURCE} Negative_Parameters`)
  .parameters(eachHip().combine('kind', ['hipMalloc', 'mmap']))
  .needsAt(({ gpus, kind }) => [
    ...hipFeatures({ gpus }),
    ...(kind === 'hipMalloc' ? (['special-mapping'] as const) : []),
  ])
  .run(async (t, point) => {
    const { runtime } = openHip(t, point);
    const memory = point.kind === 'hipMalloc' ? runtime.malloc(PAGE) : t.map(PAGE).address;
    const data = FOUR.map(() => new Int32Array(1));
    await t.throws(
      () => runtime.memRangeGetAttributes(data, [4, 4, 4, 4], FOUR, 4, memory, PAGE),
      INVALID_VALUE,
      'the question',
    );
  });

rangeAttributesGroup
  .case(
    'Unit_hipMemRangeGetAttributes_TstFlgs',
    'advices and prefetches for each GPU in turn, read four at once; of two GPUs "rocm" reads GPU 0 as preferred after GPU 1',
  )
  .source(`${OLD} TstFlgs`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(8192);
    const lists = [new Int32Array(1), new Int32Array(1), new Int32Array(point.gpus), new Int32Array(1)] as const;
    const attributes = [
      Attribute.readMostly,
      Attribute.preferredLocation,
      Attribute.accessedBy,
      Attribute.lastPrefetchLocation,
    ];
    const ask = (): number[][] => {
      hip.runtime.memRangeGetAttributes(
        lists,
        lists.map((list) => list.byteLength),
        attributes,
        4,
        memory,
        8192,
      );
      return lists.map((list) => [...list]);
    };
    const nobody = hip.gpus.map(() => NONE);
    let last = NONE;
    for (const gpu of hip.gpus) {
      const advise = (advice: number): void => hip.runtime.memAdvise(memory, 8192, advice, gpu);
      const preferredBefore = gpu === 0 ? NONE : 0;
      advise(Advise.setReadMostly);
      t.equal(ask(), [[1], [preferredBefore], nobody, [last]], 'with ReadMostly');
      advise(Advise.unsetReadMostly);
      advise(Advise.setPreferredLocation);
      advise(Advise.setAccessedBy);
      const preferred = hip.isRocm ? 0 : gpu;
      t.equal(ask(), [[0], [preferred], [gpu, ...nobody.slice(1)], [last]], 'with PreferredLocation and AccessedBy');
      advise(Advise.unsetAccessedBy);
      t.equal(ask(), [[0], [preferred], nobody, [last]], 'without AccessedBy');
      for (const place of [gpu, CPU]) {
        const stream = hip.runtime.streamCreate();
        hip.runtime.memPrefetchAsync(memory, 8192, place, stream);
        await hip.runtime.streamSynchronize(stream);
        last = place;
        t.equal(ask(), [[0], [preferred], nobody, [last]], `after a prefetch to ${place}`);
      }
    }
  });
