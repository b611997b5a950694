/** The address space as lanes, on a canvas that keyboard and pointer move over. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { interval } from '../model/format.ts';
import { LANE_TITLES, shownLanes } from '../model/lanes.ts';
import type { AttributeColour, LaneItem, LaneName, Lanes, LaneChanges } from '../model/lanes.ts';
import type { Place } from '../model/describe.ts';
import type { Occupied } from '../model/scale.ts';
import { itemAt, firstBehind, laneBox, paintMap } from './paint-map.ts';
import { MapView } from '../model/view.ts';

interface SpaceMapProps {
  readonly occupied: readonly Occupied[];
  readonly lanes: Lanes;
  readonly changes: LaneChanges;
  readonly attribute: AttributeColour;
  readonly place: Place | undefined;
  readonly selected: LaneItem | undefined;
  readonly theme: string;
  readonly onSelect: (item: LaneItem | undefined) => void;
}

const HEIGHT = 330;
const ZOOM_STEP = 1.6;

/** The item's kind and place, for a label or a screen reader. */
export function itemSentence(item: LaneItem): string {
  return `${LANE_TITLES[item.lane]}: ${item.label}, ${interval(item.page, item.pages)}`;
}

export function SpaceMap({
  occupied,
  lanes,
  changes,
  attribute,
  place,
  selected,
  theme,
  onSelect,
}: SpaceMapProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [compress, setCompress] = useState(true);
  const [view, setView] = useState<MapView>();
  const shown = shownLanes(lanes);
  const [hovered, setHovered] = useState<LaneItem>();
  const [lane, setLane] = useState<LaneName>('vmas');
  const drag = useRef<{ x: number; moved: boolean } | undefined>(undefined);
  // Until the user has chosen a part, everything is shown, also what comes later.
  const untouched = useRef(true);

  useLayoutEffect(() => {
    const element = canvas.current!;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    if (width === 0) return;
    setView((old) =>
      old === undefined || untouched.current
        ? MapView.fit(occupied, compress, width)
        : old.adapt(occupied, compress, width),
    );
  }, [occupied, compress, width]);

  useEffect(() => {
    const shown = selected ?? place;
    if (shown !== undefined && !untouched.current) setView((old) => old?.reveal(shown.page, shown.pages));
  }, [place?.page, place?.pages, selected?.identity]);

  useEffect(() => {
    if (view === undefined) return undefined;
    const element = canvas.current!;
    const request = requestAnimationFrame(() => {
      const ratio = window.devicePixelRatio;
      if (element.width !== Math.round(width * ratio)) element.width = Math.round(width * ratio);
      if (element.height !== Math.round(HEIGHT * ratio)) element.height = Math.round(HEIGHT * ratio);
      const context = element.getContext('2d')!;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      paintMap(context, { view, height: HEIGHT, lanes, changes, attribute, place, selected });
    });
    return () => cancelAnimationFrame(request);
  }, [view, width, lanes, changes, attribute, place, selected, theme]);

  const change = (next: (view: MapView) => MapView): void => {
    untouched.current = false;
    setView((old) => old && next(old));
  };
  const fit = (): void => {
    untouched.current = true;
    setView(MapView.fit(occupied, compress, width));
  };
  const target: Place | undefined = selected ?? place;
  const zoom = (factor: number): void =>
    change((old) => {
      const x = target === undefined ? -1 : old.x(target.page + target.pages / 2);
      return old.zoom(factor, x >= 0 && x <= old.width ? x : old.width / 2);
    });

  // A wheel listener of JSX is passive; this one has to keep the page from scrolling.
  useEffect(() => {
    const element = canvas.current!;
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (Math.abs(sideways) > Math.abs(event.shiftKey ? event.deltaX : event.deltaY))
        change((old) => old.pan(sideways));
      else change((old) => old.zoom(Math.exp(-event.deltaY * 0.0016), event.offsetX));
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, []);

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => selectBeside(-1),
      ArrowRight: () => selectBeside(1),
      ArrowUp: () => selectLane(-1),
      ArrowDown: () => selectLane(1),
      PageUp: () => change((old) => old.pan(-old.width / 2)),
      PageDown: () => change((old) => old.pan(old.width / 2)),
      Enter: () => target !== undefined && change((old) => old.zoomTo(target.page, target.pages)),
      Escape: () => onSelect(undefined),
      Home: fit,
      '0': fit,
      '+': () => zoom(ZOOM_STEP),
      '=': () => zoom(ZOOM_STEP),
      '-': () => zoom(1 / ZOOM_STEP),
    };
    const action = actions[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  };

  function selectBeside(direction: 1 | -1): void {
    const items = lanes[selected?.lane ?? lane];
    const at = selected === undefined ? -1 : items.findIndex((item) => item.identity === selected.identity);
    const next =
      at < 0
        ? items[direction > 0 ? firstBehind(items, view?.firstPage ?? 0) : items.length - 1]
        : items[at + direction];
    if (next !== undefined) onSelect(next);
  }

  function selectLane(direction: 1 | -1): void {
    const next = shown[shown.indexOf(selected?.lane ?? lane) + direction];
    if (next === undefined) return;
    setLane(next);
    const items = lanes[next];
    const from = selected?.page ?? view?.firstPage ?? 0;
    onSelect(items[Math.min(items.length - 1, firstBehind(items, from))]);
  }

  const onPointerMove = (event: PointerEvent): void => {
    if (drag.current !== undefined) {
      const moved = event.clientX - drag.current.x;
      if (Math.abs(moved) < 3 && !drag.current.moved) return;
      drag.current = { x: event.clientX, moved: true };
      change((old) => old.pan(-moved));
    } else if (view !== undefined) setHovered(itemAt(lanes, view, HEIGHT, event.offsetX, event.offsetY));
  };

  const onPointerUp = (event: PointerEvent): void => {
    const wasDragged = drag.current?.moved === true;
    drag.current = undefined;
    if (!wasDragged && view !== undefined) onSelect(itemAt(lanes, view, HEIGHT, event.offsetX, event.offsetY));
  };

  return (
    <section class="space" aria-label="Address space">
      <header>
        <h2>Address space</h2>
        <span class="shown" data-testid="shown">
          {view === undefined
            ? ''
            : interval(Math.floor(view.firstPage), Math.ceil(view.lastPage) - Math.floor(view.firstPage))}
        </span>
        <label>
          <input type="checkbox" checked={compress} onChange={(event) => setCompress(event.currentTarget.checked)} />{' '}
          compress gaps
        </label>
        <button type="button" onClick={() => zoom(1 / ZOOM_STEP)} aria-label="zoom out">
          −
        </button>
        <button type="button" onClick={() => zoom(ZOOM_STEP)} aria-label="zoom in">
          +
        </button>
        <button
          type="button"
          disabled={target === undefined}
          onClick={() => target !== undefined && change((old) => old.zoomTo(target.page, target.pages))}
          title="Enter"
        >
          to selection
        </button>
        <button
          type="button"
          disabled={target === undefined}
          onClick={() => target !== undefined && change((old) => old.zoomTo(target.page, 1))}
        >
          one page
        </button>
        <button type="button" onClick={fit}>
          fit
        </button>
      </header>
      <div class="map">
        <div class="lane-names" aria-hidden="true">
          {shown.map((name) => {
            const box = laneBox(name, HEIGHT, shown);
            return (
              <div key={name} style={{ top: `${box.top}px`, height: `${box.height}px` }}>
                {LANE_TITLES[name]} <small>{lanes[name].length}</small>
              </div>
            );
          })}
        </div>
        <canvas
          ref={canvas}
          class={drag.current?.moved === true ? 'dragged' : ''}
          style={{ height: `${HEIGHT}px` }}
          tabIndex={0}
          role="application"
          aria-roledescription="map of the address space"
          aria-label={`Lanes: ${shown.map((name) => `${lanes[name].length} ${LANE_TITLES[name]}`).join(', ')}. Arrow keys select, plus and minus zoom, Enter zooms to the selection, Home shows everything.`}
          title={hovered === undefined ? '' : itemSentence(hovered)}
          data-first-page={view === undefined ? '' : Math.floor(view.firstPage)}
          data-last-page={view === undefined ? '' : Math.ceil(view.lastPage)}
          data-pixels-per-page={view?.scale.pixelsPerPage}
          onKeyDown={onKeyDown}
          onPointerDown={(event) => {
            drag.current = { x: event.clientX, moved: false };
            event.currentTarget.setPointerCapture(event.pointerId);
          }}
          onPointerMove={onPointerMove}
          onPointerUp={onPointerUp}
          onPointerCancel={() => (drag.current = undefined)}
          onPointerLeave={() => setHovered(undefined)}
        />
      </div>
    </section>
  );
}
