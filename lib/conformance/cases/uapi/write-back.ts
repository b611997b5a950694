/** What the two operations write to the caller's records. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT, EINVAL } from '../../support/errno.ts';
import { hasWithoutMemory } from '../../support/without-memory.ts';
import { encodeAttributes, decodeAttributes } from '../../../uapi/codec.ts';
import {
  allTypes,
  attributeNeeds,
  ATTRIBUTES,
  change,
  CHANGEABLE,
  defaultOf,
  defaults,
  otherOf,
  typeOf,
} from '../../support/attributes.ts';
import { issue, encodeCall, rawNode } from './raw-node.ts';
import type { AttributePair } from '../../../uapi/call.ts';

export const writeBackGroup = new CaseGroup(
  'uapi,write-back',
  'Records that are written back, and those that are not (spec/01-uapi §3, §6.1, §6.2)',
);

const GARBAGE = [0, 0x5a5a_5a5a, 0xffff_ffff] as const;

writeBackGroup
  .case('input-value-ignored', 'GET looks at no input value: it is neither validated nor kept')
  .source('spec/01-uapi §3')
  .parameters(parameters().combine('attribute', ATTRIBUTES).combine('garbage', GARBAGE))
  .needsAt(attributeNeeds)
  .run((t, { attribute, garbage }) => {
    const memory = t.map(pages(1));
    t.set(memory.range(), [change(attribute)]);
    const { result, values } = t.ioctl({ operation: 1, ...memory.range(), attributes: [[typeOf(attribute), garbage]] });
    t.equal(result, 0, 'result of GET_ATTR');
    t.equal(values, [otherOf(attribute)], 'the value');
  });

writeBackGroup
  .case('types-kept', 'GET writes types and values of all records, the types as they were')
  .source('spec/01-uapi §6.2 step 2')
  .parameters(parameters().combine('count', [1, 2, 12, 63, 64]))
  .run((t, { count }) => {
    const memory = t.map(pages(1));
    const attributes = Array.from({ length: count }, (_, index) => ({
      type: (index * 5) % t.attributes.length,
      value: 0xdead,
    }));
    const standard = defaults(t);
    const answer = t.device.svmIoctl({ operation: 1, ...memory.range(), attributes });
    t.equal(answer.result, 0, 'result of GET_ATTR');
    t.equal(
      answer.attributes,
      attributes.map(({ type }) => ({ type, value: standard[type]! })),
      'the records',
    );
  });

writeBackGroup
  .case('failed-get', 'a GET that fails at its last record has written none of the others')
  .source('spec/01-uapi §6.2 step 3')
  .parameters(parameters().combine('good', [1, 2, 12, 63]))
  .run((t, { good }) => {
    const memory = t.map(pages(1));
    const attributes = Array.from({ length: good + 1 }, (_, index): AttributePair => [
      index < good ? index % t.attributes.length : 12,
      0xdead + index,
    ]);
    const { result, values } = t.ioctl({ operation: 1, ...memory.range(), attributes });
    t.equal(result, -EINVAL, 'result of GET_ATTR');
    t.equal(
      values,
      attributes.map(([, value]) => value),
      'the records',
    );
  });

writeBackGroup
  .case('set-writes-nothing', 'SET leaves the records of the caller alone, whether it succeeds or fails')
  .source('spec/01-uapi §6.1 step 3')
  .parameters(parameters().combine('outcome', ['good', 'refused', 'no-memory']))
  .run((t, { outcome }) => {
    const memory = t.map(pages(2));
    if (outcome === 'no-memory') memory.unmap(pages(1), pages(1));
    // 200 is stored as 63: the record of the caller keeps what it asked for.
    const attributes: AttributePair[] = [
      [3, 200],
      [0, 5],
      [8, 1],
      [2, outcome === 'refused' ? 3 : 1],
    ];
    const { result, values } = t.ioctl({ operation: 0, ...memory.range(), attributes });
    t.equal(result, { good: 0, refused: -EINVAL, 'no-memory': -EFAULT }[outcome], 'result of SET_ATTR');
    t.equal(values, [200, 5, 1, outcome === 'refused' ? 3 : 1], 'the records');
    if (outcome === 'no-memory') hasWithoutMemory(t, memory.range(), { granularity: 9 }, 'granularity afterwards');
    else t.has(memory.range(), { granularity: outcome === 'good' ? 63 : 9 }, 'granularity afterwards');
  });

writeBackGroup
  .case('success-is-zero', 'both operations give 0, whatever they change and return')
  .source('spec/01-uapi §7')
  .parameters(parameters().combine('attribute', CHANGEABLE).combine('operation', [0, 1]))
  .run((t, { attribute, operation }) => {
    const memory = t.map(pages(3));
    for (const value of [otherOf(attribute), otherOf(attribute)]) {
      t.equal(t.ioctl({ operation, ...memory.range(), attributes: [[typeOf(attribute), value]] }).result, 0, 'result');
    }
    t.equal(
      t.get(memory.range(), [typeOf(attribute)]),
      [operation === 0 ? otherOf(attribute) : defaultOf(t, attribute)],
      'the attribute',
    );
  });

/** Records of a call on memory that the kernel cannot write. */
function readOnlyCall(
  t: CaseContext,
  operation: number,
): { result: number; records: readonly { type: number; value: number }[]; memory: { address: bigint; size: number } } {
  const memory = t.map(pages(1)).range();
  const data = encodeAttributes([
    { type: 3, value: 7 },
    { type: 2, value: 1 },
  ]);
  const node = rawNode(t);
  const result = issue(node, { operation, ...memory, count: 2 }, { data, readOnly: true });
  const seen = encodeAttributes([
    { type: 3, value: 0 },
    { type: 2, value: 0 },
  ]);
  t.equal(issue(node, { operation: 1, ...memory, count: 2 }, { data: seen }), 0, 'GET_ATTR with writable records');
  t.equal(
    decodeAttributes(seen).map(({ value }) => value),
    operation === 0 ? [7, 1] : [9, defaultOf(t, 'access')],
    'the attributes',
  );
  return { result, records: decodeAttributes(data), memory };
}

writeBackGroup
  .case('read-only-records-get', 'GET into records that can be read but not written fails with EFAULT')
  .source('spec/01-uapi §6.2 step 2')
  .needs('bad-pointer', 'several-files')
  .run((t) => {
    const { result, records } = readOnlyCall(t, 1);
    t.equal(result, -EFAULT, 'result of GET_ATTR');
    t.equal(
      records,
      [
        { type: 3, value: 7 },
        { type: 2, value: 1 },
      ],
      'the records',
    );
  });

writeBackGroup
  .case('read-only-records-set', 'SET only reads the records: it succeeds with those that cannot be written')
  .source('spec/01-uapi §6.1 step 3')
  .needs('bad-pointer', 'several-files')
  .run((t) => {
    const { result, records } = readOnlyCall(t, 0);
    t.equal(result, 0, 'result of SET_ATTR');
    t.equal(
      records,
      [
        { type: 3, value: 7 },
        { type: 2, value: 1 },
      ],
      'the records',
    );
  });

writeBackGroup
  .case('unknown-type-in-read-only-records', 'a GET that fails earlier does not come to the write: EINVAL')
  .source('spec/01-uapi §6.2 steps 1 and 2')
  .needs('bad-pointer', 'several-files')
  .run((t) => {
    const memory = t.map(pages(1));
    const data = encodeAttributes([{ type: 12, value: 0 }]);
    t.equal(
      issue(rawNode(t), { operation: 1, ...memory.range(), count: 1 }, { data, readOnly: true }),
      -EINVAL,
      'result of GET_ATTR',
    );
  });

writeBackGroup
  .case('records-beyond-memory', 'records that reach beyond the memory of the caller cannot be copied: EFAULT')
  .source('spec/01-uapi §6, check 6')
  .parameters(
    parameters()
      .combine('operation', [0, 1, 7])
      .combine('given', [1, 2, 63])
      .combine('missing', [1, 63])
      .where(({ given, missing }) => given + missing <= 64),
  )
  .run((t, { operation, given, missing }) => {
    const memory = t.map(pages(1));
    const attributes = Array.from({ length: given }, (): AttributePair => [2, 1]);
    const { result, values } = t.ioctl({ operation, ...memory.range(), attributes, attributeCount: given + missing });
    t.equal(result, -EFAULT, 'result');
    t.equal(
      values,
      attributes.map(() => 1),
      'the records',
    );
    t.equal(t.get(memory.range(), [2]), [defaultOf(t, 'access')], 'access afterwards');
  });

writeBackGroup
  .case('fewer-than-given', 'records behind nattr are not looked at')
  .source('spec/01-uapi §6, check 6')
  .parameters(parameters().combine('operation', [0, 1]).combine('count', [1, 3]))
  .run((t, { operation, count }) => {
    const memory = t.map(pages(1));
    const attributes: AttributePair[] = [
      [3, 5],
      [8, 1],
      [9, 1],
      [12, 77],
      [2, 9],
    ];
    const { result, values } = t.ioctl({ operation, ...memory.range(), attributes, attributeCount: count });
    t.equal(result, 0, 'result');
    t.equal(
      values,
      operation === 0 ? [5, 1, 1, 77, 9] : [9, count === 1 ? 1 : 0, count === 1 ? 1 : 0, 77, 9],
      'the records',
    );
    const set = operation === 0;
    t.equal(
      t.get(memory.range(), [3, 8, 9]),
      [set ? 5 : 9, set && count > 1 ? 1 : 0, set && count > 2 ? 1 : 0],
      'the attributes',
    );
  });

writeBackGroup
  .case('argument-kept', 'the handler never changes its argument structure')
  .source('spec/01-uapi §2, §5 step 6')
  .parameters(parameters().combine('operation', [0, 1, 2, 3]).combine('count', [0, 1, 65]))
  .needs('several-files')
  .run((t, { operation, count }) => {
    const memory = t.map(pages(1));
    const node = rawNode(t);
    const data = encodeAttributes(allTypes(t).map((type) => ({ type, value: 0 })));
    const argument = encodeCall({ operation, ...memory.range(), count });
    const before = argument.slice();
    const result = issue(node, argument, { data });
    // RESET_ATTR looks at no records.
    const reset = operation === 2 && t.can('reset');
    t.equal(result, reset || (operation < 2 && count === 1) ? 0 : -EINVAL, 'result');
    t.equal([...argument], [...before], 'the argument structure');
  });
