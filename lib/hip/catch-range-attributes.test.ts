/** HIP's own tests of hipMemRangeGetAttribute and hipMemRangeGetAttributes that only set and get (peer tests 3.4, 3.5, 3.9), each under its name. */
import { describe, expect } from 'vitest';
import { CPU, NONE, PAGE, catchCase, codeOf } from '../../test/support/hip-rig.ts';
import { HipMemoryAdvise as Advise, HipMemRangeAttribute as Attribute } from './index.ts';

const BOTH = [1, 2];
const INVALID = 1;
const UNKNOWN = 999;

describe('hipMemRangeGetAttribute.cc', () => {
  catchCase('Unit_hipMemRangeGetAttribute_Positive_ReadMostly_Basic', {}, ({ hip, managed, read }) => {
    const memory = managed(PAGE);
    expect(read(Attribute.readMostly, memory, PAGE)).toBe(0);
    hip.memAdvise(memory, PAGE, Advise.setReadMostly, 0);
    expect(read(Attribute.readMostly, memory, PAGE)).toBe(1);
  });

  catchCase('Unit_hipMemRangeGetAttribute_Positive_ReadMostly_Partial_Range', {}, ({ hip, managed, read }) => {
    const memory = managed(2 * PAGE);
    hip.memAdvise(memory, PAGE, Advise.setReadMostly, 0);
    expect(read(Attribute.readMostly, memory, 2 * PAGE)).toBe(0);
    expect(read(Attribute.readMostly, memory, PAGE)).toBe(1);
  });

  for (const [name, place] of [
    ['Basic', 0],
    ['CPU', CPU],
  ] as const) {
    catchCase(`Unit_hipMemRangeGetAttribute_Positive_PreferredLocation_${name}`, {}, ({ hip, managed, read }) => {
      const memory = managed(PAGE);
      expect(read(Attribute.preferredLocation, memory, PAGE)).toBe(NONE);
      hip.memAdvise(memory, PAGE, Advise.setPreferredLocation, place);
      expect(read(Attribute.preferredLocation, memory, PAGE)).toBe(place);
    });

    catchCase(`Unit_hipMemRangeGetAttribute_Positive_LastPrefetchLocation_${name}`, {}, ({ hip, managed, read }) => {
      const memory = managed(PAGE);
      expect(read(Attribute.lastPrefetchLocation, memory, PAGE)).toBe(NONE);
      hip.memPrefetchAsync(memory, PAGE, place);
      // Without a synchronisation in between.
      expect(read(Attribute.lastPrefetchLocation, memory, PAGE)).toBe(place);
    });
  }

  catchCase('Unit_hipMemRangeGetAttribute_Positive_PreferredLocation_Partial_Range', {}, ({ hip, managed, read }) => {
    const memory = managed(2 * PAGE);
    hip.memAdvise(memory, PAGE, Advise.setPreferredLocation, 0);
    expect(read(Attribute.preferredLocation, memory, 2 * PAGE)).toBe(NONE);
    expect(read(Attribute.preferredLocation, memory, PAGE)).toBe(0);
  });

  catchCase(
    'Unit_hipMemRangeGetAttribute_Positive_LastPrefetchLocation_Partial_Range',
    {},
    ({ hip, managed, read }) => {
      const memory = managed(2 * PAGE);
      hip.memPrefetchAsync(memory, PAGE, 0);
      expect(read(Attribute.lastPrefetchLocation, memory, 2 * PAGE)).toBe(NONE);
      expect(read(Attribute.lastPrefetchLocation, memory, PAGE)).toBe(0);
    },
  );

  catchCase(
    'Unit_hipMemRangeGetAttribute_Positive_AccessedBy_Basic',
    { failsInRocm: BOTH },
    ({ hip, managed, accessedBy }) => {
      const memory = managed(PAGE);
      expect(accessedBy(memory, PAGE, 4)).toEqual([NONE, NONE, NONE, NONE]);
      hip.memAdvise(memory, PAGE, Advise.setAccessedBy, CPU);
      hip.memAdvise(memory, PAGE, Advise.setAccessedBy, 0);
      const found = accessedBy(memory, PAGE, 4);
      expect(found.slice(0, 2).sort()).toEqual([CPU, 0]);
      expect(found.slice(2)).toEqual([NONE, NONE]);
    },
  );

  catchCase(
    'Unit_hipMemRangeGetAttribute_Positive_AccessedBy_Partial_Range',
    { failsInRocm: BOTH },
    ({ hip, managed, accessedBy }) => {
      const memory = managed(2 * PAGE);
      hip.memAdvise(memory, PAGE, Advise.setAccessedBy, CPU);
      hip.memAdvise(memory, PAGE, Advise.setAccessedBy, 0);
      expect(accessedBy(memory, 2 * PAGE, 2)).toEqual([NONE, NONE]);
      expect(accessedBy(memory, PAGE, 2).sort()).toEqual([CPU, 0]);
    },
  );

  catchCase(
    'Unit_hipMemRangeGetAttribute_Positive_AccessedBy_MultiDevice',
    {},
    ({ hip, gpus, managed, accessedBy }) => {
      const memory = managed(PAGE);
      expect(accessedBy(memory, PAGE, gpus.length)).toEqual(gpus.map(() => NONE));
      for (const gpu of gpus) hip.memAdvise(memory, PAGE, Advise.setAccessedBy, gpu);
      expect(accessedBy(memory, PAGE, gpus.length)).toEqual(gpus);
    },
  );

  catchCase('Unit_hipMemRangeGetAttribute_Negative_Parameters', {}, ({ hip, managed }) => {
    const memory = managed(PAGE);
    const data = new Int32Array(4);
    expect(codeOf(() => hip.memRangeGetAttribute(null, 4, Attribute.readMostly, memory, PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttribute(data, 0, Attribute.readMostly, memory, PAGE))).toBe(INVALID);
    for (const attribute of [Attribute.readMostly, Attribute.preferredLocation, Attribute.lastPrefetchLocation]) {
      expect(codeOf(() => hip.memRangeGetAttribute(data, 8, attribute, memory, PAGE))).toBe(INVALID);
    }
    expect(codeOf(() => hip.memRangeGetAttribute(data, 10, Attribute.accessedBy, memory, PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttribute(data, 4, UNKNOWN, memory, PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttribute(data, 4, Attribute.readMostly, null, PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttribute(data, 4, Attribute.readMostly, memory, 0))).toBe(INVALID);
  });

  // The ioctl answers for any address: it does not look at what is mapped there.
  catchCase(
    'Unit_hipMemRangeGetAttribute_Negative_Parameters, section hipMalloc memory',
    { failsInRocm: BOTH },
    ({ hip }) => {
      expect(
        codeOf(() => hip.memRangeGetAttribute(new Int32Array(1), 4, Attribute.readMostly, hip.malloc(PAGE), PAGE)),
      ).toBe(INVALID);
    },
  );
});

describe('hipMemRangeGetAttribute_old.cc', () => {
  catchCase('Unit_hipMemRangeGetAttribute_TstCountParam', {}, ({ hip, managed, read }) => {
    for (const size of [4096, 64 << 20, (64 << 20) - 1]) {
      const memory = managed(size);
      hip.memAdvise(memory, size, Advise.setReadMostly, 0);
      expect(read(Attribute.readMostly, memory, size)).toBe(1);
      hip.free(memory);
    }
  });

  catchCase('Unit_hipMemRangeGetAttribute_NegativeTests', {}, ({ hip, managed }) => {
    const memory = managed(PAGE);
    const data = new Int32Array(8);
    for (const size of [0, 6, 7, 27]) {
      expect(codeOf(() => hip.memRangeGetAttribute(data, size, Attribute.readMostly, memory, PAGE))).not.toBe(0);
    }
    expect(codeOf(() => hip.memRangeGetAttribute(data, 4, Attribute.readMostly, null, PAGE))).not.toBe(0);
    expect(codeOf(() => hip.memRangeGetAttribute(data, 4, Attribute.readMostly, memory, 0))).not.toBe(0);
  });

  catchCase(
    'Unit_hipMemRangeGetAttribute_NegativeTests, section hipHostMalloc memory',
    { failsInRocm: BOTH },
    ({ hip }) => {
      expect(
        codeOf(() => hip.memRangeGetAttribute(new Int32Array(1), 4, Attribute.readMostly, hip.hostMalloc(PAGE), PAGE)),
      ).not.toBe(0);
    },
  );

  catchCase('Unit_hipMemRangeGetAttribute_AccessedBy1', {}, ({ hip, gpus, managed }) => {
    const memory = managed(PAGE);
    const data = new Int32Array(gpus.length + 1).fill(NONE);
    hip.memAdvise(memory, PAGE, Advise.setAccessedBy, 0);
    hip.memRangeGetAttribute(data, data.byteLength, Attribute.accessedBy, memory, PAGE);
    expect([...data]).toEqual([0, ...gpus.map(() => NONE)]);
    if (gpus.length < 2) return;
    for (const gpu of gpus) hip.memAdvise(memory, PAGE, Advise.setAccessedBy, gpu);
    data.fill(NONE);
    hip.memRangeGetAttribute(data, (gpus.length - 1) * 4, Attribute.accessedBy, memory, PAGE);
    expect([...data]).toEqual([...gpus.slice(0, -1), NONE, NONE]);
  });

  catchCase('Unit_hipMemRangeGetAttribte_3', {}, ({ hip, managed, read, accessedBy }) => {
    const memory = managed(4 * PAGE);
    for (const advice of [Advise.setAccessedBy, Advise.setReadMostly, Advise.setPreferredLocation])
      hip.memAdvise(memory, 2 * PAGE, advice, 0);
    // The original does not look at the values.
    expect(accessedBy(memory, 4 * PAGE, 1)).toEqual([NONE]);
    expect(read(Attribute.readMostly, memory, 4 * PAGE)).toBe(0);
    expect(read(Attribute.preferredLocation, memory, 4 * PAGE)).toBe(NONE);
  });

  catchCase('Unit_hipMemRangeGetAttribute_4', {}, ({ hip, managed, read, accessedBy }) => {
    for (const advice of [Advise.setAccessedBy, Advise.setReadMostly, Advise.setPreferredLocation]) {
      const memory = managed(PAGE);
      hip.memAdvise(memory, PAGE, advice, 0);
      expect(accessedBy(memory, PAGE, 1)).toEqual([advice === Advise.setAccessedBy ? 0 : NONE]);
      expect(read(Attribute.readMostly, memory, PAGE)).toBe(advice === Advise.setReadMostly ? 1 : 0);
      expect(read(Attribute.preferredLocation, memory, PAGE)).toBe(advice === Advise.setPreferredLocation ? 0 : NONE);
      expect(read(Attribute.lastPrefetchLocation, memory, PAGE)).toBe(NONE);
    }
  });

  catchCase('Unit_hipMemRangeGetAttribute_PrefetchAndGtAttr', {}, async ({ hip, managed, read }) => {
    const memory = managed(16 << 10);
    hip.memPrefetchAsync(memory, 16 << 10, 0);
    await hip.streamSynchronize(null);
    expect(read(Attribute.lastPrefetchLocation, memory, 16 << 10)).toBe(0);
  });
});

const FOUR = [Attribute.readMostly, Attribute.preferredLocation, Attribute.lastPrefetchLocation, Attribute.accessedBy];

describe('hipMemRangeGetAttributes.cc', () => {
  catchCase('Unit_hipMemRangeGetAttributes_Positive_Basic', {}, async ({ hip, managed }) => {
    const memory = managed(PAGE);
    hip.memAdvise(memory, PAGE, Advise.setReadMostly, 0);
    hip.memAdvise(memory, PAGE, Advise.setPreferredLocation, 0);
    hip.memPrefetchAsync(memory, PAGE, CPU);
    await hip.streamSynchronize(null);
    hip.memAdvise(memory, PAGE, Advise.setAccessedBy, 0);
    const data = FOUR.map(() => new Int32Array(1));
    hip.memRangeGetAttributes(data, [4, 4, 4, 4], FOUR, 4, memory, PAGE);
    expect(data.map(([value]) => value)).toEqual([1, 0, CPU, 0]);
  });

  catchCase('Unit_hipMemRangeGetAttributes_Negative_Parameters', {}, ({ hip, managed }) => {
    const memory = managed(PAGE);
    const data = FOUR.map(() => new Int32Array(2));
    const sizes = [4, 4, 4, 4];
    expect(codeOf(() => hip.memRangeGetAttributes(null, sizes, FOUR, 4, memory, PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttributes([null, null, null, null], sizes, FOUR, 4, memory, PAGE))).toBe(
      INVALID,
    );
    expect(codeOf(() => hip.memRangeGetAttributes(data, null, FOUR, 4, memory, PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttributes(data, [4, 5, 4, 6], FOUR, 4, memory, PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttributes(data, sizes, null, 4, memory, PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttributes(data, sizes, [...FOUR.slice(1), UNKNOWN], 4, memory, PAGE))).toBe(
      INVALID,
    );
    expect(codeOf(() => hip.memRangeGetAttributes(data, sizes, FOUR, 0, memory, PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttributes(data, sizes, FOUR, 4, null, PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttributes(data, sizes, FOUR, 4, hip.malloc(PAGE), PAGE))).toBe(INVALID);
    expect(codeOf(() => hip.memRangeGetAttributes(data, sizes, FOUR, 4, memory, 0))).toBe(INVALID);
  });

  // The first GPU still claims what the second one was preferred for, or got by prefetch.
  catchCase('Unit_hipMemRangeGetAttributes_TstFlgs', { failsInRocm: [2] }, async ({ hip, gpus, managed }) => {
    const memory = managed(8192);
    const [readMostly, preferred, accessed, prefetched] = [
      new Int32Array(1),
      new Int32Array(1),
      new Int32Array(gpus.length),
      new Int32Array(1),
    ];
    const attributes = [
      Attribute.readMostly,
      Attribute.preferredLocation,
      Attribute.accessedBy,
      Attribute.lastPrefetchLocation,
    ];
    const lists = [readMostly, preferred, accessed, prefetched] as const;
    const ask = (): void =>
      hip.memRangeGetAttributes(
        lists,
        lists.map((list) => list.byteLength),
        attributes,
        4,
        memory,
        8192,
      );
    for (const gpu of gpus) {
      hip.memAdvise(memory, 8192, Advise.setReadMostly, gpu);
      ask();
      expect(readMostly[0]).toBe(1);
      hip.memAdvise(memory, 8192, Advise.unsetReadMostly, gpu);
      hip.memAdvise(memory, 8192, Advise.setPreferredLocation, gpu);
      hip.memAdvise(memory, 8192, Advise.setAccessedBy, gpu);
      ask();
      expect([readMostly[0], preferred[0], accessed[0]]).toEqual([0, gpu, gpu]);
      hip.memAdvise(memory, 8192, Advise.unsetAccessedBy, gpu);
      ask();
      expect(accessed[gpu]).toBeLessThan(0);
      for (const target of [gpu, CPU]) {
        const stream = hip.streamCreate();
        hip.memPrefetchAsync(memory, 8192, target, stream);
        await hip.streamSynchronize(stream);
        ask();
        expect(prefetched[0]).toBe(target);
      }
    }
  });

  catchCase('Unit_hipMemRangeGetAttributes_NegativeTst', {}, ({ hip, managed }) => {
    const memory = managed(8192);
    const data = FOUR.map(() => new Int32Array(2));
    const refused = (sizes: number[]): boolean =>
      codeOf(() => hip.memRangeGetAttributes(data, sizes, FOUR, 4, memory, 8192)) !== 0;
    for (const size of [0, 2, 6, 7]) expect(refused([size, 4, 4, 4])).toBe(true);
    expect(refused([4, 4, 4, 7])).toBe(true);
    expect(codeOf(() => hip.memRangeGetAttributes(data, [4, 4, 4, 4], FOUR, 0, memory, 8192))).not.toBe(0);
    expect(codeOf(() => hip.memRangeGetAttributes(null, [4, 4, 4, 4], FOUR, 4, memory, 8192))).not.toBe(0);
    expect(codeOf(() => hip.memRangeGetAttributes(data, [4, 4, 4, 4], FOUR, 4, memory, 0))).not.toBe(0);
    expect(codeOf(() => hip.memRangeGetAttributes(data, [4, 4, 4, 4], null, 4, memory, 8192))).not.toBe(0);
  });
});

describe('coherency', () => {
  catchCase('Unit_hipMalloc_CoherentTst', {}, ({ hip, read }) => {
    expect(read(Attribute.coherencyMode, hip.malloc(PAGE), PAGE)).toBe(1);
  });
});
