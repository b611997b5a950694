/** The border between two panes, which pointer and keyboard move; and the sizes that they give. */
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';

interface SplitterProps {
  readonly label: string;
  /** 'vertical': it stands upright, between left and right. */
  readonly orientation: 'vertical' | 'horizontal';
  /** Pixels of the pane that it makes larger and smaller. */
  readonly size: number;
  readonly least: number;
  readonly most: number;
  /** Whether that pane is after it: on its right or below it. */
  readonly isAfter?: boolean;
  readonly onSize: (size: number | undefined) => void;
}

const STEP = 16;

/** A double click, or Enter, gives the pane its usual size. */
export function Splitter({
  label,
  orientation,
  size,
  least,
  most,
  isAfter = false,
  onSize,
}: SplitterProps): JSX.Element {
  const drag = useRef<{ from: number; size: number } | undefined>(undefined);
  const isVertical = orientation === 'vertical';
  const sign = isAfter ? -1 : 1;
  const set = (wanted: number): void => onSize(Math.round(Math.min(most, Math.max(least, wanted))));
  const onKeyDown = (event: KeyboardEvent): void => {
    const actions: Readonly<Record<string, () => void>> = {
      [isVertical ? 'ArrowLeft' : 'ArrowUp']: () => set(size - sign * STEP),
      [isVertical ? 'ArrowRight' : 'ArrowDown']: () => set(size + sign * STEP),
      Home: () => set(least),
      End: () => set(most),
      Enter: () => onSize(undefined),
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    action();
  };
  const at = (event: PointerEvent): number => (isVertical ? event.clientX : event.clientY);
  return (
    <div
      class={`splitter ${orientation}`}
      role="separator"
      aria-orientation={orientation}
      aria-label={label}
      aria-valuenow={Math.round(size)}
      aria-valuemin={Math.round(least)}
      aria-valuemax={Math.round(most)}
      title={`${label}: drag, or the arrow keys; a double click gives the usual size`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onDblClick={() => onSize(undefined)}
      onPointerDown={(event) => {
        drag.current = { from: at(event), size };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (drag.current !== undefined) set(drag.current.size + sign * (at(event) - drag.current.from));
      }}
      onPointerUp={() => (drag.current = undefined)}
      onPointerCancel={() => (drag.current = undefined)}
    />
  );
}

/** Names of the panes that have a size. */
export type Pane = 'timeLine' | 'details' | 'map';
type Sizes = Readonly<Partial<Record<Pane, number>>>;

const STORED = 'amdgpu-svm inspect: panes';

/** The sizes that were chosen, also in an earlier visit, and how to choose one; undefined: the usual one. */
export function usePanes(): [Sizes, (pane: Pane, size: number | undefined) => void] {
  const [sizes, setSizes] = useState(storedSizes);
  const set = (pane: Pane, size: number | undefined): void => {
    const { [pane]: _old, ...others } = sizes;
    const next = size === undefined ? others : { ...others, [pane]: size };
    setSizes(next);
    try {
      localStorage.setItem(STORED, JSON.stringify(next));
    } catch {
      // A browser that keeps nothing for this page: the sizes hold as long as it is open.
    }
  };
  return [sizes, set];
}

function storedSizes(): Sizes {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(STORED) ?? '{}');
    if (typeof stored !== 'object' || stored === null) return {};
    return Object.fromEntries(
      Object.entries(stored).filter(([, size]) => typeof size === 'number' && Number.isFinite(size)),
    );
  } catch {
    // Nothing is kept, or something else: the usual sizes.
    return {};
  }
}
