/** What the addon remembers about the pages of a mapping: right in every order of calls, and quick with many of them. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { describeNative } from './support/native-helpers.ts';

const [ENOMEM, EFAULT] = [-12, -14];
const UNMAPPED = -1;
const [READ, WRITE] = [1, 2];

/** mulberry32. */
function randomNumbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

describeNative('the pages of a mapping', (addon) => {
  const page = addon.layout().pageSize;

  /** Protection of each page as the kernel says; `UNMAPPED` where there is none. */
  function kernelPages(address: bigint, count: number): number[] {
    const pages = new Array<number>(count).fill(UNMAPPED);
    for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
      const match = /^([0-9a-f]+)-([0-9a-f]+) (.)(.)/.exec(line);
      if (match === null) continue;
      const first = Number((BigInt(`0x${match[1]}`) - address) / BigInt(page));
      const end = Number((BigInt(`0x${match[2]}`) - address) / BigInt(page));
      const protection = (match[3] === 'r' ? READ : 0) | (match[4] === 'w' ? WRITE : 0);
      if (end > 0 && first < count) pages.fill(protection, Math.max(0, first), Math.min(count, end));
    }
    return pages;
  }

  it.each([1, 2, 3, 4])('are those of the kernel after any calls (seed %i)', (seed) => {
    const below = randomNumbers(seed);
    const count = 40;
    const mapping = addon.mapMemory(count * page);
    if (typeof mapping === 'number') throw new Error(`mmap: ${mapping}`);
    const { handle, address } = mapping;
    const pages = new Array<number>(count).fill(READ | WRITE);
    const oneByte = new Uint8Array(1);
    for (let round = 0; round < 600; round++) {
      const first = below(count);
      const length = 1 + below(Math.min(8, count - first));
      const [offset, bytes] = [first * page, length * page];
      const alive = pages.slice(first, first + length).every((protection) => protection !== UNMAPPED);
      if (below(40) === 0) {
        expect(addon.unmapMemory(handle, offset, page)).toBe(0);
        pages[first] = UNMAPPED;
      } else if (below(10) === 0) {
        expect(addon.discardMemory(handle, offset, bytes)).toBe(alive ? 0 : ENOMEM);
      } else {
        const protection = below(4) === 0 ? 0 : below(2) === 0 ? READ : READ | WRITE;
        expect(addon.protectMemory(handle, offset, bytes, protection)).toBe(alive ? 0 : ENOMEM);
        if (alive) pages.fill(protection, first, first + length);
      }
      const at = below(count);
      expect(addon.readMemory(handle, at * page, oneByte)).toBe(pages[at]! > 0 && pages[at]! & READ ? 1 : EFAULT);
      // Others may get the addresses of holes, so only pages that are there can be compared.
      if (round % 20 === 0) {
        const kernel = kernelPages(address, count);
        for (const [index, protection] of pages.entries())
          if (protection !== UNMAPPED) expect(kernel[index], `page ${index} after ${round} calls`).toBe(protection);
      }
    }
    expect(addon.unmapMemory(handle, 0, count * page)).toBe(0);
  });

  it('take time in proportion to their number when every other one is protected', () => {
    // Processor time: what else the machine does must not count.
    const milliseconds = (count: number) => {
      const mapping = addon.mapMemory(2 * count * page);
      if (typeof mapping === 'number') throw new Error(`mmap: ${mapping}`);
      const started = process.cpuUsage();
      let refused = 0;
      for (let index = 0; index < count; index++)
        refused += addon.protectMemory(mapping.handle, 2 * index * page, page, READ);
      refused += addon.unmapMemory(mapping.handle, 0, 2 * count * page);
      const { user, system } = process.cpuUsage(started);
      expect(refused).toBe(0);
      return (user + system) / 1000;
    };
    const least = (count: number) => Math.min(milliseconds(count), milliseconds(count), milliseconds(count));
    // Eight times as many: 64 times and more when each call looks at all pages.
    const [few, many] = [least(2000), least(16_000)];
    expect(many / few).toBeLessThan(30);
  });
});
