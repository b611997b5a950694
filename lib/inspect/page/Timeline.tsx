/** The time line: operations and events as a list, and all of them at a glance as a strip. */
import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { answerText, operationText } from '../model/describe.ts';
import type { StepMark } from '../model/describe.ts';
import { eventAt } from '../model/events.ts';
import type { SessionLook } from './use-look.ts';
import { rowHeight, RowLines } from './row-lines.ts';
import { SearchBar } from './SearchBar.tsx';
import type { Step } from '../model/step.ts';
import { StoppedQueues } from '../model/stopped-queues.ts';
import { Strip } from './Strip.tsx';
import { TimelineRows } from '../model/timeline-rows.ts';
import { useKeys } from './use-keys.ts';
import { useClientWidth, useNarrow } from './use-width.ts';
import { VirtualList } from './VirtualList.tsx';
import { VramFill } from '../model/vram-fill.ts';

interface TimelineProps {
  /** Of the list; there may be two on the page. */
  readonly id: string;
  readonly title: string;
  readonly shown: SessionLook;
  readonly theme: string;
  /** Whether '/' and 'n' go to this one. */
  readonly hasKeys: boolean;
  /** The operation in which another trace differs first, and in what. */
  readonly difference?: { readonly step: number; readonly what: string } | undefined;
  readonly onSelect: (step: number, event: number) => void;
}

/** What the badge of an operation says; empty where it has none. */
function badgeOf(step: Step, mark: StepMark): string {
  if (mark === 'hazard') return step.hazards.find(({ isNotice }) => !isNotice)!.quirk;
  return mark === 'plain' || mark === 'refused' ? '' : mark;
}

export function Timeline({ id, title, shown, theme, hasKeys, difference, onSelect }: TimelineProps): JSX.Element {
  const { steps, look, marks, search, matches, change } = shown;
  const { step: current, event, showEvents, filter } = look;
  const rows = useMemo(() => new TimelineRows(steps, showEvents, matches), [steps, showEvents, matches]);
  const stops = useMemo(() => new StoppedQueues(steps), [steps]);
  const fill = useMemo(() => new VramFill(steps), [steps]);
  const isNarrow = useNarrow();
  const section = useRef<HTMLElement>(null);
  // A few pixels more or less do not lay the list out again.
  const width = Math.floor(useClientWidth(section) / 8) * 8;
  const lines = useMemo(
    () => new RowLines(steps, (index) => fill.arrowsAt(index) + badgeOf(steps[index]!, marks.of(index))),
    [steps, marks, fill],
  );
  const linesOf = (row: number): number => {
    const at = rows.at(row);
    if (at.event >= 0) return lines.ofEvent(at.step, at.event, width);
    return isNarrow ? 2 : lines.ofOperation(at.step, width);
  };
  const find = useRef<HTMLInputElement>(null);
  const activeRow = rows.rowOf(current);
  const goToMatch = (direction: 1 | -1): void => {
    if (matches === undefined || matches.length === 0) return;
    const after = matches.findIndex((step) => step > current);
    const before = matches.findLastIndex((step) => step < current);
    onSelect(matches.at(direction > 0 ? Math.max(0, after) : before)!, -1);
  };
  useKeys(hasKeys ? { '/': () => find.current?.focus(), n: () => goToMatch(1), N: () => goToMatch(-1) } : {});
  return (
    <section ref={section} class="timeline" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {stops.any && <span class="stopped-key">queues stopped</span>}
        {fill.any && <span class="vram-key">VRAM taken: {Math.round(fill.partAt(current) * 100)} %</span>}
        <label>
          <input
            type="checkbox"
            checked={showEvents}
            onChange={(input) => change({ showEvents: input.currentTarget.checked, event: -1 })}
          />{' '}
          events
        </label>
      </header>
      <SearchBar
        search={search}
        filter={filter}
        found={matches?.length}
        count={steps.length}
        input={find}
        onFilter={(next) => change({ filter: next })}
        onNext={goToMatch}
      />
      <Strip
        count={steps.length}
        marks={marks}
        matches={matches}
        stops={stops}
        fill={fill}
        current={current}
        theme={theme}
        onSelect={(step) => onSelect(step, -1)}
      />
      <VirtualList
        id={id}
        label={`${title}: operations and events`}
        count={rows.count}
        rowHeight={(row) => rowHeight(linesOf(row))}
        layout={`${isNarrow} ${width} ${showEvents} ${steps.length} ${JSON.stringify(filter)}`}
        active={activeRow < 0 ? -1 : activeRow + (showEvents ? event + 1 : 0)}
        onActivate={(row) => {
          const at = rows.at(row);
          onSelect(at.step, at.event);
        }}
        rowClass={(row) => {
          const at = rows.at(row);
          return [
            at.event < 0 ? `operation mark-${marks.of(at.step)}` : 'event',
            linesOf(row) > 1 ? 'tall' : '',
            at.step === current ? 'of-current' : '',
            stops.has(at.step) ? 'queues-stopped' : '',
            difference === undefined
              ? ''
              : at.step === difference.step
                ? 'differing'
                : at.step > difference.step
                  ? 'after'
                  : '',
          ].join(' ');
        }}
        row={(row) => {
          const at = rows.at(row);
          return at.event >= 0 ? eventRow(at.step, at.event) : operationRow(at.step);
        }}
      />
    </section>
  );

  function eventRow(step: number, index: number): JSX.Element {
    const { text } = eventAt(steps[step]!, index)!;
    return (
      <span class="event-text" title={text}>
        {text}
      </span>
    );
  }

  function operationRow(index: number): JSX.Element {
    const step = steps[index]!;
    const mark = marks.of(index);
    const badge = badgeOf(step, mark);
    const text = operationText(step.operation);
    return (
      <>
        {stops.has(index) && (
          <span class="stopped" role="img" aria-label={stops.textAt(index)} title={stops.textAt(index)} />
        )}
        <span class="number">{index + 1}</span>
        <span class="name">{step.operation.name}</span>
        <span class="text" title={text}>
          {text}
        </span>
        {fill.arrowsAt(index) !== '' && <span class="moved">{fill.arrowsAt(index)}</span>}
        {difference?.step === index && <span class="badge differs">first difference: {difference.what}</span>}
        {badge !== '' && <span class={`badge ${mark}`}>{badge}</span>}
        <span class={`answer${Number(step.answer['ret'] ?? 0) < 0 ? ' refused' : ''}`}>{answerText(step)}</span>
      </>
    );
  }
}
