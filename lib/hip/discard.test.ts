/** Discards beyond the cases of HIP's own tests: how they are shown, and wrong arguments. */
import { describe, expect, it } from 'vitest';
import { codeOf, linesOf, openHip, PAGE } from '../../test/support/hip-rig.ts';
import { HipMemLocationType } from './index.ts';
import type { HipPointer, HipStreamArgument } from './index.ts';

const INVALID = 1;

it('is one call of the traffic view, with what it causes', async () => {
  const { hip } = openHip({ machine: { gpus: 2 } });
  const stream = hip.streamCreate();
  const [first, second] = [hip.mallocManaged(PAGE), hip.mallocManaged(PAGE)];
  const lines = await linesOf(hip, async () => {
    hip.memDiscardBatchAsync([first, second], [PAGE, PAGE], 2, 0, stream);
    hip.drvMemDiscardAndPrefetchBatchAsync(
      [first],
      [PAGE],
      1,
      [{ type: HipMemLocationType.device, id: 1 }],
      [0],
      1,
      0,
      stream,
    );
    expect(codeOf(() => hip.memDiscardBatchAsync([first], [PAGE], 0, 0, stream))).toBe(INVALID);
    await hip.streamSynchronize(stream);
  });
  const home =
    'GPU0: GET PREFERRED_LOC=UNDEFINED; GPU1: GET PREFERRED_LOC=UNDEFINED; GPU0: PREFETCH_LOC=SYSMEM; GPU1: PREFETCH_LOC=SYSMEM';
  expect(lines).toEqual([
    'hipMemDiscardBatchAsync(0) -> no ioctl ! hipErrorInvalidValue (1): count: 0',
    `hipMemDiscardBatchAsync(2) -> ${home}; ${home}`,
    `hipDrvMemDiscardAndPrefetchBatchAsync(1) -> ${home}; GPU1: PREFETCH_LOC=1`,
  ]);
});

describe('misuse of a discard', () => {
  it('freed memory, memory of another runtime, ranges across allocations, foreign and ended streams', () => {
    const { hip, devices } = openHip();
    const other = openHip();
    const stream = hip.streamCreate();
    const memory = hip.mallocManaged(PAGE);
    const code = (pointer: HipPointer, size: number, on: HipStreamArgument = stream): number =>
      codeOf(() => hip.memDiscardBatchAsync([pointer], [size], 1, 0, on));
    hip.mallocManaged(PAGE);
    expect(code(memory, 2 * PAGE)).toBe(INVALID);
    expect(code(other.hip.mallocManaged(PAGE), PAGE)).toBe(INVALID);
    expect(code(memory, PAGE, other.hip.streamCreate())).toBe(INVALID);
    const gone = hip.streamCreate();
    hip.streamDestroy(gone);
    expect(code(memory, PAGE, gone)).toBe(709);
    const { address } = memory;
    hip.free(memory);
    expect([code(memory, PAGE), code(address, PAGE)]).toEqual([INVALID, INVALID]);
    hip.close();
    expect(code(address, PAGE)).toBe(4);
    expect(devices[0]!.closed).toBe(false);
  });

  it('lists that are too short and arguments of a wrong type name the field', () => {
    const { hip } = openHip();
    const stream = hip.streamCreate();
    const memory = hip.mallocManaged(PAGE);
    for (const [message, action] of [
      ['sizes: expected 2 entries, got 1', () => hip.memDiscardBatchAsync([memory, memory], [PAGE], 2, 0, stream)],
      [
        'pointers: expected a list or null, got an object',
        () => hip.memDiscardBatchAsync({} as never, [PAGE], 1, 0, stream),
      ],
      ['pointers[0]: expected an address', () => hip.memDiscardBatchAsync([5 as never], [PAGE], 1, 0, stream)],
      ['stream: expected a stream of the runtime', () => hip.memDiscardBatchAsync([memory], [PAGE], 1, 0, 3 as never)],
      [
        'locations[0].type: expected a number',
        () => hip.memDiscardAndPrefetchBatchAsync([memory], [PAGE], 1, [{} as never], [0], 1, 0, stream),
      ],
    ] as const) {
      expect(action).toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/^ERR_SVM_/) as string,
          message: expect.stringContaining(message) as string,
        }),
      );
    }
  });

  it('memory that is freed before the discard runs: a documented synchronisation tells, rocm does not', async () => {
    for (const compatibility of ['rocm', 'documented'] as const) {
      const { hip } = openHip({ compatibility });
      const stream = hip.streamCreate();
      const memory = hip.mallocManaged(PAGE);
      hip.memDiscardBatchAsync([memory], [PAGE], 1, 0, stream);
      hip.free(memory);
      const ended = hip.streamSynchronize(stream);
      if (compatibility === 'rocm') await ended;
      else
        await expect(ended).rejects.toMatchObject({
          code: INVALID,
          message: expect.stringContaining('the discard of 1 range failed') as string,
        });
    }
  });

  it('did not exist in 2024', () => {
    const { hip } = openHip({ release: '2024' });
    const memory = hip.mallocManaged(PAGE);
    expect(() => hip.memDiscardBatchAsync([memory], [PAGE], 1, 0, hip.streamCreate())).toThrow(
      expect.objectContaining({ code: 'ERR_SVM_NOT_AVAILABLE' }),
    );
  });
});
