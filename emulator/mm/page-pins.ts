// Models: references on pages by get_user_pages (spec/trace-format-v8 §2, `pin`).
import { LateMap } from '../kernel/late-map.ts';

/** References that others took by get_user_pages: such a page cannot move. */
export class PagePins {
  private readonly counts = new LateMap<number, number>();
  /** Frames that were pinned under a page number. */
  private readonly byPage = new LateMap<number, number[]>();

  /** Number of frames with a reference. */
  get size(): number {
    return this.counts.size;
  }

  /** References on a frame. */
  count(frame: number): number {
    return this.counts.get(frame) ?? 0;
  }

  add(page: number, frame: number): void {
    this.counts.set(frame, this.count(frame) + 1);
    const frames = this.byPage.get(page);
    if (frames === undefined) this.byPage.set(page, [frame]);
    else frames.push(frame);
  }

  /** Drops what was taken under `page`; returns the frames, one for each reference. */
  drop(page: number): readonly number[] {
    const frames = this.byPage.get(page) ?? [];
    this.byPage.delete(page);
    for (const frame of frames) {
      const left = this.count(frame) - 1;
      if (left === 0) this.counts.delete(frame);
      else this.counts.set(frame, left);
    }
    return frames;
  }
}
