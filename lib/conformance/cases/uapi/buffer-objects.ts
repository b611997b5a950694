/** Addresses at which a buffer object is mapped in the same VM. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { SvmOperation } from '../../../uapi/constants.ts';
import { EADDRINUSE, EFAULT, EINVAL } from '../../support/errno.ts';
import { gpuStore } from '../../support/memory.ts';

export const bufferObjectsGroup = new CaseGroup(
  'uapi,buffer-objects',
  'Calls over buffer objects (spec/revisions §4, V5 item 3)',
);

const SIZE = 16;

/** Sixteen pages, and a buffer object over some of them. */
function withBufferObject(t: CaseContext, first: number, count: number): Mapping {
  const memory = t.map(pages(SIZE));
  // The context of the file exists before the buffer object does.
  t.get(memory.range(), ['granularity']);
  t.equal(t.gpu().mapBufferObject(memory.range(pages(first), pages(count))), 0, 'mapping the buffer object');
  return memory;
}

const OBJECTS = { all: [0, 16], first: [0, 1], last: [15, 1], middle: [7, 2] } as const;
const REQUESTS = { all: [0, 16], 'first-page': [0, 1], 'last-page': [15, 1], half: [0, 8], between: [9, 6] } as const;

bufferObjectsGroup
  .case('overlap', 'SET and GET refuse a page of a buffer object with EADDRINUSE (from V5 on); RESET does not look')
  .source('spec/revisions §4, V5 items 2 to 4')
  .parameters(
    parameters()
      .combine('object', Object.keys(OBJECTS) as (keyof typeof OBJECTS)[])
      .combine('request', Object.keys(REQUESTS) as (keyof typeof REQUESTS)[])
      .combine('operation', ['set', 'get', 'reset']),
  )
  .needs('buffer-objects')
  .needsAt(({ operation }) => (operation === 'reset' ? ['reset'] : []))
  .run((t, { object, request, operation }) => {
    const [start, length] = OBJECTS[object];
    const [first, count] = REQUESTS[request];
    const memory = withBufferObject(t, start, length);
    const range = memory.range(pages(first), pages(count));
    const overlaps = first < start + length && start < first + count;
    const refused = t.perRevision({ v4: 0, v7: -EADDRINUSE, 'v7-xnack-off': -EADDRINUSE, v8: -EADDRINUSE });
    const { result } = t.ioctl(
      operation === 'reset'
        ? { operation: SvmOperation.resetAttributes, ...range, attributeCount: 0 }
        : {
            operation: operation === 'set' ? SvmOperation.setAttributes : SvmOperation.getAttributes,
            ...range,
            attributes: { granularity: 5 },
          },
    );
    t.equal(result, overlaps && operation !== 'reset' ? refused : 0, 'result');
    t.equal(t.gpu().unmapBufferObject({ address: memory.at(pages(start)) }), 0, 'unmapping the buffer object');
    t.has(range, { granularity: operation === 'set' && result === 0 ? 5 : 9 }, 'granularity afterwards');
  });

bufferObjectsGroup
  .case('order', 'the records of a SET and the memory are looked at before the buffer objects')
  .source('spec/revisions §4')
  .parameters(parameters().combine('wrong', ['record', 'memory', 'nothing']).combine('operation', [0, 1]))
  .needs('buffer-objects', 'buffer-object-check')
  .run((t, { wrong, operation }) => {
    const memory = withBufferObject(t, 0, 4);
    if (wrong === 'memory') memory.unmap(pages(12), pages(4));
    // A GET looks at no value.
    const access = wrong === 'record' ? 7 : 1;
    const { result } = t.ioctl({ operation, ...memory.range(), attributes: { access } });
    const expected = wrong === 'record' && operation === 0 ? EINVAL : wrong === 'memory' ? EFAULT : EADDRINUSE;
    t.equal(result, -expected, 'result');
  });

bufferObjectsGroup
  .case('fault', 'the GPU is not served where a buffer object is, unless an attribute interval is there (from V5 on)')
  .source('spec/revisions §4, V5 item 3; §5')
  .parameters(parameters().combine('page', [0, 7, 15]).combine('interval', [false, true]))
  .needs('buffer-objects', 'gpu-work', 'retry-faults')
  .run(async (t, { page, interval }) => {
    const memory = t.map(pages(SIZE));
    if (interval) t.set(memory.range(), { gpuExecutable: true });
    else t.get(memory.range(), ['granularity']);
    t.gpu().mapBufferObject(memory.range(pages(7), pages(1)));
    const written = await gpuStore(t, memory.at(pages(page)), 3).then(
      () => true,
      (error: { code?: string }) => (error.code === 'ERR_SVM_GPU_FAULT' ? false : error.code),
    );
    const served = interval || page !== 7;
    t.equal(written, t.perRevision({ v4: true, v7: served, 'v7-xnack-off': served, v8: served }), 'the write');
    if (written === true) t.equal(memory.read(pages(page), 1)[0], 3, 'what the CPU reads');
  });
