import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HsaError, HsaRuntime } from './index.ts';

let runtime: HsaRuntime;
beforeEach(() => {
  runtime = HsaRuntime.open({ devices: [] });
});
afterEach(() => {
  runtime.close();
  vi.useRealTimers();
});

describe('the value', () => {
  it('is a signed 64-bit number that wraps', () => {
    const signal = runtime.createSignal(3);
    expect(signal.load()).toBe(3n);
    signal.store(-(1n << 63n));
    signal.subtract(1);
    expect(signal.load()).toBe((1n << 63n) - 1n);
    signal.add(2n);
    expect(signal.load()).toBe(1n - (1n << 63n));
  });

  it.each([[1.5], [NaN], [2 ** 53], [1n << 63n], [-(1n << 63n) - 1n]])('%s is refused', (value) => {
    const signal = runtime.createSignal(0);
    for (const use of [
      (): unknown => runtime.createSignal(value),
      () => signal.store(value),
      () => signal.add(value),
      () => signal.subtract(value),
    ]) {
      expect(use).toThrow(
        expect.objectContaining({
          name: 'RangeError',
          code: 'ERR_SVM_OUT_OF_RANGE',
          message: expect.stringMatching(/^value: /),
        }),
      );
    }
    expect(signal.load()).toBe(0n);
  });

  it.each([['1'], [null], [undefined], [{}], [true]])('%s is of a wrong type', (value) => {
    expect(() => runtime.createSignal(value as never)).toThrow(
      expect.objectContaining({ name: 'TypeError', code: 'ERR_SVM_INVALID_TYPE' }),
    );
  });
});

describe('waiting', () => {
  it.each([
    ['eq', 5, 4, 5],
    ['ne', 0, 0, -1],
    ['lt', 1, 1, 0],
    ['gte', 0, -1, 0],
  ] as const)('%s %i: not with %i, with %i', async (condition, value, not, met) => {
    const signal = runtime.createSignal(not);
    let answer: bigint | undefined;
    const waiting = signal.wait(condition, value).then((found) => (answer = found));
    await Promise.resolve();
    expect(answer).toBeUndefined();
    signal.store(met);
    await waiting;
    expect(answer).toBe(BigInt(met));
    await expect(signal.wait(condition, value)).resolves.toBe(BigInt(met));
  });

  it('sees a value that is gone when its promise is looked at', async () => {
    const signal = runtime.createSignal(2);
    const waiting = signal.wait('eq', 1);
    signal.subtract(1);
    signal.subtract(1);
    await expect(waiting).resolves.toBe(1n);
  });

  it('is answered in the order in which it began', async () => {
    const signal = runtime.createSignal(1);
    const order: number[] = [];
    const waits = [0, 1, 2, 3].map((index) => signal.wait('eq', 0).then(() => order.push(index)));
    // Or the promises' own machinery would put them in order.
    await new Promise((resolve) => setImmediate(resolve));
    signal.store(0);
    await Promise.all(waits);
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('ends with the value as it is after the timeout', async () => {
    vi.useFakeTimers();
    const signal = runtime.createSignal(1);
    let answer: bigint | undefined;
    const waiting = signal.wait('eq', 0, { timeout: 100 }).then((found) => (answer = found));
    signal.store(9);
    await vi.advanceTimersByTimeAsync(99);
    expect(answer).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await waiting;
    expect(answer).toBe(9n);
    await expect(signal.wait('eq', 0, { timeout: 0 })).resolves.toBe(9n);
  });

  it('leaves no timer behind when it is answered earlier', async () => {
    vi.useFakeTimers();
    const signal = runtime.createSignal(1);
    const waiting = signal.wait('eq', 0, { timeout: 100 });
    await Promise.resolve();
    expect(vi.getTimerCount()).toBe(1);
    signal.store(0);
    await waiting;
    expect(vi.getTimerCount()).toBe(0);
  });

  it('can be aborted, before and while it waits', async () => {
    const signal = runtime.createSignal(1);
    const reason = new Error('enough');
    const control = new AbortController();
    const waiting = signal.wait('eq', 0, { signal: control.signal });
    control.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(signal.wait('eq', 1, { signal: control.signal })).rejects.toBe(reason);
    // Aborting after the answer does nothing.
    const late = new AbortController();
    const answered = signal.wait('eq', 0, { signal: late.signal });
    expect(getEventListeners(late.signal, 'abort')).toHaveLength(1);
    signal.store(0);
    expect(getEventListeners(late.signal, 'abort')).toHaveLength(0);
    late.abort(reason);
    await expect(answered).resolves.toBe(0n);
  });

  it.each([
    ['condition', ['eqq', 0]],
    ['condition', [undefined, 0]],
    ['value', ['eq', 0.5]],
    ['options:', ['eq', 0, null]],
    ['options.timeout', ['eq', 0, { timeout: -1 }]],
    ['options.timeout', ['eq', 0, { timeout: NaN }]],
    ['options.timeout', ['eq', 0, { timeout: Infinity }]],
    ['options.timeout', ['eq', 0, { timeout: '5' }]],
    ['options.signal', ['eq', 0, { signal: {} }]],
  ])('names a bad %s (%j)', async (field, args) => {
    const signal = runtime.createSignal(0);
    await expect(signal.wait(...(args as [never, never, never]))).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_SVM_/), message: expect.stringContaining(field) }),
    );
  });
});

describe('when the runtime is closed', () => {
  it('pending waits are rejected, and so is every later use', async () => {
    const signal = runtime.createSignal(1);
    const waits = [
      signal.wait('eq', 0),
      signal.wait('eq', 2, { timeout: 60_000 }),
      signal.wait('ne', 1, { signal: new AbortController().signal }),
    ];
    const ended = Promise.allSettled(waits);
    runtime.close();
    for (const result of await ended) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { name: 'HsaError', statusName: 'HSA_STATUS_ERROR_NOT_INITIALIZED' },
      });
    }
    for (const use of [() => signal.load(), () => signal.store(0), () => signal.add(1), () => signal.subtract(1)])
      expect(use).toThrow(HsaError);
    await expect(signal.wait('eq', 1)).rejects.toThrow(HsaError);
  });
});
