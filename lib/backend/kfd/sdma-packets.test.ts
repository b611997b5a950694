import { describe, expect, it } from 'vitest';
import { putAtomic, putCopy, putFence, putFill, putWrite } from './sdma-packets.ts';

const words = new Uint32Array(16);
/** The dwords that `put` writes, from index 2 on. */
function packet(put: (at: number) => number): number[] {
  words.fill(0xdead_beef);
  const end = put(2);
  expect([words[1], words[end]]).toEqual([0xdead_beef, 0xdead_beef]);
  return [...words.subarray(2, end)];
}
const ADD = { operation: 'add', bits: 64, value: 1n, compare: 0n } as const;
const FAR = 0x7fff_1234_5678n;

describe('packets, dword by dword', () => {
  it('COPY_LINEAR', () => {
    expect(packet((at) => putCopy(words, at, FAR, 0x1_0000_0003n, 0x1234))).toEqual([
      1, 0x1233, 0, 3, 1, 0x1234_5678, 0x7fff,
    ]);
  });

  it('CONST_FILL with a pattern of a dword', () => {
    expect(packet((at) => putFill(words, at, FAR, 0xffff_fffe, 0x1000))).toEqual([
      0x8000_000b, 0x1234_5678, 0x7fff, 0xffff_fffe, 0xffc,
    ]);
  });

  it('WRITE_LINEAR', () => {
    expect(packet((at) => putWrite(words, at, FAR, Uint32Array.of(7, 8, 0xffff_ffff)))).toEqual([
      2, 0x1234_5678, 0x7fff, 2, 7, 8, 0xffff_ffff,
    ]);
  });

  it('FENCE', () => {
    expect(packet((at) => putFence(words, at, FAR, 0x8000_0001))).toEqual([5, 0x1234_5678, 0x7fff, 0x8000_0001]);
  });

  it('ATOMIC with an addition of 64 bits', () => {
    const add = { ...ADD, value: 0xfedc_ba98_7654_3210n };
    expect(packet((at) => putAtomic(words, at, FAR, add))).toEqual([
      0x5e00_000a, 0x1234_5678, 0x7fff, 0x7654_3210, 0xfedc_ba98, 0, 0, 0,
    ]);
  });

  it('ATOMIC that compares and swaps 32 bits', () => {
    const swap = { operation: 'compare-swap', bits: 32, value: 0xffff_fffen, compare: 5n } as const;
    expect(packet((at) => putAtomic(words, at, FAR + 4n, swap))).toEqual([
      0x1000_000a, 0x1234_567c, 0x7fff, 0xffff_fffe, 0, 5, 0, 0,
    ]);
  });

  it('the whole address space, and counts up to their fields', () => {
    const end = (1n << 64n) - 1n;
    expect(packet((at) => putCopy(words, at, end, 0n, 0x40_0000)).slice(1)).toEqual([
      0x3f_ffff, 0, 0, 0, 0xffff_ffff, 0xffff_ffff,
    ]);
    expect(packet((at) => putFill(words, at, end - 3n, 0, 0x40_0000))[4]).toBe(0x3f_fffc);
  });
});

describe('what has no packet', () => {
  const data = new Uint32Array(1);
  const calls: [what: string, put: () => unknown, message: RegExp][] = [
    [
      'a copy of nothing',
      () => putCopy(words, 0, 0n, 0n, 0),
      /bytes: expected a whole number from 1 to 4194304, got 0/,
    ],
    ['a copy of a byte too much', () => putCopy(words, 0, 0n, 0n, 0x40_0001), /got 4194305/],
    ['a copy of half a byte', () => putCopy(words, 0, 0n, 0n, 0.5), /got 0.5/],
    ['an address of 65 bits', () => putCopy(words, 0, 1n << 64n, 0n, 1), /address: expected 0n to 2\^64 - 1/],
    ['a negative address', () => putCopy(words, 0, 0n, -1n, 1), /got -1n/],
    ['a fill of odd bytes', () => putFill(words, 0, 0n, 0, 6), /bytes: expected a multiple of 4, got 6/],
    ['a fill at an odd address', () => putFill(words, 0, 2n, 0, 4), /address: expected a multiple of 4, got 0x2/],
    ['a write of nothing', () => putWrite(words, 0, 0n, new Uint32Array(0)), /data: .* got 0/],
    ['a write of 2^20 + 1 dwords', () => putWrite(words, 0, 0n, new Uint32Array(2 ** 20 + 1)), /data: .* 1048576/],
    ['a write at an odd address', () => putWrite(words, 0, 1n, data), /multiple of 4/],
    ['a fence at an odd address', () => putFence(words, 0, 2n, 1), /multiple of 4/],
    ['an addition at 4 mod 8', () => putAtomic(words, 0, 4n, ADD), /multiple of 8/],
  ];
  it.each(calls)('%s', (_, put, message) => expect(put).toThrow(message));
});
