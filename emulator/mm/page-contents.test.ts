import { describe, expect, it } from 'vitest';
import { PageContents } from './page-contents.ts';

const PAGE = 4096;

function filled(pages: number, value: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(pages * PAGE).fill(value);
}

describe('PageContents', () => {
  it('shares attached bytes with their owner, page by page', () => {
    const contents = new PageContents();
    const bytes = filled(3, 7);
    contents.attach(100, bytes);
    bytes[PAGE + 5] = 9;
    expect([contents.peek(99), contents.peek(103)]).toEqual([undefined, undefined]);
    expect([contents.peek(100)![5], contents.peek(101)![5], contents.peek(102)!.length]).toEqual([7, 9, PAGE]);
    expect([contents.mayHold(0, 100), contents.mayHold(102, 200)]).toEqual([false, true]);
  });

  it('makes bytes of zeros for a page that has none', () => {
    const contents = new PageContents();
    expect(contents.mayHold(0, 100)).toBe(false);
    contents.bytesOf(5)[0] = 1;
    expect([contents.peek(5)![0], contents.peek(5)![1], contents.bytesOf(5)[0]]).toEqual([1, 0, 1]);
  });

  it('forgets the middle of a mapping and keeps both ends shared', () => {
    const contents = new PageContents();
    const bytes = filled(5, 3);
    contents.attach(10, bytes);
    contents.detach(12, 13);
    bytes[0] = 1;
    bytes[4 * PAGE] = 2;
    expect([10, 11, 12, 13, 14].map((page) => contents.peek(page)?.[0])).toEqual([1, 3, undefined, 3, 2]);
  });

  it('replaces what was attached there before', () => {
    const contents = new PageContents();
    contents.attach(10, filled(4, 1));
    contents.attach(11, filled(2, 2));
    expect([10, 11, 12, 13].map((page) => contents.peek(page)![0])).toEqual([1, 2, 2, 1]);
  });

  it('keeps a ghost of a page that leaves only while a PTE points at it', () => {
    const contents = new PageContents();
    const referenced = new Set([1]);
    contents.isFrameReferenced = (_, frame) => referenced.has(frame);
    contents.attach(10, filled(2, 8));
    contents.pageLeaves(10, 1);
    contents.pageLeaves(11, 2);
    contents.clear(10, 12);
    expect([contents.peek(10)![0], contents.peek(11)![0]]).toEqual([0, 0]);
    expect([contents.ghostOf(1)![0], contents.ghostOf(2), contents.ghostPages]).toEqual([8, undefined, 1]);
    referenced.clear();
    expect([contents.ghostPages, contents.ghostOf(1)]).toEqual([0, undefined]);
  });

  it('clears the pages that are asked for, whoever wrote to them', () => {
    const contents = new PageContents();
    const bytes = filled(40, 8);
    contents.attach(10, bytes);
    contents.bytesOf(60)[1] = 1;
    contents.clear(12, 61);
    expect(bytes.subarray(0, 2 * PAGE).every((byte) => byte === 8)).toBe(true);
    expect(bytes.subarray(2 * PAGE).every((byte) => byte === 0)).toBe(true);
    expect(contents.peek(60)!.every((byte) => byte === 0)).toBe(true);
  });

  it('of bytes that lie anywhere are looked at, too', () => {
    const contents = new PageContents();
    contents.isFrameReferenced = () => true;
    const bytes = new Uint8Array(2 * PAGE + 1).subarray(1);
    contents.attach(10, bytes);
    bytes[2 * PAGE - 1] = 3;
    contents.pageLeaves(10, 1);
    contents.pageLeaves(11, 2);
    contents.clear(10, 12);
    expect([contents.ghostOf(1), contents.ghostOf(2)![PAGE - 1], bytes[2 * PAGE - 1]]).toEqual([undefined, 3, 0]);
  });

  it('knows what was written while nobody else has the bytes', () => {
    const contents = new PageContents();
    contents.isFrameReferenced = () => true;
    const bytes = new Uint8Array(1000 * PAGE);
    contents.attach(100, bytes, false);
    expect([contents.mayHold(0, 5000), contents.peek(100)]).toEqual([false, undefined]);
    contents.write(717, 5, Uint8Array.of(9));
    expect([contents.mayHold(100, 717), contents.mayHold(717, 718), contents.mayHold(718, 1100)]).toEqual([
      false,
      true,
      false,
    ]);
    expect([contents.peek(716), contents.peek(717)![5]]).toEqual([undefined, 9]);
    contents.pageLeaves(716, 1);
    contents.pageLeaves(717, 2);
    expect([contents.ghostOf(1), contents.ghostOf(2)![5]]).toEqual([undefined, 9]);
    // What is left of a mapping knows it as well.
    contents.detach(300, 400);
    expect([contents.mayHold(100, 300), contents.mayHold(400, 1100)]).toEqual([false, true]);
    contents.clear(100, 1100);
    expect([bytes[617 * PAGE + 5], contents.peek(717)]).toEqual([0, undefined]);
    contents.share(bytes.buffer);
    bytes[0] = 4;
    expect([contents.mayHold(100, 101), contents.peek(100)![0]]).toEqual([true, 4]);
    contents.clear(100, 300);
    expect(bytes[0]).toBe(0);
  });

  it('moves to another buffer with what is known of it', () => {
    const contents = new PageContents();
    const bytes = new Uint8Array(10 * PAGE);
    contents.attach(100, bytes, false);
    contents.bytesOf(103)[0] = 7;
    contents.detach(105, 106);
    let moved: ArrayBuffer | undefined;
    contents.moveBuffer(bytes.buffer, () => (moved = structuredClone(bytes.buffer, { transfer: [bytes.buffer] })));
    expect([contents.peek(103)![0], contents.peek(104), contents.peek(103)!.buffer === moved]).toEqual([
      7,
      undefined,
      true,
    ]);
    contents.clear(100, 110);
    expect([new Uint8Array(moved!)[3 * PAGE], contents.mayHold(100, 110)]).toEqual([0, false]);
  });

  it('does not collect ghosts without end', () => {
    const contents = new PageContents();
    let living = 0;
    contents.isFrameReferenced = (_, frame) => frame === living;
    for (let frame = 1; frame <= 1000; frame++) {
      living = frame;
      contents.bytesOf(10)[0] = frame & 0xff;
      contents.pageLeaves(10, frame);
    }
    expect(contents.ghostPages).toBe(1);
    expect(contents.ghostOf(1000)![0]).toBe(1000 & 0xff);
  });
});
