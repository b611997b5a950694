/** Draws what has changed, what is gone and what is selected on top of a lane. */
import { paintOf } from './paints.ts';

/** Pixels from the top of the map. */
export interface Box {
  readonly top: number;
  readonly height: number;
}

/** Pixels from the left edge of the map. */
export interface Extent {
  readonly x: number;
  readonly width: number;
}

/** Something with an outline. */
export interface Outlined extends Extent {
  readonly isSelected: boolean;
}

/** Pixels below which something is not outlined by itself. */
const LEAST_OUTLINE = 3;

/** What is no longer there: dashed outlines; where many narrow ones are close together, one bar for all of them. */
export function paintGone(context: CanvasRenderingContext2D, gone: readonly Extent[], box: Box): void {
  context.strokeStyle = paintOf('removed');
  context.fillStyle = paintOf('removed');
  context.lineWidth = 1.5;
  context.setLineDash([4, 3]);
  for (const { x, width, isNarrow } of stretches(gone)) {
    // Below what is there, so that its colour can be seen.
    if (isNarrow) context.fillRect(x, box.top + box.height + 1, Math.max(LEAST_OUTLINE, width), 2);
    else context.strokeRect(x + 0.75, box.top - 2.25, Math.max(1, width - 1.5), box.height + 4.5);
  }
  context.setLineDash([]);
}

/** What has changed, and what is selected: outlines, or bars above and below where these would hide the colour. */
export function paintChanged(context: CanvasRenderingContext2D, outlined: readonly Outlined[], box: Box): void {
  const bars = (x: number, width: number): void => {
    for (const y of [box.top - 3, box.top + box.height]) context.fillRect(x, y, Math.max(1.5, width - 0.5), 3);
  };
  context.fillStyle = context.strokeStyle = paintOf('changed');
  context.lineWidth = 2;
  for (const { x, width, isNarrow } of stretches(outlined.filter(({ isSelected }) => !isSelected))) {
    if (isNarrow || width < BAR_WIDTH) bars(x, width);
    else context.strokeRect(x + 1, box.top + 1, Math.max(1, width - 2), box.height - 2);
  }
  context.fillStyle = context.strokeStyle = paintOf('selected');
  context.lineWidth = 3;
  for (const { x, width } of outlined.filter(({ isSelected }) => isSelected)) {
    if (width < BAR_WIDTH) bars(x, width);
    else context.strokeRect(x + 1, box.top + 1, Math.max(1, width - 2), box.height - 2);
  }
}

/** Pixels below which an outline hides too much of the colour. */
const BAR_WIDTH = 10;

/** Extents in ascending order, with neighbours that are too narrow for outlines joined to one. */
export function stretches(extents: Iterable<Extent>): (Extent & { readonly isNarrow: boolean })[] {
  const joined: { readonly x: number; width: number; readonly isNarrow: boolean }[] = [];
  for (const { x, width } of extents) {
    const last = joined.at(-1);
    const isNarrow = width < LEAST_OUTLINE;
    if (isNarrow && last?.isNarrow === true && x - (last.x + last.width) < LEAST_OUTLINE)
      last.width = Math.max(last.width, x + width - last.x);
    else joined.push({ x, width, isNarrow });
  }
  return joined;
}
