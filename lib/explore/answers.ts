/** Answers as far as a serial order has to explain them: results and values, not effects. */
import type { BareAnswer } from '../trace/operations/descriptor.ts';
import type { TraceAnswer, TraceOperation } from '../trace/operations/index.ts';

/** What the caller of an operation learns. Two equal texts are equal answers. */
export function answerText({ name }: TraceOperation, answer: BareAnswer): string {
  const { ret, values, vals } = answer as TraceAnswer;
  switch (name) {
    case 'set':
    case 'reset':
    case 'fault':
      return `${ret}`;
    case 'get':
    case 'ioctl':
      return values === undefined ? `${ret}` : `${ret}:${values.join()}`;
    case 'load':
    case 'access':
      return vals === undefined ? `${ret}` : `${ret}:${vals.map((run) => run.join()).join(' ')}`;
    default:
      return '';
  }
}
