/** All operations at a glance: their marks, stopped queues, how full VRAM is. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { MARKS } from '../model/marks.ts';
import type { StepMarks } from '../model/marks.ts';
import type { StoppedQueues } from '../model/stopped-queues.ts';
import type { VramFill } from '../model/vram-fill.ts';
import { paintOf } from './paints.ts';

interface StripProps {
  readonly count: number;
  readonly marks: StepMarks;
  /** Operations that the search has found, if there is one. */
  readonly matches: Uint32Array | undefined;
  readonly stops: StoppedQueues;
  readonly fill: VramFill;
  readonly current: number;
  readonly theme: string;
  readonly onSelect: (step: number) => void;
}

const STRIP_HEIGHT = 26;
/** Of the lane of stopped queues, at the top. */
const STOPS_HEIGHT = 3;

/** One column for each pixel; a click goes there. The list says the same to those who don't see it. */
export function Strip(props: StripProps): JSX.Element {
  const { count, marks, matches, stops, fill, current, theme, onSelect } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const element = canvas.current!;
    const draw = (): void => drawStrip(element, props);
    draw();
    const observer = new ResizeObserver(draw);
    observer.observe(element);
    return () => observer.disconnect();
  }, [marks, matches, stops, fill, current, theme]);
  return (
    <canvas
      ref={canvas}
      class="strip"
      aria-hidden="true"
      title={`all operations: faults, hazards, stopped queues${fill.any ? ', how full VRAM is and what moves' : ''}; click to go there`}
      style={{ height: `${STRIP_HEIGHT}px` }}
      onPointerDown={(event) => {
        const { left, width } = event.currentTarget.getBoundingClientRect();
        onSelect(Math.min(count - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * count))));
      }}
    />
  );
}

function drawStrip(element: HTMLCanvasElement, { count, marks, matches, stops, fill, current }: StripProps): void {
  const ratio = window.devicePixelRatio;
  const width = element.clientWidth;
  element.width = width * ratio;
  element.height = STRIP_HEIGHT * ratio;
  const context = element.getContext('2d')!;
  context.scale(ratio, ratio);
  // Of many operations in one column, each mark takes its share of the height, the most urgent at the bottom.
  const columns = Math.min(width, count);
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column / columns) * count);
    const to = Math.max(from + 1, Math.floor(((column + 1) / columns) * count));
    const counts = marks.counts(from, to);
    const x = (column / columns) * width;
    const columnWidth = Math.max(1, width / columns - (width / columns > 4 ? 1 : 0));
    const worst = counts.findLastIndex((each) => each > 0);
    if (stops.any && stops.count(from, to) > 0) {
      context.fillStyle = paintOf('queues-stopped');
      context.fillRect(x, 0, width / columns, STOPS_HEIGHT);
    }
    let bottom = STRIP_HEIGHT;
    for (let mark = worst; mark >= 0; mark--) {
      if (counts[mark] === 0) continue;
      context.fillStyle = paintOf(`mark-${MARKS[mark]}`);
      // One hazard in a thousand operations has to be seen, too.
      const height = to - from === 1 ? 8 + worst * 3 : Math.max(3, (counts[mark]! / (to - from)) * (STRIP_HEIGHT - 6));
      context.fillRect(x, bottom - height, columnWidth, height);
      bottom -= height;
    }
  }
  if (matches !== undefined) {
    context.fillStyle = paintOf('text');
    for (const step of matches)
      context.fillRect((step / count) * width, 0, Math.max(1, width / count - 1), STOPS_HEIGHT);
  }
  if (fill.any) drawFill(context, fill, count, width);
  context.fillStyle = paintOf('accent');
  context.fillRect(Math.min(width - 2, ((current + 0.5) / count) * width - 1), 0, 2, STRIP_HEIGHT);
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
