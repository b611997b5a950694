import { afterEach, describe, expect, it, vi } from 'vitest';
import { PAGE, hsaRigs } from '../../test/support/hsa-rig.ts';
import type { HsaRig } from '../../test/support/hsa-rig.ts';
import { formatTraffic, HsaSvmAttribute } from './index.ts';
import type { HsaAgent } from './index.ts';

const rig = hsaRigs({ cpuAgents: 2 });
afterEach(() => {
  vi.unstubAllGlobals();
});
const last = (made: HsaRig, address: bigint, pages = 1): HsaAgent | null => {
  const [answer] = made.runtime.svmAttributesGet(address, pages * PAGE, [
    { attribute: HsaSvmAttribute.prefetchLocation },
  ]);
  return answer!.value as HsaAgent | null;
};
const offset = (pages: number): bigint => BigInt(pages * PAGE);
/** Lets everything run that can run without a signal. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a prefetch', () => {
  it('returns before anything is sent, then sends one record for the whole range, then takes 1 from the signal', async () => {
    const made = rig(2);
    const { runtime } = made;
    const address = made.map(4);
    const done = runtime.createSignal(5);
    runtime.svmPrefetchAsync(address + 1n, 2 * PAGE, runtime.gpuAgents[1]!, [], done);
    expect([made.traffic(), done.load()]).toEqual([[], 5n]);
    await expect(done.wait('lt', 5)).resolves.toBe(4n);
    expect(made.events.map(formatTraffic)).toEqual(['hsa_amd_svm_prefetch_async(GPU1) -> GPU1: PREFETCH_LOC=1']);
    const [ioctl] = made.events[0]!.ioctls;
    expect([ioctl!.address, ioctl!.size]).toEqual([address, BigInt(3 * PAGE)]);
  });

  it('maps the range on the GPU', async () => {
    const made = rig(1);
    const address = made.map(2);
    made.machine.process.write(address, Uint8Array.of(1));
    made.runtime.svmPrefetchAsync(address, 2 * PAGE, made.runtime.gpuAgents[0]!.handle);
    await made.runtime.idle();
    const runs = made.machine.snapshot().devices[0]!.files[0]!.ptes;
    expect(runs.length).toBeGreaterThan(0);
  });

  it('needs no completion signal', async () => {
    const made = rig(1);
    for (const completion of [null, undefined])
      made.runtime.svmPrefetchAsync(made.map(), PAGE, made.runtime.gpuAgents[0]!, [], completion);
    await made.runtime.idle();
    expect(made.traffic()).toEqual(['GPU0: 1:1', 'GPU0: 1:1']);
  });

  it('takes turns with others in the order in which they became ready', async () => {
    const made = rig(2);
    const [g0, g1] = made.runtime.gpuAgents;
    const [a, b] = [made.map(), made.map()];
    const gate = made.runtime.createSignal(1);
    made.runtime.svmPrefetchAsync(a, PAGE, g1!, [gate]);
    made.runtime.svmPrefetchAsync(b, PAGE, g0!);
    made.runtime.svmPrefetchAsync(b, PAGE, g1!);
    await settle();
    gate.store(0);
    await made.runtime.idle();
    expect(made.traffic()).toEqual(['GPU0: 1:1', 'GPU1: 1:1', 'GPU1: 1:1']);
  });
});

it('runs one at a time: the ioctls of two never mix', async () => {
  const made = rig(3);
  const [c] = made.runtime.cpuAgents;
  for (const address of [made.map(), made.map()]) made.runtime.svmPrefetchAsync(address, PAGE, c!);
  const order: string[] = [];
  for (const [index, device] of made.devices.entries()) device.observe(() => order.push(`GPU${index}`));
  await made.runtime.idle();
  expect(order).toEqual(['GPU0', 'GPU1', 'GPU2', 'GPU0', 'GPU1', 'GPU2']);
});

describe('dependencies', () => {
  it('are waited for one after another, the last one first', async () => {
    const made = rig(1);
    const { runtime } = made;
    const dependencies = [0, 1, 2].map(() => runtime.createSignal(1));
    const done = runtime.createSignal(1);
    runtime.svmPrefetchAsync(made.map(), PAGE, runtime.gpuAgents[0]!, dependencies, done);
    const [first, second, third] = dependencies;
    third!.store(0);
    await settle();
    // Its turn is over: what it does now no longer matters. The first one's has not come.
    third!.store(1);
    first!.store(0);
    await settle();
    first!.store(1);
    second!.store(0);
    await settle();
    expect([made.traffic(), done.load()]).toEqual([[], 1n]);
    first!.store(0);
    await runtime.idle();
    expect([made.traffic(), done.load()]).toEqual([['GPU0: 1:1'], 0n]);
  });

  it('must be exactly 0', async () => {
    const made = rig(1);
    const gate = made.runtime.createSignal(1);
    made.runtime.svmPrefetchAsync(made.map(), PAGE, made.runtime.gpuAgents[0]!, [gate]);
    gate.store(-1);
    await settle();
    expect(made.traffic()).toEqual([]);
    gate.add(1);
    await made.runtime.idle();
    expect(made.traffic()).toEqual(['GPU0: 1:1']);
  });

  it('may be the same signal twice, and the completion of another prefetch', async () => {
    const made = rig(2);
    const { runtime } = made;
    const address = made.map();
    const [first, second] = [runtime.createSignal(1), runtime.createSignal(1)];
    runtime.svmPrefetchAsync(address, PAGE, runtime.gpuAgents[1]!, [first, first], second);
    runtime.svmPrefetchAsync(address, PAGE, runtime.gpuAgents[0]!, [], first);
    await second.wait('eq', 0);
    expect(made.traffic()).toEqual(['GPU0: 1:1', 'GPU1: 1:1']);
  });
});

describe('the prefetch location of a range', () => {
  it('is where it was last sent, at once, though nothing ran yet', async () => {
    const made = rig(2);
    const [g0, g1] = made.runtime.gpuAgents;
    const [c0, c1] = made.runtime.cpuAgents;
    const address = made.map();
    const gate = made.runtime.createSignal(1);
    expect(last(made, address)).toBe(null);
    for (const agent of [g0!, g1!, c1!, c0!]) {
      made.runtime.svmPrefetchAsync(address, PAGE, agent, [gate]);
      expect(last(made, address)).toBe(agent);
    }
    expect(made.traffic()).toEqual(['GPU0: 1?', 'GPU1: 1?']);
    gate.store(0);
    await made.runtime.idle();
    expect(last(made, address)).toBe(c0);
  });

  it('is that of the latest issued even when an older one runs later', async () => {
    const made = rig(2);
    const [g0, g1] = made.runtime.gpuAgents;
    const address = made.map();
    const [early, late] = [made.runtime.createSignal(1), made.runtime.createSignal(1)];
    made.runtime.svmPrefetchAsync(address, PAGE, g0!, [early]);
    made.runtime.svmPrefetchAsync(address, PAGE, g1!, [late]);
    early.store(0);
    await settle();
    expect(made.traffic()).toEqual(['GPU0: 1:1']);
    expect(last(made, address)).toBe(g1);
    late.store(0);
    await made.runtime.idle();
  });

  it('asks the devices for the holes between pending ones, and only for them', () => {
    const made = rig(2);
    const [, g1] = made.runtime.gpuAgents;
    const address = made.map(6);
    made.devices[1]!.prefetch({ address: address + offset(2), size: 2 * PAGE }, 'device');
    const gate = made.runtime.createSignal(1);
    made.runtime.svmPrefetchAsync(address, 2 * PAGE, g1!, [gate]);
    made.runtime.svmPrefetchAsync(address + offset(4), 2 * PAGE, g1!, [gate]);
    made.events.splice(0);
    expect(last(made, address, 6)).toBe(g1);
    const holes = made.events[0]!.ioctls.map(({ gpu, address: at, size }) => [gpu, at, size]);
    expect(holes).toEqual(['GPU0', 'GPU1'].map((gpu) => [gpu, address + offset(2), offset(2)]));
  });

  it('is none where the hole was never sent anywhere, or the parts differ', () => {
    const made = rig(2);
    const [g0, g1] = made.runtime.gpuAgents;
    const address = made.map(4);
    const gate = made.runtime.createSignal(1);
    made.runtime.svmPrefetchAsync(address, 2 * PAGE, g0!, [gate]);
    expect(last(made, address, 4)).toBe(null);
    made.runtime.svmPrefetchAsync(address + offset(2), 2 * PAGE, g1!, [gate]);
    made.traffic();
    expect(last(made, address, 4)).toBe(null);
    expect(made.traffic()).toEqual([]);
    expect(last(made, address, 2)).toBe(g0);
    expect(last(made, address + offset(2), 2)).toBe(g1);
  });

  it('mixes nodes of two CPU agents, as all memory at home reads as the first one', () => {
    const made = rig(1);
    const [c0, c1] = made.runtime.cpuAgents;
    const address = made.map(2);
    made.devices[0]!.prefetch({ address, size: 2 * PAGE }, 'system');
    const gate = made.runtime.createSignal(1);
    made.runtime.svmPrefetchAsync(address + offset(1), PAGE, c1!, [gate]);
    expect([last(made, address), last(made, address + offset(1)), last(made, address, 2)]).toEqual([c0, c1, null]);
  });

  it('before 2026 was the first CPU agent for every CPU', () => {
    const made = rig(1, { release: '2025' });
    const address = made.map();
    made.runtime.svmPrefetchAsync(address, PAGE, made.runtime.cpuAgents[1]!, [made.runtime.createSignal(1)]);
    expect(last(made, address)).toBe(made.runtime.cpuAgents[0]);
    made.runtime.svmPrefetchAsync(address, PAGE, made.runtime.gpuAgents[0]!, [made.runtime.createSignal(1)]);
    expect(last(made, address)).toBe(made.runtime.gpuAgents[0]);
  });

  it.each([
    ['rocm', null],
    ['documented', 'GPU1'],
  ] as const)('with an unrelated pending prefetch below, %s: %s', (compatibility, reads) => {
    const made = rig(2, { compatibility });
    const [g0, g1] = made.runtime.gpuAgents;
    const address = made.map(8);
    const gate = made.runtime.createSignal(1);
    made.devices[1]!.prefetch({ address: address + offset(6), size: PAGE }, 'device');
    expect(last(made, address + offset(6))).toBe(g1);
    // It need not touch the range, it only has to be the piece before it.
    made.runtime.svmPrefetchAsync(address, PAGE, g0!, [gate]);
    expect(last(made, address + offset(6))?.name ?? null).toBe(reads);
    // A piece at the range's own beginning is what everything is compared with, so that is right.
    made.runtime.svmPrefetchAsync(address + offset(4), PAGE, g1!, [gate]);
    expect(last(made, address + offset(4))).toBe(g1);
    expect(last(made, address + offset(6))).toBe(g1);
    // Neither does it matter where the devices agree.
    made.runtime.svmPrefetchAsync(address, 2 * PAGE, g1!, [gate]);
    expect(last(made, address + offset(6))).toBe(g1);
  });

  it('of GPU 0, then GPU 1: stale in rocm once it ran, right in documented', async () => {
    for (const [compatibility, name, sent] of [
      ['rocm', 'GPU0', ['GPU1: 1:1']],
      ['documented', 'GPU1', ['GPU1: 1:1', 'GPU0: 1:0']],
    ] as const) {
      const made = rig(2, { compatibility });
      const address = made.map();
      made.runtime.svmPrefetchAsync(address, PAGE, made.runtime.gpuAgents[0]!);
      await made.runtime.idle();
      made.traffic();
      made.runtime.svmPrefetchAsync(address, PAGE, made.runtime.gpuAgents[1]!);
      expect(last(made, address)!.name).toBe('GPU1');
      await made.runtime.idle();
      expect(made.traffic()).toEqual(sent);
      expect(last(made, address)!.name).toBe(name);
    }
  });
});

describe('a prefetch that fails', () => {
  it.each([
    ['rocm', 6n],
    ['documented', -1n],
  ] as const)('%s: the completion signal becomes %s; the traffic view shows why', async (compatibility, value) => {
    const made = rig(2, { compatibility });
    for (const [address, size] of [
      [0x10000n, PAGE],
      [0n, PAGE],
      [0x10000n, 0],
    ] as const) {
      const done = made.runtime.createSignal(7);
      made.runtime.svmPrefetchAsync(address, size, made.runtime.gpuAgents[1]!, [], done);
      await made.runtime.idle();
      expect(done.load()).toBe(value);
    }
    expect(made.events.map(({ ioctls, error }) => [ioctls.length, (error as Error).name])).toEqual([
      [1, 'SvmError'],
      [0, 'HsaError'],
      [0, 'HsaError'],
    ]);
    // It is not pending any more.
    expect(last(made, 0x10000n)).toBe(null);
  });

  it('home never fails, and goes to every GPU whatever the others say', async () => {
    const made = rig(3, { compatibility: 'documented' });
    const address = made.map();
    made.machine.devices[1]!.unplugged = true;
    const done = made.runtime.createSignal(1);
    made.runtime.svmPrefetchAsync(address, PAGE, made.runtime.cpuAgents[1]!, [], done);
    await done.wait('eq', 0);
    expect(made.traffic()).toEqual(['GPU0: 1:0', 'GPU1: 1:0', 'GPU2: 1:0']);
  });

  it('is not what a listener of the traffic view throws; that is thrown where nobody can miss it', async () => {
    const made = rig(1, { compatibility: 'documented' });
    const later: (() => void)[] = [];
    vi.stubGlobal('queueMicrotask', (task: () => void) => later.push(task));
    made.runtime.traffic.on(() => {
      throw new Error('of the listener');
    });
    const done = made.runtime.createSignal(1);
    made.runtime.svmPrefetchAsync(made.map(), PAGE, made.runtime.gpuAgents[0]!, [], done);
    await made.runtime.idle();
    expect(done.load()).toBe(0n);
    expect(later[0]).toThrow('of the listener');
  });

  it('without a GPU agent is an error that nobody hears of', async () => {
    const made = rig(0);
    const done = made.runtime.createSignal(1);
    made.runtime.svmPrefetchAsync(0x1000n, PAGE, made.runtime.cpuAgents[0]!, [], done);
    await done.wait('eq', 0);
    expect((made.events[0]!.error as Error).message).toMatch(/^HSA_STATUS_ERROR .*no GPU agent/);
  });
});
