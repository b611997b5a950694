/** Compares answers with recorded ones and names the first difference. */

/** Counters that are detail of the C code and not compared (trace format §6). */
const IGNORED_COUNTERS = new Set(['lockPd', 'pdes', 'hmm', 'mapCalls']);

/** Where two answers differ: the path of the field, and both values. */
export interface AnswerDifference {
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** The first difference between a recorded and an actual answer, or undefined. */
export function firstDifference(expected: unknown, actual: unknown, path = ''): AnswerDifference | undefined {
  if (Object.is(expected, actual)) return undefined;
  if (Array.isArray(expected) && Array.isArray(actual)) {
    for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
      const difference = firstDifference(expected[index], actual[index], `${path}[${index}]`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (isRecord(expected) && isRecord(actual)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      if (path === 'counters' && IGNORED_COUNTERS.has(key)) continue;
      const difference = firstDifference(expected[key], actual[key], path === '' ? key : `${path}.${key}`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return { path, expected, actual };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
