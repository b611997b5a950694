/**
 * Cases of the ROCm test suites that only set, get, prefetch and discard, through this layer and
 * under their own names. Where the layer can't say what the original says, the comment tells.
 */
import { describe, expect, it } from 'vitest';
import { PAGE, hsaRigs, pairOf, refusal } from '../../test/support/hsa-rig.ts';
import type { HsaRig } from '../../test/support/hsa-rig.ts';
import { HsaGlobalFlag, HsaStatus, HsaSvmAttribute } from './index.ts';
import type { HsaAgent } from './index.ts';

const A = HsaSvmAttribute;
const rig = hsaRigs();

/** RegisterSVMRange: location, HOST_ACCESS, COHERENT, access of the GPU; the prefetch is a call of its own here. */
const register = async (
  made: HsaRig,
  address: bigint,
  size: number,
  location: HsaAgent,
  gpu: HsaAgent,
): Promise<void> => {
  const { runtime } = made;
  const [cpu] = runtime.cpuAgents;
  runtime.svmPrefetchAsync(address, size, location);
  await runtime.idle();
  runtime.svmAttributesSet(address, size, [
    pairOf(A.preferredLocation, location),
    pairOf(A.agentAccessible, cpu!),
    pairOf(A.globalFlag, 0),
    pairOf(A.agentAccessible, gpu),
  ]);
};

describe.each([1, 2])('kfdtest KFDSVMRangeTest, on each of %i GPU(s)', (gpus) => {
  const each = async (body: (made: HsaRig, gpu: HsaAgent) => Promise<void> | void): Promise<void> => {
    for (let index = 0; index < gpus; index++) {
      const made = rig(gpus);
      await body(made, made.runtime.gpuAgents[index]!);
    }
  };

  it('SetGetAttributesTest', () =>
    each(async (made, gpu) => {
      const [cpu] = made.runtime.cpuAgents;
      const page = made.map();
      const read = (): unknown[] => [
        ...[A.prefetchLocation, A.preferredLocation, A.globalFlag, A.migrationGranularity].map((attribute) =>
          made.value(page, PAGE, attribute),
        ),
        made.access(page, cpu!),
        made.access(page, gpu),
      ];
      expect(read()).toEqual([null, null, HsaGlobalFlag.fineGrained, 9, A.agentAccessible, A.agentAccessible]);
      made.runtime.svmPrefetchAsync(page, PAGE, gpu);
      await made.runtime.idle();
      // 0x3f is what the original sets; through HSA it is 18.
      made.runtime.svmAttributesSet(page, PAGE, [
        pairOf(A.preferredLocation, gpu),
        pairOf(A.agentAccessible, cpu!),
        pairOf(A.gpuExec, 1),
        pairOf(A.globalFlag, 0),
        pairOf(A.migrationGranularity, 0x3f),
        pairOf(A.agentAccessible, gpu),
      ]);
      expect(read()).toEqual([gpu, gpu, HsaGlobalFlag.fineGrained, 18, A.agentAccessible, A.agentAccessible]);
      // GPU_EXEC can't be asked for through HSA.
      expect(made.raw(gpu.index, page, PAGE, 1, 0, 4, 5, 9, 3, 2)).toEqual([1, 1, 1, 1, 1, 18, 2]);
    }));

  it('InvalidRangeTest', () =>
    each((made, gpu) => {
      const set = (): void =>
        made.runtime.svmAttributesSet(0x10000n, 0x1000, [
          pairOf(A.preferredLocation, made.runtime.cpuAgents[0]!),
          pairOf(A.agentAccessible, gpu),
        ]);
      expect(refusal(set).status).toBe(HsaStatus.error);
    }));

  const splits: [string, number, [number, number][]][] = [
    [
      '1 inside',
      16,
      [
        [0, 16],
        [2, 3],
      ],
    ],
    [
      '2.1 tail',
      16,
      [
        [0, 16],
        [1, 16],
      ],
    ],
    [
      '2.2 overhang',
      18,
      [
        [0, 16],
        [2, 18],
      ],
    ],
    [
      '3 head',
      16,
      [
        [0, 16],
        [0, 14],
      ],
    ],
    [
      '4.1 same',
      16,
      [
        [0, 16],
        [0, 16],
      ],
    ],
    [
      '4.2 superset',
      18,
      [
        [0, 16],
        [0, 18],
      ],
    ],
    [
      '5 islands',
      32,
      [
        [2, 4],
        [8, 10],
        [0, 32],
      ],
    ],
    ['6 unmap first', 16, [[2, 4]]],
  ];
  describe.each(['SplitSystemRangeTest', 'SplitVramRangeTest'])('%s', (test) => {
    it.each(splits)('%s', (_name, pages, registrations) =>
      each(async (made, gpu) => {
        const address = made.map(pages);
        const location = test === 'SplitVramRangeTest' ? gpu : made.runtime.cpuAgents[0]!;
        const registered = new Set<number>();
        for (const [first, end] of registrations) {
          await register(made, address + BigInt(first * PAGE), (end - first) * PAGE, location, gpu);
          for (let page = first; page < end; page++) registered.add(page);
        }
        expect(made.events.filter(({ error }) => error !== undefined)).toEqual([]);
        // Beyond the original: every page reads as what was registered last, and no other.
        for (let page = 0; page < pages; page++) {
          const at = address + BigInt(page * PAGE);
          const expected = registered.has(page) ? location : null;
          expect([made.value(at, PAGE, A.preferredLocation), made.value(at, PAGE, A.prefetchLocation)]).toEqual([
            expected,
            expected,
          ]);
        }
        made.machine.process.munmap(address, pages * PAGE);
        made.machine.runPendingWork();
        // Without a GPU range an unmap does not reach the attributes (Q26).
        const left = test === 'SplitVramRangeTest' ? null : location;
        expect(made.value(address + BigInt(2 * PAGE), PAGE, A.preferredLocation)).toBe(left);
      }),
    );
  });

  it('PrefetchTest', () =>
    each(async (made, gpu) => {
      const size = 16 * 1024;
      const [cpu] = made.runtime.cpuAgents;
      // (a) is vacuous in the original; its intent is that a destroyed range does not read as this GPU.
      const gone = made.map(4);
      await register(made, gone, size, cpu!, gpu);
      made.machine.process.munmap(gone, size);
      made.machine.runPendingWork();
      expect(made.value(gone, size, A.prefetchLocation)).not.toBe(gpu);
      // (b)
      const range = made.map(4);
      await register(made, range, size, cpu!, gpu);
      expect(made.value(range, size, A.prefetchLocation)).toBe(cpu);
      made.runtime.svmPrefetchAsync(range + 8192n, 8192, gpu);
      await made.runtime.idle();
      expect(made.value(range + 8192n, 8192, A.prefetchLocation)).toBe(gpu);
      // Mixed on this GPU. On two, "home" went to the other one as well, and there it is not mixed: it claims the range.
      expect(made.raw(gpu.index, range, size, 1)).toEqual([0xffff_ffff]);
      expect(made.value(range, size, A.prefetchLocation)).toBe(gpus === 1 ? null : cpu);
    }));
});
