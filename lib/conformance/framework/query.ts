/** Queries: which cases are meant. `GROUP:CASE:PARAMETERS`, each part may end in `*`; what is left out means all. */
import type { ConcreteCase } from './case.ts';
import { similar } from '../../words/similar.ts';
import { formatPoint } from './parameters.ts';

/** A query that can't be understood, or means nothing. */
export class QueryError extends Error {
  readonly code = 'ERR_SVM_QUERY';

  constructor(message: string) {
    super(message);
    this.name = 'QueryError';
  }
}

/** A parsed query. */
export interface Query {
  readonly text: string;
  /** Whether the query means this case. */
  matches(each: Pick<ConcreteCase, 'group' | 'name' | 'point'>): boolean;
}

/**
 * Reads a query:
 * - `*` or nothing: all cases;
 * - `uapi` or `uapi,*`: all groups below a word; `uapi,arguments:*`: one group;
 * - `uapi,arguments:alignment` or `...:alignment:*`: one case at all its points;
 * - `uapi,arguments:alignment:size=4096`: one point; `size=4096;*`: all points with this value, whatever the others are.
 *
 * Throws `QueryError` for anything else.
 */
export function parseQuery(text: string): Query {
  if (typeof text !== 'string') throw new QueryError('query: expected a text like "uapi,arguments:alignment:*"');
  const [group = '', name = '*', ...rest] = text.split(':');
  // Values may hold a colon.
  const point = rest.length === 0 ? '*' : rest.join(':');
  if (group === '' && text !== '')
    throw new QueryError(`query "${text}": expected GROUP:CASE:PARAMETERS, but GROUP is empty`);
  if (name !== '*' && /[*,;=]/.test(name))
    throw new QueryError(`query "${text}": expected the name of a case, or *, after the first colon`);
  const inGroup = groupMatcher(text, group === '' ? '*' : group);
  const atPoint = pointMatcher(text, point);
  return {
    text,
    matches: (each) =>
      inGroup(each.group) && (name === '*' || name === '' || each.name === name) && atPoint(each.point),
  };
}

function groupMatcher(text: string, group: string): (path: string) => boolean {
  if (group === '*') return () => true;
  const prefix = group.endsWith(',*') ? group.slice(0, -2) : group;
  if (prefix.includes('*')) throw new QueryError(`query "${text}": * is used alone, or last after a comma`);
  return (path) => path === prefix || path.startsWith(`${prefix},`);
}

function pointMatcher(text: string, wanted: string): (point: ConcreteCase['point']) => boolean {
  if (wanted === '*') return () => true;
  const parts = wanted === '' ? [] : wanted.split(';');
  const open = parts[parts.length - 1] === '*';
  if (open) parts.pop();
  for (const part of parts) {
    if (!/^[A-Za-z0-9_-]+=./.test(part))
      throw new QueryError(`query "${text}": expected name=value between semicolons, got "${part}"`);
  }
  return (point) => {
    const given = formatPoint(point)
      .split(';')
      .filter((part) => part !== '');
    if (!open && given.length !== parts.length) return false;
    // Quotes of a text may be left out: shells eat them.
    return parts.every((part) => given.some((each) => each === part || each.replaceAll('"', '') === part));
  };
}

/** The cases that any of the queries means, in their own order. A query that means no case throws `QueryError`. */
export function selectCases(cases: readonly ConcreteCase[], queries: readonly string[]): ConcreteCase[] {
  if (queries.length === 0) return [...cases];
  const chosen = new Set<ConcreteCase>();
  for (const text of queries) {
    const query = parseQuery(text);
    const found = cases.filter((each) => query.matches(each));
    if (found.length === 0) throw new QueryError(`query "${text}": means no case; ${meantBy(text, cases)}`);
    for (const each of found) chosen.add(each);
  }
  return cases.filter((each) => chosen.has(each));
}

/** What somebody may have meant by a query that means no case. */
function meantBy(text: string, cases: readonly ConcreteCase[]): string {
  const [path = '', name = '*'] = text.split(':');
  const group = path.replace(/,?\*$/, '');
  const inGroup = cases.filter((each) => groupMatcher(text, path)(each.group));
  if (inGroup.length === 0) {
    // With a group also those above it can be meant.
    const groups = cases.flatMap((each) =>
      each.group.split(',').map((_, index, all) => all.slice(0, index + 1).join(',')),
    );
    return suggestion(similar(group, groups));
  }
  const named = inGroup.filter((each) => name === '*' || name === '' || each.name === name);
  if (named.length === 0)
    return suggestion(
      similar(
        name,
        inGroup.map((each) => each.name),
      ).map((each) => `${path}:${each}`),
    );
  const [first] = named;
  return `it has cases like "${first!.id}"`;
}

function suggestion(near: readonly string[]): string {
  return near.length === 0 ? 'see --list' : `did you mean ${near.map((each) => `"${each}"`).join(' or ')}?`;
}
