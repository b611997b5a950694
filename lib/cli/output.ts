/** Output for people and programs. */
import { styleText } from 'node:util';
import { printable, printableLines } from '../words/printable.ts';
import { ExitCode } from './command.ts';

/** Whether a stream may get escapes, of colours or of a line that changes: a terminal that has them, and NO_COLOR is not set. */
export function takesEscapes(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb';
}

function coloured(): boolean {
  return takesEscapes(process.stdout);
}

export function bold(text: string): string {
  return coloured() ? styleText('bold', text) : text;
}

export function dim(text: string): string {
  return coloured() ? styleText('dim', text) : text;
}

/** Writes one line to standard output. Text of others in it loses its power over the terminal. */
export function print(line = ''): void {
  write(`${line}\n`);
}

/** Writes text of several lines, or a part of one, to standard output; as `print` otherwise. */
export function write(text: string): void {
  clearStatusLine();
  if (!outputLost) process.stdout.write(printableLines(text));
}

/** Writes one line to standard error; as `print` otherwise. */
export function complain(line: string): void {
  clearStatusLine();
  process.stderr.write(`${printableLines(line)}\n`);
}

/** Where there is a line that changes. */
let statusStream: NodeJS.WriteStream | undefined;

/** Shows a line at the end of a terminal until something else is written, or another one is shown; '' takes it away. */
export function setStatusLine(stream: NodeJS.WriteStream, text: string): void {
  clearStatusLine();
  if (text === '') return;
  stream.write(printable(text).slice(0, (stream.columns || 80) - 1));
  statusStream = stream;
}

function clearStatusLine(): void {
  statusStream?.write('\r\u001b[2K');
  statusStream = undefined;
}

let outputLost = false;
let outputMatters = true;

/**
 * What becomes of output that cannot be written, for all commands: a reader that has seen enough
 * (head, less) closes the pipe, and that is no failure; a full disk is one, with exit code 3.
 */
export function watchOutput(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (outputLost) return;
    outputLost = true;
    if (!outputMatters) {
      complain(`amdgpu-svm: no more output, since it cannot be written: ${error.message}`);
      return;
    }
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? ExitCode.ok);
    complain(`amdgpu-svm: standard output cannot be written: ${error.message}`);
    process.exit(ExitCode.infrastructure);
  });
  // There is nowhere left to tell it.
  process.stderr.on('error', () => undefined);
}

/** For a command that others depend on: it goes on when nobody takes its output. */
export function goOnWithoutOutput(): void {
  outputMatters = false;
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
