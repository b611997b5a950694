/** Two things wrong in one call: the earlier check decides. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EOPNOTSUPP } from '../../../lib/conformance/support/errno.ts';
import { NAMES, bentCall } from '../../../lib/conformance/support/wrong-calls.ts';

export const checkOrderGroup = new CaseGroup(
  'uapi,check-order',
  'Which of two errors wins (spec/01-uapi §6; spec/02-attributes §4.1, §4.2)',
);

checkOrderGroup
  .case('no-xnack', 'a context that cannot be created masks everything that is wrong with the arguments')
  .source('spec/01-uapi §6, check 1; spec/06-lifecycle §2')
  .parameters(
    parameters()
      .combine('operation', [0, 1])
      .combine('wrong', ['nothing', ...NAMES.filter((name) => name !== 'special-memory')]),
  )
  .needs('configuration')
  .needs('refuses-xnack-off')
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
