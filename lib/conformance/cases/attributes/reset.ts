/** RESET_ATTR: taking attributes away. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { SvmOperation } from '../../../uapi/constants.ts';
import type { CaseContext } from '../../framework/context.ts';
import { CHANGEABLE, change, defaultOf, defaults, allTypes, otherOf, QUIET, typeOf } from '../../support/attributes.ts';
import type { AttributePair } from '../../../uapi/call.ts';
import { EINVAL } from '../../support/errno.ts';
import { prepare, REQUESTS, SITUATIONS } from '../../support/overlaps.ts';
import { expectFaults, faultCount, gpuLoad } from '../../support/memory.ts';

export const resetGroup = new CaseGroup('attributes,reset', 'RESET_ATTR (spec/revisions §4, V5 item 2)');

const END = 2n ** 64n;

interface Place {
  readonly address: bigint;
  readonly size: bigint | number;
}

/** The result of RESET_ATTR with this many records at this pointer; it should look at neither. */
function tryReset(t: CaseContext, range: Place, attributeCount = 0, attributesAddress = 0n): number {
  return t.ioctl({ operation: SvmOperation.resetAttributes, ...range, attributeCount, attributesAddress }).result;
}

function reset(t: CaseContext, range: Place): void {
  t.equal(tryReset(t, range), 0, 'result of RESET_ATTR');
}

resetGroup
  .case('cuts', 'a RESET takes the attributes of its pages, and keeps those of every other page')
  .source('spec/revisions §4, V5 item 2')
  .parameters(parameters().combine('situation', Object.keys(SITUATIONS)).combine('request', Object.keys(REQUESTS)))
  .needs('reset')
  .run((t, { situation, request }) => {
    const modelled = prepare(t, situation, false);
    reset(t, modelled.range(REQUESTS[request]!));
    modelled.model.clear(REQUESTS[request]!);
    modelled.checkPages('after the RESET');
    modelled.set(REQUESTS[request]!, { gpuReadOnly: true });
    modelled.checkPages('after a SET on the same pages');
  });

resetGroup
  .case('each-attribute', 'every attribute has its default again')
  .source('spec/revisions §4, V5 item 2')
  .parameters(parameters().combine('attribute', CHANGEABLE))
  .needs('reset')
  .run((t, { attribute }) => {
    const memory = t.map(pages(4));
    t.set(memory.range(), [change(attribute)]);
    t.has(memory.range(), { [attribute]: otherOf(attribute) }, 'before');
    reset(t, memory.range(0, pages(2)));
    t.equal(t.get(memory.range(0, pages(2)), allTypes(t)), defaults(t), 'all attributes of what was reset');
    t.has(memory.range(pages(2)), { [attribute]: otherOf(attribute) }, 'the rest');
  });

resetGroup
  .case('records-ignored', 'number and place of the records are not looked at')
  .source('spec/revisions §2; §4, V5 item 2')
  .parameters(parameters().combine('count', [0, 1, 64, 65, 0xffff_ffff]).combine('pointer', ['null', 'bad']))
  .needs('reset')
  .run((t, { count, pointer }) => {
    const memory = t.map(pages(2));
    t.set(memory.range(), { gpuExecutable: true });
    t.equal(tryReset(t, memory.range(), count, pointer === 'bad' ? 0x1000n : 0n), 0, 'result of RESET_ATTR');
    t.has(memory.range(), { gpuExecutable: false }, 'GPU_EXEC afterwards');
  });

const WRONG: Readonly<Record<string, (address: bigint) => Place>> = {
  'unaligned-start': (address) => ({ address: address + 8n, size: 4096 }),
  'unaligned-size': (address) => ({ address, size: 4097 }),
  'zero-start': () => ({ address: 0n, size: 4096 }),
  'zero-size': (address) => ({ address, size: 0 }),
  'beyond-the-end': () => ({ address: END - 4096n, size: 8192 }),
  around: (address) => ({ address, size: END - 4096n }),
};

resetGroup
  .case(
    'arguments',
    'start and size are checked as for the other operations, and nothing is reset where they are wrong',
  )
  .source('spec/revisions §4, V5 item 2')
  .parameters(parameters().combine('wrong', Object.keys(WRONG)))
  .needs('reset')
  .run((t, { wrong }) => {
    const memory = t.map(pages(4));
    t.set(memory.range(), { gpuExecutable: true });
    t.equal(tryReset(t, WRONG[wrong]!(memory.address)), -EINVAL, 'result of RESET_ATTR');
    t.has(memory.range(), { gpuExecutable: true }, 'GPU_EXEC afterwards');
  });

resetGroup
  .case('without-memory', 'a RESET does not look at the memory')
  .source('spec/revisions §4, V5 item 2')
  .parameters(parameters().combine('hole', ['all', 'first', 'middle', 'last']))
  .needs('reset')
  .run((t, { hole }) => {
    const memory = t.map(pages(4));
    t.set(memory.range(), { gpuExecutable: true });
    const [first, count] = { all: [0, 4], first: [0, 1], middle: [1, 2], last: [3, 1] }[hole] as [number, number];
    memory.unmap(pages(first), pages(count));
    reset(t, memory.range());
    for (let page = 0; page < 4; page++) {
      if (page < first || page >= first + count)
        t.has(memory.range(pages(page), pages(1)), { gpuExecutable: false }, `GPU_EXEC of page ${page}`);
    }
  });

resetGroup
  .case('special-memory', 'nor at its kind')
  .source('spec/revisions §4, V5 item 2')
  .parameters(parameters().combine('kind', ['io', 'pfnmap', 'mixedmap'] as const))
  .needs('reset', 'special-mapping')
  .run((t, { kind }) => reset(t, t.map(pages(4), { kind }).range()));

resetGroup
  .case('to-the-end', 'what a SET stored up to 2^64 can be taken away again')
  .source('spec/revisions §4, V5')
  .parameters(parameters().combine('back', [1, 2, 512]).combine('attribute', QUIET))
  .needs('reset')
  .run((t, { back, attribute }) => {
    const range = { address: END - BigInt(pages(back)), size: pages(back) };
    t.equal(t.trySet(range, [change(attribute)]), 0, 'result of SET_ATTR');
    t.has(range, { [attribute]: otherOf(attribute) }, 'before');
    reset(t, range);
    t.has(range, { [attribute]: defaultOf(t, attribute) }, 'afterwards');
  });

resetGroup
  .case('ends-survival', 'what would outlive its memory does not come back once it was reset')
  .source('spec/revisions §4, V5 items 1 and 2')
  .parameters(parameters().combine('order', ['reset-first', 'unmap-first']))
  .needs('reset', 'address-choice')
  .run((t, { order }) => {
    const memory = t.map(pages(16));
    t.set(memory.range(), { gpuExecutable: true, granularity: 4 });
    if (order === 'unmap-first') memory.unmap();
    reset(t, memory.range());
    if (order === 'reset-first') memory.unmap();
    const later = t.map(pages(16), { address: memory.address });
    t.equal(t.get(later.range(), allTypes(t)), defaults(t), 'all attributes of what was mapped there');
  });

resetGroup
  .case('own-tree', 'a RESET concerns the device that is asked')
  .source('spec/02-attributes §3')
  .needs('reset', 'two-gpus')
  .run((t) => {
    t.setup({ gpus: 2 });
    const memory = t.map(pages(4));
    const records: AttributePair[] = QUIET.map((name) => [typeOf(name), otherOf(name)]);
    for (const device of t.devices) t.set(memory.range(), records, device);
    reset(t, memory.range());
    t.equal(t.get(memory.range(), allTypes(t), t.devices[0]), defaults(t), 'on the first');
    t.has(memory.range(), { granularity: otherOf('granularity') }, 'on the second', t.devices[1]);
  });

resetGroup
  .case('keeps-the-mapping', 'what the GPU has mapped stays mapped')
  .source('spec/revisions §4, V5 item 2')
  .parameters(parameters().combine('part', ['all', 'page']))
  .needs('reset', 'gpu-work')
  .run(async (t, { part }) => {
    const memory = t.map(pages(512));
    memory.write(0, Uint8Array.of(7, 0, 0, 0));
    t.set(memory.range(), { access: 'allow-migrate', prefetchLocation: 'device' });
    const before = faultCount(t);
    reset(t, part === 'all' ? memory.range() : memory.range(0, pages(1)));
    t.equal(await gpuLoad(t, memory.address), 7, 'what the GPU reads');
    expectFaults(t, before, 0);
  });
