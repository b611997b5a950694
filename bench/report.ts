/** Measurements as a table and as data. */
import type { Measurement } from './measurement.ts';

/** A measurement with its judgement; a `ratio` above its `goal` means worse than what is wanted. */
export interface ReportRow extends Measurement {
  readonly ratio: number | undefined;
  readonly goal: number | undefined;
  readonly verdict: 'met' | 'missed' | '';
}

export function reportRow(measurement: Measurement): ReportRow {
  const { target, median, unit } = measurement;
  if (target === undefined) return { ...measurement, ratio: undefined, goal: undefined, verdict: '' };
  const [ratio, goal] =
    target.kind === 'C'
      ? [target.ratio, target.goal]
      : [unit === 'op/s' ? target.value / median : median / target.value, 1];
  return { ...measurement, ratio, goal, verdict: ratio <= goal ? 'met' : 'missed' };
}

const HEADINGS = ['measurement', 'median', 'best', 'C', 'limit', 'ratio', 'goal', 'verdict'];

/** The table as text, one row a line. */
export function formatTable(rows: readonly ReportRow[]): string {
  const cells = [
    HEADINGS,
    ...rows.map(({ name, unit, median, best, target, ratio, goal, verdict }) => [
      name,
      formatValue(median, unit),
      formatValue(best, unit),
      target?.kind === 'C' ? formatValue(target.value, unit) : '',
      target?.kind === 'limit' ? `${unit === 'op/s' ? '>=' : '<='} ${formatValue(target.value, unit)}` : '',
      ratio === undefined ? '' : ratio.toFixed(2),
      goal === undefined ? '' : `<= ${goal}`,
      verdict,
    ]),
  ];
  const widths = HEADINGS.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  return cells
    .map((line) =>
      line
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function formatValue(value: number, unit: Measurement['unit']): string {
  if (unit === 's') return `${value.toFixed(2)} s`;
  if (unit === 'us') return `${value < 10 ? value.toFixed(3) : value.toFixed(1)} us`;
  return `${Math.round(value).toLocaleString('en')} ${unit}`;
}
