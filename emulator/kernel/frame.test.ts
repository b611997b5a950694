import { describe, expect, it } from 'vitest';
import {
  frameAt,
  framesOf,
  locationOfFrame,
  SYSTEM_FRAMES_END,
  SYSTEM_MEMORY,
  vramFrame,
  vramOffset,
} from './frame.ts';

describe('frames', () => {
  it('say which memory they lie in', () => {
    expect([1, SYSTEM_FRAMES_END - 1].map(locationOfFrame)).toEqual([SYSTEM_MEMORY, SYSTEM_MEMORY]);
    for (const gpu of [0, 1, 7]) {
      for (const offset of [0, 12345, 0xfff_ffff]) {
        const frame = vramFrame(gpu, offset);
        expect([locationOfFrame(frame), vramOffset(frame)]).toEqual([gpu + 1, offset]);
        // They stay what they are in a page table.
        expect(Uint32Array.of(frame)[0]).toBe(frame);
      }
    }
  });

  it('that follow one another are one number, others a copy', () => {
    const array = Uint32Array.of(0, 7, 8, 9, 20, 21, 3);
    const run = framesOf(array, 1, 3);
    expect([run, frameAt(run, 0), frameAt(run, 2)]).toEqual([7, 7, 9]);
    const mixed = framesOf(array, 3, 3);
    array[4] = 99;
    expect([mixed, frameAt(mixed, 1), frameAt(mixed, 2)]).toEqual([Uint32Array.of(9, 20, 21), 20, 21]);
    expect(framesOf(array, 6, 1)).toBe(3);
  });
});
