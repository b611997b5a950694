import { describe, expect, it } from 'vitest';
import { SvmAttributeType as Type, SvmFlag, SvmLocation } from '../../uapi/constants.ts';
import { KfdSvmFlag, KfdSvmType } from './svm-attributes.ts';
import { kfdFlags, translateSet } from './svm-translation.ts';

const [GPU0, GPU1] = [0x5100, 0x5101];
const { preferredLocation, prefetchLocation, access, accessInPlace, noAccess, setFlags, clearFlags, granularity } =
  KfdSvmType;
/** What GPU 0 and GPU 1 are sent. */
function lists(...records: [number, number][]): (readonly (readonly [number, number])[])[] {
  const translated = translateSet(
    records.map(([type, value]) => ({ type, value })),
    [GPU0, GPU1],
  );
  expect(translated.notes).toEqual([]);
  return [GPU0, GPU1].map((id) => translated.lists.get(id)!);
}

describe('attributes of KFD on two GPUs', () => {
  it('a location of one GPU is none for the other, and a prefetch takes it from there', () => {
    expect(lists([preferredLocation, GPU1], [prefetchLocation, GPU0])).toEqual([
      [
        [Type.preferredLocation, SvmLocation.undefined],
        [Type.prefetchLocation, SvmLocation.device],
      ],
      [
        [Type.preferredLocation, SvmLocation.device],
        [Type.prefetchLocation, SvmLocation.system],
      ],
    ]);
    for (const value of [0, 0xffff_ffff])
      expect(lists([preferredLocation, value])).toEqual(Array(2).fill([[Type.preferredLocation, value]]));
  });

  it('access is that of one GPU, and the last word counts', () => {
    expect(lists([access, GPU0], [noAccess, GPU1], [accessInPlace, GPU0])).toEqual([
      [[Type.access, 1]],
      [[Type.access, 0]],
    ]);
    expect(lists([access, GPU1])).toEqual([[], [[Type.access, 2]]]);
  });

  it('flags become attributes of all, the later of set and clear counts', () => {
    const all = Object.values(KfdSvmFlag).reduce<number>((sum, bit) => sum | bit, 0) & ~KfdSvmFlag.gpuAlwaysMapped;
    const [first, second] = lists([setFlags, all], [clearFlags, KfdSvmFlag.coherent | KfdSvmFlag.gpuAlwaysMapped]);
    expect(first).toEqual(second);
    expect(first).toEqual([
      [Type.hostAccess, 1],
      [Type.coherent, 0],
      [Type.hiveLocal, 1],
      [Type.gpuReadOnly, 1],
      [Type.gpuExecutable, 1],
      [Type.gpuReadMostly, 1],
      [Type.extCoherent, 1],
    ]);
    expect(lists([granularity, 99])).toEqual(Array(2).fill([[Type.granularity, 99]]));
  });

  it('says what no context can keep', () => {
    const records = [
      { type: setFlags, value: 0x140 },
      { type: access, value: 0x5107 },
    ];
    const { lists: sent, notes } = translateSet(records, [GPU0]);
    expect(sent.get(GPU0)).toEqual([]);
    expect(notes).toEqual([
      expect.stringMatching(/^GPU_ALWAYS_MAPPED is not set/),
      expect.stringMatching(/^flags 0x100 are not kept/),
      expect.stringMatching(/^GPU 0x5107 has no compute VM/),
    ]);
  });

  it('flags of a record are told with the bits of KFD', () => {
    for (const name of Object.keys(SvmFlag) as (keyof typeof SvmFlag)[])
      expect(kfdFlags(SvmFlag[name])).toBe(KfdSvmFlag[name]);
  });
});
