// Models: physical pages by number - which page, and the memory that it lies in (spec/migration §1: page frame of the struct page).
//
// A frame is a 32-bit number, 0 for none, so that page tables hold it in typed
// arrays and two frames are the same page exactly if the numbers are equal. Its
// upper bits say where the page lies: below 2^31 in system memory, from there on
// in the VRAM of a GPU.

/** First frame number after those of system memory. */
export const SYSTEM_FRAMES_END = 0x8000_0000;
/** Pages of VRAM that a GPU can have: 1 TiB. */
export const LARGEST_VRAM_PAGES = 0x1000_0000;
const GPU_SHIFT = 28;
/** The largest number of GPUs of a machine. */
export const MOST_GPUS = 8;

/** Where a page lies: `SYSTEM_MEMORY`, or `1 + n` for the VRAM of GPU n. */
export type FrameLocation = number;
export const SYSTEM_MEMORY: FrameLocation = 0;

/** Location of a frame other than 0. */
export function locationOfFrame(frame: number): FrameLocation {
  return frame < SYSTEM_FRAMES_END ? SYSTEM_MEMORY : ((frame >>> GPU_SHIFT) & (MOST_GPUS - 1)) + 1;
}

/** The frame of page `offset` (below `LARGEST_VRAM_PAGES`) of the VRAM of GPU `gpu` (0 to 7). */
export function vramFrame(gpu: number, offset: number): number {
  return SYSTEM_FRAMES_END + gpu * LARGEST_VRAM_PAGES + offset;
}

/** Page of the VRAM in which a frame with a location other than `SYSTEM_MEMORY` lies. */
export function vramOffset(frame: number): number {
  return frame % LARGEST_VRAM_PAGES;
}

/**
 * Frames of pages that follow one another: the frame of the first, where each
 * has the frame after that of the one before it; else the frame of each. Most
 * memory is of the first kind, and then costs a number.
 */
export type Frames = number | Uint32Array;

/** Frame of the page with that index. */
export function frameAt(frames: Frames, index: number): number {
  return typeof frames === 'number' ? frames + index : frames[index]!;
}

/** What is in `array` from index `from` on, `count` frames: a number if they follow one another, else a copy. */
export function framesOf(array: Uint32Array, from: number, count: number): Frames {
  const first = array[from]!;
  for (let index = 1; index < count; index++)
    if (array[from + index] !== first + index) return array.slice(from, from + count);
  return first;
}
