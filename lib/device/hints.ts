/** The rule behind a refusal, where arguments and errno tell which one it was (spec/01-uapi §6, §7; spec/02-attributes §4). */
import { PAGE_SIZE } from '../uapi/constants.ts';
import type { SvmOperationName } from './errors.ts';

const PAGE = BigInt(PAGE_SIZE);
const U64_END = 1n << 64n;

/** One sentence, or undefined when the arguments alone don't explain the errno. */
export function hintFor(
  code: string | undefined,
  operation: SvmOperationName,
  address: bigint,
  size: bigint,
): string | undefined {
  switch (code) {
    case 'EINVAL':
      if (address % PAGE !== 0n) return `the address must be a multiple of ${PAGE_SIZE} (spec/01-uapi §6 check 2)`;
      if (size % PAGE !== 0n) return `the size must be a multiple of ${PAGE_SIZE} (spec/01-uapi §6 check 2)`;
      if (address === 0n) return 'the address must not be 0 (spec/01-uapi §6 check 3)';
      if (size === 0n) return 'the size must not be 0 (spec/01-uapi §6 check 3)';
      if (operation !== 'getAttributes' && address + size > U64_END)
        return 'the range wraps past 2^64 (spec/02-attributes §10)';
      if (operation !== 'getAttributes') {
        return 'an attribute has a value the device refuses: prefetchLocation "undefined" or gpuAlwaysMapped true (spec/02-attributes §4.1), or a prefetch found no chunk (spec/03-gpu-ranges §A.7)';
      }
      return undefined;
    case 'EOPNOTSUPP':
      return operation === 'getAttributes'
        ? 'the GPU has no retry faults (XNACK off), so it has no SVM (spec/06-lifecycle §3)'
        : 'the GPU has no retry faults (XNACK off, spec/06-lifecycle §3), or the range touches a VM_IO, VM_PFNMAP or VM_MIXEDMAP mapping (spec/02-attributes §4.2)';
    case 'EFAULT':
      return operation === 'getAttributes'
        ? undefined
        : 'a page of the range is not mapped in the process, or a prefetch could not fault it in (spec/02-attributes §4.2, spec/03-gpu-ranges §A.8)';
    case 'EPERM':
      return 'a prefetch reached into a mapping that is not writable while collecting for writing (spec/03-gpu-ranges §A.8, Q52)';
    case 'EINTR':
      return 'a signal came while the page directory was locked; the attributes are stored, the effect is not repeated by a second call (Q25)';
    case 'EBUSY':
      return 'pages kept changing for a second while they were collected, or the GPU address space is being evicted (spec/01-uapi §7)';
    default:
      return undefined;
  }
}
