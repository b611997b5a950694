/** The address space as lanes, on a canvas that keyboard and pointer move over. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { interval, pagesSize } from '../model/format.ts';
import { LANE_TITLES, shownLanes } from '../model/lanes.ts';
import type { LaneItem, LaneName } from '../model/lanes.ts';
import type { ItemPlace, Part } from '../model/look.ts';
import type { Place } from '../model/describe.ts';
import { itemAt, firstBehind, laneBox, paintMap } from './paint-map.ts';
import { MapView } from '../model/view.ts';
import type { SessionLook } from './use-look.ts';
import { useClientWidth } from './use-width.ts';

interface SpaceMapProps {
  readonly shown: SessionLook;
  /** Pixels of the canvas. */
  readonly height: number;
  /** What is shown at first; undefined: everything. */
  readonly part: Part | undefined;
  readonly theme: string;
  /** Another part is shown; undefined: everything. */
  readonly onPart: (part: Part | undefined) => void;
}

/** The usual height. */
export const MAP_HEIGHT = 330;
const ZOOM_STEP = 1.6;

/** The item's kind and place, for a label or a screen reader. */
export function itemSentence(item: LaneItem): string {
  return `${LANE_TITLES[item.lane]}: ${item.label}, ${interval(item.page, item.pages)}`;
}

/** The part that is shown; the ruler has its addresses too. */
function intervalShown({ firstPage, lastPage }: MapView): string {
  return interval(Math.floor(firstPage), Math.ceil(lastPage) - Math.floor(firstPage));
}

/** Where an item is, as far as it can be named from one operation to the next. */
export function placeOfItem({ lane, page, pages }: LaneItem): ItemPlace {
  return { lane, page, pages };
}

export function SpaceMap({ shown: session, height, part, theme, onPart }: SpaceMapProps): JSX.Element {
  const { occupied, place, selected, look } = session;
  const { lanes, changes } = session.state;
  const { compress, colour: attribute } = look;
  const onSelect = (item: LaneItem | undefined): void => session.change({ selected: item && placeOfItem(item) });
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useClientWidth(canvas);
  const [view, setView] = useState<MapView>();
  const shown = shownLanes(lanes);
  const [hovered, setHovered] = useState<LaneItem>();
  const [lane, setLane] = useState<LaneName>('vmas');
  const drag = useRef<{ x: number; moved: boolean } | undefined>(undefined);
  // Until the user has chosen a part, everything is shown, also what comes later.
  const untouched = useRef(part === undefined);

  useLayoutEffect(() => {
    if (width === 0) return;
    setView((old) =>
      untouched.current
        ? MapView.fit(occupied, compress, width)
        : old === undefined
          ? MapView.showing(occupied, compress, width, part!.firstPage, part!.lastPage)
          : old.adapt(occupied, compress, width),
    );
  }, [occupied, compress, width]);

  useEffect(() => {
    const shown = selected ?? place;
    if (shown !== undefined && !untouched.current) setView((old) => old?.reveal(shown.page, shown.pages));
  }, [place?.page, place?.pages, selected?.identity]);

  useEffect(() => {
    if (view !== undefined)
      onPart(untouched.current ? undefined : { firstPage: view.firstPage, lastPage: view.lastPage });
  }, [view]);

  useEffect(() => {
    if (view === undefined) return undefined;
    const element = canvas.current!;
    const request = requestAnimationFrame(() => {
      const ratio = window.devicePixelRatio;
      if (element.width !== Math.round(width * ratio)) element.width = Math.round(width * ratio);
      if (element.height !== Math.round(height * ratio)) element.height = Math.round(height * ratio);
      const context = element.getContext('2d')!;
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      paintMap(context, { view, height, lanes, changes, attribute, place, selected });
    });
    return () => cancelAnimationFrame(request);
  }, [view, width, height, lanes, changes, attribute, place, selected, theme]);

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
    } else if (view !== undefined) setHovered(itemAt(lanes, view, height, event.offsetX, event.offsetY));
  };

  const onPointerUp = (event: PointerEvent): void => {
    const wasDragged = drag.current?.moved === true;
    drag.current = undefined;
    if (!wasDragged && view !== undefined) onSelect(itemAt(lanes, view, height, event.offsetX, event.offsetY));
  };

  return (
    <section class="space" aria-label="Address space">
      <header>
        <h2>Address space</h2>
        {view !== undefined && (
          <span class="shown" title={intervalShown(view)}>
            {pagesSize(view.lastPage - view.firstPage)}
          </span>
        )}
        <label>
          <input
            type="checkbox"
            checked={compress}
            onChange={(event) => session.change({ compress: event.currentTarget.checked })}
          />{' '}
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
            const box = laneBox(name, height, shown);
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
          style={{ height: `${height}px` }}
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
