/** Operations of the trace format, read and checked (spec/trace-format §1, §8). */
import { PREEMPTION_POINTS } from '../../../emulator/index.ts';
import { parseFailures } from '../format/failures.ts';
import { Fields, TraceFormatError } from '../format/fields.ts';
import { RequestObject } from '../format/request-reader.ts';
import { descriptorOf, isOperationName, OPERATIONS } from './index.ts';
import type { TraceInjection, TraceOperation } from './index.ts';

/** Fields that operations have besides their own. */
const NONE: readonly string[] = [];
const OF_ALL: readonly string[] = ['inject', 'fail'];
const OF_ONE_GPU: readonly string[] = ['gpu', ...OF_ALL];

/** Parses `{"NAME": {fields}}`, as JSON.parse gives it or as the reader of requests does; throws TraceFormatError. */
export function parseOperation(value: unknown): TraceOperation {
  if (value instanceof RequestObject) {
    if (value.count === 1) return operationOf(value.names[0]!, value.values[0]);
    throw new TraceFormatError(wrongNumber(value.names.slice(0, value.count)));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TraceFormatError('expected an object {"OPERATION": {...}}');
  }
  let name: string | undefined;
  let several = false;
  for (const each in value) {
    several = name !== undefined;
    name ??= each;
  }
  if (name === undefined || several) throw new TraceFormatError(wrongNumber(Object.keys(value)));
  return operationOf(name, (value as Record<string, unknown>)[name]);
}

function wrongNumber(names: readonly string[]): string {
  return `expected one operation in an object, got ${names.length === 0 ? 'none' : names.join(', ')}`;
}

function operationOf(name: string, values: unknown): TraceOperation {
  if (!isOperationName(name)) {
    throw new TraceFormatError(
      `unknown operation ${JSON.stringify(name)}; known: ${Object.keys(OPERATIONS).join(', ')}`,
    );
  }
  const { parse, perGpu } = descriptorOf(name);
  const common = name === 'config' ? NONE : perGpu === true ? OF_ONE_GPU : OF_ALL;
  const fields = new Fields(name, values, common);
  if (perGpu === true) fields.readGpu();
  const operation = parse(fields) as TraceOperation;
  if (!fields.has('fail') && !fields.has('inject')) return operation;
  return {
    ...operation,
    ...(fields.has('fail') && name !== 'config' ? { fail: parseFailures(fields) } : {}),
    ...(fields.has('inject') ? { inject: parseInjections(fields) } : {}),
  };
}

/** The most entries of a list (spec/trace-format §10). */
export const MOST_INJECTIONS = 64;

function parseInjections(fields: Fields): TraceInjection[] {
  const list = fields.list('inject');
  if (list.length > MOST_INJECTIONS) {
    throw new TraceFormatError(
      `${fields.operation}.inject: expected at most ${MOST_INJECTIONS} entries, got ${list.length}`,
    );
  }
  return list.map((entry) => {
    const injection = new Fields(`${fields.operation}.inject`, entry);
    injection.only('at', 'nth', 'do');
    return {
      at: injection.word('at', PREEMPTION_POINTS),
      nth: injection.has('nth') ? injection.count('nth') : 1,
      operation: parseOperation(injection.raw('do')),
    };
  });
}
