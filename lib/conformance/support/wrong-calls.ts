/** Calls with several things wrong. */
import type { CaseContext } from '../framework/context.ts';
import { pages } from '../framework/mapping.ts';
import { EFAULT, EINVAL, EOPNOTSUPP } from './errno.ts';
import type { AttributePair } from '../../uapi/call.ts';

export interface Call {
  operation: number;
  address: bigint;
  size: bigint;
  attributes: AttributePair[];
  attributeCount?: number;
  attributesAddress?: bigint;
}

export interface Wrong {
  /** Number of the check: the smaller one decides. */
  readonly rank: number;
  /** The same in a GET, where that is another. */
  readonly rankInGet?: number;
  readonly errno: number;
  /** What of the call it bends: two that bend the same field can't meet. */
  readonly field: string;
  /** GET does not make this check, or does so only in some revisions. */
  readonly setOnly?: true | 'get-walks-vmas';
  readonly bend: (call: Call) => void;
}

export const WRONG: Readonly<Record<string, Wrong>> = {
  'unaligned-start': {
    rank: 2,
    errno: EINVAL,
    field: 'start',
    bend: (call) => {
      call.address += 8n;
    },
  },
  'unaligned-size': {
    rank: 2,
    errno: EINVAL,
    field: 'size',
    bend: (call) => {
      call.size += 2048n;
    },
  },
  'zero-start': {
    rank: 3,
    errno: EINVAL,
    field: 'start',
    bend: (call) => {
      call.address = 0n;
    },
  },
  'zero-size': {
    rank: 3,
    errno: EINVAL,
    field: 'size',
    bend: (call) => {
      call.size = 0n;
    },
  },
  'no-records': {
    rank: 4,
    errno: EINVAL,
    field: 'count',
    bend: (call) => {
      call.attributeCount = 0;
    },
  },
  'too-many-records': {
    rank: 4,
    errno: EINVAL,
    field: 'count',
    bend: (call) => {
      call.attributeCount = 65;
    },
  },
  'null-pointer': {
    rank: 5,
    errno: EINVAL,
    field: 'records',
    bend: (call) => {
      call.attributesAddress = 0n;
    },
  },
  'bad-pointer': {
    rank: 6,
    errno: EFAULT,
    field: 'records',
    bend: (call) => {
      call.attributesAddress = 0x1000n;
    },
  },
  'unknown-operation': {
    rank: 7,
    errno: EINVAL,
    field: 'operation',
    bend: (call) => {
      call.operation = 3;
    },
  },
  // GET looks at a type when it answers it, in the end.
  'unknown-type': {
    rank: 8,
    rankInGet: 11,
    errno: EINVAL,
    field: 'records',
    bend: (call) => {
      call.attributes[1] = [12, 0];
    },
  },
  'illegal-value': {
    rank: 8,
    errno: EINVAL,
    field: 'records',
    setOnly: true,
    bend: (call) => {
      call.attributes[1] = [2, 3];
    },
  },
  wrapped: {
    rank: 9,
    errno: EINVAL,
    field: 'range',
    setOnly: 'get-walks-vmas',
    bend: (call) => {
      [call.address, call.size] = [2n ** 64n - 4096n, 8192n];
    },
  },
  'no-memory': { rank: 10, errno: EFAULT, field: 'memory', setOnly: 'get-walks-vmas', bend: () => undefined },
  'special-memory': { rank: 10, errno: EOPNOTSUPP, field: 'memory', setOnly: 'get-walks-vmas', bend: () => undefined },
};

/** Whether GET does not make the check on this device. */
function isSetOnly(t: CaseContext, { setOnly }: Wrong): boolean {
  return setOnly === true || (setOnly !== undefined && !t.can(setOnly));
}

function rankIn(operation: number, { rank, rankInGet }: Wrong): number {
  return operation === 1 ? (rankInGet ?? rank) : rank;
}

export const NAMES = Object.keys(WRONG);

/** The call with everything in `names` wrong, and the errno that the order of checks gives. */
export function bentCall(
  t: CaseContext,
  operation: number,
  names: readonly string[],
): { call: Call; expected: number; memory: { address: bigint; size: number } } {
  const memory = t.map(pages(4), names.includes('special-memory') ? { kind: 'pfnmap' } : {});
  if (names.includes('no-memory')) memory.unmap(pages(1), pages(1));
  const call: Call = {
    operation,
    address: memory.address,
    size: BigInt(memory.size),
    attributes: [
      [3, 5],
      [2, 1],
      [9, 1],
    ],
  };
  let wrong: Wrong | undefined;
  for (const name of names) {
    const each = WRONG[name]!;
    each.bend(call);
    if (operation === 1 && isSetOnly(t, each)) continue;
    if (wrong === undefined || rankIn(operation, each) < rankIn(operation, wrong)) wrong = each;
  }
  return { call, expected: wrong === undefined ? 0 : -wrong.errno, memory: memory.range() };
}
