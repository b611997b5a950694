/** Compares answers with recorded ones and names the first difference. */

import { isComparedCounter } from './counters.ts';

/** Where two answers differ: the path of the field, and both values. */
export interface AnswerDifference {
  readonly path: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** The first difference between a recorded and an actual answer, or undefined. */
export function firstDifference(expected: unknown, actual: unknown, path = ''): AnswerDifference | undefined {
  // Nearly all answers are equal: paths are put together only for the one that is not.
  if (isSame(expected, actual, isAnswerPath(path), isCountersPath(path))) return undefined;
  return locate(expected, actual, path);
}

/** Whether a path leads to an answer: the whole, or that of an injected operation. */
function isAnswerPath(path: string): boolean {
  return path === '' || /^inj\[\d+\]$/.test(path);
}

function isCountersPath(path: string): boolean {
  return /^(inj\[\d+\]\.)?counters$/.test(path);
}

function locate(expected: unknown, actual: unknown, path: string): AnswerDifference | undefined {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
      const difference = firstDifference(expected[index], actual[index], `${path}[${index}]`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  if (isRecord(expected) && isRecord(actual)) {
    for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      if (isCountersPath(path) && !isComparedCounter(key)) continue;
      const difference = firstDifference(expected[key], actual[key], path === '' ? key : `${path}.${key}`);
      if (difference !== undefined) return difference;
    }
    return undefined;
  }
  return { path, expected, actual };
}

/** Whether two values are the same; `isAnswer`: they are whole answers, `isCounters`: their counters. */
function isSame(expected: unknown, actual: unknown, isAnswer: boolean, isCounters: boolean): boolean {
  // 0 and -0 are not the same, although they are equal.
  if (expected === actual && expected !== 0) return true;
  if (typeof expected !== 'object' || typeof actual !== 'object') return Object.is(expected, actual);
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length) return false;
    for (let index = 0; index < expected.length; index++) {
      if (!isSame(expected[index], actual[index], false, false)) return false;
    }
    return true;
  }
  if (!isRecord(expected) || !isRecord(actual)) return false;
  for (const key in expected) {
    if (isCounters && !isComparedCounter(key)) continue;
    if (
      isAnswer && key === 'inj'
        ? !isSameList(expected[key], actual[key])
        : !isSame(expected[key], actual[key], false, isAnswer && key === 'counters')
    )
      return false;
  }
  for (const key in actual) {
    if (isCounters && !isComparedCounter(key)) continue;
    if (actual[key] !== undefined && expected[key] === undefined) return false;
  }
  return true;
}

/** Whether two lists of injected answers are the same. */
function isSameList(expected: unknown, actual: unknown): boolean {
  if (!Array.isArray(expected) || !Array.isArray(actual) || expected.length !== actual.length) return false;
  return expected.every((each, index) => isSame(each, actual[index], true, false));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
