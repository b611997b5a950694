/** What the DRM core does around the handler. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT, EINVAL } from '../../support/errno.ts';
import { decodeAttributes, encodeAttributes } from '../../../uapi/codec.ts';
import { splitRequest } from '../../../uapi/request.ts';
import { encodeCall, issue, rawNode } from './raw-node.ts';

export const requestGroup = new CaseGroup(
  'uapi,request',
  'Request number and size of the argument (spec/01-uapi §1, §2, §5)',
);

const ENOTTY = 25;
const [DIRECTION, SIZE, TYPE] = [3, 32, 0x64];

/** A request number as `_IOC` composes it, with the number byte of the profile. */
function compose(t: CaseContext, parts: { direction?: number; size?: number; type?: number }): number {
  const { direction = DIRECTION, size = SIZE, type = TYPE } = parts;
  const { number } = splitRequest(t.device.profile.request);
  return ((direction << 30) | (size << 16) | (type << 8) | number) >>> 0;
}

requestGroup
  .case('number', 'the request is 0xC020645A, and 0xC020645B from PATCH v8 on')
  .source('spec/01-uapi §1; spec/revisions §2')
  .needs('several-files')
  .run((t) => {
    const [first, second] = [0xc020_645a, 0xc020_645b];
    const request = t.perRevision({ v4: first, v7: first, 'v7-xnack-off': first, v8: second });
    t.equal(t.device.profile.request, request, 'request of the profile');
    const memory = t.map(pages(1));
    const data = encodeAttributes([{ type: 3, value: 0 }]);
    t.equal(issue(rawNode(t), { operation: 1, ...memory.range(), count: 1 }, { data }, request), 0, 'result');
    t.equal(decodeAttributes(data), [{ type: 3, value: 9 }], 'the records');
  });

requestGroup
  .case('direction', 'the direction bits do not select the handler; without that to the driver it sees zeros')
  .source('spec/01-uapi §5 step 2')
  .parameters(parameters().combine('direction', [1, 2, 3]))
  .needs('several-files')
  .run((t, { direction }) => {
    const memory = t.map(pages(1));
    const data = encodeAttributes([{ type: 3, value: 0 }]);
    const result = issue(
      rawNode(t),
      { operation: 1, ...memory.range(), count: 1 },
      { data },
      compose(t, { direction }),
    );
    const copiedIn = (direction & 1) !== 0;
    t.equal(result, copiedIn ? 0 : -EINVAL, 'result');
    t.equal(decodeAttributes(data), [{ type: 3, value: copiedIn ? 9 : 0 }], 'the records');
  });

requestGroup
  .case('type', 'a request of another type is none of the DRM core')
  .source('spec/01-uapi §1')
  .parameters(parameters().combine('type', [0, 0x63, 0x65, 0xff]))
  .needs('several-files')
  .run((t, { type }) => {
    const memory = t.map(pages(1));
    const data = encodeAttributes([{ type: 3, value: 5 }]);
    t.equal(
      issue(rawNode(t), { operation: 0, ...memory.range(), count: 1 }, { data }, compose(t, { type })),
      -ENOTTY,
      'result',
    );
  });

requestGroup
  .case('short', 'a shorter argument is extended with zeros: what is cut off is 0')
  .source('spec/01-uapi §5 step 2')
  .parameters(parameters().combine('size', [0, 8, 16, 20, 24]).combine('operation', [0, 1]))
  .needs('several-files')
  .run((t, { size, operation }) => {
    const memory = t.map(pages(1));
    const node = rawNode(t);
    const data = encodeAttributes([{ type: 3, value: 5 }]);
    const argument = encodeCall({ operation, ...memory.range(), count: 1 }).subarray(0, size);
    // Without its last field the pointer is null, however much of the rest arrives.
    t.equal(issue(node, argument, { data }, compose(t, { size })), -EINVAL, 'result');
    t.equal(issue(node, { operation, ...memory.range(), count: 1 }, { data }), 0, 'the same call in full');
  });

requestGroup
  .case('long', 'of a longer argument only the first 32 bytes are looked at')
  .source('spec/01-uapi §5 step 2')
  .parameters(parameters().combine('size', [33, 40, 64, 4096]).combine('operation', [0, 1]))
  .needs('several-files')
  .run((t, { size, operation }) => {
    const memory = t.map(pages(1));
    const node = rawNode(t);
    const data = encodeAttributes([{ type: 3, value: 5 }]);
    const argument = new Uint8Array(size).fill(0xff);
    argument.set(encodeCall({ operation, ...memory.range(), count: 1 }));
    t.equal(issue(node, argument, { data }, compose(t, { size })), 0, 'result');
    t.equal(
      [...argument.subarray(32)].every((byte) => byte === 0xff),
      true,
      'the tail is kept',
    );
    const seen = encodeAttributes([{ type: 3, value: 0 }]);
    issue(node, { operation: 1, ...memory.range(), count: 1 }, { data: seen });
    t.equal(decodeAttributes(seen), [{ type: 3, value: operation === 0 ? 5 : 9 }], 'granularity afterwards');
  });

requestGroup
  .case('unreadable-argument', 'an argument that cannot be copied in gives EFAULT')
  .source('spec/01-uapi §5 step 4')
  .parameters(parameters().combine('length', [0, 16, 31]))
  .needs('several-files', 'bad-pointer')
  .run((t, { length }) => {
    const memory = t.map(pages(1));
    const node = rawNode(t);
    const argument = encodeCall({ operation: 1, ...memory.range(), count: 1 }).subarray(0, length);
    t.equal(issue(node, argument, { data: encodeAttributes([{ type: 3, value: 5 }]) }), -EFAULT, 'result');
  });

requestGroup
  .case('unaligned-records', 'the alignment of attrs_ptr is not checked')
  .source('spec/01-uapi §3')
  .parameters(parameters().combine('offset', [1, 3, 4, 7]).combine('operation', [0, 1]))
  .needs('several-files')
  .run((t, { offset, operation }) => {
    const memory = t.map(pages(1));
    const node = rawNode(t);
    const buffer = new Uint8Array(32);
    const data = buffer.subarray(offset, offset + 8);
    data.set(encodeAttributes([{ type: 3, value: 5 }]));
    t.equal(issue(node, { operation, ...memory.range(), count: 1 }, { data }), 0, 'result');
    const seen = encodeAttributes([{ type: 3, value: 0 }]);
    issue(node, { operation: 1, ...memory.range(), count: 1 }, { data: seen });
    t.equal(decodeAttributes(seen), [{ type: 3, value: operation === 0 ? 5 : 9 }], 'granularity afterwards');
    t.equal(
      [...buffer].filter((byte, index) => byte !== 0 && (index < offset || index >= offset + 8)),
      [],
      'bytes around the records',
    );
  });

requestGroup
  .case('primary-node', 'on a primary node the file must be authenticated')
  .source('spec/01-uapi §5 step 3')
  .unimplemented('needs a primary node; the package opens render nodes only');
