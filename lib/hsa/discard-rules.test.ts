/** Discards: what is refused, what is kept, the order of dependencies, and the end of a runtime (spec/hsa §6). */
import { expect, it } from 'vitest';
import { PAGE, hsaRigs, refusal } from '../../test/support/hsa-rig.ts';
import type { HsaRig } from '../../test/support/hsa-rig.ts';
import { formatTraffic, HsaRuntime, HsaSvmAttribute } from './index.ts';

const A = HsaSvmAttribute;
const rig = hsaRigs();
const lines = (made: HsaRig): string[] => made.events.splice(0).map(formatTraffic);

it('XNACK_DISABLED where a GPU runs without, after the ranges were looked at', () => {
  const made = rig(1, {}, { asic: 'gfx906' });
  const region = made.runtime.vmemAddressReserve(PAGE);
  expect(refusal(() => made.runtime.svmDiscardBatchAsync([region]))).toMatchObject({
    status: 48,
    statusName: 'HSA_STATUS_ERROR_XNACK_DISABLED',
  });
  expect(refusal(() => made.runtime.svmDiscardBatchAsync([])).status).toBe(0x1001);
});

it('pages that hold a byte of the reservation outside of the range are kept', async () => {
  const { runtime } = rig(1);
  const region = runtime.vmemAddressReserve(4 * PAGE + 10);
  const left = async (offset: number, size: number): Promise<number[]> => {
    region.write(0, new Uint8Array(region.size).fill(7));
    runtime.svmDiscardBatchAsync([region.slice(offset, size)]);
    await runtime.idle();
    return [0, 1, 2, 3, 4].map((page) => region.read(page * PAGE, 1)[0]!);
  };
  expect(await left(PAGE, 2 * PAGE)).toEqual([7, 0, 0, 7, 7]);
  expect(await left(PAGE + 1, 2 * PAGE)).toEqual([7, 7, 0, 7, 7]);
  expect(await left(PAGE - 1, 2 * PAGE)).toEqual([7, 0, 7, 7, 7]);
  expect(await left(3 * PAGE, PAGE + 9)).toEqual([7, 7, 7, 0, 7]);
  expect(await left(3 * PAGE, PAGE + 10)).toEqual([7, 7, 7, 0, 0]);
  expect(await left(10, 20)).toEqual([7, 7, 7, 7, 7]);
});

it('dependencies are counted together: each may be 0 for a moment only, in any order', async () => {
  const { runtime } = rig(1);
  const region = runtime.vmemAddressReserve(PAGE);
  const [first, second, zero] = [runtime.createSignal(1), runtime.createSignal(1), runtime.createSignal(0)];
  const done = runtime.createSignal(1);
  runtime.svmDiscardBatchAsync([region], [first, second, zero], done);
  zero.store(9);
  first.store(0);
  first.store(1);
  second.store(0);
  await expect(done.wait('lt', 1)).resolves.toBe(0n);
});

it('one agent is for all ranges', async () => {
  const made = rig(2);
  const { runtime } = made;
  const regions = [1, 2, 3].map(() => runtime.vmemAddressReserve(PAGE));
  runtime.svmDiscardAndPrefetchBatchAsync(regions, [runtime.gpuAgents[1]!]);
  await runtime.idle();
  for (const { address } of regions)
    expect(runtime.svmAttributesGet(address, PAGE, [{ attribute: A.prefetchLocation }])[0]!.value).toBe(
      runtime.gpuAgents[1],
    );
  expect(lines(made)[0]).toMatch(
    /^hsa_amd_svm_discard_and_prefetch_batch_async\(3 ranges, GPU1\) -> GPU0: GET PREFERRED_LOC=UNDEFINED; .*GPU1: PREFETCH_LOC=1$/,
  );
});

it.each([
  ['rocm', 4n],
  ['documented', -1n],
] as const)(
  'memory that is freed before the discard runs: %s leaves %s in the signal, and nothing is lost',
  async (compatibility, left) => {
    const made = rig(1, { compatibility });
    const { runtime } = made;
    const region = runtime.vmemAddressReserve(PAGE);
    const done = runtime.createSignal(5);
    runtime.svmDiscardBatchAsync([region], [], done);
    runtime.vmemAddressFree(region.address, PAGE);
    await runtime.idle();
    expect(done.load()).toBe(left);
    expect(lines(made)[0]).toMatch(/INVALID_ARGUMENT.*the memory was freed before the discard ran$/);
  },
);

it('does not exist before 2026, and what is not modelled says so', () => {
  const { runtime } = rig(1, { release: '2025' });
  const region = runtime.vmemAddressReserve(PAGE);
  expect(() => runtime.svmDiscardBatchAsync([region])).toThrow(
    expect.objectContaining({ code: 'ERR_SVM_NOT_AVAILABLE' }),
  );
  expect(() => runtime.vmemAddressReserve(PAGE, 0n, 0)).toThrow(
    expect.objectContaining({ name: 'NotModelledError', code: 'ERR_SVM_NOT_MODELLED' }),
  );
});

it('close unmaps reservations, drops discards, and ends every call', async () => {
  const made = rig(1);
  const { runtime } = made;
  const region = runtime.vmemAddressReserve(PAGE);
  runtime.svmDiscardBatchAsync([region]);
  runtime.close();
  expect(region.unmapped).toBe(true);
  expect(lines(made)).toEqual([
    expect.stringMatching(
      /^hsa_amd_svm_discard_batch_async\(1 range\) -> no ioctl ! HSA_STATUS_ERROR_NOT_INITIALIZED/,
    ) as string,
  ]);
  await runtime.idle();
  for (const call of [
    () => runtime.svmDiscardBatchAsync([region]),
    () => runtime.svmDiscardAndPrefetchBatchAsync([region], []),
    () => runtime.vmemAddressReserve(PAGE),
    () => runtime.vmemAddressFree(region.address, PAGE),
    () => runtime.pointerInfo(region.address),
  ]) {
    expect(refusal(call).statusName).toBe('HSA_STATUS_ERROR_NOT_INITIALIZED');
  }
});

it.each<[string, (runtime: HsaRuntime) => unknown]>([
  ['ranges: expected a list of ranges, got an object', (runtime) => runtime.svmDiscardBatchAsync({} as never)],
  [
    'ranges[0]: expected an object with address and size, got null',
    (runtime) => runtime.svmDiscardBatchAsync([null as never]),
  ],
  [
    'ranges[0].address: expected a bigint',
    (runtime) => runtime.svmDiscardBatchAsync([{ address: 4096 as never, size: 1 }]),
  ],
  [
    'agents: expected a list of agents, got null',
    (runtime) => runtime.svmDiscardAndPrefetchBatchAsync([runtime.vmemAddressReserve(PAGE)], undefined as never),
  ],
  [
    'dependencies: expected a list of signals',
    (runtime) => runtime.svmDiscardBatchAsync([runtime.vmemAddressReserve(PAGE)], 1 as never),
  ],
  [
    'completion: expected a signal of this runtime',
    (runtime) => runtime.svmDiscardBatchAsync([runtime.vmemAddressReserve(PAGE)], [], {} as never),
  ],
  ['size: expected a number or a bigint (bytes), got "1"', (runtime) => runtime.vmemAddressReserve('1' as never)],
])('%s', (message, action) => {
  expect(() => action(rig(1).runtime)).toThrow(
    expect.objectContaining({
      code: expect.stringMatching(/^ERR_SVM_/) as string,
      message: expect.stringContaining(message) as string,
    }),
  );
});
