/** Programs for the race explorer: a set-up, two to four threads of trace operations, and an end. */
import { TraceFileError } from '../trace/format/trace-file-error.ts';
import { DEFAULT_CONFIG } from '../trace/format/config.ts';
import type { TraceConfig } from '../trace/format/config.ts';
import { TraceFormatError } from '../trace/format/fields.ts';
import type { OperationObject } from '../trace/operations/descriptor.ts';
import type { TraceOperation } from '../trace/operations/index.ts';
import { parseOperation } from '../trace/operations/parse.ts';

/** The most threads of a program, and the most operations of one of its lists. */
const MOST_THREADS = 4;
const MOST_OPERATIONS = 64;

/** An operation, read and as it is written in the program. */
interface ProgramOperation {
  readonly operation: TraceOperation;
  readonly source: OperationObject;
}

/** What is explored. */
export interface ExploreProgram {
  readonly config: TraceConfig;
  /** The configuration as it goes into traces. */
  readonly configSource: Readonly<Record<string, unknown>>;
  /** Runs first, alone. */
  readonly setup: readonly ProgramOperation[];
  /** Each is a list of operations that one thread carries out in turn. */
  readonly threads: readonly (readonly ProgramOperation[])[];
  /** Runs when all threads have ended, alone. */
  readonly end: readonly ProgramOperation[];
}

/** A program as JSON has it. */
export interface ProgramSource {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly setup?: readonly OperationObject[];
  readonly threads: readonly (readonly OperationObject[])[];
  readonly end?: readonly OperationObject[];
}

/** "A" is the first thread. */
export function threadName(index: number): string {
  return String.fromCharCode(0x41 + index);
}

/** Reads a program given as text; throws TraceFileError that begins with `name`. */
export function readProgram(name: string, text: string, profile?: string): ExploreProgram {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new TraceFileError(name, 0, `no JSON: ${(error as Error).message}`, { cause: error });
  }
  return parseProgram(name, value, profile);
}

/**
 * Reads a program; `profile` stands in for the one of its configuration. Throws TraceFileError that begins with `name`
 * and says which field is wrong.
 */
export function parseProgram(name: string, value: unknown, profile?: string): ExploreProgram {
  const fail = (message: string): never => {
    throw new TraceFileError(name, 0, message);
  };
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return fail('expected an object {"setup": [...], "threads": [[...], [...]]}');
  const fields = value as Readonly<Record<string, unknown>>;
  for (const field of Object.keys(fields)) {
    if (!['config', 'setup', 'threads', 'end'].includes(field))
      fail(`${field}: unknown field; known: config, setup, threads, end`);
  }
  const { config: given = {}, setup = [], threads, end = [] } = fields;
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return fail('config: expected an object');
  const configSource = { ...given, ...(profile === undefined ? {} : { profile }) };
  if (!Array.isArray(threads) || threads.length < 2 || threads.length > MOST_THREADS)
    return fail(`threads: expected a list of 2 to ${MOST_THREADS} lists of operations`);
  return {
    config: readConfig(name, configSource),
    configSource,
    setup: readOperations(name, 'setup', setup),
    threads: threads.map((thread: unknown, index) => readOperations(name, `threads[${index}]`, thread)),
    end: readOperations(name, 'end', end),
  };
}

function readConfig(name: string, source: Readonly<Record<string, unknown>>): TraceConfig {
  const read = readOperation(name, 'config', { config: source }).operation;
  return read.name === 'config' ? read.config : DEFAULT_CONFIG;
}

function readOperations(name: string, place: string, value: unknown): ProgramOperation[] {
  if (!Array.isArray(value) || value.length > MOST_OPERATIONS)
    throw new TraceFileError(name, 0, `${place}: expected a list of at most ${MOST_OPERATIONS} operations`);
  return value.map((each: unknown, index) => {
    const read = readOperation(name, `${place}[${index}]`, each);
    const { name: operation, inject } = read.operation;
    const refusal =
      operation === 'config'
        ? 'a config is no operation of a program'
        : inject !== undefined
          ? 'inject is what the explorer finds'
          : undefined;
    if (refusal !== undefined) throw new TraceFileError(name, 0, `${place}[${index}]: ${refusal}`);
    return read;
  });
}

function readOperation(name: string, place: string, source: unknown): ProgramOperation {
  try {
    return { operation: parseOperation(source), source: source as OperationObject };
  } catch (error) {
    if (!(error instanceof TraceFormatError)) throw error;
    throw new TraceFileError(name, 0, `${place}: ${error.message}`, { cause: error });
  }
}
