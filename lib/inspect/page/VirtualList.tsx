/** A list of any length: only the rows in view exist. The arrow keys move the active row, which screen readers follow. */
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

interface VirtualListProps {
  readonly id: string;
  readonly label: string;
  readonly count: number;
  readonly rowHeight: number;
  /** Index of the active row, -1 for none. */
  readonly active: number;
  readonly onActivate: (index: number) => void;
  readonly row: (index: number) => ComponentChildren;
  readonly rowClass?: (index: number) => string;
}

const SPARE_ROWS = 4;

export function VirtualList({
  id,
  label,
  count,
  rowHeight,
  active,
  onActivate,
  row,
  rowClass,
}: VirtualListProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(600);

  useLayoutEffect(() => {
    const element = box.current!;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const element = box.current!;
    if (active < 0) return;
    const start = active * rowHeight;
    if (start < element.scrollTop) element.scrollTop = Math.max(0, start - rowHeight * 2);
    else if (start + rowHeight > element.scrollTop + element.clientHeight) {
      element.scrollTop = start + rowHeight * 3 - element.clientHeight;
    }
  }, [active, rowHeight, count]);

  const onScroll = (): void => {
    // Rendered again only when other rows come into view.
    const first = Math.floor(box.current!.scrollTop / rowHeight);
    if (first !== top) setTop(first);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor(height / rowHeight) - 1);
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

  const first = Math.max(0, Math.min(top, count - 1) - SPARE_ROWS);
  const last = Math.min(count, top + Math.ceil(height / rowHeight) + SPARE_ROWS);
  const rows: JSX.Element[] = [];
  for (let index = first; index < last; index++) {
    rows.push(
      <div
        // By place in the window: rows keep their elements and only change their text.
        key={index - first}
        id={`${id}-${index}`}
        role="option"
        aria-selected={index === active}
        aria-posinset={index + 1}
        aria-setsize={count}
        class={`row ${rowClass?.(index) ?? ''}${index === active ? ' active' : ''}`}
        style={{ height: `${rowHeight}px`, transform: `translateY(${index * rowHeight}px)` }}
        onClick={() => onActivate(index)}
      >
        {row(index)}
      </div>,
    );
  }
  return (
    <div
      ref={box}
      id={id}
      class="virtual-list"
      role="listbox"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={active >= first && active < last ? `${id}-${active}` : undefined}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
    >
      <div style={{ height: `${count * rowHeight}px` }}>{rows}</div>
    </div>
  );
}
