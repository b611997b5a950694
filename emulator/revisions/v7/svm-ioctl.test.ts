import { describe, expect, it } from 'vitest';
import { at, BLOCK, GET, Rig, T, V } from '../../../test/support/emulator-rig.ts';
import { encodeAttributes, encodeSvmRequest, ATTRS_PTR_OFFSET } from '../../../lib/uapi/codec.ts';
import { UAPI_PROFILES } from '../../../lib/uapi/profile.ts';

const [EFAULT, EINVAL, EOPNOTSUPP, EADDRINUSE] = [-14, -22, -95, -98];
const RESET = 2;

function v7(options: ConstructorParameters<typeof Rig>[0] = {}): Rig {
  return new Rig({ profile: 'v7', ...options });
}

/** RESET_ATTR; records and pointer are as said, although nothing looks at them. */
function reset(rig: Rig, start: bigint, size: bigint, attributeCount = 0, attributesPointer = 0n): number {
  const arg = encodeSvmRequest({ startAddress: start, size, operation: RESET, attributeCount, attributesPointer });
  return rig.node.ioctl(UAPI_PROFILES.v7.request, arg, []);
}

describe('RESET_ATTR', () => {
  it('cuts pages out of the attributes; what is left and right stays', () => {
    const rig = v7();
    rig.map(V, BLOCK);
    rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    expect(reset(rig, at(V + 10), at(5))).toBe(0);
    expect(rig.intervals()).toEqual([
      [0, 9, 0x13],
      [15, BLOCK - 1, 0x13],
    ]);
    expect([rig.value(V + 10, 5, T.gpuReadOnly), rig.value(V, 10, T.gpuReadOnly)]).toEqual([0, 1]);
  });

  it('leaves ranges and PTEs as they are', () => {
    const rig = v7();
    rig.region();
    rig.fault(V, true);
    const before = rig.ptes();
    expect([reset(rig, at(V), at(BLOCK)), rig.intervals()]).toEqual([0, []]);
    expect(rig.ptes()).toEqual(before);
  });

  it('looks at neither records nor pointer', () => {
    expect([reset(v7(), at(V), at(1), 65, 0xdeadn), reset(v7(), at(V), at(1), 1)]).toEqual([0, 0]);
  });

  it('needs a page-aligned interval that is not empty and does not wrap; nothing must be mapped', () => {
    const rig = v7();
    expect([
      reset(rig, at(V) + 1n, at(1)),
      reset(rig, at(V), 0n),
      reset(rig, 0n, at(1)),
      reset(rig, (1n << 64n) - 4096n, 8192n),
      reset(rig, (1n << 64n) - 4096n, 4096n),
    ]).toEqual([EINVAL, EINVAL, EINVAL, EINVAL, 0]);
  });

  it('waits for the collector', () => {
    const rig = v7();
    rig.region();
    rig.fault(V, true);
    rig.unmap(V, BLOCK);
    expect(rig.ranges().length).toBe(1);
    reset(rig, at(V + BLOCK), at(1));
    expect(rig.ranges()).toEqual([]);
  });

  it('does not exist in V4', () => {
    expect(reset(new Rig(), at(V), at(1))).toBe(EINVAL);
  });
});

describe('GET_ATTR', () => {
  it('refuses holes and device memory', () => {
    const rig = v7();
    rig.map(V, 1);
    rig.map(V + 1, 1, 'rw', 'io');
    expect([rig.get(V, 1, T.access), rig.get(V, 2, T.access), rig.get(V + 2, 1, T.access)]).toEqual([
      { result: 0, values: [2] },
      { result: EOPNOTSUPP, values: [0xdead] },
      { result: EFAULT, values: [0xdead] },
    ]);
  });

  it('answers -EINVAL for an interval that wraps, and does not look where it ends at 2^64', () => {
    const rig = v7();
    const top = (1n << 64n) - 4096n;
    expect([
      rig.ioctl(GET, top, 8192n, [[T.access, 0]]).result,
      rig.ioctl(GET, top, 4096n, [[T.access, 0]]).result,
    ]).toEqual([EINVAL, 0]);
  });

  it('waits for the collector', () => {
    const rig = v7();
    rig.region();
    rig.fault(V, true);
    rig.unmap(V, BLOCK);
    rig.get(V, 1, T.access);
    expect(rig.ranges()).toEqual([]);
  });

  it('sleeps while another operation has the page directory', async () => {
    const rig = v7();
    rig.region();
    const arg = encodeSvmRequest({ startAddress: at(V), size: at(1), operation: GET, attributeCount: 1 });
    const data = encodeAttributes([{ type: T.granularity, value: 0 }]);
    let answer: Promise<number> | undefined;
    let answered = false;
    rig.during(
      'pages-got',
      () => {
        answer = rig.node.ioctlAsync(UAPI_PROFILES.v7.request, arg, [{ offset: ATTRS_PTR_OFFSET, data }]);
        void answer.then(() => (answered = true));
        expect(answered).toBe(false);
      },
      () => rig.fault(V, true),
    );
    expect([await answer, new DataView(data.buffer).getUint32(4, true)]).toEqual([0, 9]);
  });
});

describe('a buffer object in the interval', () => {
  it('is refused by SET and GET, after everything else, and not by RESET', () => {
    const rig = v7();
    rig.map(V, BLOCK);
    rig.device.mapBufferObject({ address: at(V + 7), size: 4096 });
    expect([rig.set(V, BLOCK, [T.access, 1]), rig.get(V, BLOCK, T.access).result]).toEqual([EADDRINUSE, EADDRINUSE]);
    expect([rig.set(V, 2 * BLOCK, [T.access, 1]), rig.set(V, BLOCK, [T.access, 3])]).toEqual([EFAULT, EINVAL]);
    expect([rig.set(V, 7, [T.access, 1]), reset(rig, at(V), at(BLOCK))]).toEqual([0, 0]);
    rig.device.unmapBufferObject({ address: at(V + 7) });
    expect(rig.set(V, BLOCK, [T.access, 1])).toBe(0);
  });

  it('comes before an unknown attribute of a GET', () => {
    const rig = v7();
    rig.map(V, 1);
    expect(rig.get(V, 1, 11).result).toBe(EINVAL);
    rig.device.mapBufferObject({ address: at(V), size: 4096 });
    expect(rig.get(V, 1, 11).result).toBe(EADDRINUSE);
  });

  it('is nothing to V4', () => {
    const rig = new Rig();
    rig.map(V, 1);
    rig.device.mapBufferObject({ address: at(V), size: 4096 });
    expect(rig.set(V, 1, [T.access, 1])).toBe(0);
  });
});
