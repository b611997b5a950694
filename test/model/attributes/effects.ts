/** The effects of a SET segment by segment: what is invalidated, what is mapped, and in which order. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import type { Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EPERM } from '../../../lib/conformance/support/errno.ts';

export const effectsGroup = new CaseGroup(
  'attributes,effects',
  'Effects of a SET on ranges and PTEs (spec/02-attributes §4.8, §5.2; spec/03-gpu-ranges §B.8, §B.10)',
);

const BLOCK = pages(512);

/** Three blocks in one interval, mapped by GPU writes: three ranges of 2 MiB. */
function threeBlocks(t: CaseContext): Mapping {
  const memory = t.map(3 * BLOCK);
  memory.write(0, new Uint8Array(3 * BLOCK).fill(1));
  t.set(memory.range(), { access: 'in-place' });
  t.access(memory.address, 3 * BLOCK, { write: true });
  t.equal(
    t.ranges(memory.range()),
    [
      [0, BLOCK],
      [BLOCK, BLOCK],
      [2 * BLOCK, BLOCK],
    ],
    'ranges before',
  );
  t.equal(t.ptes(memory.range()), 'rw*1536', 'PTEs before');
  return memory;
}

effectsGroup
  .case(
    'split-over-ranges',
    'ranges inside the new interval are zapped and stay, those that cross its ends are removed, others keep their PTEs',
  )
  .source('spec/03-gpu-ranges §B.10')
  .parameters(
    parameters()
      .combine('first', [0, 1, 256, 511, 512, 513, 1024])
      .combine('last', [0, 255, 510, 511, 512, 1023, 1024, 1534, 1535])
      .where(({ first, last }) => first <= last && !(first === 0 && last === 1535)),
  )
  .needs('introspection', 'fault-handler')
  .run((t, { first, last }) => {
    const memory = threeBlocks(t);
    t.set(memory.range(pages(first), pages(last - first + 1)), { gpuExecutable: true });
    const expected = [0, 1, 2].map((block) => {
      const [start, end] = [block * 512, block * 512 + 511];
      if (last < start || first > end) return 'mapped';
      return first <= start && last >= end ? 'not mapped' : 'gone';
    });
    const { ranges } = t.state();
    const seen = [0, 1, 2].map((block) => {
      const range = ranges.find(({ start }) => start === memory.at(block * BLOCK));
      return range === undefined ? 'gone' : range.mapped ? 'mapped' : 'not mapped';
    });
    t.equal(seen, expected, 'the three ranges');
    for (const [block, state] of expected.entries()) {
      t.equal(
        t.ptes(memory.range(block * BLOCK, BLOCK)),
        state === 'mapped' ? 'rw*512' : '-*512',
        `PTEs of block ${block}`,
      );
      const range = ranges.find(({ start }) => start === memory.at(block * BLOCK));
      if (range !== undefined) t.equal(range.dmaMapped, true, `DMA mapping of block ${block}`);
    }
  });

effectsGroup
  .case('one-flush', 'however many ranges a split invalidates, the TLB is flushed once; none, and it is not flushed')
  .source('spec/03-gpu-ranges §B.10 step 4; spec/06-lifecycle §8')
  .parameters(parameters().combine('blocks', [0, 1, 2]))
  .needs('introspection', 'fault-handler', 'events')
  .run((t, { blocks }) => {
    const memory = threeBlocks(t);
    if (blocks === 0) memory.discard();
    const before = t.state().counters.tlb;
    const counts = t.countEvents(() =>
      t.set(memory.range(pages(1), pages(512 * Math.max(blocks, 1) - 2)), { gpuExecutable: true }),
    );
    t.equal(counts.get('attribute-split'), 1, 'splits');
    t.equal(t.state().counters.tlb - before, blocks === 0 ? 0 : 1, 'flushes');
    t.equal(counts.get('ptes-zapped') ?? 0, blocks, 'zaps');
  });

effectsGroup
  .case('invalidate-then-map', 'a split with a GPU prefetch location first zaps the whole ranges, then maps the part')
  .source('spec/02-attributes §5.2')
  .parameters(parameters().combine('first', [0, 128, 384]))
  .needs('introspection', 'fault-handler', 'events')
  .run((t, { first }) => {
    const count = 128;
    const memory = threeBlocks(t);
    const order: string[] = [];
    const stop = t.machine.onAny(
      ({ name }) => {
        if (order[order.length - 1] !== name) order.push(name);
      },
      ['ptes-zapped', 'range-removed', 'range-inserted', 'ptes-written'],
    );
    t.set(memory.range(pages(first), pages(count)), { prefetchLocation: 'device' });
    stop();
    t.equal(order.slice(0, 2), ['ptes-zapped', 'range-removed'], 'what happens first');
    t.ok(
      order.includes('range-inserted') && order[order.length - 1] === 'ptes-written',
      'the part is mapped after that',
    );
    const parts = [
      [first, '-'],
      [count, 'rw'],
      [512 - first - count, '-'],
    ] as const;
    t.equal(
      t.ptes(memory.range(0, BLOCK)),
      parts
        .filter(([pages_]) => pages_ > 0)
        .map(([pages_, letters]) => `${letters}*${pages_}`)
        .join(' '),
      'PTEs of the block',
    );
    t.equal(t.ptes(memory.range(BLOCK)), 'rw*1024', 'PTEs of the others');
  });

effectsGroup
  .case('prefetch-over-segments', 'a prefetch maps every segment with its own record')
  .source('spec/02-attributes §4.4')
  .needs('introspection')
  .run((t) => {
    const memory = t.map(pages(64));
    t.set(memory.range(0, pages(16)), { gpuReadOnly: true });
    t.set(memory.range(pages(32), pages(16)), { gpuExecutable: true });
    t.set(memory.range(), { prefetchLocation: 'device' });
    t.equal(t.ptes(memory.range()), 'r*16 rw*16 rwx*16 rw*16', 'PTEs');
    t.equal(t.state().attributes.length, 4, 'intervals');
  });

effectsGroup
  .case('only-what-changes', 'segments that have the prefetch location already are not mapped again')
  .source('spec/02-attributes §4.6 step 2')
  .parameters(parameters().combine('old', ['first', 'middle', 'last']))
  .needs('introspection')
  .run((t, { old }) => {
    const memory = t.map(pages(48));
    const index = ['first', 'middle', 'last'].indexOf(old);
    const part = memory.range(pages(16 * index), pages(16));
    t.set(part, { prefetchLocation: 'device' });
    memory.discard();
    t.set(memory.range(), { prefetchLocation: 'device' });
    // V4 looks for a change; later revisions map whatever has a device location.
    const words = [0, 1, 2].map((each) => (each === index && !t.can('get-walks-vmas') ? '-' : 'rw'));
    for (const [each, word] of words.entries())
      t.equal(t.ptes(memory.range(pages(16 * each), pages(16))), `${word}*16`, `PTEs of part ${each}`);
  });

effectsGroup
  .case(
    'valid-ranges-stay',
    'a prefetch over ranges that are mapped already writes nothing; one with other flags rewrites them',
  )
  .source('spec/03-gpu-ranges §B.8 step 4, §B.9')
  .parameters(parameters().combine('record', ['granularity', 'host-access', 'gpu-read-only']))
  .needs('introspection', 'events')
  .run((t, { record }) => {
    const memory = t.map(2 * BLOCK);
    t.set(memory.range(), { prefetchLocation: 'device' });
    t.equal(t.ptes(memory.range()), 'rw*1024', 'PTEs before');
    const counts = t.countEvents(() =>
      t.set(
        memory.range(),
        {
          granularity: { granularity: 5 },
          'host-access': { hostAccess: false },
          'gpu-read-only': { gpuReadOnly: true },
        }[record],
      ),
    );
    t.equal(counts.get('prefetch'), 1, 'prefetches');
    t.equal(counts.has('ptes-written'), record !== 'granularity', 'PTEs were written');
    t.equal(t.ptes(memory.range()), record === 'gpu-read-only' ? 'r*1024' : 'rw*1024', 'PTEs');
  });

effectsGroup
  .case('access-does-not-matter', 'a prefetch maps whatever the access attribute says')
  .source('spec/02-attributes §5.2; spec/03-gpu-ranges §B.8')
  .parameters(parameters().combine('access', [0, 1, 2]).combine('when', ['before', 'with', 'after']))
  .needs('introspection')
  .run((t, { access, when }) => {
    const memory = t.map(pages(32));
    if (when === 'before') t.set(memory.range(), { access });
    t.set(memory.range(), when === 'with' ? { prefetchLocation: 'device', access } : { prefetchLocation: 'device' });
    if (when === 'after') t.set(memory.range(), { access });
    t.has(memory.range(), { access }, 'access');
    t.equal(t.ptes(memory.range()), 'rw*32', 'PTEs');
  });

effectsGroup
  .case(
    'collected-as-asked',
    'a prefetch collects pages for writing, one of GPU_RO memory for reading: it can reach into memory that is not writable',
  )
  .source('spec/03-gpu-ranges §B.8; spec/07-quirks §Q52')
  .parameters(parameters().combine('readOnly', [false, true]))
  .needs('introspection')
  .run((t, { readOnly }) => {
    const memory = t.map(BLOCK);
    t.set(memory.range(), { prefetchLocation: 'device', gpuReadOnly: readOnly });
    t.equal(t.ptes(memory.range(), { states: false }), readOnly ? 'r*512' : 'rw*512', 'PTEs');
    memory.discard();
    memory.protect('r', BLOCK / 2);
    t.equal(
      t.trySet(memory.range(), { granularity: 4 }),
      readOnly || t.can('read-only-retry') ? 0 : -EPERM,
      'result of a SET_ATTR that maps the range again',
    );
    t.equal(
      t.ptes(memory.range(), { states: false }),
      readOnly || t.can('read-only-retry') ? 'r*512' : '-*512',
      'PTEs afterwards',
    );
  });

effectsGroup
  .case('system-on-a-part', 'SYSMEM on a part of a prefetched interval splits and invalidates, and maps nothing')
  .source('spec/02-attributes §12 row 7')
  .parameters(parameters().combine('part', ['head', 'middle', 'tail', 'whole']))
  .needs('introspection')
  .needs('retry-faults')
  .run((t, { part }) => {
    const memory = t.map(BLOCK);
    t.set(memory.range(), { prefetchLocation: 'device' });
    const [first, count] = { head: [0, 64], middle: [64, 64], tail: [448, 64], whole: [0, 512] }[part] as [
      number,
      number,
    ];
    t.set(memory.range(pages(first), pages(count)), { prefetchLocation: 'system' });
    t.has(memory.range(pages(first), pages(count)), { prefetchLocation: 'system' }, 'prefetch location');
    t.equal(t.ptes(memory.range()), part === 'whole' && t.can('changes-keep-ptes') ? 'rw*512' : '-*512', 'PTEs');
    t.equal(t.state().attributes.length, { head: 2, middle: 3, tail: 2, whole: 1 }[part], 'intervals');
  });
