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
    expect(contents.empty).toBe(false);
  });

  it('makes bytes of zeros for a page that has none', () => {
    const contents = new PageContents();
    expect(contents.empty).toBe(true);
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

  it('clears what the CPU sees when a page leaves, and keeps a ghost only while a PTE points at it', () => {
    const contents = new PageContents();
    const referenced = new Set([1]);
    contents.isFrameReferenced = (_, frame) => referenced.has(frame);
    contents.attach(10, filled(2, 8));
    contents.pageLeaves(10, 1);
    contents.pageLeaves(11, 2);
    expect([contents.peek(10)![0], contents.peek(11)![0]]).toEqual([0, 0]);
    expect([contents.ghostOf(1)![0], contents.ghostOf(2), contents.ghostPages]).toEqual([8, undefined, 1]);
    referenced.clear();
    expect([contents.ghostPages, contents.ghostOf(1)]).toEqual([0, undefined]);
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
