import { describe, expect, it } from 'vitest';
import { newSlab, PageBlock, PIECE_PAGES } from './page-block.ts';

/** The second of two blocks that share memory. */
function block(): PageBlock {
  return new PageBlock(newSlab(2), 512);
}

function entries(of: PageBlock, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, at) => `${of.frameAt(from + at)}:${of.markAt(from + at)}`);
}

describe('PageBlock', () => {
  it('has no pages at first', () => {
    const it = block();
    expect(new Set(entries(it, 0, 512))).toEqual(new Set(['0:0']));
    it.unpackAll();
    expect(new Set(entries(it, 0, 512))).toEqual(new Set(['0:0']));
  });

  it('has a piece of pages that are alike as one, and gives each page its own frame', () => {
    const it = block();
    it.pack(31, 100, 3);
    expect(entries(it, 495, 498)).toEqual(['0:0', '100:3', '101:3']);
    expect(entries(it, 511, 512)).toEqual(['115:3']);
    expect([it.isPacked(31), it.isPacked(30)]).toEqual([true, true]);
  });

  it('says the same of pages after they got entries of their own', () => {
    const it = block();
    it.pack(2, 100, 3);
    it.pack(3, 0, 4);
    const before = entries(it, 0, 512);
    it.unpack(2);
    expect([it.isPacked(2), it.isPacked(3), it.frames[it.base + 33], it.marks[it.base + 33]]).toEqual([
      false,
      true,
      101,
      3,
    ]);
    it.marks[it.base + 34] = 9;
    it.unpack(2);
    it.unpackAll();
    expect(entries(it, 0, 512)).toEqual(before.with(34, '102:9'));
    it.pack(2, 7, 1);
    expect(entries(it, 32, 34)).toEqual(['7:1', '8:1']);
  });

  it('packs as a whole, for frames that follow one another or for none', () => {
    const it = block();
    it.unpack(5);
    it.packAll(1000, 2);
    expect([it.frameAt(0), it.frameAt(5 * PIECE_PAGES + 1), it.frameAt(511)]).toEqual([1000, 1081, 1511]);
    it.packAll(0, 0);
    expect(new Set(entries(it, 0, 512))).toEqual(new Set(['0:0']));
  });

  it('gives frames as a number where they follow one another, and else a copy', () => {
    const it = block();
    it.pack(0, 100, 1);
    it.pack(1, 200, 1);
    expect([it.framesFrom(0, 16), it.framesFrom(17, 1), it.isPacked(0)]).toEqual([100, 201, true]);
    expect(it.framesFrom(14, 4)).toEqual(Uint32Array.of(114, 115, 200, 201));
    it.pack(1, 116, 1);
    expect(it.framesFrom(0, 32)).toBe(100);
  });
});
