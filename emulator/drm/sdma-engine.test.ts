import { beforeEach, describe, expect, it } from 'vitest';
import { applyAtomic } from '../../lib/uapi/atomic.ts';
import { SdmaEngine } from './sdma-engine.ts';

const bytes = new Uint8Array(256);
const view = new DataView(bytes.buffer);
const traps: number[] = [];
const engine = new SdmaEngine(
  {
    read: (address, count) => bytes.slice(Number(address), Number(address) + count),
    write: (address, data) => bytes.set(data, Number(address)),
    atomic: (address, atomic) => applyAtomic(bytes.subarray(Number(address)), atomic),
  },
  { trap: (context) => traps.push(context), timestamp: () => 0x1122_3344_5566_7788n },
);
const run = (...dwords: number[]): number => engine.execute(Uint32Array.from(dwords), 0, dwords.length);

beforeEach(() => {
  for (let index = 0; index < bytes.length; index++) bytes[index] = index;
  traps.length = 0;
});

describe('packets', () => {
  it('NOP skips as many dwords as it says', () => {
    expect(run(0, 2 << 16, 0xffff_ffff, 0xffff_ffff, 0)).toBe(5);
  });

  it('COPY_LINEAR, to one place or to two, without alignment', () => {
    run(1, 2, 0, 5, 0, 101, 0);
    expect([...bytes.subarray(100, 105)]).toEqual([100, 5, 6, 7, 104]);
    run(1 | (1 << 27), 0, 0, 9, 0, 200, 0, 203, 0);
    expect([...bytes.subarray(199, 205)]).toEqual([199, 9, 201, 202, 9, 204]);
  });

  it('CONST_FILL of bytes, words and dwords, with either way to count dwords', () => {
    run(11 | (2 << 30), 8, 0, 0x0102_0304, 4);
    expect([...bytes.subarray(7, 17)]).toEqual([7, 4, 3, 2, 1, 4, 3, 2, 1, 16]);
    run(11 | (2 << 30), 32, 0, 0x0a0b_0c0d, 7);
    expect([...bytes.subarray(31, 41)]).toEqual([31, 13, 12, 11, 10, 13, 12, 11, 10, 40]);
    run(11 | (1 << 30), 64, 0, 0x0102, 2);
    expect([...bytes.subarray(63, 68)]).toEqual([63, 2, 1, 2, 67]);
    run(11, 80, 0, 0x0908_0706, 4);
    expect([...bytes.subarray(79, 86)]).toEqual([79, 6, 7, 8, 9, 6, 85]);
  });

  it('WRITE_LINEAR, FENCE, TRAP, TIMESTAMP and ATOMIC', () => {
    run(2, 16, 0, 1, 0x0403_0201, 0xffff_fffe, 5, 24, 0, 0x1234, 6, 0xf000_0007, 13 | (2 << 8), 32, 0);
    expect([view.getUint32(16, true), view.getUint32(20, true), view.getUint32(24, true)]).toEqual([
      0x0403_0201, 0xffff_fffe, 0x1234,
    ]);
    expect([traps, view.getBigUint64(32, true)]).toEqual([[7], 0x1122_3344_5566_7788n]);
    view.setBigUint64(40, 0xffff_ffffn, true);
    run((10 | (47 << 25)) >>> 0, 40, 0, 1, 2, 0, 0, 0);
    expect(view.getBigUint64(40, true)).toBe(0x3_0000_0000n);
    // Compare and swap of 32 bits, which leaves the upper half of the operands alone; unsigned minimum of 64.
    run((10 | (8 << 25)) >>> 0, 44, 0, 0x77, 0xbad, 3, 0xbad, 0);
    run((10 | (50 << 25)) >>> 0, 40, 0, 5, 0x76, 0, 0, 0);
    expect(view.getBigUint64(40, true)).toBe(0x76_0000_0005n);
  });

  it.each([
    [0, [true, true, true]],
    [1, [false, false, true]],
    [2, [false, true, true]],
    [3, [false, true, false]],
    [4, [true, false, true]],
    [5, [true, true, false]],
    [6, [true, false, false]],
  ])('POLL_REGMEM with function %i goes on, or waits, for 6, 5 and 4 against 5', (compare, expected) => {
    const poll = ((8 | (compare << 28) | (1 << 31)) >>> 0) as number;
    expect(
      [6, 5, 4].map((value) => {
        view.setUint32(12, 0xff00 | value, true);
        return run(0, poll, 12, 0, 5, 0xff, 0x0fff_0004) === 7;
      }),
    ).toEqual(expected);
  });
});

describe('what the engine does not know', () => {
  it.each([
    ['an operation', [4], /header 0x00000004: operation 4, 0/],
    ['another kind of copy', [1 | (4 << 8), 0, 0, 0, 0, 0, 0], /operation 1, 4/],
    ['a fill of 8 bytes', [(11 | (3 << 30)) >>> 0, 0, 0, 0, 0], /operation 11/],
    ['a poll of a register', [(3 << 28) | 8, 0, 0, 0, 0, 0], /operation 8/],
    ['an atomic of no operation', [10, 0, 0, 0, 0, 0, 0, 0], /the atomic operation 0 of an SDMA packet .*operation 10/],
    ['an atomic on floating point numbers', [10 | (2 << 25), 0, 0, 0, 0, 0, 0, 0], /the atomic operation 2 of/],
    ['an atomic without the old value', [(10 | (111 << 25)) >>> 0, 0, 0, 0, 0, 0, 0, 0], /the atomic operation 111 of/],
    [
      'an atomic in a loop',
      [(10 | (47 << 25) | (1 << 16)) >>> 0, 0, 0, 0, 0, 0, 0, 0],
      /an atomic operation in a loop/,
    ],
    ['a packet over the end', [5, 0, 0], /over the end of what was submitted/],
    ['a NOP over the end', [9 << 16], /over the end/],
  ])('%s throws by name, after what came before it', (_, dwords, message) => {
    expect(() => run(5, 0, 0, 77, ...dwords)).toThrow(message);
    expect(view.getUint32(0, true)).toBe(77);
  });
});
