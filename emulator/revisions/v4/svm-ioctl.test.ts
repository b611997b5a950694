import { describe, expect, it } from 'vitest';
import { at, BLOCK, GET, Rig, SET, T, V } from '../../../test/support/emulator-rig.ts';
import { ATTRS_PTR_OFFSET, encodeAttributes, encodeSvmRequest } from '../../../lib/uapi/codec.ts';
import { UAPI_PROFILES } from '../../../lib/uapi/profile.ts';

const [EFAULT, EINVAL, EOPNOTSUPP] = [-14, -22, -95];

interface RawCall {
  readonly start?: bigint;
  readonly size?: bigint;
  readonly operation?: number;
  readonly count?: number;
  /** 'null': attrs_ptr 0; 'bad': an address with nothing behind it; 'short': fewer bytes than the records need. */
  readonly pointer?: 'null' | 'bad' | 'ok' | 'short' | 'read-only';
  readonly types?: readonly number[];
}

/** Issues a call that is good but for what is given. */
function call(rig: Rig, raw: RawCall = {}): { result: number; data: Uint8Array } {
  const { start = at(V), size = at(1), operation = GET, pointer = 'ok', types = [T.access] } = raw;
  const count = raw.count ?? types.length;
  const data = encodeAttributes(
    Array.from({ length: Math.min(count, 70) }, (_, index) => ({ type: types[index % types.length]!, value: 0 })),
  );
  const arg = encodeSvmRequest({
    startAddress: start,
    size,
    operation,
    attributeCount: count,
    ...(pointer === 'bad' ? { attributesPointer: 0xdead000n } : {}),
  });
  const pointers =
    pointer === 'null' || pointer === 'bad'
      ? []
      : [
          {
            offset: ATTRS_PTR_OFFSET,
            data: pointer === 'short' ? data.subarray(0, data.length - 1) : data,
            readOnly: pointer === 'read-only',
          },
        ];
  const before = arg.slice();
  const result = rig.node.ioctl(UAPI_PROFILES.v4.request, arg, pointers);
  expect(arg).toEqual(before); // the handler never modifies the structure
  return { result, data };
}

// Each row with everything wrong that is checked later, so that the order shows (spec/01-uapi §6).
const LATER = { operation: 7, pointer: 'bad', count: 65 } as const;
const rows: readonly (readonly [check: string, call: RawCall, result: number])[] = [
  ['1: creation of the context, before any argument', { start: 1n, size: 1n, ...LATER }, EOPNOTSUPP],
  ['2: start is a multiple of 4096', { start: at(V) + 1n, ...LATER, size: 0n }, EINVAL],
  ['2: start is a multiple of 4096, in the highest bit below', { start: at(V) + 2048n, pointer: 'bad' }, EINVAL],
  ['2: size is a multiple of 4096', { size: 4095n, pointer: 'bad' }, EINVAL],
  ['3: start is not 0', { start: 0n, pointer: 'bad' }, EINVAL],
  ['3: size is not 0', { size: 0n, pointer: 'bad' }, EINVAL],
  ['4: at least one record', { count: 0, pointer: 'bad' }, EINVAL],
  ['4: at most 64 records', { count: 65, pointer: 'bad' }, EINVAL],
  ['4: at most 64 records, also with a huge number', { count: 0xffff_ffff, pointer: 'bad' }, EINVAL],
  ['5: the pointer is not 0', { pointer: 'null', operation: 7 }, EINVAL],
  ['6: the records can be copied', { pointer: 'bad', operation: 7 }, EFAULT],
  ['6: all of the records can be copied', { pointer: 'short', operation: 7 }, EFAULT],
  ['7: the operation is known', { operation: 2 }, EINVAL],
  ['7: the operation is known, as an unsigned number', { operation: 0xffff_ffff }, EINVAL],
];

describe('checks of the ioctl, in their order', () => {
  for (const [check, raw, result] of rows) {
    it(check, () => {
      const rig = new Rig(check.startsWith('1') ? { asic: 'gfx1100' } : {});
      rig.map(V, BLOCK);
      expect(call(rig, raw).result).toBe(result);
      expect(rig.snapshot().attributes).toEqual([]);
    });
  }

  it('pass for 1 and for 64 records', () => {
    const rig = new Rig();
    expect([call(rig, { count: 1 }).result, call(rig, { count: 64 }).result]).toEqual([0, 0]);
  });

  it('pass for the highest page', () => {
    expect(call(new Rig(), { start: (1n << 64n) - 4096n, size: 4096n }).result).toBe(0);
    expect(call(new Rig(), { start: 4096n, size: (1n << 64n) - 4096n }).result).toBe(0);
  });
});

describe('the two operations', () => {
  it('GET writes types and values back', () => {
    const { result, data } = call(new Rig(), { types: [T.granularity, T.access] });
    expect([result, ...new Uint32Array(data.buffer)]).toEqual([0, T.granularity, 9, T.access, 2]);
  });

  it('GET fails with EFAULT where its records cannot be written', () => {
    expect(call(new Rig(), { pointer: 'read-only' }).result).toBe(EFAULT);
  });

  it('GET with an unknown type wins against memory that cannot be written, and writes nothing', () => {
    const { result, data } = call(new Rig(), { pointer: 'read-only', types: [T.granularity, 99] });
    expect([result, ...new Uint32Array(data.buffer)]).toEqual([EINVAL, T.granularity, 0, 99, 0]);
  });

  it('SET does not write to the memory of its records', () => {
    const rig = new Rig();
    rig.map(V, BLOCK);
    expect(call(rig, { operation: SET, pointer: 'read-only' }).result).toBe(0);
    expect(rig.value(V, 1, T.access)).toBe(0);
  });

  it('look only at so many records as were given', () => {
    const rig = new Rig();
    rig.map(V, BLOCK);
    const data = encodeAttributes([
      { type: T.access, value: 1 },
      { type: 99, value: 0 },
    ]);
    const arg = encodeSvmRequest({ startAddress: at(V), size: at(1), operation: SET, attributeCount: 1 });
    expect(rig.node.ioctl(UAPI_PROFILES.v4.request, arg, [{ offset: ATTRS_PTR_OFFSET, data }])).toBe(0);
  });

  it('are refused without SVM in the kernel, before anything is looked at', () => {
    const rig = new Rig({ svmConfigured: false });
    expect([call(rig, { start: 1n }).result, rig.node.file.context, rig.node.file.computeResult]).toEqual([
      EOPNOTSUPP,
      null,
      0,
    ]);
  });
});
