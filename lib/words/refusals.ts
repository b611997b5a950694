/**
 * Why something was refused, where arguments and errno tell which rule it was
 * (spec/01-uapi §6, §7; spec/02-attributes §4; spec/trace-format §3).
 */
import type { AttributePair, SvmCall } from '../uapi/call.ts';
import { MAX_ATTRIBUTES_PER_CALL, PAGE_SIZE, SvmAttributeType, SvmLocation, SvmOperation } from '../uapi/constants.ts';
import { errnoName } from '../uapi/errno.ts';
import type { ErrnoName } from '../uapi/errno.ts';

const PAGE = BigInt(PAGE_SIZE);
const U64_END = 1n << 64n;
const WRAPS = 'the range wraps past 2^64';
const LAST_TYPE = Math.max(...Object.values(SvmAttributeType));

/** What a device without SVM is said to lack. */
export const NO_RETRY_FAULTS = 'the GPU has no retry faults (XNACK off), so it has no SVM';

const SPECIAL_MAPPING = 'the range touches a VM_IO, VM_PFNMAP or VM_MIXEDMAP mapping';
const NOT_MAPPED = 'a page of the range is not mapped in the process';
const NOT_FAULTED_IN = 'a prefetch could not fault a page of the range in';
const SWITCHED_OFF = 'the module parameter amdgpu.noretry=1 has switched them off, boot with amdgpu.noretry=0';
const MAYBE_SWITCHED_OFF = 'some GPUs have them only with amdgpu.noretry=0';

/** A call that was refused. */
export interface RefusedCall {
  readonly operation: 'set' | 'get' | 'reset';
  readonly address: bigint;
  /** Bytes. */
  readonly size: bigint;
  /** Whether GET_ATTR of the revision looks at the mappings of the process. Default false, as in V4. */
  readonly getWalksVmas?: boolean;
  /** Whether the module parameter amdgpu.noretry may be the reason of a refusal. Default 'no'. */
  readonly noretry?: 'yes' | 'no' | 'maybe';
  /** Whether the driver was built with SVM. Default true. */
  readonly svm?: boolean;
  /** Whether the GPU has the retry faults that its driver needs; undefined: it cannot be told. */
  readonly retryFaults?: boolean | undefined;
  /** Whether all of the range is mapped in the process; undefined: it was not looked at. */
  readonly mapped?: boolean | undefined;
  /** How long the call took, in ms; undefined: it was not measured. */
  readonly took?: number | undefined;
  /** Whether it was to move pages into the memory of the GPU. Default false. */
  readonly movesToVram?: boolean;
  /** The records, if they are known. */
  readonly attributes?: readonly AttributePair[];
}

/** One clause, or undefined when the arguments do not explain the errno. `errno` is negative. */
export function svmRefusal(errno: number, call: RefusedCall): string | undefined {
  const isSet = call.operation === 'set';
  const walks = isSet || (call.operation === 'get' && call.getWalksVmas === true);
  switch (errnoName(errno)) {
    case 'EINVAL':
      return badPlace(call.address, call.size) ?? badAttribute(call);
    case 'EOPNOTSUPP':
      if (call.svm === false) return 'the driver was built without SVM';
      return notSupported(walks, call.retryFaults, call.noretry ?? 'no');
    case 'EFAULT':
      return walks ? badAddress(isSet, call.mapped) : undefined;
    case 'EPERM':
      return 'a prefetch reached into a mapping that is not writable while it collected pages for writing';
    case 'EADDRINUSE':
      return 'a buffer object of the same GPU address space is mapped in the range';
    case 'EINTR':
      return 'a signal came while the page directory was locked; the attributes are stored, and a second call does not repeat the effect';
    case 'EBUSY':
      return busy(call);
    default:
      return undefined;
  }
}

const KEPT_CHANGING = 'pages kept changing for a second while they were collected';
const IS_EVICTED = 'the GPU address space is being evicted';
/** How long the driver collects pages again and again, in ms (spec/03-gpu-ranges §A.8). */
const COLLECTION_TIMEOUT = 1000;

/** Who collected in vain has done so for a second. */
function busy({ took, movesToVram }: RefusedCall): string {
  if (took !== undefined && took >= COLLECTION_TIMEOUT) return KEPT_CHANGING;
  if (movesToVram === true) return 'a chunk of pages did not move to the memory of the GPU as a whole';
  return took === undefined ? `${KEPT_CHANGING}, or ${IS_EVICTED}` : IS_EVICTED;
}

function badAddress(isSet: boolean, mapped: boolean | undefined): string {
  if (isSet && mapped === true) return NOT_FAULTED_IN;
  return isSet && mapped === undefined ? `${NOT_MAPPED}, or ${NOT_FAULTED_IN}` : NOT_MAPPED;
}

function notSupported(walksVmas: boolean, retryFaults: boolean | undefined, noretry: 'yes' | 'no' | 'maybe'): string {
  if (retryFaults === true && walksVmas) return SPECIAL_MAPPING;
  let why = walksVmas ? 'the GPU has no retry faults (XNACK off)' : NO_RETRY_FAULTS;
  if (noretry !== 'no') why += `: ${noretry === 'yes' ? SWITCHED_OFF : MAYBE_SWITCHED_OFF}`;
  return walksVmas && retryFaults === undefined ? `${why}, or ${SPECIAL_MAPPING}` : why;
}

function badPlace(address: bigint, size: bigint): string | undefined {
  if (address % PAGE !== 0n) return `the address must be a multiple of ${PAGE_SIZE}`;
  if (size % PAGE !== 0n) return `the size must be a multiple of ${PAGE_SIZE}`;
  if (address === 0n) return 'the address must not be 0';
  return size === 0n ? 'the size must not be 0' : undefined;
}

function badAttribute({ operation, address, size, attributes }: RefusedCall): string | undefined {
  if (address + size > U64_END && operation === 'reset') return WRAPS;
  const unknown = attributes?.find(([type]) => type > LAST_TYPE);
  if (unknown !== undefined) return `attribute type ${unknown[0]} is unknown`;
  if (operation !== 'set') return undefined;
  if (address + size > U64_END) return WRAPS;
  const prefetch = attributes?.find(([type]) => type === SvmAttributeType.prefetchLocation);
  if (prefetch?.[1] === SvmLocation.undefined)
    return 'prefetchLocation "undefined" is refused: a prefetch location cannot be unset';
  if (attributes?.some(([type, value]) => type === SvmAttributeType.gpuAlwaysMapped && value !== 0))
    return 'gpuAlwaysMapped true is refused';
  const nothingFits = 'no chunk of pages fits into an attribute interval and its mapping';
  if (attributes === undefined) {
    return `an attribute has a value that the device refuses (prefetchLocation "undefined", gpuAlwaysMapped true), or a prefetch found nothing to map: ${nothingFits}`;
  }
  // Attributes set before may have a prefetch location, which maps the interval again.
  return `a prefetch found nothing to map: ${nothingFits}`;
}

/** As `svmRefusal`, of a call with everything as the caller wrote it: the checks of the handler's entry, in their order. */
export function rawCallRefusal(errno: number, call: SvmCall): string | undefined {
  const { attributeCount, pointer, address, size, attributes } = call;
  const isGet = call.operation === SvmOperation.getAttributes;
  const code = errnoName(errno);
  if (code === 'EINVAL') {
    const place = badPlace(address, size);
    if (place !== undefined) return place;
    if (call.operation === SvmOperation.resetAttributes)
      return address + size > U64_END ? WRAPS : 'this revision of the driver cannot reset attributes';
    if (attributeCount === 0 || attributeCount > MAX_ATTRIBUTES_PER_CALL)
      return `there must be 1 to ${MAX_ATTRIBUTES_PER_CALL} attributes`;
    if (pointer === 'null') return 'the attribute pointer must not be 0';
    if (!isGet && call.operation !== SvmOperation.setAttributes) return `operation ${call.operation} is unknown`;
  }
  if (code === 'EFAULT' && pointer === 'bad') return 'the attributes cannot be read from user memory';
  if (code === 'EFAULT' && pointer === 'ro' && isGet) return 'the values cannot be written to user memory';
  return svmRefusal(errno, { operation: isGet ? 'get' : 'set', address, size, attributes });
}

const UNALIGNED = 'address and size must be multiples of 4096';

/** What a process asks of its memory. */
const PROCESS_CALLS = {
  mmap: {
    EEXIST: 'something is mapped there already',
    EINVAL: `${UNALIGNED}, the size not 0, the end below 2^56`,
    EPERM: 'nothing may be mapped at address 0',
  },
  munmap: { EINVAL: `${UNALIGNED}, the size not 0` },
  mprotect: {
    EINVAL: UNALIGNED,
    ENOMEM: 'a part of it is not mapped; what lies before the hole is changed all the same',
  },
  dontneed: {
    EINVAL: `${UNALIGNED}, and PFN mappings cannot be discarded`,
    ENOMEM: 'parts of it are not mapped; the others are discarded all the same',
  },
  touch: {
    EFAULT: 'nothing is mapped there',
    EACCES: 'the mapping does not permit it',
    EIO: 'it ends in a bus error: the file ends before, or a page in VRAM cannot come home',
  },
  mremap: {
    EINVAL: `${UNALIGNED}, the sizes not 0; the places must not overlap, and only private memory of the same size can stay mapped`,
    EFAULT: 'it is not in one mapping, or one of a device that is to grow',
    ENOMEM: 'there is no room to grow where it is',
    EPERM: 'nothing may be mapped at address 0',
  },
  mlock: { ENOMEM: 'a part of it is not mapped, or cannot be brought in' },
  swapout: {
    EINVAL: `${UNALIGNED}; pages that are locked, of hugetlbfs or of a device are not swapped`,
    ENOMEM: 'parts of it are not mapped; the others are swapped all the same',
  },
  collapse: {
    EINVAL: `${UNALIGNED}; it must be private memory with a page in 2 MiB`,
    ENOMEM: 'a part of it is not mapped',
    EBUSY: 'a page is pinned, or lies in VRAM',
  },
  child: { ESRCH: 'there is no such child', EFAULT: 'the child has no memory there' },
} as const satisfies Readonly<Record<string, Partial<Record<ErrnoName, string>>>>;

/** Why a call of the process was refused; `errno` is negative. */
export function processCallRefusal(name: keyof typeof PROCESS_CALLS, errno: number): string | undefined {
  const code = errnoName(errno);
  const refusals: Partial<Record<ErrnoName, string>> = PROCESS_CALLS[name];
  return code === undefined ? undefined : refusals[code];
}
