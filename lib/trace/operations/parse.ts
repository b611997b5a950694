/** Operations of the trace format, read and checked (spec/trace-format §1, §8). */
import { PREEMPTION_POINTS } from '../../../emulator/index.ts';
import { parseFailures } from '../format/failures.ts';
import { Fields, TraceFormatError } from '../format/fields.ts';
import { descriptorOf, isOperationName, OPERATIONS } from './index.ts';
import type { TraceInjection, TraceOperation } from './index.ts';

/** Parses `{"NAME": {fields}}`; throws TraceFormatError. */
export function parseOperation(value: unknown): TraceOperation {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TraceFormatError('expected an object {"OPERATION": {...}}');
  }
  const names = Object.keys(value);
  const [name] = names;
  if (name === undefined || names.length !== 1) {
    throw new TraceFormatError(
      `expected one operation in an object, got ${names.length === 0 ? 'none' : names.join(', ')}`,
    );
  }
  if (!isOperationName(name)) {
    throw new TraceFormatError(
      `unknown operation ${JSON.stringify(name)}; known: ${Object.keys(OPERATIONS).join(', ')}`,
    );
  }
  const { parse, perGpu } = descriptorOf(name);
  const common = name === 'config' ? [] : perGpu === true ? ['gpu', 'inject', 'fail'] : ['inject', 'fail'];
  const fields = new Fields(name, (value as Record<string, unknown>)[name], common);
  const operation = {
    name,
    gpu: perGpu === true && fields.has('gpu') ? fields.count('gpu', 0xff) : 0,
    ...parse(fields),
    ...(fields.has('fail') && name !== 'config' ? { fail: parseFailures(fields) } : {}),
  } as TraceOperation;
  return fields.has('inject') ? { ...operation, inject: parseInjections(fields) } : operation;
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
