/** Draws the lanes of the address space. */
import { address, pagesSize } from '../model/format.ts';
import { colourOf, shownLanes } from '../model/lanes.ts';
import type { AttributeColour, LaneItem, LaneName, Lanes, LaneChanges } from '../model/lanes.ts';
import type { Place } from '../model/describe.ts';
import { paintChanged, paintGone } from './paint-outlines.ts';
import type { Box, Extent, Outlined } from './paint-outlines.ts';
import { paintOf } from './paints.ts';
import { MARGIN_PAGES } from '../model/scale.ts';
import type { MapView } from '../model/view.ts';

/** All that a picture of the map depends on. */
export interface MapScene {
  readonly view: MapView;
  readonly height: number;
  readonly lanes: Lanes;
  readonly changes: LaneChanges;
  readonly attribute: AttributeColour;
  /** What the current operation or event is about. */
  readonly place: Place | undefined;
  readonly selected: LaneItem | undefined;
}

const RULER_HEIGHT = 30;
const LANE_GAP = 8;
const FONT = '11px system-ui, sans-serif';
/** Colours that get stripes, so that colour is not the only sign. */
const STRIPED = new Set(['pte-stale', 'pte-perm', 'pte-cow', 'pte-orphan', 'pte-nodma']);

/** Top and height of a lane. */
export function laneBox(lane: LaneName, height: number, shown: readonly LaneName[]): Box {
  const each = Math.max(24, (height - RULER_HEIGHT) / shown.length);
  return { top: RULER_HEIGHT + shown.indexOf(lane) * each + LANE_GAP / 2, height: each - LANE_GAP };
}

/** The item at a point of the map. */
export function itemAt(lanes: Lanes, view: MapView, height: number, x: number, y: number): LaneItem | undefined {
  const shown = shownLanes(lanes);
  const lane = shown.find((name) => {
    const box = laneBox(name, height, shown);
    return y >= box.top && y < box.top + box.height;
  });
  if (lane === undefined) return undefined;
  const page = view.pageAt(x);
  const items = lanes[lane];
  const near = items[firstBehind(items, view.pageAt(x - 3))];
  if (near === undefined || near.page > view.pageAt(x + 3)) return undefined;
  // An item of the exact page goes before one that is only near.
  const exact = items[firstBehind(items, page)];
  return exact !== undefined && exact.page <= page ? exact : near;
}

/** Index of the first item that ends after `page`. */
export function firstBehind(items: readonly LaneItem[], page: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (items[middle]!.page + items[middle]!.pages <= page) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Draws everything; the context is scaled to CSS pixels. */
export function paintMap(context: CanvasRenderingContext2D, scene: MapScene): void {
  const { view, height } = scene;
  context.clearRect(0, 0, view.width, height);
  context.font = FONT;
  context.textBaseline = 'middle';
  const shown = shownLanes(scene.lanes);
  for (const lane of shown) {
    const box = laneBox(lane, height, shown);
    context.fillStyle = paintOf('lane');
    context.fillRect(0, box.top, view.width, box.height);
  }
  paintGaps(context, scene);
  if (scene.place !== undefined) {
    context.fillStyle = paintOf('place');
    const x = view.x(scene.place.page);
    context.fillRect(x, RULER_HEIGHT - 4, Math.max(2, view.x(scene.place.page + scene.place.pages) - x), height);
  }
  for (const lane of shown) paintLane(context, scene, lane, laneBox(lane, height, shown));
  paintGapLabels(context, scene);
  paintRuler(context, view);
}

function paintLane(context: CanvasRenderingContext2D, scene: MapScene, lane: LaneName, box: Box): void {
  const { view, changes } = scene;
  const items = scene.lanes[lane];
  const end = view.lastPage;
  let lastX = -1;
  let lastColour = '';
  const outlined: Outlined[] = [];
  for (let index = firstBehind(items, view.firstPage); index < items.length; index++) {
    const item = items[index]!;
    if (item.page > end) break;
    const { x, width } = extent(view, item);
    const isChanged = changes.added.has(item.identity);
    if (isChanged || item.identity === scene.selected?.identity)
      outlined.push({ x, width, isSelected: item.identity === scene.selected?.identity });
    const colour = colourOf(item, scene.attribute);
    // Of many items within one pixel, one is enough.
    if (width <= 1 && Math.round(x) === lastX && colour === lastColour) continue;
    lastX = Math.round(x);
    lastColour = colour;
    paintItem(context, item, colour, x, width, box);
  }
  paintGone(
    context,
    changes.removed
      .filter((item) => item.lane === lane && item.page <= end && item.page + item.pages >= view.firstPage)
      .map((item) => extent(view, item)),
    box,
  );
  paintChanged(context, outlined, box);
}

function paintItem(
  context: CanvasRenderingContext2D,
  item: LaneItem,
  colour: string,
  x: number,
  width: number,
  box: Box,
): void {
  // A hair of the lane between neighbours, where there is room for it.
  const inner = width > 4 ? width - 1 : width;
  context.fillStyle = paintOf(colour);
  context.fillRect(x, box.top, inner, box.height);
  if (item.data.lane === 'ranges' && (!item.data.range.mapped || item.data.range.queued)) {
    context.fillStyle = paintOf('lane');
    context.fillRect(x + 1, box.top + box.height / 2, Math.max(0, inner - 2), box.height / 2 - 1);
  }
  if (STRIPED.has(colour) && inner > 3) paintStripes(context, x, inner, box);
  if (inner < 44) return;
  context.save();
  context.beginPath();
  context.rect(x, box.top, inner, box.height);
  context.clip();
  const left = Math.max(x, 0) + 5;
  const text = context.measureText(item.label).width;
  if (STRIPED.has(colour)) {
    context.fillStyle = paintOf(colour);
    context.fillRect(left - 2, box.top + box.height / 2 - 8, text + 4, 16);
  }
  context.fillStyle = paintOf('on-item');
  context.fillText(item.label, left, box.top + (item.data.lane === 'ranges' ? box.height * 0.26 + 2 : box.height / 2));
  context.restore();
}

function paintStripes(context: CanvasRenderingContext2D, x: number, width: number, box: Box): void {
  const start = Math.max(x, 0);
  const end = Math.min(x + width, context.canvas.clientWidth);
  context.save();
  context.beginPath();
  context.rect(start, box.top, end - start, box.height);
  context.clip();
  context.strokeStyle = paintOf('stripe');
  context.lineWidth = 2;
  context.beginPath();
  for (let at = start - box.height; at < end; at += 8) {
    context.moveTo(at, box.top + box.height);
    context.lineTo(at + box.height, box.top);
  }
  context.stroke();
  context.restore();
}

function extent(view: MapView, item: Place): Extent {
  const x = Math.max(-8, view.x(item.page));
  const end = Math.min(view.width + 8, view.x(item.page + item.pages));
  return { x, width: Math.max(1, end - x) };
}

function paintGaps(context: CanvasRenderingContext2D, { view, height }: MapScene): void {
  for (const gap of view.scale.gaps) {
    const x = gap.x - view.left;
    if (x + gap.width < 0 || x > view.width) continue;
    context.fillStyle = paintOf('gap');
    context.fillRect(x, RULER_HEIGHT, gap.width, height - RULER_HEIGHT);
    context.strokeStyle = paintOf('gap-line');
    context.lineWidth = 1;
    context.beginPath();
    for (const edge of [x + 3.5, x + gap.width - 3.5]) {
      for (let y = RULER_HEIGHT; y < height; y += 8) {
        context.moveTo(edge - 2, y);
        context.lineTo(edge + 2, y + 4);
        context.lineTo(edge - 2, y + 8);
      }
    }
    context.stroke();
  }
}

/** How much a compressed stretch hides: next to the lanes that never reach into one. */
function paintGapLabels(context: CanvasRenderingContext2D, { view, height, lanes }: MapScene): void {
  const shown = shownLanes(lanes);
  const last = laneBox('attributes', height, shown);
  const middle = (laneBox('vmas', height, shown).top + last.top + last.height) / 2;
  for (const gap of view.scale.gaps) {
    const x = gap.x - view.left;
    if (x + gap.width < 0 || x > view.width) continue;
    context.save();
    context.translate(x + gap.width / 2, middle);
    context.rotate(-Math.PI / 2);
    context.fillStyle = paintOf('dim');
    context.textAlign = 'center';
    context.fillText(`${pagesSize(gap.end - gap.start)} empty`, 0, 0);
    context.restore();
  }
}

function paintRuler(context: CanvasRenderingContext2D, view: MapView): void {
  context.fillStyle = paintOf('ruler');
  context.fillRect(0, 0, view.width, RULER_HEIGHT - 6);
  const step = 2 ** Math.ceil(Math.log2(Math.max(1, 130 / view.scale.pixelsPerPage)));
  let nextFree = -Infinity;
  // A label keeps clear of the one before it, and of where the next stretch begins: there the address jumps.
  const tick = (page: number, limit: number): void => {
    const x = view.x(page);
    if (x < -120 || x > view.width) return;
    context.fillStyle = paintOf('gap-line');
    context.fillRect(x, RULER_HEIGHT - 12, 1, 8);
    const text = address(page);
    const end = x + context.measureText(text).width + 12;
    if (x < nextFree || end > limit) return;
    context.fillStyle = paintOf('text');
    context.fillText(text, x + 3, 11);
    nextFree = end;
  };
  // From one compressed stretch to the next: its beginning, then round addresses.
  let from = view.firstPage;
  const stretches: [number, number][] = [];
  for (const gap of view.scale.gaps) {
    if (gap.end < view.firstPage || gap.start > view.lastPage) continue;
    if (gap.start > from) stretches.push([from, gap.start - MARGIN_PAGES]);
    from = gap.end + MARGIN_PAGES;
  }
  stretches.push([from, view.lastPage]);
  stretches.forEach(([start, end], index) => {
    const next = stretches[index + 1];
    const limit = next === undefined ? Infinity : view.x(next[0]) + 3;
    if (start > view.firstPage) tick(Math.ceil(start), Infinity);
    for (let page = Math.ceil(start / step) * step; page <= end; page += step) tick(page, limit);
  });
}
