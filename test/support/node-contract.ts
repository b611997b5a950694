/**
 * The contract of a `DeviceNode` with the SVM ioctl: the same bodies for every
 * implementation. A rig says what its node can't do; the cases that need it are
 * reported by name, with the reason.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ATTRS_PTR_OFFSET, decodeAttributes, encodeAttributes, encodeSvmRequest } from '../../lib/uapi/codec.ts';
import type { SvmAttributeRecord } from '../../lib/uapi/call.ts';
import type { DeviceNode } from '../../lib/uapi/node.ts';
import { DRM_IOCTL_VERSION } from '../../lib/uapi/request.ts';
import { UAPI_PROFILES } from '../../lib/uapi/profile.ts';

/** Memory of the process that the node mirrors. */
interface RigMemory {
  readonly address: bigint;
  protect(protection: 'none' | 'read' | 'read-write', offset: number, length: number): void;
  unmap(offset: number, length: number): void;
}

/** What a node may not be able to do. */
type Ability = 'raw-pointers' | 'bad-arguments-throw' | 'unknown-by-errno' | 'special-memory';

/** A node to test. */
export interface Rig {
  readonly node: DeviceNode;
  map(size: number): RigMemory;
  /** Address of one page of VM_PFNMAP memory. */
  specialPage(): bigint;
  close(): void;
}

export interface RigDescription {
  readonly name: string;
  /** Abilities the node lacks, with the reason. */
  readonly cannot: Partial<Record<Ability, string>>;
  open(): Rig;
}

const SVM = UAPI_PROFILES.v4.request;
const SET = 0;
const GET = 1;
const UNDEFINED = 0xffff_ffff;
const PAGE = 4096;
const MIB = 1 << 20;

export interface Call {
  readonly operation?: number;
  readonly address?: bigint;
  readonly size?: bigint | number;
  readonly records?: readonly (readonly [type: number, value: number])[];
  /** Overrides the number of records. */
  readonly nattr?: number;
  /** Leaves the pointer null. */
  readonly nullPointer?: boolean;
  readonly request?: number;
}

/** Issues one call; `bad` fields take what is sensible otherwise. */
export function svmCall(
  node: DeviceNode,
  call: Call,
): { result: number; records: SvmAttributeRecord[]; arg: Uint8Array } {
  const records = (call.records ?? [[2, 1]]).map(([type, value]) => ({ type, value }));
  const data = encodeAttributes(records);
  const arg = encodeSvmRequest({
    startAddress: call.address ?? 0n,
    size: BigInt(call.size ?? PAGE),
    operation: call.operation ?? SET,
    attributeCount: call.nattr ?? records.length,
  });
  const pointers = call.nullPointer === true || data.length === 0 ? [] : [{ offset: ATTRS_PTR_OFFSET, data }];
  const result = node.ioctl(call.request ?? SVM, arg, pointers);
  return { result, records: decodeAttributes(data), arg };
}

/** Declares the contract's tests for one node. */
export function testNodeContract({ name, cannot, open }: RigDescription): void {
  describe(`${name} fulfils the contract of a node`, () => {
    let rig: Rig;
    let memory: RigMemory;

    beforeEach((context) => {
      if (context.task.mode === 'skip') return;
      rig = open();
      memory = rig.map(4 * MIB);
    });
    afterEach(() => rig?.close());

    const at = (offset: number): bigint => memory.address + BigInt(offset);
    const set = (call: Call): number => svmCall(rig.node, { address: memory.address, ...call }).result;
    const get = (types: readonly number[], call: Call = {}): number[] => {
      const { result, records } = svmCall(rig.node, {
        address: memory.address,
        operation: GET,
        records: types.map((type) => [type, 0]),
        ...call,
      });
      expect(result).toBe(0);
      return records.map(({ value }) => value);
    };
    /** A case that needs an ability: where that is missing the report says so. */
    const itNeeds = (ability: Ability, title: string, body: () => void | Promise<void>): void => {
      const reason = cannot[ability];
      if (reason === undefined) it(title, body);
      else it(`${title} [${name} can't: ${reason}]`, () => expect(reason).not.toBe(''));
    };

    it('says who the driver is', () => {
      const arg = new Uint8Array(64);
      const view = new DataView(arg.buffer);
      const text = new Uint8Array(6);
      view.setBigUint64(16, 6n, true);
      expect(rig.node.ioctl(DRM_IOCTL_VERSION, arg, [{ offset: 24, data: text }])).toBe(0);
      expect(new TextDecoder().decode(text)).toBe('amdgpu');
      expect(view.getInt32(0, true)).toBe(3);
      expect([view.getBigUint64(16, true), view.getBigUint64(48, true) > 0n]).toEqual([6n, true]);
    });

    it('copies as much of a string as there is room for, and reports its whole length', () => {
      const arg = new Uint8Array(64);
      const view = new DataView(arg.buffer);
      const text = new Uint8Array(4).fill(0x2e);
      view.setBigUint64(16, 3n, true);
      expect(rig.node.ioctl(DRM_IOCTL_VERSION, arg, [{ offset: 24, data: text }])).toBe(0);
      expect(new TextDecoder().decode(text)).toBe('amd.');
      expect(view.getBigUint64(16, true)).toBe(6n);
    });

    it('answers defaults before anything was set', () => {
      expect(get([0, 1, 2, 3, 4, 5, 10, 11])).toEqual([UNDEFINED, UNDEFINED, 2, 9, 1, 1, 0, 0]);
    });

    it('gives back what was set, and leaves the argument alone', () => {
      const sent = svmCall(rig.node, {
        address: memory.address,
        size: MIB,
        records: [
          [2, 1],
          [0, 7],
          [3, 4],
          [10, 1],
        ],
      });
      expect(sent.result).toBe(0);
      expect(new DataView(sent.arg.buffer).getBigUint64(0, true)).toBe(memory.address);
      expect(get([2, 0, 3, 10], { size: MIB })).toEqual([1, 7, 4, 1]);
    });

    it('aggregates over different pages', () => {
      expect(
        set({
          size: PAGE,
          records: [
            [3, 3],
            [0, 1],
            [10, 1],
          ],
        }),
      ).toBe(0);
      expect(get([3, 0, 10], { size: 2 * PAGE })).toEqual([3, UNDEFINED, 0]);
    });

    it('works on the whole u64 range of addresses with GET', () => {
      expect(get([2], { address: 0xffff_ffff_ffff_f000n, size: PAGE })).toEqual([2]);
    });

    it.each<[string, number, (base: bigint) => Call]>([
      ['an unaligned address', -22, (base) => ({ address: base + 1n })],
      ['an unaligned size', -22, (base) => ({ address: base, size: 100 })],
      ['address 0', -22, () => ({ address: 0n })],
      ['size 0', -22, (base) => ({ address: base, size: 0 })],
      ['no records', -22, (base) => ({ address: base, nattr: 0 })],
      ['65 records', -22, (base) => ({ address: base, nattr: 65 })],
      ['2^32 - 1 records', -22, (base) => ({ address: base, nattr: UNDEFINED })],
      ['a null pointer', -22, (base) => ({ address: base, nullPointer: true })],
      ['an unknown operation', -22, (base) => ({ address: base, operation: 2 })],
      ['an unknown attribute type', -22, (base) => ({ address: base, records: [[12, 0]] })],
      ['access 3', -22, (base) => ({ address: base, records: [[2, 3]] })],
      ['a flag of 2', -22, (base) => ({ address: base, records: [[9, 2]] })],
      ['GPU_ALWAYS_MAPPED 1', -22, (base) => ({ address: base, records: [[11, 1]] })],
      ['an undefined prefetch location', -22, (base) => ({ address: base, records: [[1, UNDEFINED]] })],
      ['an interval that wraps', -22, () => ({ address: 0xffff_ffff_ffff_f000n, size: 2 * PAGE })],
      ['an unmapped interval', -14, () => ({ address: 0x10000n })],
      ['more records than there is memory', -14, (base) => ({ address: base, nattr: 64 })],
      ['a bad pointer before an unknown operation', -14, (base) => ({ address: base, nattr: 64, operation: 9 })],
    ])('refuses %s with %i', (_what, errno, call) => {
      expect(set(call(memory.address))).toBe(errno);
    });

    it('accepts 64 records with duplicates, of which the last one counts', () => {
      const records = Array.from({ length: 64 }, (_, index) => [3, index] as const);
      expect(set({ records })).toBe(0);
      expect(get([3])).toEqual([63]);
    });

    it('leaves the values of a refused GET alone', () => {
      const { result, records } = svmCall(rig.node, {
        address: memory.address,
        operation: GET,
        records: [
          [2, 77],
          [12, 78],
        ],
      });
      expect(result).toBe(-22);
      expect(records.map(({ value }) => value)).toEqual([77, 78]);
    });

    it('takes a longer structure, and a shorter one as zero-extended', () => {
      const longer = new Uint8Array(40);
      const data = encodeAttributes([{ type: 3, value: 5 }]);
      longer.set(encodeSvmRequest({ startAddress: memory.address, size: 4096n, operation: SET, attributeCount: 1 }));
      expect(rig.node.ioctl(0xc028645a, longer, [{ offset: ATTRS_PTR_OFFSET, data }])).toBe(0);
      expect(get([3])).toEqual([5]);
      expect(rig.node.ioctl(0xc018645a, longer.slice(0, 24))).toBe(-22);
    });

    it('prefetches, and takes PTEs away from memory that goes', () => {
      expect(set({ size: 2 * MIB, records: [[1, 1]] })).toBe(0);
      memory.unmap(0, 2 * MIB);
      expect(set({ size: 2 * MIB, records: [[1, 1]] })).toBe(-14);
      expect(set({ address: at(2 * MIB), size: 2 * MIB, records: [[1, 1]] })).toBe(0);
    });

    it('forgets attributes of memory that was unmapped', () => {
      expect(set({ size: MIB, records: [[3, 2]] })).toBe(0);
      expect(set({ size: MIB, records: [[1, 1]] })).toBe(0);
      memory.unmap(0, MIB);
      // SET waits for the collector of unmapped ranges, GET does not (Q30).
      expect(set({ address: at(2 * MIB), records: [[3, 9]] })).toBe(0);
      expect(get([3], { size: MIB })).toEqual([9]);
    });

    it('refuses a hole in the interval, and knows the parts around it', () => {
      memory.unmap(PAGE, PAGE);
      expect(set({ size: 3 * PAGE })).toBe(-14);
      expect(set({ size: PAGE })).toBe(0);
      expect(set({ address: at(2 * PAGE) })).toBe(0);
    });

    it('sets attributes of protected memory, but does not prefetch it', () => {
      memory.protect('none', 0, 2 * MIB);
      expect(set({ size: 2 * MIB, records: [[3, 1]] })).toBe(0);
      expect(set({ size: 2 * MIB, records: [[1, 1]] })).toBe(-14);
      memory.protect('read-write', 0, 2 * MIB);
      expect(set({ size: 2 * MIB, records: [[1, 0]] })).toBe(0);
      expect(set({ size: 2 * MIB, records: [[1, 1]] })).toBe(0);
    });

    itNeeds('special-memory', 'refuses device memory with EOPNOTSUPP', () => {
      expect(set({ address: rig.specialPage() })).toBe(-95);
    });

    itNeeds('raw-pointers', 'follows an address that is in the argument itself', () => {
      const arg = encodeSvmRequest({
        startAddress: memory.address,
        size: 4096n,
        operation: GET,
        attributeCount: 1,
        attributesPointer: memory.address,
      });
      // The memory is zero: type PREFERRED_LOC.
      expect(rig.node.ioctl(SVM, arg)).toBe(0);
      const again = encodeSvmRequest({
        startAddress: memory.address,
        size: 4096n,
        operation: SET,
        attributeCount: 1,
        attributesPointer: memory.address,
      });
      memory.protect('read', 0, PAGE);
      // Now read-only, with the value undefined that GET has left: SET reads it, GET can't write.
      expect(rig.node.ioctl(SVM, again)).toBe(0);
      expect(rig.node.ioctl(SVM, arg)).toBe(-14);
      memory.protect('none', 0, PAGE);
      expect(rig.node.ioctl(SVM, again)).toBe(-14);
    });

    it('refuses a kernel address and one where nothing is', () => {
      for (const attributesPointer of [0xffff_8000_0000_0000n, 8n]) {
        const arg = encodeSvmRequest({
          startAddress: memory.address,
          size: 4096n,
          operation: GET,
          attributeCount: 1,
          attributesPointer,
        });
        expect(rig.node.ioctl(SVM, arg)).toBe(-14);
      }
    });

    it('has no ioctls of other kinds', () => {
      expect(rig.node.ioctl(0xc0207701, new Uint8Array(32))).toBe(-25);
      expect(rig.node.ioctl(0xc010649f, new Uint8Array(16))).toBe(-22);
    });

    itNeeds('unknown-by-errno', 'answers ioctls it does not model as a driver without them', () => {
      expect(rig.node.ioctl(0xc010640c, new Uint8Array(16)), 'GET_CAP').toBe(-22);
      expect(rig.node.ioctl(0xc0106401, new Uint8Array(16)), 'GET_UNIQUE is closed to render nodes').toBe(-13);
    });

    itNeeds('bad-arguments-throw', 'throws for arguments that are no ioctl', () => {
      expect(() => rig.node.ioctl(SVM, new Uint8Array(8))).toThrow(
        expect.objectContaining({ code: 'ERR_SVM_OUT_OF_RANGE' }),
      );
      expect(() => rig.node.ioctl(SVM, 'x' as never)).toThrow(
        expect.objectContaining({ code: 'ERR_SVM_INVALID_TYPE' }),
      );
      expect(() => rig.node.ioctl(SVM, new Uint8Array(32), [{ offset: 25, data: new Uint8Array(8) }])).toThrow(
        RangeError,
      );
      expect(() => rig.node.ioctl(-1, new Uint8Array(32))).toThrow(RangeError);
    });

    it('answers asynchronous calls in the order of issue', async () => {
      const calls = Array.from({ length: 20 }, (_, index) => {
        const arg = encodeSvmRequest({ startAddress: memory.address, size: 4096n, operation: SET, attributeCount: 1 });
        return rig.node.ioctlAsync(SVM, arg, [
          { offset: ATTRS_PTR_OFFSET, data: encodeAttributes([{ type: 3, value: index }]) },
        ]);
      });
      expect(await Promise.all(calls)).toEqual(calls.map(() => 0));
      expect(get([3])).toEqual([19]);
    });

    it('writes the results of an asynchronous GET', async () => {
      const data = encodeAttributes([{ type: 2, value: 99 }]);
      const arg = encodeSvmRequest({ startAddress: memory.address, size: 4096n, operation: GET, attributeCount: 1 });
      expect(await rig.node.ioctlAsync(SVM, arg, [{ offset: ATTRS_PTR_OFFSET, data }])).toBe(0);
      expect(decodeAttributes(data)).toEqual([{ type: 2, value: 2 }]);
    });

    it('is closed once, and throws ERR_SVM_CLOSED from then on', async () => {
      rig.node.close();
      rig.node.close();
      expect(rig.node.closed).toBe(true);
      expect(() => svmCall(rig.node, { address: memory.address })).toThrow(
        expect.objectContaining({ code: 'ERR_SVM_CLOSED' }),
      );
    });
  });
}
