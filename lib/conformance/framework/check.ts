/** Comparing what a device shows with what it should show. No test framework. */
import { inspect, isDeepStrictEqual } from 'node:util';

/** A check that did not hold. Its message says what was looked at, what was expected and what was found. */
export class ConformanceFailure extends Error {
  readonly code = 'ERR_SVM_CONFORMANCE';

  constructor(message: string) {
    super(message);
    this.name = 'ConformanceFailure';
  }
}

/** Thrown by a case that finds at run time that the device can't do what it needs. */
export class CaseSkipped extends Error {
  readonly code = 'ERR_SVM_SKIPPED';

  constructor(reason: string) {
    super(reason);
    this.name = 'CaseSkipped';
  }
}

/** A value as a person reads it; addresses in hexadecimal. */
export function showValue(value: unknown): string {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`;
  return inspect(value, { depth: 6, breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 40, sorted: false });
}

/** Throws `ConformanceFailure` unless both are deeply and strictly equal. */
export function assertEqual(actual: unknown, expected: unknown, what: string): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new ConformanceFailure(`${what}: expected ${showValue(expected)}, got ${showValue(actual)}`);
}

/** Throws `ConformanceFailure` unless `condition` holds. */
export function assertTrue(condition: boolean, what: string): void {
  if (!condition) throw new ConformanceFailure(`${what}: does not hold`);
}
