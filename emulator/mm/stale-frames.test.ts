import { describe, expect, it } from 'vitest';
import { StaleFrames } from './stale-frames.ts';

const FRAME = 0x8000_0000;
const NEVER = (): boolean => false;

/** PTEs of a GPU: page and frame. */
class Ptes {
  readonly frames = new Map<number, number>();
  readonly points = (page: number, frame: number): boolean => this.frames.get(page) === frame;

  map(page: number, frame: number, count = 1): void {
    for (let index = 0; index < count; index++) this.frames.set(page + index, frame + index);
  }
}

describe('stale frames', () => {
  it('are found by the pages that they left, as long as their PTEs stay', () => {
    const [stale, ptes] = [new StaleFrames(), new Ptes()];
    ptes.map(1000, FRAME, 4);
    for (let index = 0; index < 4; index++) stale.note(1000 + index, FRAME + index, ptes.points);
    expect(stale.runsOf(FRAME)).toBe(1);
    expect([0, 3, 4].map((index) => stale.isReferenced(FRAME + index, ptes.points))).toEqual([true, true, false]);
    ptes.frames.delete(1003);
    expect(stale.isReferenced(FRAME + 3, ptes.points)).toBe(false);
    expect(stale.isReferenced(FRAME + 0x1000, ptes.points)).toBe(false);
  });

  it('have left several pages, one after the other', () => {
    const [stale, ptes] = [new StaleFrames(), new Ptes()];
    for (const page of [1000, 5000, 9000]) {
      ptes.map(page, FRAME + 7);
      stale.note(page, FRAME + 7, ptes.points);
    }
    ptes.frames.delete(9000);
    ptes.frames.delete(1000);
    expect(stale.isReferenced(FRAME + 7, ptes.points)).toBe(true);
    ptes.frames.delete(5000);
    expect(stale.isReferenced(FRAME + 7, ptes.points)).toBe(false);
  });

  it('that leave the same pages again are one run', () => {
    const [stale, ptes] = [new StaleFrames(), new Ptes()];
    ptes.map(1000, FRAME, 512);
    for (let time = 0; time < 3; time++)
      for (let index = 0; index < 512; index++) stale.note(1000 + index, FRAME + index, ptes.points);
    expect(stale.runsOf(FRAME)).toBe(1);
  });

  it('whose PTEs are gone are forgotten, and none else', () => {
    const [stale, ptes] = [new StaleFrames(), new Ptes()];
    // Every second page, so that none follows another.
    for (let index = 0; index < 200; index++) {
      if (index % 10 === 0) ptes.map(1000 + 2 * index, FRAME + index);
      stale.note(1000 + 2 * index, FRAME + index, ptes.points);
    }
    expect(stale.runsOf(FRAME)).toBeLessThan(64);
    const found = Array.from({ length: 200 }, (_, index) => index).filter((index) =>
      stale.isReferenced(FRAME + index, ptes.points),
    );
    expect(found).toEqual(Array.from({ length: 20 }, (_, index) => 10 * index));
    for (let index = 0; index < 200; index++) stale.note(1000 + 2 * index, FRAME + index, NEVER);
    expect(stale.runsOf(FRAME)).toBeLessThan(64);
  });
});
