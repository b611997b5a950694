/** What is known to go wrong on a device: a file of fails, flakes and skips, each with its reason. */
import { readFileSync } from 'node:fs';
import type { ConcreteCase } from './case.ts';
import { parseQuery, QueryError } from './query.ts';
import type { Query } from './query.ts';
import type { Status } from './run-case.ts';

/** 'fail': fails, and must not pass; 'flake': may pass or fail; 'skip': is not run. */
export const EXPECTATION_KINDS = ['fail', 'flake', 'skip'] as const;
/** What an entry of a file of expectations says about its cases. */
export type ExpectationKind = (typeof EXPECTATION_KINDS)[number];

/** What is expected of a case, and why. */
export interface Expectation {
  readonly kind: ExpectationKind;
  readonly reason: string;
}

/** A bad file of expectations; the message names the file and the place in it. */
export class ExpectationsError extends Error {
  readonly code = 'ERR_SVM_EXPECTATIONS';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ExpectationsError';
  }
}

/**
 * Expectations, the last one that matches a case counts. As JSON:
 * `[{ "query": "kfdtest,*", "expect": "fail", "reason": "issue 12" }]`.
 */
export class Expectations {
  readonly #entries: readonly { readonly query: Query; readonly expectation: Expectation }[];

  private constructor(entries: readonly { readonly query: Query; readonly expectation: Expectation }[]) {
    this.#entries = entries;
  }

  /** Nothing is expected of any case. */
  static none(): Expectations {
    return new Expectations([]);
  }

  /** Reads a file; throws `ExpectationsError` if it can't be read, or says something that is not allowed. */
  static read(path: string): Expectations {
    return Expectations.parse(readText(path), path);
  }

  /** As `read`, of a text; `name` is in the messages. */
  static parse(text: string, name: string): Expectations {
    const entries = parseEntries(text, name, FORM);
    return new Expectations(entries.map(([entry, place]) => readEntry(entry, place)));
  }

  /** What is expected of the case; undefined: that it passes. */
  of(each: ConcreteCase): Expectation | undefined {
    return this.#entries.findLast(({ query }) => query.matches(each))?.expectation;
  }

  /** Queries that match none of the cases: a file that has gone stale. */
  unused(cases: readonly ConcreteCase[]): string[] {
    return this.#entries
      .filter(({ query }) => !cases.some((each) => query.matches(each)))
      .map(({ query }) => query.text);
  }
}

const FIELDS = ['query', 'expect', 'reason'];
const FORM = '{ query, expect, reason }';

/** The objects of a JSON file that is a list of such, each with its place for messages. Throws `ExpectationsError`. */
export function readEntries(path: string, form: string): [entry: Record<string, unknown>, place: string][] {
  return parseEntries(readText(path), path, form);
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ExpectationsError(`${path}: cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function parseEntries(text: string, name: string, form: string): [Record<string, unknown>, string][] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ExpectationsError(`${name}: not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (!Array.isArray(value)) throw new ExpectationsError(`${name}: expected a list of ${form}`);
  return value.map((entry: unknown, index) => {
    const place = `${name}: entry ${index + 1}`;
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry))
      throw new ExpectationsError(`${place}: expected an object ${form}`);
    return [entry as Record<string, unknown>, place];
  });
}

function readEntry(entry: Record<string, unknown>, place: string): { query: Query; expectation: Expectation } {
  const { query, expect, reason } = entry;
  for (const field of Object.keys(entry)) {
    if (!FIELDS.includes(field))
      throw new ExpectationsError(`${place}: ${field}: unknown field; known: ${FIELDS.join(', ')}`);
  }
  if (typeof query !== 'string' || query === '')
    throw new ExpectationsError(`${place}: query: expected a query like "uapi,arguments:*"`);
  if (!(EXPECTATION_KINDS as readonly unknown[]).includes(expect)) {
    throw new ExpectationsError(
      `${place}: expect: expected one of ${EXPECTATION_KINDS.join(', ')}, got ${JSON.stringify(expect)}`,
    );
  }
  if (typeof reason !== 'string' || reason.trim() === '')
    throw new ExpectationsError(`${place}: reason: expected a sentence; nothing is expected to fail without one`);
  try {
    return { query: parseQuery(query), expectation: { kind: expect as ExpectationKind, reason } };
  } catch (error) {
    if (error instanceof QueryError) throw new ExpectationsError(`${place}: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Whether the status is what was expected. */
export function isExpected(status: Status, expectation: Expectation | undefined): boolean {
  if (status === 'skip') return true;
  if (status === 'pass') return expectation?.kind !== 'fail';
  return status === 'fail' && (expectation?.kind === 'fail' || expectation?.kind === 'flake');
}
