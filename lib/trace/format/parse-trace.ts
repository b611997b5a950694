/** Traces given as text: lines, operations, recorded answers. Free of Node imports: the inspector's page reads with it. */
import type { TraceOperation } from '../operations/index.ts';
import { RecordedAnswer } from './answer-text.ts';
import { parseOperation } from '../operations/parse.ts';
import { TraceFormatError } from './fields.ts';
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

/**
 * The lines of a trace, each parsed when it is asked for. With `bytes`, the same text as bytes, recorded answers are parsed when
 * somebody asks for `expected`, and a malformed one is complained of only then.
 */
export function* traceLines(name: string, text: string, bytes?: Uint8Array): Generator<TraceLine, void> {
  // A character is a byte where all are ASCII; other text is parsed at once.
  const places = bytes?.length === text.length ? bytes : undefined;
  let isFirst = true;
  for (let start = 0, line = 1; start <= text.length; line++) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const parsed =
      (places === undefined ? undefined : lazyLine(name, line, text, places, start, end)) ??
      parseLine(name, line, text.slice(start, end).trim());
    start = end + 1;
    if (parsed === undefined) continue;
    if (parsed.operation.name === 'config' && !isFirst) {
      throw new TraceFileError(name, line, 'config: only the first operation of a trace may be a config');
    }
    isFirst = false;
    yield parsed;
  }
  if (isFirst) throw new TraceFileError(name, 0, 'holds no operation');
}

const IN = '{"in":';
const OUT = ',"out":';
const END = '}';

/** A line whose answer is most of its text and, as a rule, only compared as text. */
class LazyLine implements TraceLine {
  readonly line: number;
  readonly operation: TraceOperation;
  readonly source: unknown;
  readonly recorded: RecordedAnswer;
  readonly #file: string;
  #expected: Readonly<Record<string, unknown>> | undefined;

  constructor(file: string, line: number, source: unknown, recorded: RecordedAnswer) {
    this.#file = file;
    this.line = line;
    this.source = source;
    this.operation = parseSource(file, line, source);
    this.recorded = recorded;
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
function lazyLine(
  file: string,
  line: number,
  text: string,
  bytes: Uint8Array,
  start: number,
  end: number,
): TraceLine | undefined {
  if (!text.startsWith(IN, start) || text[end - 1] !== END) return undefined;
  const split = text.indexOf(OUT, start + IN.length);
  if (split < 0 || split + OUT.length >= end) return undefined;
  let source: unknown;
  const operation = text.slice(start + IN.length, split);
  assertShallow(file, line, operation);
  try {
    source = JSON.parse(operation);
  } catch {
    return undefined; // Parsed as a whole, the line says what is wrong with it.
  }
  return new LazyLine(file, line, source, new RecordedAnswer(bytes, split + OUT.length, end - END.length));
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
