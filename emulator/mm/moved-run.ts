// Models: nothing - tells which pages a migration moved, a run of them at a time.
import { SYSTEM_FRAMES_END } from '../kernel/frame.ts';
import type { DeviceMaps } from './device-pages.ts';

/** The run of consecutive pages that one migration moved last, and has not told yet. */
export class MovedRun {
  private readonly devices: DeviceMaps;
  private startPage = Number.NaN;
  private pages = 0;
  private toVram = false;
  private gpu = 0;

  constructor(devices: DeviceMaps) {
    this.devices = devices;
  }

  /** `count` pages from `page` on lie from `frame` on now, and lay from `source` on. */
  add(page: number, count: number, frame: number, source: number): void {
    if (this.devices.surroundings.effects.current === null) return;
    const toVram = frame >= SYSTEM_FRAMES_END;
    const { gpu } = this.devices.mapOf(toVram ? frame : source);
    if (this.pages > 0 && page === this.startPage + this.pages && toVram === this.toVram && gpu === this.gpu) {
      this.pages += count;
      return;
    }
    this.flush();
    this.startPage = page;
    this.pages = count;
    this.toVram = toVram;
    this.gpu = gpu;
  }

  /** Tells the run: before anything else is told, and at the end. */
  flush(): void {
    if (this.pages === 0) return;
    const pages = this.pages;
    this.pages = 0;
    const effects = this.devices.surroundings.effects.current;
    if (this.toVram) effects?.movedToVram(this.startPage, pages, this.gpu);
    else effects?.movedToRam(this.startPage, pages, this.gpu);
  }
}
