/** The rule behind an operation's refusal, where operation and errno tell which one it was. */
import { hintFor } from '../device/hints.ts';
import { errnoName } from '../../emulator/index.ts';
import type { ErrnoName } from '../../emulator/index.ts';
import { MAX_ATTRIBUTES_PER_CALL, SvmAttributeType, SvmLocation, SvmOperation } from '../uapi/constants.ts';
import type { TraceOperation } from './operation.ts';

type Refusals = Partial<Record<ErrnoName, string>>;

const UNALIGNED = 'address and size must be multiples of 4096';
const PROCESS_CALLS: Partial<Record<TraceOperation['name'], Refusals>> = {
  mmap: {
    EEXIST: 'something is mapped there already',
    EINVAL: `${UNALIGNED}, the size not 0, the end below 2^56`,
    EPERM: 'nothing may be mapped at address 0',
  },
  munmap: { EINVAL: `${UNALIGNED}, the size not 0` },
  mprotect: {
    EINVAL: UNALIGNED,
    ENOMEM: 'a part of it is not mapped; what stands before the hole is changed all the same',
  },
  dontneed: {
    EINVAL: `${UNALIGNED}, and PFN mappings can not be discarded`,
    ENOMEM: 'parts of it are not mapped; the others are discarded all the same',
  },
  touch: { EFAULT: 'nothing is mapped there', EACCES: 'the mapping does not permit it' },
};
const LAST_TYPE = Math.max(...Object.values(SvmAttributeType));

/** One clause, or undefined where errno and arguments don't tell. */
export function refusalOf(operation: TraceOperation, result: number): string | undefined {
  const code = errnoName(result);
  if (code === undefined) return undefined;
  switch (operation.name) {
    case 'set':
      return (
        unknownTypes(
          operation.attributes.map(([type]) => type),
          code,
        ) ??
        refusedValue(operation.attributes, code) ??
        hintFor(code, 'setAttributes', operation.address, operation.size)
      );
    case 'get':
      return hintFor(code, 'getAttributes', operation.address, operation.size) ?? unknownTypes(operation.types, code);
    case 'ioctl':
      return ioctlRefusal(operation, code);
    case 'config':
      return code === 'EOPNOTSUPP'
        ? 'the GPU has no retry faults (XNACK off), so it has no SVM (spec/06-lifecycle §3)'
        : undefined;
    default:
      return PROCESS_CALLS[operation.name]?.[code];
  }
}

function unknownTypes(types: readonly number[], code: ErrnoName): string | undefined {
  const unknown = types.find((type) => type > LAST_TYPE);
  return code === 'EINVAL' && unknown !== undefined
    ? `attribute type ${unknown} is unknown (spec/02-attributes §4.1)`
    : undefined;
}

function refusedValue(attributes: readonly (readonly [number, number])[], code: ErrnoName): string | undefined {
  if (code !== 'EINVAL') return undefined;
  if (
    attributes.some(([type, value]) => type === SvmAttributeType.prefetchLocation && value === SvmLocation.undefined)
  ) {
    return 'a prefetch location can not be unset (spec/02-attributes §4.1, Q18)';
  }
  return attributes.some(([type, value]) => type === SvmAttributeType.gpuAlwaysMapped && value !== 0)
    ? 'gpuAlwaysMapped is refused (spec/02-attributes §4.1, Q67)'
    : undefined;
}

/** The checks of the handler's entry, in their order (spec/01-uapi §6). */
function ioctlRefusal(operation: Extract<TraceOperation, { name: 'ioctl' }>, code: ErrnoName): string | undefined {
  const { attributeCount, pointer, address, size } = operation;
  const isGet = operation.operation === SvmOperation.getAttributes;
  if (code === 'EINVAL') {
    if (address % 4096n !== 0n || size % 4096n !== 0n || address === 0n || size === 0n)
      return hintFor(code, 'getAttributes', address, size);
    if (attributeCount === 0 || attributeCount > MAX_ATTRIBUTES_PER_CALL)
      return `there must be 1 to ${MAX_ATTRIBUTES_PER_CALL} attributes (spec/01-uapi §6 check 4)`;
    if (pointer === 'null') return 'the attribute pointer must not be 0 (spec/01-uapi §6 check 5)';
    if (!isGet && operation.operation !== SvmOperation.setAttributes)
      return `operation ${operation.operation} is unknown (spec/01-uapi §6 check 7)`;
  }
  if (code === 'EFAULT' && pointer === 'bad')
    return 'the attributes can not be read from user memory (spec/01-uapi §6 check 6)';
  if (code === 'EFAULT' && pointer === 'ro' && isGet)
    return 'the values can not be written to user memory (spec/01-uapi §6.2)';
  return (
    unknownTypes(
      operation.attributes.map(([type]) => type),
      code,
    ) ?? hintFor(code, isGet ? 'getAttributes' : 'setAttributes', address, size)
  );
}
