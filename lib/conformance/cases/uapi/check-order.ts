/** Two things wrong in one call: the earlier check decides. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { parameters } from '../../framework/parameters.ts';
import { allTypes, defaults } from '../../support/attributes.ts';
import { EFAULT, EOPNOTSUPP } from '../../support/errno.ts';
import { getsWithoutMemory } from '../../support/without-memory.ts';
import { WRONG, NAMES, bentCall } from '../../support/wrong-calls.ts';

export const checkOrderGroup = new CaseGroup(
  'uapi,check-order',
  'Which of two errors wins (spec/01-uapi §6; spec/02-attributes §4.1, §4.2)',
);

/** Whether the two can be in one call. */
function canMeet(one: string, other: string): boolean {
  const fields = [WRONG[one]!.field, WRONG[other]!.field];
  if (fields[0] === fields[1]) return false;
  // A wrapped interval has its own start and size.
  if (fields.includes('range'))
    return !fields.includes('start') && !fields.includes('size') && !fields.includes('memory');
  // The address of the special memory must stand for the whole call.
  return true;
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
  if (names.includes('no-memory') || names.includes('special-memory')) {
    const errno = names.includes('special-memory') ? EOPNOTSUPP : EFAULT;
    getsWithoutMemory(t, memory, allTypes(t), defaults(t), 'all attributes afterwards', errno);
  } else t.equal(t.get(memory, allTypes(t)), defaults(t), 'all attributes afterwards');
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
