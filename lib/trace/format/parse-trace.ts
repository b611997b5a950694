/** Traces given as text: lines, operations, recorded answers. Free of Node imports: the inspector's page reads with it. */
import type { TraceOperation } from '../operations/index.ts';
import { Fragment, isAt, RecordedAnswer } from './answer-text.ts';
import { parseOperation } from '../operations/parse.ts';
import { TraceFormatError } from './fields.ts';
import { RequestReader } from './request-reader.ts';
import { TraceFileError } from './trace-file-error.ts';

/** One line of a trace: the operation, and its recorded answer if there is one. */
export interface TraceLine {
  /** Line number in the file, from 1. */
  readonly line: number;
  readonly operation: TraceOperation;
  /** The operation as it is written in the file. */
  readonly source: unknown;
  readonly expected: Readonly<Record<string, unknown>> | undefined;
  /** The recorded answer as it is written in the file, where it was not parsed. */
  readonly recorded?: RecordedAnswer;
}

/** The lines of a trace given as text; `name` stands for the file in complaints. */
export function parseTrace(name: string, text: string): TraceLine[] {
  return [...traceLines(name, text)];
}

/** The lines of a trace given as text, each parsed when it is asked for. */
export function* traceLines(name: string, text: string): Generator<TraceLine, void> {
  const order = new OrderOfLines(name);
  for (let start = 0, line = 1; start <= text.length; line++) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const parsed = parseLine(name, line, text.slice(start, end).trim());
    start = end + 1;
    if (parsed !== undefined) yield order.checked(parsed);
  }
  order.end();
}

/**
 * The lines of a trace given as bytes. Recorded answers are parsed when somebody asks for `expected`, and a malformed one is complained
 * of only then.
 */
export function* recordedLines(name: string, bytes: Uint8Array): Generator<TraceLine, void> {
  const order = new OrderOfLines(name);
  const reader = new RequestReader(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let start = 0, line = 1; start <= bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    const parsed =
      recordedLine(name, line, reader, view, start, end) ??
      parseLine(name, line, textOf(bytes.subarray(start, end)).trim());
    start = end + 1;
    if (parsed !== undefined) yield order.checked(parsed);
  }
  order.end();
}

/** That a configuration can only come first, and that there is an operation. */
class OrderOfLines {
  readonly #file: string;
  #isFirst = true;

  constructor(file: string) {
    this.#file = file;
  }

  checked(line: TraceLine): TraceLine {
    if (line.operation.name === 'config' && !this.#isFirst)
      throw new TraceFileError(this.#file, line.line, 'config: only the first operation of a trace may be a config');
    this.#isFirst = false;
    return line;
  }

  end(): void {
    if (this.#isFirst) throw new TraceFileError(this.#file, 0, 'holds no operation');
  }
}

const NEWLINE = 0x0a;
const IN = new Fragment('{"in":');
const OUT = new Fragment(',"out":');
const END = new Fragment('}');

// What marks the order of bytes is no text, but white space at its beginning is.
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** A line whose answer is most of its text and, as a rule, only compared as text. */
class RecordedLine implements TraceLine {
  readonly line: number;
  readonly operation: TraceOperation;
  readonly recorded: RecordedAnswer;
  readonly #file: string;
  readonly #bytes: DataView;
  readonly #start: number;
  readonly #end: number;
  #expected: Readonly<Record<string, unknown>> | undefined;

  /** The request is in `bytes` from `start` to before `end`, the answer after it to before `endOfAnswer`. */
  constructor(
    file: string,
    line: number,
    operation: TraceOperation,
    bytes: DataView,
    start: number,
    end: number,
    endOfAnswer: number,
  ) {
    this.line = line;
    this.operation = operation;
    this.recorded = new RecordedAnswer(bytes, end + OUT.length, endOfAnswer);
    this.#file = file;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  get source(): unknown {
    const { buffer, byteOffset } = this.#bytes;
    return parseJson(
      this.#file,
      this.line,
      textOf(new Uint8Array(buffer, byteOffset + this.#start, this.#end - this.#start)),
    );
  }

  get expected(): Readonly<Record<string, unknown>> | undefined {
    return (this.#expected ??= answerObject(
      this.#file,
      this.line,
      parseJson(this.#file, this.line, this.recorded.text),
    ));
  }
}

/** The line from `start` to before `end` without parsing its answer, or undefined if it does not have the form of a recording. */
function recordedLine(
  file: string,
  line: number,
  reader: RequestReader,
  bytes: DataView,
  start: number,
  end: number,
): TraceLine | undefined {
  if (!isAt(IN, bytes, start, end) || !isAt(END, bytes, end - END.length, end)) return undefined;
  const startOfRequest = start + IN.length;
  const request = reader.read(startOfRequest);
  const endOfRequest = reader.end;
  if (request === undefined || !isAt(OUT, bytes, endOfRequest, end)) return undefined;
  const operation = parseSource(file, line, request);
  return new RecordedLine(file, line, operation, bytes, startOfRequest, endOfRequest, end - END.length);
}

/** Undefined: a comment, or nothing at all. */
function parseLine(file: string, line: number, text: string): TraceLine | undefined {
  if (text === '' || text.startsWith('#')) return undefined;
  const value = parseJson(file, line, text);
  if (typeof value !== 'object' || value === null || !('in' in value)) {
    return { line, operation: parseSource(file, line, value), source: value, expected: undefined };
  }
  const out: unknown = 'out' in value ? value.out : undefined;
  const expected = out === undefined ? undefined : answerObject(file, line, out);
  return { line, operation: parseSource(file, line, value.in), source: value.in, expected };
}

/** Brackets within brackets; no operation needs more than a few, and deeper ones end the stack of who walks them. */
const DEEPEST = 64;

/** Refuses JSON that is nested too deeply; brackets in strings count at most as what they are. */
function assertShallow(file: string, line: number, text: string): void {
  // Each bracket is a character, and so is the one that closes it: short lines need no look.
  if (text.length <= 2 * DEEPEST) return;
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === BACKSLASH) index++;
      else if (code === QUOTE) inString = false;
    } else if (code === QUOTE) inString = true;
    else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (++depth > DEEPEST) throw new TraceFileError(file, line, `nested more than ${DEEPEST} deep`);
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth--;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function parseJson(file: string, line: number, text: string): unknown {
  assertShallow(file, line, text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TraceFileError(file, line, `no JSON (cut off?): ${(error as Error).message}`, { cause: error });
  }
}

function answerObject(file: string, line: number, out: unknown): Readonly<Record<string, unknown>> {
  if (typeof out !== 'object' || out === null || Array.isArray(out)) {
    throw new TraceFileError(file, line, 'out: expected an object');
  }
  return out as Readonly<Record<string, unknown>>;
}

function parseSource(file: string, line: number, source: unknown): TraceOperation {
  try {
    return parseOperation(source);
  } catch (error) {
    if (error instanceof TraceFormatError) throw new TraceFileError(file, line, error.message, { cause: error });
    throw error;
  }
}
