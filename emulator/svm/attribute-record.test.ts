import { describe, expect, it } from 'vitest';
import {
  applyRequest,
  AttributeRequest,
  changeTrigger,
  defaultRecord,
  isValidRequest,
  MAPPING_FLAG_MASK,
  PTE_FLAG_MASK,
  recordsEqual,
} from './attribute-record.ts';
import type { AttributeRecord } from './attribute-record.ts';

function request(...pairs: readonly (readonly [type: number, value: number])[]): AttributeRequest {
  const made = new AttributeRequest();
  made.begin(pairs.length);
  for (const [index, [type, value]] of pairs.entries()) {
    made.types[index] = type;
    made.values[index] = value;
  }
  return made;
}

// The last attribute type of V4.
const LAST = 11;
const defaults = defaultRecord(9, 2);
const changed = (member: Partial<AttributeRecord>): AttributeRecord => ({ ...defaults, ...member });

describe('the default record', () => {
  it('is UNDEFINED, UNDEFINED, the access and granularity of the context, HOST_ACCESS and COHERENT', () => {
    expect(defaultRecord(5, 2)).toEqual({
      preferredLocation: -1,
      prefetchLocation: -1,
      access: 2,
      granularity: 5,
      flags: 0x03,
    });
  });
});

describe('validation', () => {
  // type -> accepted values, refused values
  const table: Record<number, readonly [readonly number[], readonly number[]]> = {
    0: [[0, 1, 2, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff], []],
    1: [[0, 1, 2, 0x8000_0000, 0xffff_fffe], [0xffff_ffff]],
    2: [
      [0, 1, 2],
      [3, 0x8000_0000, 0xffff_ffff],
    ],
    3: [[0, 9, 63, 64, 0xffff_ffff], []],
    11: [[0], [1, 2, 0xffff_ffff]],
    12: [[], [0, 1]],
    0x8000_0000: [[], [0]],
    0xffff_ffff: [[], [0, 1]],
  };
  for (let type = 4; type <= 10; type++)
    table[type] = [
      [0, 1],
      [2, 0x8000_0000, 0xffff_ffff],
    ];

  for (const [type, [accepted, refused]] of Object.entries(table)) {
    it(`of type ${type} accepts ${accepted.join(', ') || 'nothing'} and refuses ${refused.join(', ') || 'nothing'}`, () => {
      expect(accepted.filter((value) => !isValidRequest(request([Number(type), value]), LAST))).toEqual([]);
      expect(refused.filter((value) => isValidRequest(request([Number(type), value]), LAST))).toEqual([]);
    });
  }

  it('knows only the types of the revision', () => {
    expect([isValidRequest(request([11, 0]), 10), isValidRequest(request([10, 1]), 10)]).toEqual([false, true]);
  });

  it('needs every record to be good, wherever the bad one is', () => {
    expect(isValidRequest(request([2, 1], [9, 1], [3, 4]), LAST)).toBe(true);
    for (const bad of [
      [
        [2, 3],
        [9, 1],
        [3, 4],
      ],
      [
        [2, 1],
        [9, 2],
        [3, 4],
      ],
      [
        [2, 1],
        [9, 1],
        [12, 4],
      ],
    ] as const) {
      expect(isValidRequest(request(...bad), LAST)).toBe(false);
    }
  });
});

describe('applying records', () => {
  const applied = (...pairs: readonly (readonly [number, number])[]): AttributeRecord => {
    const record = { ...defaults };
    applyRequest(record, request(...pairs));
    return record;
  };

  it('reads locations as signed numbers', () => {
    expect(applied([0, 0xffff_fffe], [1, 0x8000_0000])).toEqual(
      changed({ preferredLocation: -2, prefetchLocation: -0x8000_0000 }),
    );
  });

  it('limits the granularity to 63, unsigned', () => {
    expect([63, 64, 0x8000_0000, 0xffff_ffff].map((value) => applied([3, value]).granularity)).toEqual([
      63, 63, 63, 63,
    ]);
    expect(applied([3, 62]).granularity).toBe(62);
  });

  it('sets and clears the bit type - 4 of each flag', () => {
    for (let type = 4; type <= 11; type++) {
      expect(applied([type, 1]).flags).toBe(0x03 | (1 << (type - 4)));
      expect(applied([type, 1], [type, 0]).flags).toBe(0x03 & ~(1 << (type - 4)));
    }
  });

  it('lets the last one of a type win', () => {
    expect(applied([2, 0], [9, 1], [2, 1], [9, 0], [9, 1])).toEqual(changed({ access: 1, flags: 0x23 }));
  });
});

describe('change triggers', () => {
  const table: readonly (readonly [why: string, AttributeRecord, AttributeRecord, number])[] = [
    ['nothing', defaults, defaults, 0],
    ['the access', defaults, changed({ access: 1 }), 0x01],
    ['COHERENT', defaults, changed({ flags: 0x01 }), 0x02],
    ['EXT_COHERENT', defaults, changed({ flags: 0x07 }), 0x02],
    ['GPU_RO', defaults, changed({ flags: 0x13 }), 0x02],
    ['GPU_EXEC', defaults, changed({ flags: 0x23 }), 0x02],
    ['HOST_ACCESS', defaults, changed({ flags: 0x02 }), 0x04],
    ['HIVE_LOCAL', defaults, changed({ flags: 0x0b }), 0x04],
    ['READ_MOSTLY', defaults, changed({ flags: 0x43 }), 0x04],
    ['ALWAYS_MAPPED', defaults, changed({ flags: 0x83 }), 0x04],
    ['the preferred location', defaults, changed({ preferredLocation: 0 }), 0x08],
    ['the granularity', defaults, changed({ granularity: 5 }), 0x10],
    ['the prefetch location to SYSMEM', defaults, changed({ prefetchLocation: 0 }), 0],
    ['the prefetch location to a GPU', defaults, changed({ prefetchLocation: 1 }), 0x80],
    ['the prefetch location to another GPU number', defaults, changed({ prefetchLocation: -2 }), 0x80],
    ['the prefetch location away from a GPU', changed({ prefetchLocation: 1 }), changed({ prefetchLocation: 0 }), 0],
    [
      'the granularity, with a GPU prefetch location on both sides',
      changed({ prefetchLocation: 1 }),
      changed({ prefetchLocation: 1, granularity: 5 }),
      0x90,
    ],
    [
      'everything',
      defaults,
      { preferredLocation: 0, prefetchLocation: 3, access: 0, granularity: 1, flags: 0xfc },
      0x9f,
    ],
  ];
  for (const [why, before, after, trigger] of table) {
    it(`are 0x${trigger.toString(16)} when ${why} changes`, () => {
      expect(changeTrigger(before, after)).toBe(trigger);
    });
  }

  it('know each flag as one of PTEs or one of the mapping', () => {
    expect([PTE_FLAG_MASK, MAPPING_FLAG_MASK]).toEqual([0x36, 0xc9]);
  });
});

describe('equality', () => {
  it('is that of all five members', () => {
    expect(recordsEqual(defaults, { ...defaults })).toBe(true);
    for (const member of Object.keys(defaults) as (keyof AttributeRecord)[]) {
      expect(recordsEqual(defaults, changed({ [member]: defaults[member] + 1 }))).toBe(false);
    }
  });
});
