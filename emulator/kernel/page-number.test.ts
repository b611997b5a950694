import { describe, expect, it } from 'vitest';
import {
  addressOfPage,
  alignDown,
  alignUp,
  isPageAligned,
  PAGE_NUMBER_END,
  pageOfAddress,
  pageOfHalves,
} from './page-number.ts';

describe('page numbers', () => {
  for (const [address, page] of [
    [0n, 0],
    [4095n, 0],
    [4096n, 1],
    [0xffff_f000n, 0xfffff],
    [0x1_0000_0000n, 0x100000],
    [(1n << 64n) - 1n, 2 ** 52 - 1],
  ] as const) {
    it(`of the address 0x${address.toString(16)} is ${page}, from a bigint and from halves`, () => {
      expect(pageOfAddress(address)).toBe(page);
      expect(pageOfHalves(Number(address >> 32n), Number(address & 0xffff_ffffn))).toBe(page);
      expect(addressOfPage(page)).toBe(address & ~0xfffn);
    });
  }

  it('wrap as a u64 does', () => {
    expect(pageOfAddress(1n << 64n)).toBe(0);
    expect(pageOfAddress(-4096n)).toBe(2 ** 52 - 1);
    expect(addressOfPage(PAGE_NUMBER_END)).toBe(1n << 64n);
  });

  it('are exact at the upper end of 2^52', () => {
    expect(alignDown(2 ** 52 - 1, 512)).toBe(2 ** 52 - 512);
    expect(alignUp(2 ** 52 - 511, 512)).toBe(2 ** 52);
    expect(alignDown(2 ** 52 - 1, 2 ** 27)).toBe(2 ** 52 - 2 ** 27);
  });

  it('align down and up to powers of two', () => {
    expect([alignDown(511, 512), alignDown(512, 512), alignUp(512, 512), alignUp(513, 512), alignUp(0, 16)]).toEqual([
      0, 512, 512, 1024, 0,
    ]);
  });

  it('know aligned values by their lowest twelve bits', () => {
    expect([0n, 4096n, 1n, 4095n, (1n << 64n) - 4096n].map(isPageAligned)).toEqual([true, true, false, false, true]);
  });
});
