import { expect, it } from 'vitest';
import { parseProgram } from './program.ts';
import { ReadCheck, readsOf } from './reads.ts';
import type { TraceOperation } from '../trace/operations/index.ts';

const load = { name: 'load', address: 0x10_000n, size: 0x3000n, gpu: 0 } as unknown as TraceOperation;
const program = parseProgram('test', {
  setup: [{ store: { addr: '0x10000', len: '0x3000', value: 5 } }],
  threads: [
    [{ load: { addr: '0x10000', len: '0x3000' } }],
    [{ access: { addr: '0x10000', len: '0x1000', write: true, value: 6 } }],
  ],
});

it('looks at what was read page by page', () => {
  const reads = readsOf(load, { ret: 0, vals: [[5, '0x10', '0x2'], [6, '0x12', '0x1']] }, 0, 0); // prettier-ignore
  const by = 'load of thread A (operation 1)';
  expect(reads).toEqual([
    { by, page: 0x10, value: 5 },
    { by, page: 0x11, value: 5 },
    { by, page: 0x12, value: 6 },
  ]);
  expect(readsOf(load, { ret: 0 }, undefined, 0)).toEqual([]);
});

it('tells what nobody wrote from what no serial order gives', () => {
  const check = new ReadCheck(program);
  const [right] = readsOf(load, { ret: 0, vals: [[5, '0x10', '0x1']] }, 0, 0);
  check.noteSerial([right!]);
  const read = (value: number | '?', page = 0x10) => [{ ...right!, page, value }];
  // Written by the set-up, by a thread, never, and 0 of fresh memory.
  expect([5, 6, 7, 0].map((value) => check.foreign(read(value)) !== undefined)).toEqual([false, false, true, false]);
  expect(check.foreign(read('?'))).toEqual({ ...right, value: '?' });
  expect([5, 6].map((value) => check.stale(read(value)) !== undefined)).toEqual([false, true]);
  // No serial order could read that page: nothing is known of it.
  expect(check.stale(read(6, 0x11))).toBeUndefined();
});
