/** What a SET that splits an interval does to the ranges under it. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EBUSY, EINTR, ENODEV } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { effects, NEEDS_EFFECTS, NEEDS_FAULTS, onGpu, rangeWords, region } from '../support/scene.ts';
import { CHUNK_2M, MIB, PAGE } from '../../../lib/conformance/support/units.ts';

export const splitGroup = new CaseGroup(
  'ranges,split',
  'A SET that splits an interval invalidates the ranges that the new one touches (spec/03-gpu-ranges §B.10, §B.11)',
);

// First page and pages of the SET in a region of three blocks, all mapped.
const PARTS = [
  [0, 1],
  [0, 256],
  [0, 511],
  [0, 512],
  [0, 513],
  [1, 511],
  [256, 256],
  [511, 1],
  [511, 2],
  [512, 512],
  [513, 510],
  [1, 1534],
  [256, 1024],
  [512, 1024],
  [1535, 1],
  [1, 1535],
] as const;

splitGroup
  .case(
    'geometry',
    'each touched range is zapped as a whole; one that crosses the bounds is removed, one inside stays with its pages; one flush at the end',
  )
  .source('spec/03-gpu-ranges §B.10')
  .parameters(
    parameters()
      .combine('first', [...new Set(PARTS.map(([first]) => first))])
      .expand('pages', ({ first }) => PARTS.filter((part) => part[0] === first).map((part) => part[1])),
  )
  .needs(...NEEDS_EFFECTS)
  .run((t, { first, pages }) => {
    const memory = region(t, 3 * CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal(t.access(memory.address, 3 * CHUNK_2M, { write: true }).faults, 3, 'faults');
    const end = first + pages;
    const seen = effects(t, memory, () => t.set(memory.range(first * PAGE, pages * PAGE), { hiveLocal: true }));
    const expected: string[] = [];
    const left: string[] = [];
    const runs: string[] = [];
    for (const start of [0, 512, 1024]) {
      const touched = start < end && start + 512 > first;
      const crosses = touched && (first > start || end < start + 512);
      if (touched) expected.push(`zap ${start}+512`);
      if (crosses) expected.push(`dma- ${start}+512`, `range- ${start}+512`);
      else left.push(`${start}+512${touched ? '' : ' mapped'} dma`);
      runs.push(touched ? '-*512' : 'rw*512');
    }
    t.equal(seen, [...expected, 'tlb'], 'effects');
    t.equal(rangeWords(t, memory), left, 'ranges');
    t.equal(
      [0, 1, 2].map((block) => t.ptes(memory.range(block * CHUNK_2M, CHUNK_2M))),
      runs,
      'PTEs',
    );
  });

splitGroup
  .case(
    'no-split',
    'a SET that covers whole intervals invalidates nothing, however many there are (V4); from V5 on each of them, unless it is GRANULARITY alone',
  )
  .source('spec/02-attributes §5; quirk Q13; spec/revisions §4')
  .parameters(
    parameters()
      .combine('intervals', [1, 2, 3])
      .combine('attribute', ['gpuReadOnly', 'gpuExecutable', 'access', 'granularity']),
  )
  .needs(...NEEDS_EFFECTS)
  .run((t, { intervals, attribute }) => {
    const memory = region(t, 3 * CHUNK_2M);
    for (let at = 0; at < intervals; at++) {
      const size = at === intervals - 1 ? memory.size - at * CHUNK_2M : CHUNK_2M;
      t.set(memory.range(at * CHUNK_2M, size), { preferredLocation: at + 1 });
    }
    t.equal(t.access(memory.address, memory.size, { write: true }).faults, 3, 'faults');
    const invalidates = t.can('changes-invalidate') && attribute !== 'granularity';
    // One flush for each interval; the last one holds the rest of the blocks.
    const zaps = [0, 512, 1024].flatMap((page, block) => [
      `zap ${page}+512`,
      ...(block < intervals - 1 || block === 2 ? ['tlb'] : []),
    ]);
    t.equal(
      effects(t, memory, () => t.set(memory, { [attribute]: attribute === 'access' ? 0 : 1 })),
      invalidates ? zaps : [],
      'effects',
    );
    t.equal(t.ptes(memory), invalidates ? '-*1536' : 'rw*1536', 'PTEs');
    if (invalidates) return;
    // That it was not the equal record:
    t.ok(
      effects(t, memory, () => t.set(memory.range(0, PAGE), { hiveLocal: true })).includes('tlb'),
      'a SET of a part invalidates',
    );
  });

splitGroup
  .case('equal-record', 'a SET of a part that changes nothing neither splits nor invalidates')
  .source('spec/02-attributes §4; spec/03-gpu-ranges §B.10')
  .parameters(parameters().combine('value', [0, 1]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { value }) => {
    const memory = onGpu(t);
    const seen = effects(t, memory, () => t.set(memory.range(0, MIB), { gpuReadOnly: value }));
    t.equal(seen, value === 0 ? [] : ['zap 0+512', 'dma- 0+512', 'range- 0+512', 'tlb'], 'effects');
  });

splitGroup
  .case('not-mapped', 'a range that is not marked mapped is neither zapped nor flushed, but removed where it crosses')
  .source('spec/03-gpu-ranges §B.10; quirk Q38')
  .parameters(parameters().combine('part', ['crossing', 'covering']))
  .needs(...NEEDS_EFFECTS)
  .run((t, { part }) => {
    const memory = region(t, 2 * CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal(t.access(memory.address, memory.size, { write: true }).faults, 2, 'faults');
    memory.discard(0, CHUNK_2M);
    const seen = effects(t, memory, () =>
      t.set(memory.range(0, part === 'crossing' ? PAGE : CHUNK_2M), { gpuReadOnly: true }),
    );
    t.equal(seen, part === 'crossing' ? ['range- 0+512'] : [], 'effects');
    t.equal(rangeWords(t, memory), [...(part === 'crossing' ? [] : ['0+512']), '512+512 mapped dma'], 'ranges');
  });

splitGroup
  .case('no-ranges', 'a split over memory that is not on the GPU does nothing there')
  .source('spec/03-gpu-ranges §B.10')
  .needs(...NEEDS_EFFECTS)
  .run((t) => {
    const memory = t.map(4 * CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal(t.fault(memory.at(3 * CHUNK_2M)), 0, 'fault after it');
    t.equal(
      effects(t, memory, () => t.set(memory.range(MIB, CHUNK_2M), { gpuReadOnly: true })),
      [],
      'effects',
    );
    t.has(memory.range(MIB, CHUNK_2M), { gpuReadOnly: true }, 'GPU_RO');
    t.equal(rangeWords(t, memory), ['1536+512 mapped dma'], 'ranges');
  });

splitGroup
  .case('faults-again', 'the next access faults, and ranges and PTEs follow the new intervals')
  .source('spec/03-gpu-ranges §A.7, §B.10')
  .parameters(
    parameters()
      .combine('first', [0, 16, 256])
      .combine('pages', [16, 240, 256])
      .combine('attribute', ['gpuReadOnly', 'gpuExecutable']),
  )
  .needs(...NEEDS_EFFECTS)
  .run((t, { first, pages, attribute }) => {
    const memory = onGpu(t);
    t.set(memory.range(first * PAGE, pages * PAGE), { [attribute]: 1 });
    t.equal(t.ptes(memory), '-*512', 'PTEs after the SET');
    const { result, faults } = t.access(memory.address, CHUNK_2M);
    t.equal([result, faults > 1], [0, true], 'access');
    const words = [
      first === 0 ? '' : `rw*${first}`,
      `${attribute === 'gpuReadOnly' ? 'r' : 'rwx'}*${pages}`,
      first + pages === 512 ? '' : `rw*${512 - first - pages}`,
    ];
    t.equal(t.ptes(memory), words.filter((word) => word !== '').join(' '), 'PTEs');
    t.ok(
      t.ranges(memory.range()).every(([offset, size]) => size <= 64 << 10 && offset % size === 0),
      'every range is an aligned small chunk',
    );
  });

splitGroup
  .case('interrupted', 'a signal while the page directory is waited for ends the SET before anything is invalidated')
  .source('spec/03-gpu-ranges §B.10 step 1')
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t) => {
    const memory = onGpu(t);
    t.gpu().failures.plan('lock-page-directory', 'EINTR');
    const seen = effects(t, memory, () =>
      t.equal(t.trySet(memory.range(0, MIB), { gpuReadOnly: true }), -EINTR, 'SET'),
    );
    t.equal([seen, rangeWords(t, memory)], [[], ['0+512 mapped dma']], 'effects and ranges');
  });

splitGroup
  .case(
    'zap-fails',
    'the first zap that fails ends the invalidation with its error, without the flush for those before',
  )
  .source('spec/03-gpu-ranges §B.10 step 2; quirk Q47')
  .parameters(parameters().combine('errno', ['EBUSY', 'ENODEV']).combine('at', [0, 1, 2]))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { errno, at }) => {
    const memory = region(t, 3 * CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal(t.access(memory.address, memory.size, { write: true }).faults, 3, 'faults');
    t.gpu().failures.plan('zap-ptes', errno, 1, at);
    const seen = effects(t, memory, () => {
      t.equal(t.trySet(memory.range(PAGE), { gpuReadOnly: true }), errno === 'EBUSY' ? -EBUSY : -ENODEV, 'SET');
    });
    const first = ['zap 0+512', 'dma- 0+512', 'range- 0+512'];
    t.equal(seen, [[], first, [...first, 'zap 512+512']][at]!.concat(`zap-failed ${at * 512}+512`), 'effects');
    // The lock was given back: the next SET works.
    t.equal(t.trySet(memory.range(2 * CHUNK_2M, PAGE), { gpuExecutable: true }), 0, 'the next SET');
  });

splitGroup
  .case('prefetch-of-a-part', 'a SET that splits and prefetches invalidates first, then maps the new interval only')
  .source('spec/02-attributes §4.8; spec/03-gpu-ranges §B.8, §B.10')
  .parameters(parameters().combine('pages', [256, 512]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { pages }) => {
    const memory = region(t, 2 * CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    t.equal(t.access(memory.address, memory.size, { write: true }).faults, 2, 'faults');
    const seen = effects(t, memory, () => t.set(memory.range(0, pages * PAGE), { prefetchLocation: 'device' }), [
      'ptes-zapped',
      'range-removed',
      'tlb-flushed',
      'ptes-written',
    ]);
    const chunks =
      pages === 512
        ? ['pte 0+512', 'tlb']
        : Array.from({ length: 16 }, (_, chunk) => [`pte ${chunk * 16}+16`, 'tlb']).flat();
    t.equal(seen, ['zap 0+512', ...(pages === 512 ? [] : ['range- 0+512']), 'tlb', ...chunks], 'effects');
    t.equal(t.ptes(memory), pages === 512 ? 'rw*1024' : 'rw*256 -*256 rw*512', 'PTEs');
  });

splitGroup
  .case(
    'system-location',
    'prefetching a part to the system splits and invalidates; prefetching the whole does nothing',
  )
  .source('spec/03-gpu-ranges §B.10; quirk Q18')
  .parameters(parameters().combine('part', [true, false]))
  .needs(...NEEDS_FAULTS)
  .run((t, { part }) => {
    const memory = region(t);
    t.set(memory, { prefetchLocation: 'device' });
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
    t.set(memory.range(0, part ? MIB : CHUNK_2M), { prefetchLocation: 'system' });
    t.equal(
      [t.ptes(memory), rangeWords(t, memory)],
      part ? ['-*512', []] : t.can('changes-keep-ptes') ? ['rw*512', ['0+512 mapped dma']] : ['-*512', ['0+512 dma']],
      'PTEs and ranges',
    );
  });
