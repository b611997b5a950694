import { describe, expect, it } from 'vitest';
import { runAwake } from '../kernel/sleepable.ts';
import { Vram } from './vram.ts';

interface TestBuffer {
  readonly offset: number;
  readonly pages: number;
  readonly stays?: number;
}

class TestVram {
  readonly vram: Vram<TestBuffer>;
  readonly evicted: number[] = [];

  constructor(pages: number) {
    this.vram = new Vram(pages);
  }

  /** Offset of a new buffer, or the errno; `stays`: what its eviction fails with. */
  add(pages: number, stays = 0): number {
    const offset = this.find(pages);
    if (offset >= 0) this.vram.add({ offset, pages, stays });
    return offset;
  }

  find(pages: number): number {
    return runAwake(this.vram.findPlace(pages, this.evict));
  }

  readonly evict = function* (this: TestVram, buffer: TestBuffer): Generator<void, number, void> {
    this.evicted.push(buffer.offset);
    yield* [];
    if (buffer.stays !== 0) return buffer.stays!;
    this.vram.remove(buffer);
    return 0;
  }.bind(this);

  remove(offset: number): void {
    for (const buffer of this.vram.buffers()) if (buffer.offset === offset) this.vram.remove(buffer);
  }
}

describe('places in VRAM', () => {
  it('are the lowest free multiples of the size, rounded up to a power of two and at most 2 MiB', () => {
    const it = new TestVram(2048);
    expect([it.add(1), it.add(16), it.add(1), it.add(3), it.add(512), it.add(16)]).toEqual([0, 16, 1, 4, 512, 32]);
    it.remove(0);
    expect([it.add(2), it.add(1)]).toEqual([2, 0]);
  });

  it('of more than 2 MiB begin at a multiple of 2 MiB and go over as many chunks as it takes', () => {
    const it = new TestVram(4096);
    expect([it.add(1), it.add(1200), it.add(600), it.add(512)]).toEqual([0, 512, 2048, 3072]);
    it.remove(512);
    expect(it.add(1024)).toBe(512);
  });

  it('end with the VRAM, also where that is no whole number of chunks', () => {
    const it = new TestVram(520);
    expect([it.add(512), it.add(8), it.find(1)]).toEqual([0, 512, 0]);
    expect(it.evicted).toEqual([0]);
  });
});

describe('buffers that give way', () => {
  it('are the oldest, one after the other until there is a place', () => {
    const it = new TestVram(48);
    expect([it.add(16), it.add(16), it.add(16), it.add(16)]).toEqual([0, 16, 32, 0]);
    expect([it.add(16), it.evicted]).toEqual([16, [0, 16]]);
  });

  it('are passed over with EBUSY, and end the search with any other error', () => {
    const it = new TestVram(32);
    it.add(16, -16);
    it.add(16);
    expect([it.add(16), it.evicted]).toEqual([16, [0, 16]]);
    const other = new TestVram(32);
    other.add(16, -5);
    other.add(16);
    expect([other.add(16), other.evicted]).toEqual([-5, [0]]);
  });

  it('are not asked again while they are on their way', () => {
    const { vram } = new TestVram(16);
    const inner: number[] = [];
    vram.add({ offset: 0, pages: 16 });
    const again = function* (): Generator<void, number, void> {
      inner.push(yield* vram.evictOldest(again));
      return -16;
    };
    expect(runAwake(vram.findPlace(16, again))).toBe(-12);
    expect(inner).toEqual([-2]);
  });

  it('are not those that somebody else took', () => {
    const it = new TestVram(32);
    it.vram.pin(it.find(16), 16);
    it.add(16);
    expect([it.find(32), it.evicted, it.vram.pinnedPages, it.vram.evictablePages]).toEqual([-12, [16], 16, 0]);
    expect([it.vram.unpin(0), it.vram.unpin(0), it.find(32)]).toEqual([0, -2, 0]);
  });
});
