// Models: entries of the CPU's page tables that lead to VRAM or to a page on its way - made, and what munmap, madvise and mprotect do to them (spec/trace-format-v8 §3).
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import type { MovingSpace } from './moving-space.ts';
import { DEVICE_PRIVATE, MIGRATING, PRESENT, WRITE_FAULTED } from './cpu-pages.ts';
import type { NotifierEvent } from './interval-notifier.ts';
import { Protection } from './vma.ts';
import type { Vma } from './vma.ts';

/** The reference of the page tables on `frame` goes: a page of VRAM is free then, unless somebody else has one. */
export function freeFrame(space: MovingSpace, frame: number): void {
  if (frame < SYSTEM_FRAMES_END || (space.pins.size > 0 && space.pins.count(frame) > 0)) return;
  space.devices!.free(frame);
}

/** Pages in VRAM lose their mapping in `[from, to)`; the entries go afterwards, with those of other pages. */
export function dropDevicePages(space: MovingSpace, from: number, to: number): void {
  forEachBlock(space, from, to, (_, frame, marks) => {
    if (frame < SYSTEM_FRAMES_END) return;
    const allocation = space.devices!.allocationOf(frame);
    if (allocation === undefined) return;
    allocation.cpuPages[frame - allocation.firstFrame] = -1;
    // mutant: unmapped-vram-kept
    if ((marks & MIGRATING) === 0) freeFrame(space, frame);
  });
}

/** mprotect without write permission: entries that are not present are not writable any more, either. */
export function protectDevicePages(space: MovingSpace, from: number, to: number): void {
  forEachBlock(space, from, to, (page, _, marks) => {
    // mutant: protection-forgotten
    if ((marks & (DEVICE_PRIVATE | MIGRATING)) !== 0) space.pages.setMarks(page, marks & ~WRITE_FAULTED);
  });
}

function forEachBlock(
  { pages }: MovingSpace,
  from: number,
  to: number,
  visit: (page: number, frame: number, marks: number) => void,
): void {
  const first = Math.floor(from / PAGES_PER_BLOCK);
  const last = Math.floor((to - 1) / PAGES_PER_BLOCK);
  for (const blockNumber of pages.blocks.blockNumbersBetween(first, last)) {
    const block = pages.blocks.get(blockNumber)!;
    const blockStart = blockNumber * PAGES_PER_BLOCK;
    const end = Math.min(to, blockStart + PAGES_PER_BLOCK);
    for (let page = Math.max(from, blockStart); page < end; page++) {
      const index = block.base + (page - blockStart);
      if (block.frames[index] !== 0) visit(page, block.frames[index]!, block.marks[index]!);
    }
  }
}

/** Marks of an entry that is in order. */
export function entryMarks(present: boolean, writable: boolean): number {
  return (present ? PRESENT : DEVICE_PRIVATE) | (writable ? WRITE_FAULTED : 0);
}

/** The mark of a migration entry for a page with these marks: whether its entry is writable. */
export function writability(vma: Vma, marks: number): number {
  if ((marks & DEVICE_PRIVATE) !== 0) return marks & WRITE_FAULTED;
  return (vma.protection & Protection.write) !== 0 ? marks & WRITE_FAULTED : 0;
}

/** An event of migration code, told before it is delivered. */
export function announce(space: MovingSpace, event: NotifierEvent, startPage: number, endPage: number): void {
  space.devices!.surroundings.effects.current?.migrationAnnounced(event, startPage, endPage);
  space.notifiers.deliver(event, startPage, endPage);
}

/** Whether one of the pages in `count` frames has more references of others than `allowed`. */
export function isPinned({ pins }: MovingSpace, frame: number, count: number, allowed: number): boolean {
  if (pins.size === 0) return false;
  for (let at = frame; at < frame + count; at++) if (pins.count(at) > allowed) return true;
  return false;
}
