import { expect, it } from 'vitest';
import type { KfdHandle, KfdQueueHandle } from '../../../native/native.d.ts';
import { NativeKfdPort } from './native-port.ts';

it('waits on another thread only for what the engine has not done yet', async () => {
  let fenced = 0;
  const waits: number[] = [];
  const port = new NativeKfdPort(
    {
      kfdCreateQueue: () => ({
        handle: {} as KfdQueueHandle,
        ring: new ArrayBuffer(0),
        buffer: new ArrayBuffer(0),
        bufferAddress: 0n,
        fenceAddress: 0n,
      }),
      kfdFetched: () => 0,
      kfdFenced: () => fenced,
      kfdSubmit: () => 0,
      kfdWait: (_queue, value) => {
        waits.push(value);
        fenced = value;
        return Promise.resolve(true);
      },
      kfdEvent: () => undefined,
      kfdCloseQueue: () => undefined,
    },
    {} as KfdHandle,
    'all',
  );
  expect(await port.waitForFence(1, 1000)).toBe(true);
  expect(waits).toEqual([1]);
  fenced = 2;
  expect(await port.waitForFence(2, 1000)).toBe(true);
  expect(waits).toEqual([1]);
});
