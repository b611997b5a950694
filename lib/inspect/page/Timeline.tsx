/** The time line: operations and events as a list, and all of them at a glance as a strip. */
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { answerText, effectText, markOf, operationText } from '../model/describe.ts';
import type { Place } from '../model/describe.ts';
import type { Step } from '../model/step.ts';
import { StoppedQueues } from '../model/stopped-queues.ts';
import { paintOf } from './paints.ts';
import { TimelineRows } from '../model/timeline-rows.ts';
import { VramFill } from '../model/vram-fill.ts';
import { VirtualList } from './VirtualList.tsx';

interface TimelineProps {
  readonly steps: readonly Step[];
  readonly current: number;
  /** The selected event of the current operation, -1 for none. */
  readonly event: number;
  readonly showEvents: boolean;
  readonly theme: string;
  readonly onShowEvents: (show: boolean) => void;
  readonly onSelect: (step: number, event: number, place: Place | undefined) => void;
}

const MARK_TITLES = { hazard: 'hazard', differs: 'differs', refused: 'refused', fault: 'fault', plain: '' } as const;

export function Timeline({
  steps,
  current,
  event,
  showEvents,
  theme,
  onShowEvents,
  onSelect,
}: TimelineProps): JSX.Element {
  const rows = useMemo(() => new TimelineRows(steps, showEvents), [steps, showEvents]);
  const stops = useMemo(() => new StoppedQueues(steps), [steps]);
  const fill = useMemo(() => new VramFill(steps), [steps]);
  const activate = (row: number): void => {
    const at = rows.at(row);
    onSelect(at.step, at.event, eventAt(steps[at.step]!, at.event)?.place);
  };
  return (
    <section class="timeline" aria-label="Time line">
      <header>
        <h2>Time line</h2>
        {stops.any && <span class="stopped-key">queues stopped</span>}
        {fill.any && <span class="vram-key">VRAM taken: {Math.round(fill.partAt(current) * 100)} %</span>}
        <label>
          <input
            type="checkbox"
            checked={showEvents}
            onChange={(change) => onShowEvents(change.currentTarget.checked)}
          />{' '}
          events
        </label>
      </header>
      <Strip
        steps={steps}
        stops={stops}
        fill={fill}
        current={current}
        theme={theme}
        onSelect={(step) => onSelect(step, -1, undefined)}
      />
      <VirtualList
        id="operations"
        label="Operations and events"
        count={rows.count}
        rowHeight={24}
        active={rows.rowOf(current) + (showEvents ? event + 1 : 0)}
        onActivate={activate}
        rowClass={(row) => {
          const at = rows.at(row);
          return `${at.event < 0 ? `operation mark-${markOf(steps[at.step]!)}` : 'event'}${at.step === current ? ' of-current' : ''}${stops.has(at.step) ? ' queues-stopped' : ''}`;
        }}
        row={(row) => {
          const at = rows.at(row);
          const step = steps[at.step]!;
          if (at.event >= 0) return <EventText text={eventAt(step, at.event)!.text} />;
          const mark = markOf(step);
          return (
            <>
              {stops.has(at.step) && (
                <span class="stopped" role="img" aria-label={stops.textAt(at.step)} title={stops.textAt(at.step)} />
              )}
              <span class="number">{at.step + 1}</span>
              <span class="name">{step.operation.name}</span>
              <span class="text" title={operationText(step.operation)}>
                {operationText(step.operation)}
              </span>
              {fill.arrowsAt(at.step) !== '' && <span class="moved">{fill.arrowsAt(at.step)}</span>}
              {mark !== 'plain' && mark !== 'refused' && (
                <span class={`badge ${mark}`}>
                  {mark === 'hazard' ? step.hazards.find(({ isNotice }) => !isNotice)!.quirk : MARK_TITLES[mark]}
                </span>
              )}
              <span class={`answer${Number(step.answer['ret'] ?? 0) < 0 ? ' refused' : ''}`}>{answerText(step)}</span>
            </>
          );
        }}
      />
    </section>
  );
}

function EventText({ text }: { text: string }): JSX.Element {
  return (
    <span class="event-text" title={text}>
      {text}
    </span>
  );
}

/** Event `index` of a step: its effects, then its hazards. */
function eventAt(step: Step, index: number): { text: string; place: Place | undefined } | undefined {
  if (index < 0) return undefined;
  const effect = step.effects[index];
  if (effect !== undefined) return effectText(effect);
  const hazard = step.hazards[index - step.effects.length];
  return hazard === undefined
    ? undefined
    : {
        text: `${hazard.isNotice ? 'notice' : 'hazard'} ${hazard.quirk}: ${hazard.detail}`,
        place: { page: hazard.page, pages: hazard.pages },
      };
}

interface StripProps {
  readonly steps: readonly Step[];
  readonly stops: StoppedQueues;
  readonly fill: VramFill;
  readonly current: number;
  readonly theme: string;
  readonly onSelect: (step: number) => void;
}

const STRIP_HEIGHT = 26;
/** Of the lane of stopped queues, at the top. */
const STOPS_HEIGHT = 3;
const MARK_ORDER = ['plain', 'refused', 'fault', 'differs', 'hazard'] as const;

/** All operations as one strip; a click goes there. The list says the same to those who don't see it. */
function Strip({ steps, stops, fill, current, theme, onSelect }: StripProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current!;
    const draw = (): void => drawStrip(element, steps, stops, fill, current);
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [steps, stops, fill, current, theme]);
  return (
    <canvas
      ref={canvas}
      class="strip"
      aria-hidden="true"
      title={`all operations: faults, hazards, stopped queues${fill.any ? ', how full VRAM is and what moves' : ''}; click to go there`}
      style={{ height: `${STRIP_HEIGHT}px` }}
      onPointerDown={(event) => {
        const { left, width } = event.currentTarget.getBoundingClientRect();
        onSelect(Math.min(steps.length - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * steps.length))));
      }}
    />
  );
}

function drawStrip(
  element: HTMLCanvasElement,
  steps: readonly Step[],
  stops: StoppedQueues,
  fill: VramFill,
  current: number,
): void {
  const ratio = window.devicePixelRatio;
  const width = element.clientWidth;
  element.width = width * ratio;
  element.height = STRIP_HEIGHT * ratio;
  const context = element.getContext('2d')!;
  context.scale(ratio, ratio);
  // One column for each pixel. Of many operations in one, each mark takes its share of the height, the most urgent at the bottom.
  const columns = Math.min(width, steps.length);
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column / columns) * steps.length);
    const to = Math.max(from + 1, Math.floor(((column + 1) / columns) * steps.length));
    const counts = MARK_ORDER.map(() => 0);
    for (let index = from; index < to; index++) counts[MARK_ORDER.indexOf(markOf(steps[index]!))]!++;
    const x = (column / columns) * width;
    const columnWidth = Math.max(1, width / columns - (width / columns > 4 ? 1 : 0));
    const worst = counts.findLastIndex((count) => count > 0);
    if (stops.any && stops.count(from, to) > 0) {
      context.fillStyle = paintOf('queues-stopped');
      context.fillRect(x, 0, width / columns, STOPS_HEIGHT);
    }
    let bottom = STRIP_HEIGHT;
    for (let mark = worst; mark >= 0; mark--) {
      if (counts[mark] === 0) continue;
      context.fillStyle = paintOf(`mark-${MARK_ORDER[mark]}`);
      // One hazard in a thousand operations has to be seen, too.
      const height = to - from === 1 ? 8 + worst * 3 : Math.max(3, (counts[mark]! / (to - from)) * (STRIP_HEIGHT - 6));
      context.fillRect(x, bottom - height, columnWidth, height);
      bottom -= height;
    }
  }
  if (fill.any) drawFill(context, fill, steps.length, width);
  context.fillStyle = paintOf('accent');
  context.fillRect(Math.min(width - 2, ((current + 0.5) / steps.length) * width - 1), 0, 2, STRIP_HEIGHT);
}

/** How full VRAM is, as a curve, and under it where pages move: to VRAM a triangle that points up, home one that points down. */
function drawFill(context: CanvasRenderingContext2D, fill: VramFill, steps: number, width: number): void {
  const columns = Math.min(width, steps);
  const y = (part: number): number => STRIP_HEIGHT - 1 - part * (STRIP_HEIGHT - 4);
  context.strokeStyle = paintOf('vram-curve');
  context.lineWidth = 1.5;
  context.beginPath();
  context.moveTo(0, y(0));
  for (let column = 0; column < columns; column++) {
    const last = Math.max(0, Math.floor(((column + 1) / columns) * steps) - 1);
    const x = (column / columns) * width;
    context.lineTo(x, y(fill.partAt(last)));
    context.lineTo(x + width / columns, y(fill.partAt(last)));
  }
  context.stroke();
  context.fillStyle = paintOf('vram-curve');
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column / columns) * steps);
    const moved = fill.moves(from, Math.max(from + 1, Math.floor(((column + 1) / columns) * steps)));
    const middle = ((column + 0.5) / columns) * width;
    if (moved.in) drawTriangle(context, middle, 1, 5);
    if (moved.home) drawTriangle(context, middle, 12, 8);
  }
}

function drawTriangle(context: CanvasRenderingContext2D, x: number, tip: number, base: number): void {
  context.beginPath();
  context.moveTo(x, tip);
  context.lineTo(x - 3, base);
  context.lineTo(x + 3, base);
  context.fill();
}
