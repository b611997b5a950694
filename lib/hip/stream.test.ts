/** Streams and events: the order of commands, and what waits for what (spec/hip §3). */
import { describe, expect, it } from 'vitest';
import { attributeOf, codeOf, openHip, PAGE } from '../../test/support/hip-rig.ts';
import { HipMemRangeAttribute as Attribute, HipStreamFlag } from './index.ts';
import type { HipRuntime, HipStreamArgument } from './index.ts';

const READY = 0;
const NOT_READY = 600;

/** A command that lasts until it is let go. */
function spin(hip: HipRuntime, stream: HipStreamArgument): () => Promise<void> {
  let release = (): void => undefined;
  const done = hip.launch(stream, () => new Promise<void>((resolve) => (release = resolve)));
  return async () => {
    // The command may only just have begun.
    await new Promise((resolve) => setTimeout(resolve, 0));
    release();
    await done;
  };
}

const lastPrefetch = (hip: HipRuntime, address: bigint): number =>
  attributeOf(hip, Attribute.lastPrefetchLocation, address, PAGE);

describe.each([
  ['null', null],
  ['per-thread', 'per-thread'],
  ['created', 'created'],
] as const)('%s stream', (_, kind) => {
  it('Unit_hipMemPrefetchAsync_Sync_Behavior, Unit_hipMemPrefetchAsync_WaitsForPrecedingStreamWork', async () => {
    const { hip, devices } = openHip();
    const stream = kind === 'created' ? hip.streamCreate() : kind;
    const memory = hip.mallocManaged(PAGE);
    const letGo = spin(hip, stream);
    hip.memPrefetchAsync(memory, PAGE, 0, stream);
    expect(hip.streamQuery(stream)).toBe(NOT_READY);
    await new Promise((resolve) => setTimeout(resolve, 5));
    // Visible at once, done only after the work before it.
    expect(lastPrefetch(hip, memory.address)).toBe(0);
    expect(devices[0]!.getAttributes(memory).prefetchLocation).toBe('undefined');
    expect(hip.streamQuery(stream)).toBe(NOT_READY);
    await letGo();
    await hip.streamSynchronize(stream);
    expect(hip.streamQuery(stream)).toBe(READY);
    expect(devices[0]!.getAttributes(memory).prefetchLocation).toBe('device');
  });
});

it('commands of one stream run in order, of two streams independently', async () => {
  const { hip } = openHip();
  const [one, two] = [hip.streamCreate(HipStreamFlag.nonBlocking), hip.streamCreate(HipStreamFlag.nonBlocking)];
  const order: string[] = [];
  const letGo = spin(hip, one);
  const late = hip.launch(one, () => order.push('one'));
  await hip.launch(two, () => order.push('two'));
  await letGo();
  await late;
  expect(order).toEqual(['two', 'one']);
});

it('the null stream takes turns with the blocking streams of its device only', async () => {
  const { hip } = openHip({ machine: { gpus: 2 } });
  const blocking = hip.streamCreate();
  const free = hip.streamCreate(HipStreamFlag.nonBlocking);
  hip.setDevice(1);
  const elsewhere = hip.streamCreate();
  hip.setDevice(0);
  const letGo = spin(hip, blocking);
  expect([null, free, elsewhere].map((stream) => hip.streamQuery(stream))).toEqual([NOT_READY, READY, READY]);
  await letGo();
  const letGoNull = spin(hip, null);
  expect([blocking, free, elsewhere].map((stream) => hip.streamQuery(stream))).toEqual([NOT_READY, READY, READY]);
  await letGoNull();
  expect(hip.streamQuery(null)).toBe(READY);
});

it('a prefetch without a stream goes to the null stream of its target, one to the CPU to the current device’s', async () => {
  const { hip } = openHip({ machine: { gpus: 2 } });
  const memory = hip.mallocManaged(PAGE);
  hip.memPrefetchAsync(memory, PAGE, 1);
  expect(hip.streamQuery(null)).toBe(READY);
  hip.setDevice(1);
  expect(hip.streamQuery(null)).toBe(NOT_READY);
  await hip.deviceSynchronize();
  hip.memPrefetchAsync(memory, PAGE, -1);
  expect(hip.streamQuery(null)).toBe(NOT_READY);
  await hip.deviceSynchronize();
});

it('GPU work runs on the device of the stream, and its failure is the caller’s', async () => {
  const { hip } = openHip({ machine: { gpus: 2 } });
  const memory = hip.mallocManaged(PAGE);
  hip.setDevice(1);
  const stream = hip.streamCreate();
  void hip.launch(stream, (queue) => queue.fill(memory.address, 0x0101_0101, PAGE));
  expect((await hip.launch(stream, (queue) => queue.read(memory.address, 4)))[0]).toBe(1);
  expect(memory.bytes.every((byte) => byte === 1)).toBe(true);
  await expect(hip.launch(stream, (queue) => queue.read(0xdead_0000n, 4))).rejects.toMatchObject({
    code: 'ERR_SVM_GPU_FAULT',
  });
  expect(await hip.launch(stream, () => 5)).toBe(5);
});

describe('events', () => {
  it('are over when what was issued before them is', async () => {
    const { hip } = openHip();
    const stream = hip.streamCreate();
    const event = hip.eventCreate();
    expect(hip.eventQuery(event)).toBe(READY);
    const letGo = spin(hip, stream);
    hip.eventRecord(event, stream);
    const letGoLater = spin(hip, stream);
    expect(hip.eventQuery(event)).toBe(NOT_READY);
    await letGo();
    await hip.eventSynchronize(event);
    expect([hip.eventQuery(event), hip.streamQuery(stream)]).toEqual([READY, NOT_READY]);
    await letGoLater();
    hip.eventDestroy(event);
    expect(codeOf(() => hip.eventDestroy(event))).toBe(400);
  });

  it('hold up another stream', async () => {
    const { hip } = openHip();
    const [one, two] = [hip.streamCreate(), hip.streamCreate()];
    const event = hip.eventCreate();
    const order: string[] = [];
    const letGo = spin(hip, one);
    hip.eventRecord(event, one);
    hip.streamWaitEvent(two, event);
    const second = hip.launch(two, () => order.push('second'));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect([order, hip.streamQuery(two)]).toEqual([[], NOT_READY]);
    await letGo();
    await second;
    expect(order).toEqual(['second']);
    hip.streamWaitEvent(two, event);
    expect(hip.streamQuery(two)).toBe(READY);
  });
});

it('a stream that was destroyed or detached is refused everywhere; what it was given still runs', async () => {
  const { hip } = openHip();
  const memory = hip.mallocManaged(PAGE);
  const stream = hip.streamCreate();
  hip.memPrefetchAsync(memory, PAGE, 0, stream);
  hip.streamDestroy(stream);
  const context = hip.executionContextCreate(0);
  const detached = hip.executionContextStreamCreate(context);
  hip.executionContextDestroy(context);
  for (const [dead, code] of [
    [stream, 709],
    [detached, 916],
  ] as const) {
    expect(codeOf(() => hip.streamQuery(dead))).toBe(code);
    expect(codeOf(() => hip.streamDestroy(dead))).toBe(code);
    expect(codeOf(() => hip.launch(dead, () => 1))).toBe(code);
    await expect(hip.streamSynchronize(dead)).rejects.toMatchObject({ code });
  }
  expect(codeOf(() => hip.executionContextDestroy(context))).toBe(709);
  expect(codeOf(() => hip.streamDestroy(null as never))).toBe(400);
  expect(codeOf(() => hip.streamCreate(2))).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(lastPrefetch(hip, memory.address)).toBe(0);
});

it('stream capture is not modelled, and says so by name', () => {
  const { hip } = openHip();
  const other = openHip();
  expect(() => hip.streamBeginCapture(hip.streamCreate(), 0)).toThrow(
    expect.objectContaining({ code: 'ERR_SVM_NOT_MODELLED', feature: 'hipStreamBeginCapture' }),
  );
  expect(() => hip.threadExchangeStreamCaptureMode(0)).toThrow(
    expect.objectContaining({ feature: 'hipThreadExchangeStreamCaptureMode' }),
  );
  expect(codeOf(() => hip.streamBeginCapture(other.hip.streamCreate()))).toBe(1);
  hip.close();
  expect([codeOf(() => hip.streamBeginCapture(null)), codeOf(() => hip.threadExchangeStreamCaptureMode())]).toEqual([
    4, 4,
  ]);
});
