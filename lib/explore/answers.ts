/** Answers as far as a serial order has to explain them: results and attributes, not effects. What is read is looked at page by page. */
import type { BareAnswer } from '../trace/operations/descriptor.ts';
import type { TraceAnswer, TraceOperation } from '../trace/operations/index.ts';

/** What the caller of an operation learns. Two equal texts are equal answers. */
export function answerText({ name }: TraceOperation, answer: BareAnswer): string {
  const { ret, values } = answer as TraceAnswer;
  switch (name) {
    case 'set':
    case 'reset':
    case 'fault':
      return `${ret}`;
    case 'get':
    case 'ioctl':
      return values === undefined ? `${ret}` : `${ret}:${values.join()}`;
    case 'load':
      return `${ret}`;
    default:
      return '';
  }
}
