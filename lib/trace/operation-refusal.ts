/** The rule behind an operation's refusal, where operation and errno tell which one it was. */
import { errnoName } from '../uapi/errno.ts';
import { NO_RETRY_FAULTS, processCallRefusal, rawCallRefusal, svmRefusal } from '../words/refusals.ts';
import type { TraceOperation } from './operation.ts';

/** One clause, or undefined where errno and arguments do not tell. */
export function refusalOf(operation: TraceOperation, result: number): string | undefined {
  switch (operation.name) {
    case 'set':
      return svmRefusal(result, { ...operation, operation: 'set' });
    case 'get':
      return svmRefusal(result, {
        ...operation,
        operation: 'get',
        attributes: operation.types.map((type) => [type, 0] as const),
      });
    case 'ioctl':
      return rawCallRefusal(result, operation);
    case 'config':
      return errnoName(result) === 'EOPNOTSUPP' ? NO_RETRY_FAULTS : undefined;
    case 'mmap':
    case 'munmap':
    case 'mprotect':
    case 'dontneed':
    case 'touch':
      return processCallRefusal(operation.name, result);
    default:
      return undefined;
  }
}
