/** Traces given as text: lines, operations, recorded answers. Free of Node imports: the inspector's page reads with it. */
import { parseOperation } from './operation.ts';
import type { TraceOperation } from './operation.ts';
import { TraceFormatError } from './trace-error.ts';

/** One line of a trace: the operation, and its recorded answer if there is one. */
export interface TraceLine {
  /** Line number in the file, from 1. */
  readonly line: number;
  readonly operation: TraceOperation;
  /** The operation as it stands in the file. */
  readonly source: unknown;
  readonly expected: Readonly<Record<string, unknown>> | undefined;
}

/** A trace that cannot be read or understood; the message begins with `FILE:LINE:`. */
export class TraceFileError extends Error {
  readonly code = 'ERR_SVM_TRACE';
  readonly file: string;
  /** From 1; 0 when the file as a whole is meant. */
  readonly line: number;

  constructor(file: string, line: number, message: string, options?: ErrorOptions) {
    super(line === 0 ? `${file}: ${message}` : `${file}:${line}: ${message}`, options);
    this.name = 'TraceFileError';
    this.file = file;
    this.line = line;
  }
}

/** The lines of a trace given as text; `name` stands for the file in complaints. */
export function parseTrace(name: string, text: string): TraceLine[] {
  const lines: TraceLine[] = [];
  text.split('\n').forEach((source, index) => {
    const trimmed = source.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    const parsed = parseLine(name, index + 1, trimmed);
    if (parsed.operation.name === 'config' && lines.length > 0) {
      throw new TraceFileError(name, index + 1, 'config: only the first operation of a trace may be a config');
    }
    lines.push(parsed);
  });
  if (lines.length === 0) throw new TraceFileError(name, 0, 'holds no operation');
  return lines;
}

function parseLine(file: string, line: number, text: string): TraceLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TraceFileError(file, line, `no JSON (cut off?): ${(error as Error).message}`, { cause: error });
  }
  let source = value;
  let expected: Readonly<Record<string, unknown>> | undefined;
  if (typeof value === 'object' && value !== null && 'in' in value) {
    source = value.in;
    const out: unknown = 'out' in value ? value.out : undefined;
    if (out !== undefined && (typeof out !== 'object' || out === null || Array.isArray(out))) {
      throw new TraceFileError(file, line, 'out: expected an object');
    }
    expected = out as Readonly<Record<string, unknown>> | undefined;
  }
  try {
    return { line, operation: parseOperation(source), source, expected };
  } catch (error) {
    if (error instanceof TraceFormatError) throw new TraceFileError(file, line, error.message, { cause: error });
    throw error;
  }
}
