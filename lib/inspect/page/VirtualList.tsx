/** A list of any length: only the rows in view exist. The arrow keys move the active row, which screen readers follow. */
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from '@tanstack/virtual-core';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';

interface VirtualListProps {
  readonly id: string;
  readonly label: string;
  readonly count: number;
  /** Pixels of a row. */
  readonly rowHeight: (index: number) => number;
  /** Changes whenever rows get other heights, beside their number. */
  readonly layout: string;
  /** Index of the active row, -1 for none. */
  readonly active: number;
  readonly onActivate: (index: number) => void;
  readonly row: (index: number) => ComponentChildren;
  readonly rowClass?: (index: number) => string;
}

const SPARE_ROWS = 4;
/** Rows that stay visible before and after the active one. */
const ROOM = 48;

export function VirtualList({
  id,
  label,
  count,
  rowHeight,
  layout,
  active,
  onActivate,
  row,
  rowClass,
}: VirtualListProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [, renderAgain] = useReducer((times: number) => times + 1, 0);
  const options = {
    count,
    getScrollElement: () => box.current,
    estimateSize: rowHeight,
    overscan: SPARE_ROWS,
    scrollPaddingStart: ROOM,
    scrollPaddingEnd: ROOM,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: () => renderAgain(undefined),
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLDivElement, HTMLDivElement>(options));
  virtualizer.setOptions(options);
  useLayoutEffect(() => virtualizer._didMount(), []);
  useLayoutEffect(() => virtualizer._willUpdate());
  useLayoutEffect(() => virtualizer.measure(), [layout]);
  const last = useRef(-1);
  useEffect(() => {
    // A step goes only as far as needed; a list that is new, or laid out again, has what is around its active row.
    const align = active === last.current || last.current < 0 ? 'center' : 'auto';
    last.current = active;
    if (active >= 0 && active < count) virtualizer.scrollToIndex(active, { align });
  }, [active, count, layout]);

  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, virtualizer.getVirtualItems().length - 2 * SPARE_ROWS - 1);
    const target = {
      ArrowUp: active - 1,
      ArrowDown: active + 1,
      PageUp: active - page,
      PageDown: active + page,
      Home: 0,
      End: count - 1,
    }[event.key];
    if (target === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    if (count > 0) onActivate(Math.min(count - 1, Math.max(0, target)));
  };

  const items = virtualizer.getVirtualItems();
  return (
    <div
      ref={box}
      id={id}
      class="virtual-list"
      role="listbox"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={items.some(({ index }) => index === active) ? `${id}-${active}` : undefined}
      onKeyDown={onKeyDown}
    >
      <div style={{ height: `${virtualizer.getTotalSize()}px` }}>
        {items.map(({ index, start, size }, place) => (
          <div
            // By place in the window: rows keep their elements and only change their text.
            key={place}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === active}
            aria-posinset={index + 1}
            aria-setsize={count}
            class={`row ${rowClass?.(index) ?? ''}${index === active ? ' active' : ''}`}
            style={{ height: `${size}px`, transform: `translateY(${start}px)` }}
            onClick={() => onActivate(index)}
          >
            {row(index)}
          </div>
        ))}
      </div>
    </div>
  );
}
