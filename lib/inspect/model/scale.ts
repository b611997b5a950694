/** Where a page is on the screen: linear in the address, with long empty stretches drawn short. */

/** Pages `[start, end)` that hold something. */
export interface Occupied {
  readonly start: number;
  readonly end: number;
}

/** An empty stretch that is drawn shorter than it is. */
export interface ScaleGap {
  readonly start: number;
  readonly end: number;
  /** Pixels from the left end of the space. */
  readonly x: number;
  readonly width: number;
}

/** Pages of the whole address space: 128 TiB. */
export const SPACE_PAGES = 2 ** 35;
/** Pixels of a compressed stretch. */
export const GAP_WIDTH = 34;
/** Empty pages that stay at either side of what is occupied: edges can be seen as such. */
export const MARGIN_PAGES = 4;

/** Joins intervals that touch or overlap; ascending. */
export function unite(intervals: Iterable<Occupied>): Occupied[] {
  const sorted = [...intervals].filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start);
  const united: { start: number; end: number }[] = [];
  for (const { start, end } of sorted) {
    const last = united[united.length - 1];
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else united.push({ start, end });
  }
  return united;
}

/** Pages to pixels at one magnification. */
export class AddressScale {
  readonly pixelsPerPage: number;
  /** Pixels of the whole space. */
  readonly width: number;
  readonly gaps: readonly ScaleGap[];

  /** `compress` false: strictly linear from 0 to 128 TiB. */
  constructor(occupied: readonly Occupied[], pixelsPerPage: number, compress: boolean, spacePages = SPACE_PAGES) {
    this.pixelsPerPage = pixelsPerPage;
    const gaps: ScaleGap[] = [];
    let shrunk = 0;
    const gap = (start: number, end: number): void => {
      const real = (end - start) * pixelsPerPage;
      if (real <= GAP_WIDTH) return;
      gaps.push({ start, end, x: start * pixelsPerPage - shrunk, width: GAP_WIDTH });
      shrunk += real - GAP_WIDTH;
    };
    if (compress) {
      let last = 0;
      for (const { start, end } of occupied) {
        gap(last, Math.max(last, start - MARGIN_PAGES));
        last = Math.max(last, end + MARGIN_PAGES);
      }
      gap(last, Math.max(last, spacePages));
    }
    this.gaps = gaps;
    this.width = Math.max(0, spacePages * pixelsPerPage - shrunk);
  }

  /** Pixels from the left end of the space to the left edge of `page`, which may be fractional. */
  x(page: number): number {
    const gap = this.#gapAtOrBefore((each) => each.start <= page);
    if (gap === undefined) return page * this.pixelsPerPage;
    if (page >= gap.end) return gap.x + gap.width + (page - gap.end) * this.pixelsPerPage;
    return gap.x + ((page - gap.start) / (gap.end - gap.start)) * gap.width;
  }

  /** The page, with fraction, that is at `x`. */
  page(x: number): number {
    const gap = this.#gapAtOrBefore((each) => each.x <= x);
    if (gap === undefined) return x / this.pixelsPerPage;
    const behind = x - gap.x - gap.width;
    if (behind >= 0) return gap.end + behind / this.pixelsPerPage;
    return gap.start + ((x - gap.x) / gap.width) * (gap.end - gap.start);
  }

  #gapAtOrBefore(isBefore: (gap: ScaleGap) => boolean): ScaleGap | undefined {
    let low = 0;
    let high = this.gaps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(this.gaps[middle]!)) low = middle + 1;
      else high = middle;
    }
    return this.gaps[low - 1];
  }
}

/** The magnification at which all that is occupied fits into `width` pixels, empty space compressed. */
export function fittingScale(
  occupied: readonly Occupied[],
  width: number,
  compress: boolean,
  spacePages = SPACE_PAGES,
): number {
  if (!compress || occupied.length === 0) return width / spacePages;
  let low = width / spacePages / 4;
  let high = 64;
  for (let step = 0; step < 60; step++) {
    const middle = Math.sqrt(low * high);
    if (new AddressScale(occupied, middle, true, spacePages).width > width) high = middle;
    else low = middle;
  }
  return low;
}
