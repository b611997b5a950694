// Models: nothing - which pages may have PTEs that point at VRAM which has left them, as runs.
import { PAGES_PER_BLOCK } from '../kernel/page-number.ts';
import { LateMap } from '../kernel/late-map.ts';

/** Says whether a GPU PTE at `page` still points at the physical page `frame`. */
export type FrameReferenceCheck = (page: number, frame: number) => boolean;

/** Pages that follow one another, and the frames that they had. */
interface Run {
  readonly startPage: number;
  readonly startFrame: number;
  count: number;
}

/** Runs of the frames in one block of 512. */
interface Runs {
  list: Run[];
  /** With so many of them those are forgotten whose PTEs are gone. */
  most: number;
}

const LEAST = 64;

/** Pages by the frames of VRAM that have left them. */
export class StaleFrames {
  private readonly blocks = new LateMap<number, Runs>();

  /** `frame` leaves `page`, while a PTE points at it. */
  note(page: number, frame: number, isReferenced: FrameReferenceCheck): void {
    const block = Math.floor(frame / PAGES_PER_BLOCK);
    const runs = this.blocks.get(block);
    if (runs === undefined) {
      this.blocks.set(block, { list: [{ startPage: page, startFrame: frame, count: 1 }], most: LEAST });
      return;
    }
    const { list } = runs;
    const last = list.at(-1)!;
    if (page - frame === last.startPage - last.startFrame && page >= last.startPage) {
      const index = page - last.startPage;
      if (index < last.count) return;
      if (index === last.count) {
        last.count++;
        return;
      }
    }
    list.push({ startPage: page, startFrame: frame, count: 1 });
    if (list.length >= runs.most) this.forget(block, runs, isReferenced);
  }

  /** Whether a PTE of a page that `frame` has left points at it. */
  isReferenced(frame: number, isReferenced: FrameReferenceCheck): boolean {
    const runs = this.blocks.get(Math.floor(frame / PAGES_PER_BLOCK));
    if (runs === undefined) return false;
    for (const { startPage, startFrame, count } of runs.list) {
      const index = frame - startFrame;
      if (index >= 0 && index < count && isReferenced(startPage + index, frame)) return true;
    }
    return false;
  }

  /** Runs that are remembered of the block in which `frame` lies. */
  runsOf(frame: number): number {
    return this.blocks.get(Math.floor(frame / PAGES_PER_BLOCK))?.list.length ?? 0;
  }

  /** Amortised: with twice as many runs as stayed the last time. */
  private forget(block: number, runs: Runs, isReferenced: FrameReferenceCheck): void {
    const seen = new Set<string>();
    runs.list = runs.list.filter((run) => {
      const key = `${run.startPage} ${run.startFrame} ${run.count}`;
      if (seen.has(key) || !isAnyReferenced(run, isReferenced)) return false;
      seen.add(key);
      return true;
    });
    if (runs.list.length === 0) this.blocks.delete(block);
    runs.most = Math.max(LEAST, runs.list.length * 2);
  }
}

function isAnyReferenced({ startPage, startFrame, count }: Run, isReferenced: FrameReferenceCheck): boolean {
  for (let index = 0; index < count; index++) if (isReferenced(startPage + index, startFrame + index)) return true;
  return false;
}
