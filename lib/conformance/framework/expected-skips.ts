/** Which cases may be skipped on a device, and then have to be: a file next to the expectations. */
import type { ConcreteCase } from './case.ts';
import { readEntries, ExpectationsError } from './expectations.ts';
import { FEATURE_NAMES } from './feature.ts';
import { parseQuery, QueryError } from './query.ts';
import type { Query } from './query.ts';
import { NOT_IMPLEMENTED, skipKind, UNEXPECTED_SKIP } from './run-case.ts';

interface Entry {
  readonly skip: string;
  readonly query: Query | undefined;
}

const FIELDS = ['skip', 'query', 'reason'];
/** Whatever the reason is. */
const ANY = '*';

/**
 * A list of `{ skip, query, reason }`. `skip`: a feature that is missing, 'not implemented', or '*' for any reason;
 * `query`: which cases, default all; `reason`: a sentence for readers. A case that is skipped for another reason is not as
 * expected, nor is one that an entry is about and that ran.
 */
export class ExpectedSkips {
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  /** Reads a file; throws `ExpectationsError` if it can't be read, or says something that is not allowed. */
  static read(path: string): ExpectedSkips {
    return new ExpectedSkips(
      readEntries(path, '{ skip, query, reason }').map(([entry, place]) => readEntry(entry, place)),
    );
  }

  /** Why it is not as expected that the case was skipped for this reason; undefined if it is. */
  whyNotSkipped(each: ConcreteCase, reason: string): string | undefined {
    const kind = skipKind(reason);
    const may = this.#of(each).some(({ skip }) => skip === ANY || skip === kind);
    return may ? undefined : UNEXPECTED_SKIP;
  }

  /** Why it is not as expected that the case ran; undefined if it is. */
  whyNotRun(each: ConcreteCase): string | undefined {
    const entry = this.#of(each).find(({ skip }) => skip === ANY || (each.needs as readonly string[]).includes(skip));
    return entry === undefined ? undefined : `it ran, and is expected to be skipped: ${entry.skip}`;
  }

  #of(each: ConcreteCase): Entry[] {
    return this.#entries.filter(({ query }) => query?.matches(each) ?? true);
  }
}

function readEntry(entry: Readonly<Record<string, unknown>>, place: string): Entry {
  for (const field of Object.keys(entry))
    if (!FIELDS.includes(field))
      throw new ExpectationsError(`${place}: ${field}: unknown field; known: ${FIELDS.join(', ')}`);
  const { skip, query, reason } = entry;
  const known = [...FEATURE_NAMES, NOT_IMPLEMENTED, ANY] as readonly string[];
  if (typeof skip !== 'string' || !known.includes(skip))
    throw new ExpectationsError(
      `${place}: skip: expected the name of a feature, "${NOT_IMPLEMENTED}" or "${ANY}", got ${JSON.stringify(skip)}`,
    );
  if (reason !== undefined && typeof reason !== 'string')
    throw new ExpectationsError(`${place}: reason: expected a sentence, got ${JSON.stringify(reason)}`);
  if (query === undefined) return { skip, query: undefined };
  if (typeof query !== 'string' || query === '')
    throw new ExpectationsError(`${place}: query: expected a query like "uapi,arguments:*"`);
  try {
    return { skip, query: parseQuery(query) };
  } catch (error) {
    if (error instanceof QueryError) throw new ExpectationsError(`${place}: ${error.message}`, { cause: error });
    throw error;
  }
}
