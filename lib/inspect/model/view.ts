/** The part of the address space that the map shows: magnification and left edge. */
import { AddressScale, fittingScale, GAP_WIDTH } from './scale.ts';
import type { Occupied } from './scale.ts';

/** Pixels of one page at the largest magnification. */
const MOST_PIXELS_PER_PAGE = 640;

/** What the map shows; a new one for each change. */
export class MapView {
  readonly scale: AddressScale;
  /** Pixels of the space left of the map's left edge. */
  readonly left: number;
  readonly width: number;
  readonly occupied: readonly Occupied[];
  readonly compress: boolean;

  private constructor(
    occupied: readonly Occupied[],
    compress: boolean,
    width: number,
    scale: AddressScale,
    left: number,
  ) {
    this.occupied = occupied;
    this.compress = compress;
    this.width = width;
    this.scale = scale;
    const slack = scale.width - width;
    this.left = slack <= 0 ? slack / 2 : Math.min(slack, Math.max(0, left));
  }

  /** Everything, empty space compressed if `compress`. */
  static fit(occupied: readonly Occupied[], compress: boolean, width: number): MapView {
    const perPage = fittingScale(occupied, width, compress);
    return new MapView(occupied, compress, width, new AddressScale(occupied, perPage, compress), 0);
  }

  /** The part from one page to another, as large as the map is wide. */
  static showing(
    occupied: readonly Occupied[],
    compress: boolean,
    width: number,
    firstPage: number,
    lastPage: number,
  ): MapView {
    // Gaps are as wide at every magnification: the right one has to be searched, from that without any on.
    let low = Math.min(MOST_PIXELS_PER_PAGE, width / (lastPage - firstPage)) / 2;
    let high = MOST_PIXELS_PER_PAGE;
    for (let step = 0; step < 60; step++) {
      const middle = Math.sqrt(low * high);
      const scale = new AddressScale(occupied, middle, compress);
      if (scale.x(lastPage) - scale.x(firstPage) > width) high = middle;
      else low = middle;
    }
    const scale = new AddressScale(occupied, low, compress);
    return new MapView(occupied, compress, width, scale, scale.x(firstPage));
  }

  get firstPage(): number {
    return Math.max(0, this.scale.page(this.left));
  }

  get lastPage(): number {
    return this.scale.page(this.left + this.width);
  }

  /** Where a page is in the map. */
  x(page: number): number {
    return this.scale.x(page) - this.left;
  }

  pageAt(x: number): number {
    return this.scale.page(this.left + x);
  }

  /** Zooms by a factor; what is at `x` stays there. */
  zoom(factor: number, x: number): MapView {
    const least = Math.min(fittingScale(this.occupied, this.width, this.compress), this.scale.pixelsPerPage);
    const perPage = Math.min(MOST_PIXELS_PER_PAGE, Math.max(least, this.scale.pixelsPerPage * factor));
    const scale = new AddressScale(this.occupied, perPage, this.compress);
    return new MapView(this.occupied, this.compress, this.width, scale, scale.x(this.pageAt(x)) - x);
  }

  pan(pixels: number): MapView {
    return new MapView(this.occupied, this.compress, this.width, this.scale, this.left + pixels);
  }

  /** Shows `[page, page + pages)` with some room around. */
  zoomTo(page: number, pages: number): MapView {
    const perPage = Math.min(MOST_PIXELS_PER_PAGE, (this.width * 0.7) / pages);
    const scale = new AddressScale(this.occupied, perPage, this.compress);
    const middle = (scale.x(page) + scale.x(page + pages)) / 2;
    return new MapView(this.occupied, this.compress, this.width, scale, middle - this.width / 2);
  }

  /** Scrolls as little as needed to show the place; zooms out if it is larger than the map. */
  reveal(page: number, pages: number): MapView {
    const start = this.x(page);
    const end = this.x(page + pages);
    if (start >= 0 && end <= this.width) return this;
    if (end - start > this.width - 2 * GAP_WIDTH) {
      return start < this.width - GAP_WIDTH && end > GAP_WIDTH ? this : this.pan(start - GAP_WIDTH);
    }
    return this.pan(start < 0 ? start - GAP_WIDTH : end - this.width + GAP_WIDTH);
  }

  /** The same middle and magnification for another width or another set of addresses. */
  adapt(occupied: readonly Occupied[], compress: boolean, width: number): MapView {
    const middle = this.pageAt(this.width / 2);
    const scale = new AddressScale(occupied, this.scale.pixelsPerPage, compress);
    return new MapView(occupied, compress, width, scale, scale.x(middle) - width / 2);
  }
}
