/** The checks of the handler entry, in their order. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { defaultOf } from '../../support/attributes.ts';
import { EFAULT, EINVAL } from '../../support/errno.ts';
import { SvmOperation } from '../../../uapi/constants.ts';

export const argumentsGroup = new CaseGroup(
  'uapi,arguments',
  'The checks of the handler entry, in their order (spec/01-uapi §6)',
);

const ACCESS = 2;

argumentsGroup
  .case('alignment', 'start and size must be multiples of a page')
  .source('spec/01-uapi §6, check 2')
  .parameters(
    parameters()
      .combine('operation', [0, 1])
      .combine('field', ['start', 'size'])
      .combine('offset', [1, 8, 512, 2048, 4095]),
  )
  .run((t, { operation, field, offset }) => {
    const memory = t.map(pages(4));
    const call = { operation, address: memory.address, size: BigInt(pages(1)), attributes: [[ACCESS, 1]] as const };
    const bent =
      field === 'start'
        ? { ...call, address: call.address + BigInt(offset) }
        : { ...call, size: call.size + BigInt(offset) };
    t.equal(t.ioctl(bent).result, -EINVAL, 'result');
    t.equal(t.get(memory.range(), [ACCESS]), [defaultOf(t, 'access')], 'access afterwards');
  });

argumentsGroup
  .case('zero', 'start and size must not be 0')
  .source('spec/01-uapi §6, check 3')
  .parameters(parameters().combine('operation', [0, 1]).combine('field', ['start', 'size']))
  .run((t, { operation, field }) => {
    const memory = t.map(pages(1));
    const [address, size] = field === 'start' ? [0n, 4096n] : [memory.address, 0n];
    t.equal(t.ioctl({ operation, address, size, attributes: [[ACCESS, 1]] }).result, -EINVAL, 'result');
  });

argumentsGroup
  .case('attribute-count', 'a call has 1 to 64 records')
  .source('spec/01-uapi §6, check 4; §8')
  .parameters(parameters().combine('operation', [0, 1]).combine('count', [0, 1, 2, 63, 64, 65, 128, 0xffffffff]))
  .run((t, { operation, count }) => {
    const memory = t.map(pages(1));
    const attributes = Array.from({ length: Math.min(count, 128) }, () => [ACCESS, 1] as const);
    const { result } = t.ioctl({ operation, ...memory.range(), attributes, attributeCount: count });
    t.equal(result, count >= 1 && count <= 64 ? 0 : -EINVAL, 'result');
  });

argumentsGroup
  .case('pointer', 'a null pointer is refused before it is followed, a bad one when it is')
  .source('spec/01-uapi §6, checks 5 and 6')
  .parameters(parameters().combine('operation', [0, 1, 7]).combine('pointer', ['null', 'bad']))
  .run((t, { operation, pointer }) => {
    const memory = t.map(pages(1));
    const attributesAddress = pointer === 'null' ? 0n : 0x1000n;
    const { result } = t.ioctl({ operation, ...memory.range(), attributeCount: 1, attributesAddress });
    // The copy comes before the operation is looked at.
    t.equal(result, pointer === 'null' ? -EINVAL : -EFAULT, 'result');
  });

// The first that none of the revisions has: 2 is RESET_ATTR from V5 on (cases of uapi,reset).
argumentsGroup
  .case('operation', 'what is no operation of the revision is refused')
  .source('spec/01-uapi §6, check 7')
  .parameters(parameters().combine('operation', [2, 3, 4, 7, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff]))
  .run((t, { operation }) => {
    const memory = t.map(pages(1));
    const { result, values } = t.ioctl({ operation, ...memory.range(), attributes: [[ACCESS, 1]] });
    t.equal(result, operation === SvmOperation.resetAttributes && t.can('reset') ? 0 : -EINVAL, 'result');
    t.equal(values, [1], 'the records afterwards');
    t.equal(t.get(memory.range(), [ACCESS]), [defaultOf(t, 'access')], 'access afterwards');
  });
