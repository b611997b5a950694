/** Measurements as a table and as data. */
import type { Measurement } from './measurement.ts';

/** A measurement with its judgement; `ratio` above 1 means worse than the target. */
export interface ReportRow extends Measurement {
  readonly ratio: number | undefined;
  /** 'within 2x' and 'within 3x' of the C code, 'met' for a limit, or 'missed'. */
  readonly verdict: 'within 2x' | 'within 3x' | 'met' | 'missed' | '';
}

export function reportRow(measurement: Measurement): ReportRow {
  const { target, median, unit } = measurement;
  if (target === undefined) return { ...measurement, ratio: undefined, verdict: '' };
  const ratio = unit === 'op/s' ? target.value / median : median / target.value;
  if (target.kind === 'limit') return { ...measurement, ratio, verdict: ratio <= 1 ? 'met' : 'missed' };
  return { ...measurement, ratio, verdict: ratio <= 2 ? 'within 2x' : ratio <= 3 ? 'within 3x' : 'missed' };
}

const HEADINGS = ['measurement', 'target', 'median', 'best', 'ratio', 'verdict'];

/** The table as text, one row a line. */
export function formatTable(rows: readonly ReportRow[]): string {
  const cells = [
    HEADINGS,
    ...rows.map((row) => [
      row.name,
      row.target === undefined
        ? ''
        : `${row.target.kind === 'C' ? 'C ' : row.unit === 'op/s' ? '>= ' : '< '}${formatValue(row.target.value, row.unit)}`,
      formatValue(row.median, row.unit),
      formatValue(row.best, row.unit),
      row.ratio === undefined ? '' : row.ratio.toFixed(2),
      row.verdict,
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
