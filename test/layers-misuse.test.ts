/**
 * Any calls of HSA and HIP with any arguments, in any order, also after something was
 * closed: each is answered, or refused with a typed error; nothing crashes or hangs.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EmulatedMachine } from '../emulator/index.ts';
import { SvmDevice } from '../lib/device/index.ts';
import { formatTraffic, HipError, HipRuntime, trafficObject } from '../lib/hip/index.ts';
import type { HipEvent, HipExecutionContext, HipMemory, HipStream } from '../lib/hip/index.ts';
import { HsaError, HsaRuntime } from '../lib/hsa/index.ts';
import type { HsaSignal } from '../lib/hsa/index.ts';

const CALLS = 60;
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown): void => void unhandled.push(error);
beforeAll(() => void process.on('unhandledRejection', onUnhandled));
afterAll(() => void process.off('unhandledRejection', onUnhandled));

/** Whether an error is one that the layers promise. */
function isTyped(error: unknown): boolean {
  if (error instanceof HipError || error instanceof HsaError) return true;
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('ERR_SVM_')
  );
}

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One history; the calls that were refused and those that were not, by name. */
async function history(seed: number): Promise<{ refused: Set<string>; done: Set<string>; wrong: string[] }> {
  const random = randomOf(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const machine = new EmulatedMachine({ gpus: pick([1, 2]), ...(random() < 0.1 ? { sriovXnack: false } : {}) });
  const devices = machine.devices.map((emulator) => SvmDevice.open({ emulator }));
  const compatibility = pick(['rocm', 'documented'] as const);
  const cpuAgents = pick([1, 2]);
  const hip = HipRuntime.open({
    devices,
    compatibility,
    cpuAgents,
    release: pick(['2026', '2026', '2024'] as const),
    hmmFlags: pick([0, 0, 0, 1, 2, 4, 7]),
  });
  const hsa = HsaRuntime.open({ devices, compatibility, cpuAgents, release: pick(['2026', '2026', '2025'] as const) });
  const others = { hip: HipRuntime.open({ devices }), hsa: HsaRuntime.open({ devices }) };
  if (random() < 0.3) {
    hip.traffic.on((event) => void formatTraffic(event));
    hsa.traffic.on((event) => void JSON.stringify(trafficObject(event)));
  }
  const memories: HipMemory[] = [];
  const reserved: { address: bigint; size: number; unmap(): void }[] = [];
  const streams: HipStream[] = [];
  const events: HipEvent[] = [];
  const contexts: HipExecutionContext[] = [];
  const signals: HsaSignal[] = [hsa.createSignal(0), hsa.createSignal(1), others.hsa.createSignal(0)];

  const junk = (): unknown =>
    pick<unknown>([
      null,
      undefined,
      0,
      -1,
      1.5,
      NaN,
      'x',
      {},
      [],
      () => 1,
      Symbol('s'),
      5n,
      -5n,
      1n << 64n,
      2 ** 60,
      true,
      Object.create(null),
      [undefined],
      [null],
    ]);
  /** Mostly what belongs there. */
  const mostly = (value: () => unknown): unknown => (random() < 0.1 ? junk() : value());
  const list = (value: () => unknown): unknown => mostly(() => Array.from({ length: pick([0, 1, 2, 3]) }, value));
  const address = (): unknown =>
    mostly(() =>
      pick([
        ...reserved.map((each) => each.address),
        ...memories.map((each) => each.address),
        ...memories.map((each) => each.address + 4096n),
        0n,
        123n,
        0x1000n,
        (1n << 64n) - 4096n,
      ]),
    );
  const pointer = (): unknown => mostly(() => pick<unknown>([...memories, ...reserved, address(), null]));
  const size = (): unknown =>
    mostly(() => pick<unknown>([0, 1, 4096, 4096, 8192, 16384, 16385, 100n, (1n << 64n) - 1n]));
  const device = (): unknown => mostly(() => pick([-2, -1, 0, 0, 1, 2, 9999]));
  const place = (): unknown => mostly(() => ({ type: pick([0, 1, 2, 3, 4, 5, -1]), id: device() }));
  const stream = (): unknown => mostly(() => pick<unknown>([null, 'per-thread', 'legacy', ...streams]));
  const agent = (): unknown =>
    mostly(() =>
      pick<unknown>([...hsa.gpuAgents, ...hsa.cpuAgents, others.hsa.gpuAgents[0], hsa.gpuAgents[0]!.handle, 0n, null]),
    );
  const signal = (): unknown => mostly(() => pick(signals));
  const range = (): unknown =>
    mostly(() => pick<unknown>([...reserved, ...memories, { address: address(), size: size() }]));
  const pair = (): unknown =>
    mostly(() => ({
      attribute: pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 0x200, 0x201, 0x202, 0x203, -1]),
      value: pick<unknown>([0, 1, true, 40, agent(), agent(), junk()]),
    }));
  const view = (): unknown =>
    mostly(() => pick<unknown>([new Int32Array(1), new Int32Array(4), new Uint8Array(10), null]));
  const small = (): unknown => mostly(() => pick([0, 1, 1, 2]));
  const keep = <T>(kept: T[], value: unknown): void => void kept.push(value as T);
  /** The types of the arguments are what is tested. */
  const call = (target: object, name: string, ...args: unknown[]): unknown =>
    (Reflect.get(target, name) as (...args: unknown[]) => unknown).apply(target, args);

  const calls: Readonly<Record<string, () => unknown>> = {
    mallocManaged: () =>
      keep(
        memories,
        call(
          hip,
          'mallocManaged',
          mostly(() => pick<unknown>([1, 4096, 65536, 100n, 0, (1n << 64n) - 1n])),
          mostly(() => pick([1, 1, 2, 3])),
        ),
      ),
    malloc: () =>
      keep(
        memories,
        call(
          hip,
          pick(['malloc', 'hostMalloc']),
          mostly(() => pick([4096, 0, 9])),
        ),
      ),
    foreignMalloc: () => keep(memories, others.hip.mallocManaged(4096)),
    free: () => call(hip, 'free', pointer()),
    memAdvise: () =>
      call(
        hip,
        'memAdvise',
        pointer(),
        size(),
        mostly(() => pick([1, 2, 3, 4, 5, 6, 100, 101, 0])),
        device(),
      ),
    memAdvise_v2: () =>
      call(
        hip,
        'memAdvise_v2',
        pointer(),
        size(),
        mostly(() => pick([1, 3, 5, 6])),
        place(),
      ),
    memPrefetchAsync: () => call(hip, 'memPrefetchAsync', pointer(), size(), device(), stream()),
    memPrefetchAsync_v2: () =>
      call(
        hip,
        'memPrefetchAsync_v2',
        pointer(),
        size(),
        place(),
        mostly(() => pick([0, 0, 1])),
        stream(),
      ),
    memPrefetchBatchAsync: () =>
      call(
        hip,
        'memPrefetchBatchAsync',
        list(pointer),
        list(size),
        small(),
        list(place),
        list(small),
        small(),
        0,
        stream(),
      ),
    memDiscardBatchAsync: () =>
      call(
        hip,
        'memDiscardBatchAsync',
        list(pointer),
        list(size),
        small(),
        mostly(() => 0),
        stream(),
      ),
    memDiscardAndPrefetchBatchAsync: () =>
      call(hip, 'memDiscardAndPrefetchBatchAsync', [pointer()], [size()], 1, [place()], [0], 1, 0, stream()),
    memRangeGetAttribute: () =>
      call(
        hip,
        'memRangeGetAttribute',
        view(),
        mostly(() => pick([4, 8, 0])),
        mostly(() => pick([1, 2, 3, 4, 100])),
        pointer(),
        size(),
      ),
    memRangeGetAttributes: () =>
      call(
        hip,
        'memRangeGetAttributes',
        list(view),
        list(() => pick([4, 8])),
        list(() => pick([1, 2, 3, 4, 100])),
        small(),
        pointer(),
        size(),
      ),
    streamAttachMemAsync: () =>
      call(
        hip,
        'streamAttachMemAsync',
        stream(),
        pointer(),
        size(),
        mostly(() => pick([1, 2, 4, 7])),
      ),
    streamCreate: () =>
      keep(
        streams,
        call(
          hip,
          'streamCreate',
          mostly(() => pick([0, 1])),
        ),
      ),
    foreignStreamCreate: () => keep(streams, others.hip.streamCreate()),
    streamUse: () =>
      call(hip, pick(['streamDestroy', 'streamQuery', 'streamSynchronize', 'streamBeginCapture']), stream()),
    eventCreate: () => keep(events, call(hip, 'eventCreate')),
    eventUse: () =>
      call(
        hip,
        pick(['eventQuery', 'eventSynchronize', 'eventDestroy', 'eventRecord']),
        mostly(() => pick(events)),
        stream(),
      ),
    streamWaitEvent: () =>
      call(
        hip,
        'streamWaitEvent',
        stream(),
        mostly(() => pick(events)),
      ),
    executionContextCreate: () => keep(contexts, call(hip, 'executionContextCreate', device())),
    executionContextUse: () => {
      if (random() < 0.3)
        call(
          hip,
          'executionContextDestroy',
          mostly(() => pick(contexts)),
        );
      else
        keep(
          streams,
          call(
            hip,
            'executionContextStreamCreate',
            mostly(() => pick(contexts)),
          ),
        );
    },
    launch: () =>
      call(
        hip,
        'launch',
        stream(),
        mostly(() => () => 1),
      ),
    setDevice: () => call(hip, 'setDevice', device()),
    svmAttributesSet: () => call(hsa, 'svmAttributesSet', address(), size(), list(pair)),
    svmAttributesGet: () => call(hsa, 'svmAttributesGet', address(), size(), list(pair)),
    svmPrefetchAsync: () => call(hsa, 'svmPrefetchAsync', address(), size(), agent(), list(signal), signal()),
    svmDiscardBatchAsync: () => call(hsa, 'svmDiscardBatchAsync', list(range), list(signal), signal()),
    svmDiscardAndPrefetchBatchAsync: () =>
      call(hsa, 'svmDiscardAndPrefetchBatchAsync', list(range), list(agent), [], signal()),
    vmemAddressReserve: () =>
      keep(
        reserved,
        call(
          hsa,
          'vmemAddressReserve',
          size(),
          mostly(() => pick<unknown>([0n, address()])),
          mostly(() => pick([1, 1, 0, 2])),
        ),
      ),
    vmemAddressFree: () => call(hsa, 'vmemAddressFree', address(), size()),
    pointerInfo: () => call(hsa, 'pointerInfo', address()),
    systemInfo: () =>
      call(
        hsa,
        'systemInfo',
        mostly(() => pick([0x201, 0x202, 0x206, 5])),
      ),
    createSignal: () => keep(signals, call(hsa, 'createSignal', small())),
    signalUse: () => call(pick(signals), pick(['store', 'add', 'subtract']), small()),
    signalWait: () =>
      call(
        pick(signals),
        'wait',
        mostly(() => pick(['eq', 'lt', 'x'])),
        small(),
        { timeout: small() },
      ),
    unmap: () => (random() < 0.2 && reserved.length > 0 ? pick(reserved).unmap() : undefined),
    close: () => (random() < 0.1 ? pick([hip, hsa, devices[0]!]).close() : undefined),
  };

  const refused = new Set<string>();
  const done = new Set<string>();
  const wrong: string[] = [];
  const note = (name: string, error: unknown): void => {
    refused.add(name);
    if (!isTyped(error)) wrong.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
  };
  const pending: Promise<unknown>[] = [];
  for (let index = 0; index < CALLS; index++) {
    const name = pick(Object.keys(calls));
    try {
      const result = calls[name]!();
      done.add(name);
      if (result instanceof Promise) pending.push(result.catch((error: unknown) => note(name, error)));
    } catch (error) {
      note(name, error);
    }
    if (random() < 0.2) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const runtime of [hip, hsa, others.hip, others.hsa]) runtime.close();
  // All of it ends: what has not run never will.
  await Promise.all(pending);
  await hsa.idle();
  for (const each of devices) each.close();
  return { refused, done, wrong };
}

it('any history of calls ends, with answers and typed errors only', async () => {
  const refused = new Set<string>();
  const done = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const result = await history(seed);
      expect(result.wrong).toEqual([]);
      for (const name of result.refused) refused.add(name);
      for (const name of result.done) done.add(name);
    }),
    { numRuns: 150 },
  );
  // It is no test if everything is refused, or nothing.
  expect([refused.size, done.size].every((count) => count >= 30)).toBe(true);
  await new Promise((resolve) => setImmediate(resolve));
  expect(unhandled).toEqual([]);
});
