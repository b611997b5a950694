/** Output for people and programs. */
import { styleText } from 'node:util';

/** Colours only where a person reads: a terminal, and NO_COLOR not set. */
function coloured(): boolean {
  return process.stdout.isTTY === true && !process.env['NO_COLOR'];
}

export function bold(text: string): string {
  return coloured() ? styleText('bold', text) : text;
}

export function dim(text: string): string {
  return coloured() ? styleText('dim', text) : text;
}

/** Writes one line to standard output. */
export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Writes one line to standard error. */
export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A value as JSON on one line, bigints as "0x..." strings. */
export function toJson(value: unknown, space?: number): string {
  return JSON.stringify(
    value,
    (_key, each: unknown) => (typeof each === 'bigint' ? `0x${each.toString(16)}` : each),
    space,
  );
}

/** Rows of equal length as columns, two spaces apart; the first row is the head. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
