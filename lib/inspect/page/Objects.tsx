/** Everything in the address space as a list: the same as the map, for reading. */
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { interval } from '../model/format.ts';
import { LANE_TITLES, LANES } from '../model/lanes.ts';
import type { LaneName } from '../model/lanes.ts';
import { rowHeight } from './row-lines.ts';
import { placeOfItem } from './SpaceMap.tsx';
import type { SessionLook } from './use-look.ts';
import { useNarrow } from './use-width.ts';
import { VirtualList } from './VirtualList.tsx';

interface ObjectsProps {
  /** Of the list. */
  readonly id: string;
  readonly shown: SessionLook;
}

export function Objects({ id, shown }: ObjectsProps): JSX.Element {
  const { selected, change } = shown;
  const { lanes, changes } = shown.state;
  const isNarrow = useNarrow();
  const [only, setOnly] = useState<LaneName | 'all' | 'changed'>('all');
  const items = useMemo(() => {
    const all = LANES.flatMap((lane) => lanes[lane]);
    if (only === 'changed') return all.filter((item) => changes.added.has(item.identity));
    return only === 'all' ? all : [...lanes[only]];
  }, [lanes, changes, only]);
  return (
    <section class="objects" aria-label="Objects">
      <header>
        <h2>Objects</h2>
        <label>
          <span>show</span>
          <select value={only} onChange={(event) => setOnly(event.currentTarget.value as LaneName)}>
            <option value="all">all</option>
            <option value="changed">changed by this operation</option>
            {LANES.map((lane) => (
              <option key={lane} value={lane}>
                {LANE_TITLES[lane]}
              </option>
            ))}
          </select>
        </label>
        <span class="note">{items.length}</span>
      </header>
      <VirtualList
        id={id}
        label="Objects of the address space"
        count={items.length}
        rowHeight={() => rowHeight(isNarrow ? 2 : 1)}
        layout={String(isNarrow)}
        active={selected === undefined ? -1 : items.findIndex((item) => item.identity === selected.identity)}
        onActivate={(index) => change({ selected: placeOfItem(items[index]!) })}
        rowClass={() => (isNarrow ? 'tall' : '')}
        row={(index) => {
          const item = items[index]!;
          return (
            <>
              <span class="name">{LANE_TITLES[item.lane]}</span>
              <span class="mono place">{interval(item.page, item.pages)}</span>
              <span class="text">{item.label}</span>
              {changes.added.has(item.identity) && <span class="badge changed">changed</span>}
            </>
          );
        }}
      />
    </section>
  );
}
