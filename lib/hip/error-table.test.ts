/** The error table of spec/hip §7, row by row, on one GPU and on two. */
import { describe, expect, it } from 'vitest';
import { attributeOf, codeOf, openHip, PAGE } from '../../test/support/hip-rig.ts';
import type { Rig } from '../../test/support/hip-rig.ts';
import { HipError, HipMemAttach, HipMemoryAdvise as Advise, HipMemRangeAttribute as Attribute } from './index.ts';

/** Advice that looks at its device. */
const PLACED = [
  Advise.setPreferredLocation,
  Advise.unsetPreferredLocation,
  Advise.setAccessedBy,
  Advise.unsetAccessedBy,
  Advise.setCoarseGrain,
];
const SIZES: Readonly<Record<string, number>> = {
  readMostly: 4,
  preferredLocation: 4,
  lastPrefetchLocation: 4,
  accessedBy: 4,
  coherencyMode: 4,
};

/** The code, and that the name fits. */
function refusal(action: () => unknown): [number, string] {
  try {
    action();
  } catch (error) {
    if (error instanceof HipError) return [error.code, error.codeName];
    throw error;
  }
  return [0, 'hipSuccess'];
}

const INVALID_VALUE = [1, 'hipErrorInvalidValue'];
const INVALID_DEVICE = [101, 'hipErrorInvalidDevice'];

/** No XNACK: the GPU reaches no pageable memory, and no SVM call of the device succeeds. */
const NOT_PAGEABLE = { sriovXnack: false };

describe.each([1, 2])('with %i GPU(s)', (gpus) => {
  const open = (machine: object = {}): Rig => openHip({ machine: { ...machine, gpus } });
  const badDevices = [-2, 9999, gpus];

  describe('MallocManaged', () => {
    // A null result pointer has no counterpart here: the allocation is what the call returns.
    it('size 0, flags 0, 3, 145 -> 1', () => {
      const { hip } = open();
      expect(refusal(() => hip.mallocManaged(0))).toEqual(INVALID_VALUE);
      for (const flags of [0, 3, 145, HipMemAttach.single])
        expect(
          refusal(() => hip.mallocManaged(PAGE, flags)),
          `${flags}`,
        ).toEqual(INVALID_VALUE);
    });

    it('too large -> 2', () => {
      const { hip } = open();
      for (const size of [(1n << 64n) - 1n, 1n << 63n, 1n << 53n]) {
        expect(
          refusal(() => hip.mallocManaged(size)),
          `${size}`,
        ).toEqual([2, 'hipErrorOutOfMemory']);
      }
    });

    it('refused by a device -> 2, and nothing stays mapped', () => {
      const { hip, machine } = open(NOT_PAGEABLE);
      expect(refusal(() => hip.mallocManaged(PAGE))).toEqual([2, 'hipErrorOutOfMemory']);
      expect(machine.process.space.vmas.size).toBe(0);
    });
  });

  describe('MemPrefetchAsync', () => {
    it('null, count 0, count > remaining -> 1', () => {
      const { hip } = open();
      const memory = hip.mallocManaged(2 * PAGE);
      for (const device of [0, gpus - 1, -1]) {
        expect(refusal(() => hip.memPrefetchAsync(null, PAGE, device))).toEqual(INVALID_VALUE);
        expect(refusal(() => hip.memPrefetchAsync(0n, PAGE, device))).toEqual(INVALID_VALUE);
        expect(refusal(() => hip.memPrefetchAsync(memory, 0, device))).toEqual(INVALID_VALUE);
        expect(refusal(() => hip.memPrefetchAsync(memory, 2 * PAGE + 1, device))).toEqual(INVALID_VALUE);
        expect(refusal(() => hip.memPrefetchAsync(memory.address + BigInt(PAGE), PAGE + 1, device))).toEqual(
          INVALID_VALUE,
        );
      }
    });

    it('device -2, 9999, = count -> 101', () => {
      const { hip } = open();
      const memory = hip.mallocManaged(PAGE);
      for (const device of badDevices)
        expect(
          refusal(() => hip.memPrefetchAsync(memory, PAGE, device)),
          `${device}`,
        ).toEqual(INVALID_DEVICE);
    });

    it('unknown pointer, GPU target, no pageable -> 801; to the CPU it passes', () => {
      const { hip, machine } = open(NOT_PAGEABLE);
      const unknown = machine.process.mmap({ size: PAGE });
      expect(refusal(() => hip.memPrefetchAsync(unknown, PAGE, gpus - 1))).toEqual([801, 'hipErrorNotSupported']);
      expect(codeOf(() => hip.memPrefetchAsync(unknown, PAGE, -1))).toBe(0);
      const pageable = open();
      expect(
        codeOf(() => pageable.hip.memPrefetchAsync(pageable.machine.process.mmap({ size: PAGE }), PAGE, gpus - 1)),
      ).toBe(0);
    });

    it('checks the device before pageable access, the size before the device', () => {
      const { hip, machine } = open(NOT_PAGEABLE);
      const unknown = machine.process.mmap({ size: PAGE });
      expect(codeOf(() => hip.memPrefetchAsync(unknown, PAGE, gpus))).toBe(101);
      expect(codeOf(() => hip.memPrefetchAsync(unknown, 0, gpus))).toBe(1);
      expect(codeOf(() => hip.memPrefetchAsync(hip.malloc(PAGE), PAGE + 1, gpus))).toBe(1);
    });
  });

  describe('MemAdvise', () => {
    it('null, count 0, count > remaining, bad advice, hipMalloc memory -> 1', () => {
      const { hip } = open();
      const memory = hip.mallocManaged(2 * PAGE);
      for (const advice of Object.values(Advise)) {
        for (const device of [0, gpus - 1, -1]) {
          expect(refusal(() => hip.memAdvise(null, PAGE, advice, device))).toEqual(INVALID_VALUE);
          expect(refusal(() => hip.memAdvise(memory, 0, advice, device))).toEqual(INVALID_VALUE);
          expect(refusal(() => hip.memAdvise(memory, 2 * PAGE + 1, advice, device))).toEqual(INVALID_VALUE);
          expect(refusal(() => hip.memAdvise(hip.malloc(PAGE), PAGE, advice, device))).toEqual(INVALID_VALUE);
        }
      }
      for (const advice of [0, 7, 99, 102, -1])
        expect(
          refusal(() => hip.memAdvise(memory, PAGE, advice, 0)),
          `${advice}`,
        ).toEqual(INVALID_VALUE);
    });

    it('bad device, not ReadMostly -> 101', () => {
      const { hip } = open();
      const memory = hip.mallocManaged(PAGE);
      for (const advice of PLACED) {
        for (const device of badDevices)
          expect(refusal(() => hip.memAdvise(memory, PAGE, advice, device))).toEqual(INVALID_DEVICE);
      }
    });

    it('bad device, ReadMostly -> 0', () => {
      const { hip } = open();
      const memory = hip.mallocManaged(PAGE);
      for (const device of [...badDevices, -12]) {
        expect(codeOf(() => hip.memAdvise(memory, PAGE, Advise.setReadMostly, device))).toBe(0);
        expect(attributeOf(hip, Attribute.readMostly, memory, PAGE)).toBe(1);
        expect(codeOf(() => hip.memAdvise(memory, PAGE, Advise.unsetReadMostly, device))).toBe(0);
      }
    });

    it('2026 looks at the pointer first, 2024 at the device', () => {
      const { hip } = open();
      expect(codeOf(() => hip.memAdvise(null, PAGE, Advise.setPreferredLocation, 99))).toBe(1);
      const old = openHip({ release: '2024', machine: { gpus } });
      expect(codeOf(() => old.hip.memAdvise(null, PAGE, Advise.setPreferredLocation, 99))).toBe(101);
    });
  });

  describe('MemRangeGetAttribute', () => {
    it('null, 0, wrong size, unknown attribute -> 1', () => {
      const { hip } = open();
      const memory = hip.mallocManaged(PAGE);
      const data = new Int32Array(4);
      for (const [name, attribute] of Object.entries(Attribute)) {
        const size = SIZES[name]!;
        expect(refusal(() => hip.memRangeGetAttribute(null, size, attribute, memory, PAGE))).toEqual(INVALID_VALUE);
        expect(refusal(() => hip.memRangeGetAttribute(data, 0, attribute, memory, PAGE))).toEqual(INVALID_VALUE);
        expect(refusal(() => hip.memRangeGetAttribute(data, size, attribute, null, PAGE))).toEqual(INVALID_VALUE);
        expect(refusal(() => hip.memRangeGetAttribute(data, size, attribute, memory, 0))).toEqual(INVALID_VALUE);
        for (const wrong of attribute === Attribute.accessedBy ? [1, 2, 6, 10] : [1, 2, 3, 5, 8, 16]) {
          expect(
            refusal(() => hip.memRangeGetAttribute(data, wrong, attribute, memory, PAGE)),
            `${name} ${wrong}`,
          ).toEqual(INVALID_VALUE);
        }
      }
      for (const attribute of [0, 5, 99, 101, 999, -1]) {
        expect(refusal(() => hip.memRangeGetAttribute(data, 4, attribute, memory, PAGE))).toEqual(INVALID_VALUE);
      }
    });

    it('hipMalloc memory -> 1 as documented; the ioctl answers, so rocm succeeds with the defaults', () => {
      const documented = openHip({ compatibility: 'documented', machine: { gpus } });
      expect(codeOf(() => attributeOf(documented.hip, Attribute.readMostly, documented.hip.malloc(PAGE), PAGE))).toBe(
        1,
      );
      const { hip } = open();
      const memory = hip.malloc(PAGE);
      expect(attributeOf(hip, Attribute.readMostly, memory, PAGE)).toBe(0);
      expect(attributeOf(hip, Attribute.preferredLocation, memory, PAGE)).toBe(-2);
    });
  });

  describe('MemRangeGetAttributes', () => {
    it('any of those, any null data, unmanaged or unknown memory -> 1', () => {
      const { hip, machine } = open();
      const memory = hip.mallocManaged(PAGE);
      const one = [new Int32Array(2)];
      const ask = [Attribute.readMostly];
      expect(codeOf(() => hip.memRangeGetAttributes(one, [4], ask, 1, memory, PAGE))).toBe(0);
      expect(refusal(() => hip.memRangeGetAttributes(null, [4], ask, 1, memory, PAGE))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.memRangeGetAttributes(one, null, ask, 1, memory, PAGE))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.memRangeGetAttributes(one, [4], null, 1, memory, PAGE))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.memRangeGetAttributes(one, [4], ask, 0, memory, PAGE))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.memRangeGetAttributes(one, [4], ask, 1, null, PAGE))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.memRangeGetAttributes(one, [4], ask, 1, memory, 0))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.memRangeGetAttributes([one[0]!, null], [4, 4], [1, 2], 2, memory, PAGE))).toEqual(
        INVALID_VALUE,
      );
      expect(refusal(() => hip.memRangeGetAttributes(one, [8], ask, 1, memory, PAGE))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.memRangeGetAttributes(one, [4], [999], 1, memory, PAGE))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.memRangeGetAttributes(one, [4], ask, 1, hip.malloc(PAGE), PAGE))).toEqual(INVALID_VALUE);
      expect(
        refusal(() => hip.memRangeGetAttributes(one, [4], ask, 1, machine.process.mmap({ size: PAGE }), PAGE)),
      ).toEqual(INVALID_VALUE);
    });

    it('a bad size leaves what was answered before it written', () => {
      const { hip } = open();
      const memory = hip.mallocManaged(PAGE);
      hip.memAdvise(memory, PAGE, Advise.setReadMostly, 0);
      const data = [new Int32Array([7, 7]), new Int32Array([7, 7])];
      expect(
        codeOf(() =>
          hip.memRangeGetAttributes(data, [4, 8], [Attribute.readMostly, Attribute.preferredLocation], 2, memory, PAGE),
        ),
      ).toBe(1);
      expect(data.map(([value]) => value)).toEqual([1, 7]);
    });
  });

  describe('StreamAttachMemAsync', () => {
    it('the order of spec/hip §6 -> 1, 709, 916', () => {
      const { hip, machine } = open();
      const memory = hip.mallocManaged(2 * PAGE);
      const stream = hip.streamCreate();
      const destroyed = hip.streamCreate();
      hip.streamDestroy(destroyed);
      const context = hip.executionContextCreate(gpus - 1);
      const detached = hip.executionContextStreamCreate(context);
      hip.streamAttachMemAsync(detached, memory);
      hip.executionContextDestroy(context);
      expect(refusal(() => hip.streamAttachMemAsync(destroyed, null))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.streamAttachMemAsync(destroyed, memory, 0, 7))).toEqual([
        709,
        'hipErrorContextIsDestroyed',
      ]);
      expect(refusal(() => hip.streamAttachMemAsync(detached, memory, 0, 7))).toEqual([916, 'hipErrorStreamDetached']);
      for (const flags of [0, 3, 5, 7, 8])
        expect(refusal(() => hip.streamAttachMemAsync(stream, memory, 0, flags))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.streamAttachMemAsync(null, memory, 0, HipMemAttach.single))).toEqual(INVALID_VALUE);
      expect(refusal(() => hip.streamAttachMemAsync(stream, machine.process.mmap({ size: PAGE }), 0))).toEqual(
        INVALID_VALUE,
      );
      expect(refusal(() => hip.streamAttachMemAsync(stream, memory, PAGE))).toEqual(INVALID_VALUE);
    });

    it('what passes: the whole, length 0, the inside of an allocation, the per-thread stream, memory of other kinds', () => {
      const { hip } = open();
      const memory = hip.mallocManaged(2 * PAGE);
      const stream = hip.streamCreate();
      hip.streamAttachMemAsync(stream, memory, 2 * PAGE);
      hip.streamAttachMemAsync(stream, memory.address + 100n, 2 * PAGE);
      hip.streamAttachMemAsync('per-thread', memory, 0, HipMemAttach.single);
      hip.streamAttachMemAsync(null, memory, 0, HipMemAttach.global);
      hip.streamAttachMemAsync(null, memory, 0, HipMemAttach.host);
      hip.streamAttachMemAsync(stream, hip.malloc(PAGE), 17);
    });
  });

  describe('streams of prefetch', () => {
    it('2026 looks at the stream first, 2024 after pointer and count; 709 and 916', () => {
      for (const [release, expected] of [
        ['2026', [709, 916]],
        ['2024', [1, 1]],
      ] as const) {
        const { hip } = openHip({ release, machine: { gpus } });
        const destroyed = hip.streamCreate();
        hip.streamDestroy(destroyed);
        const context = hip.executionContextCreate(0);
        const detached = hip.executionContextStreamCreate(context);
        hip.executionContextDestroy(context);
        expect([destroyed, detached].map((stream) => codeOf(() => hip.memPrefetchAsync(null, 0, 0, stream)))).toEqual(
          expected,
        );
        const memory = hip.mallocManaged(PAGE);
        expect(
          [destroyed, detached].map((stream) => codeOf(() => hip.memPrefetchAsync(memory, PAGE + 1, 0, stream))),
        ).toEqual([709, 916]);
      }
    });

    it('v2: flags -> 1; a type that is none counts as a device unless documented', () => {
      const { hip } = open();
      const memory = hip.mallocManaged(PAGE);
      expect(codeOf(() => hip.memPrefetchAsync_v2(memory, PAGE, { type: 2 }, 1))).toBe(1);
      expect(codeOf(() => hip.memPrefetchAsync_v2(memory, PAGE, { type: 0, id: 0 }))).toBe(0);
      expect(codeOf(() => hip.memPrefetchAsync_v2(memory, PAGE, { type: 77, id: gpus }))).toBe(101);
      const documented = openHip({ compatibility: 'documented', machine: { gpus } });
      expect(
        codeOf(() => documented.hip.memPrefetchAsync_v2(documented.hip.mallocManaged(PAGE), PAGE, { type: 0, id: 0 })),
      ).toBe(1);
    });
  });
});
