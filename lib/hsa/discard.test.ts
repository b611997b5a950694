/** Reserved memory and what can be thrown away of it (spec/hsa §6); the cases of rocrtst are in peer-rocrtst.test.ts. */
import { describe, expect, it } from 'vitest';
import { PAGE, hsaRigs, refusal } from '../../test/support/hsa-rig.ts';
import type { HsaRig } from '../../test/support/hsa-rig.ts';
import { formatTraffic, HsaRuntime, HsaSvmAttribute } from './index.ts';

const A = HsaSvmAttribute;
const rig = hsaRigs();
const lines = (made: HsaRig): string[] => made.events.splice(0).map(formatTraffic);

describe.each([1, 2])('with %i GPU(s)', (gpus) => {
  it('a discard brings the pages home and empties them; one that prefers the CPU is home already', async () => {
    const made = rig(gpus);
    const { runtime } = made;
    const [first, second] = [runtime.vmemAddressReserve(PAGE), runtime.vmemAddressReserve(PAGE)];
    for (const region of [first, second]) region.write(0, new Uint8Array(PAGE).fill(7));
    runtime.svmAttributesSet(second.address, PAGE, [{ attribute: A.preferredLocation, value: runtime.cpuAgents[0]! }]);
    made.events.length = 0;
    const done = runtime.createSignal(5);
    runtime.svmDiscardBatchAsync([first, second], [], done);
    expect([done.load(), first.read(0, 1)[0], made.events]).toEqual([5n, 7, []]);
    await done.wait('lt', 5);
    expect([first.read(0, 1)[0], second.read(0, 1)[0], done.load()]).toEqual([0, 0, 4n]);
    const all = (text: string): string => Array.from({ length: gpus }, (_, index) => `GPU${index}: ${text}`).join('; ');
    expect(lines(made)).toEqual([
      `hsa_amd_svm_discard_batch_async(2 ranges) -> ${all('GET PREFERRED_LOC=UNDEFINED')}; ${all('PREFETCH_LOC=SYSMEM')}; ${all('GET PREFERRED_LOC=SYSMEM')}`,
    ]);
  });

  it.each<[string, (made: HsaRig) => unknown, string, string | undefined]>([
    ['no range', ({ runtime }) => runtime.svmDiscardBatchAsync([]), 'INVALID_ARGUMENT', 'ranges'],
    [
      'no bytes',
      ({ runtime }) => runtime.svmDiscardBatchAsync([{ address: runtime.vmemAddressReserve(PAGE).address, size: 0 }]),
      'INVALID_ARGUMENT',
      'ranges[0].size',
    ],
    [
      'memory that is mapped, but not reserved',
      (made) => made.runtime.svmDiscardBatchAsync([made.devices[0]!.memory.map(PAGE)]),
      'INVALID_ARGUMENT',
      'ranges[0]',
    ],
    [
      'the null pointer',
      ({ runtime }) => runtime.svmDiscardBatchAsync([{ address: 0n, size: PAGE }]),
      'INVALID_ARGUMENT',
      'ranges[0]',
    ],
    [
      'a range that leaves its reservation',
      ({ runtime }) => {
        const { address } = runtime.vmemAddressReserve(PAGE);
        runtime.vmemAddressReserve(PAGE, address + BigInt(PAGE));
        runtime.svmDiscardBatchAsync([{ address, size: PAGE + 1 }]);
      },
      'INVALID_ARGUMENT',
      'ranges[0]',
    ],
    [
      'a good range before a bad one',
      ({ runtime }) => runtime.svmDiscardBatchAsync([runtime.vmemAddressReserve(PAGE), { address: 4096n, size: 1 }]),
      'INVALID_ARGUMENT',
      'ranges[1]',
    ],
    [
      'a reservation that was freed',
      ({ runtime }) => {
        const region = runtime.vmemAddressReserve(PAGE);
        runtime.vmemAddressFree(region.address, PAGE);
        runtime.svmDiscardBatchAsync([region]);
      },
      'INVALID_ARGUMENT',
      'ranges[0]',
    ],
    [
      'a reservation whose pages the caller unmapped',
      ({ runtime }) => {
        const region = runtime.vmemAddressReserve(PAGE);
        region.unmap();
        runtime.svmDiscardBatchAsync([region]);
      },
      'INVALID_ARGUMENT',
      'ranges[0]',
    ],
    [
      'a reservation of another runtime',
      (made) => {
        const other = HsaRuntime.open({ devices: made.devices });
        try {
          made.runtime.svmDiscardBatchAsync([other.vmemAddressReserve(PAGE)]);
        } finally {
          other.close();
        }
      },
      'INVALID_ARGUMENT',
      'ranges[0]',
    ],
    [
      'agents of another number',
      ({ runtime }) => {
        const regions = [1, 2, 3].map(() => runtime.vmemAddressReserve(PAGE));
        runtime.svmDiscardAndPrefetchBatchAsync(regions, [runtime.cpuAgents[0]!, runtime.cpuAgents[0]!]);
      },
      'INVALID_ARGUMENT',
      'agents',
    ],
    [
      'a null agent',
      ({ runtime }) => runtime.svmDiscardAndPrefetchBatchAsync([runtime.vmemAddressReserve(PAGE)], [0n]),
      'INVALID_AGENT',
      'agents[0]',
    ],
    [
      'an agent of another runtime',
      (made) => {
        const [foreign] = rig(1).runtime.gpuAgents;
        made.runtime.svmDiscardAndPrefetchBatchAsync([made.runtime.vmemAddressReserve(PAGE)], [foreign!]);
      },
      'INVALID_AGENT',
      'agents[0]',
    ],
    [
      'a signal of another runtime',
      (made) =>
        made.runtime.svmDiscardBatchAsync([made.runtime.vmemAddressReserve(PAGE)], [rig(1).runtime.createSignal(0)]),
      'INVALID_SIGNAL',
      'dependencies[0]',
    ],
    ['0 reserved bytes', ({ runtime }) => runtime.vmemAddressReserve(0), 'INVALID_ARGUMENT', 'size'],
    ['an unknown flag', ({ runtime }) => runtime.vmemAddressReserve(PAGE, 0n, 3), 'INVALID_ARGUMENT', 'flags'],
    [
      'more than can be mapped',
      ({ runtime }) => runtime.vmemAddressReserve((1n << 64n) - 1n),
      'OUT_OF_RESOURCES',
      undefined,
    ],
    [
      'freeing what was not reserved',
      ({ runtime }) => runtime.vmemAddressFree(0x1000n, PAGE),
      'INVALID_ALLOCATION',
      'address',
    ],
    [
      'freeing from the middle',
      ({ runtime }) => runtime.vmemAddressFree(runtime.vmemAddressReserve(2 * PAGE).address + 4096n, PAGE),
      'INVALID_ALLOCATION',
      'address',
    ],
    [
      'freeing another size',
      ({ runtime }) => runtime.vmemAddressFree(runtime.vmemAddressReserve(2 * PAGE).address, PAGE),
      'INVALID_ARGUMENT',
      'size',
    ],
    [
      'freeing twice',
      ({ runtime }) => {
        const { address } = runtime.vmemAddressReserve(PAGE);
        runtime.vmemAddressFree(address, PAGE);
        runtime.vmemAddressFree(address, PAGE);
      },
      'INVALID_ALLOCATION',
      'address',
    ],
  ])('%s is refused, and nothing is sent', (_name, action, statusName, field) => {
    const made = rig(gpus);
    const error = refusal(() => action(made));
    expect([error.statusName, error.field]).toEqual([`HSA_STATUS_ERROR_${statusName}`, field]);
    expect(made.events.flatMap(({ ioctls }) => ioctls)).toEqual([]);
  });
});
