/** Two things wrong in one call: the earlier check decides. */
import { CaseGroup } from '../../framework/case.ts';
import type { AttributePair, CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT, EINVAL, EOPNOTSUPP } from '../../support/errno.ts';
import { ALL_TYPES, DEFAULTS } from '../../support/attributes.ts';

export const checkOrderGroup = new CaseGroup(
  'uapi,check-order',
  'Which of two errors wins (spec/01-uapi §6; spec/02-attributes §4.1, §4.2)',
);

interface Call {
  operation: number;
  address: bigint;
  size: bigint;
  attributes: AttributePair[];
  attributeCount?: number;
  attributesAddress?: bigint;
}

interface Wrong {
  /** Number of the check: the smaller one decides. */
  readonly rank: number;
  readonly errno: number;
  /** What of the call it bends: two that bend the same field can't meet. */
  readonly field: string;
  /** GET does not make this check. */
  readonly setOnly?: boolean;
  readonly bend: (call: Call) => void;
}

const WRONG: Readonly<Record<string, Wrong>> = {
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
      call.operation = 2;
    },
  },
  'unknown-type': {
    rank: 8,
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
    setOnly: true,
    bend: (call) => {
      [call.address, call.size] = [2n ** 64n - 4096n, 8192n];
    },
  },
  'no-memory': { rank: 10, errno: EFAULT, field: 'memory', setOnly: true, bend: () => undefined },
  'special-memory': { rank: 10, errno: EOPNOTSUPP, field: 'memory', setOnly: true, bend: () => undefined },
};
const NAMES = Object.keys(WRONG);

/** Whether the two can stand in one call. */
function canMeet(one: string, other: string): boolean {
  const fields = [WRONG[one]!.field, WRONG[other]!.field];
  if (fields[0] === fields[1]) return false;
  // A wrapped interval has its own start and size.
  if (fields.includes('range'))
    return !fields.includes('start') && !fields.includes('size') && !fields.includes('memory');
  // The address of the special memory must stand for the whole call.
  return true;
}

/** The call with everything in `names` wrong, and the errno that the order of checks gives. */
function bentCall(
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
    if (operation === 1 && each.setOnly === true) continue;
    if (wrong === undefined || each.rank < wrong.rank) wrong = each;
  }
  return { call, expected: wrong === undefined ? 0 : -wrong.errno, memory: memory.range() };
}

function check(t: CaseContext, operation: number, names: readonly string[]): void {
  const { call, expected, memory } = bentCall(t, operation, names);
  const { result, values } = t.ioctl(call);
  t.equal(result, expected, 'result');
  if (expected !== 0) {
    t.equal(
      values,
      call.attributes.map(([, value]) => value),
      'the records afterwards',
    );
  }
  t.equal(t.get(memory, ALL_TYPES), [...DEFAULTS], 'all attributes afterwards');
}

checkOrderGroup
  .case('alone', 'each thing that can be wrong is refused on its own with its own error')
  .source('spec/01-uapi §6, §7')
  .parameters(
    parameters()
      .combine('operation', [0, 1])
      .combine('wrong', NAMES)
      .where(({ operation, wrong }) => operation === 0 || WRONG[wrong]!.setOnly !== true),
  )
  .needsAt(({ wrong }) => (wrong === 'special-memory' ? ['special-mapping'] : []))
  .run((t, { operation, wrong }) => check(t, operation, [wrong]));

checkOrderGroup
  .case('two', 'of two things that are wrong the one that is checked first decides')
  .source('spec/01-uapi §6; spec/02-attributes §4.1, §4.2')
  .parameters(
    parameters()
      .combine('operation', [0, 1])
      .combine('one', NAMES)
      .expand('other', ({ one }) => NAMES.slice(NAMES.indexOf(one) + 1).filter((other) => canMeet(one, other))),
  )
  .needsAt(({ one, other }) => ([one, other].includes('special-memory') ? ['special-mapping'] : []))
  .run((t, { operation, one, other }) => check(t, operation, [one, other]));

checkOrderGroup
  .case('three', 'the operation is looked at after the copy of the records and before their types')
  .source('spec/01-uapi §6, checks 5 to 7')
  .parameters(
    parameters()
      .combine('records', ['null-pointer', 'bad-pointer', 'unknown-type', 'illegal-value'])
      .combine('memory', ['no-memory', 'special-memory']),
  )
  .needsAt(({ memory }) => (memory === 'special-memory' ? ['special-mapping'] : []))
  .run((t, { records, memory }) => check(t, 0, [records, 'unknown-operation', memory]));

checkOrderGroup
  .case('no-xnack', 'a context that can not be created masks everything that is wrong with the arguments')
  .source('spec/01-uapi §6, check 1; spec/06-lifecycle §2')
  .parameters(
    parameters()
      .combine('operation', [0, 1])
      .combine('wrong', ['nothing', ...NAMES.filter((name) => name !== 'special-memory')]),
  )
  .needs('configuration')
  .run((t, { operation, wrong }) => {
    t.setup({ machine: { asic: 'gfx1030' } });
    const { call } = bentCall(t, operation, wrong === 'nothing' ? [] : [wrong]);
    const { result, values } = t.ioctl(call);
    t.equal(result, -EOPNOTSUPP, 'result');
    t.equal(
      values,
      call.attributes.map(([, value]) => value),
      'the records afterwards',
    );
  });

checkOrderGroup
  .case('not-configured', 'a kernel without SVM answers EOPNOTSUPP before it looks at anything')
  .source('spec/06-lifecycle §9')
  .parameters(
    parameters()
      .combine('operation', [0, 1])
      .combine('wrong', [
        'nothing',
        'unaligned-start',
        'null-pointer',
        'bad-pointer',
        'unknown-operation',
        'unknown-type',
      ]),
  )
  .needs('configuration')
  .unrecorded('the trace format has no kernel without SVM')
  .run((t, { operation, wrong }) => {
    t.setup({ machine: { svmConfigured: false } });
    const { call } = bentCall(t, operation, wrong === 'nothing' ? [] : [wrong]);
    t.equal(t.ioctl(call).result, -EOPNOTSUPP, 'result');
  });
