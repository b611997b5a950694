/** Which chunk a new range gets, and where the notifiers' windows lie. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { EINVAL } from '../../../lib/conformance/support/errno.ts';
import type { Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { NEEDS_FAULTS, mapAgain } from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';

export const chunksGroup = new CaseGroup(
  'ranges,chunks',
  'A new range is the largest aligned chunk of 2 MiB, 64 KiB or 4 KiB that fits (spec/03-gpu-ranges §A.7)',
);

const SIZES = [512, 16, 1];

/** The naive choice: the largest aligned piece with `page` in it that lies in all of `[low, high)`. */
function fitting(page: number, low: number, high: number): [number, number] {
  for (const size of SIZES) {
    const start = page - (page % size);
    if (start >= low && start + size <= high) return [start, size];
  }
  return [0, 0];
}

/** Ranges as [first page, pages] from the start of the mapping. */
function chunksOf(t: CaseContext, memory: Mapping): [number, number][] {
  return t.ranges(memory.range()).map(([offset, size]): [number, number] => [offset / PAGE, size / PAGE]);
}

const pagesAround = [0, 1, 15, 16, 255, 495, 496, 511] as const;

chunksGroup
  .case('vma-bounds', 'a chunk lies inside the VMA, however large the attribute interval is')
  .source('spec/03-gpu-ranges §A.7')
  .parameters(
    parameters()
      .combine('start', [0, 1, 16, 17])
      .combine('end', [512, 511, 496, 495])
      .combine('page', pagesAround)
      .where(({ start, end, page }) => page >= start && page < end),
  )
  .needs(...NEEDS_FAULTS)
  .run((t, { start, end, page }) => {
    const memory = t.map(CHUNK_2M);
    // Attributes of pages that were never on the GPU outlive their mapping (Q26): the interval stays whole.
    t.set(memory, { access: 'in-place' });
    if (start > 0) memory.unmap(0, start * PAGE);
    if (end < 512) memory.unmap(end * PAGE);
    t.equal(t.fault(memory.at(page * PAGE)), 0, 'fault');
    t.equal(chunksOf(t, memory), [fitting(page, start, end)], 'ranges');
  });

chunksGroup
  .case('interval-bounds', 'a chunk lies inside the attribute interval, however large the VMA is')
  .source('spec/03-gpu-ranges §A.7')
  .parameters(
    parameters()
      .combine('start', [0, 1, 16, 17])
      .combine('end', [512, 511, 496, 495])
      .combine('page', pagesAround)
      .where(({ start, end, page }) => page >= start && page < end),
  )
  .needs(...NEEDS_FAULTS)
  .run((t, { start, end, page }) => {
    const memory = t.map(3 * CHUNK_2M);
    t.set(memory.range(CHUNK_2M + start * PAGE, (end - start) * PAGE), { access: 'in-place' });
    t.equal(t.fault(memory.at(CHUNK_2M + page * PAGE)), 0, 'fault');
    const [first, size] = fitting(page, start, end);
    t.equal(chunksOf(t, memory), [[512 + first, size]], 'ranges');
  });

chunksGroup
  .case('vma-and-interval', 'VMA and interval together bound the chunk')
  .source('spec/03-gpu-ranges §A.7')
  .parameters(parameters().combine('vmaStart', [0, 16, 32]).combine('intervalEnd', [512, 48, 47]))
  .needs(...NEEDS_FAULTS)
  .run((t, { vmaStart, intervalEnd }) => {
    const memory = t.map(CHUNK_2M);
    t.set(memory.range(0, intervalEnd * PAGE), { access: 'in-place' });
    if (vmaStart > 0) memory.unmap(0, vmaStart * PAGE);
    t.equal(t.fault(memory.at(40 * PAGE)), 0, 'fault');
    t.equal(chunksOf(t, memory), [fitting(40, vmaStart, intervalEnd)], 'ranges');
  });

chunksGroup
  .case('neighbours', 'a chunk that another range has a part of gives way to a smaller one')
  .source('spec/03-gpu-ranges §A.7')
  .parameters(
    parameters()
      .combine('taken', [100, 96, 111, 112, 511, 0])
      .combine('page', [101, 95, 112, 300, 1, 510])
      .where(({ taken, page }) => taken !== page),
  )
  .needs(...NEEDS_FAULTS, 'address-choice')
  .run((t, { taken, page }) => {
    const memory = t.map(CHUNK_2M);
    t.set(memory, { access: 'in-place' });
    // A range of one page, made while its VMA has only that page.
    if (taken > 0) memory.unmap(0, taken * PAGE);
    if (taken < 511) memory.unmap((taken + 1) * PAGE);
    t.equal(t.fault(memory.at(taken * PAGE)), 0, 'fault at the single page');
    t.equal(chunksOf(t, memory), [[taken, 1]], 'ranges before');
    if (taken > 0) mapAgain(t, memory, 0, taken * PAGE);
    if (taken < 511) mapAgain(t, memory, (taken + 1) * PAGE);
    t.equal(t.fault(memory.at(page * PAGE)), 0, 'fault next to it');
    const start = page - (page % 16);
    const chunk: [number, number] = taken >= start && taken < start + 16 ? [page, 1] : [start, 16];
    const both: [number, number][] = [[taken, 1], chunk];
    t.equal(
      chunksOf(t, memory),
      both.toSorted(([left], [right]) => left - right),
      'ranges',
    );
  });

chunksGroup
  .case(
    'existing-range',
    'a page of an existing range gets no new one, and its bounds are not compared with those of the interval',
  )
  .source('spec/03-gpu-ranges §A.6, step 8')
  .parameters(parameters().combine('page', [0, 1, 255, 511]))
  .needs(...NEEDS_FAULTS, 'virtual-clock')
  .run((t, { page }) => {
    const memory = t.map(CHUNK_2M);
    t.equal(t.fault(memory.at(7 * PAGE)), 0, 'first fault');
    memory.discard();
    t.advance();
    t.equal(t.ptes(memory), '-*512', 'PTEs after the discard');
    t.equal(t.fault(memory.at(page * PAGE)), 0, 'second fault');
    t.equal(chunksOf(t, memory), [[0, 512]], 'ranges');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
  });

chunksGroup
  .case('default-granularity', 'without attributes the interval of the default granularity bounds the chunk')
  .source('spec/03-gpu-ranges §A.7; spec/05-faults §4')
  .parameters(parameters().combine('granularity', [0, 1, 3, 4, 5, 8, 9, 10, 18, 27]).combine('page', [0, 37]))
  .needs(...NEEDS_FAULTS, 'configuration')
  .run((t, { granularity, page }) => {
    t.setup({ machine: { defaultGranularity: granularity } });
    const memory = t.map(CHUNK_2M);
    t.equal(t.fault(memory.at(page * PAGE)), 0, 'fault');
    const size = granularity < 4 ? 1 : granularity < 9 ? 16 : 512;
    t.equal(chunksOf(t, memory), [[page - (page % size), size]], 'ranges');
  });

chunksGroup
  .case('granularity-attribute', 'the attribute GRANULARITY bounds no chunk')
  .source('spec/03-gpu-ranges §A.7; spec/05-faults §5.1')
  .parameters(parameters().combine('granularity', [0, 4, 9, 27]))
  .needs(...NEEDS_FAULTS)
  .run((t, { granularity }) => {
    const memory = t.map(CHUNK_2M);
    t.set(memory, { granularity });
    t.has(memory, { granularity }, 'GRANULARITY');
    t.equal(t.fault(memory.at(37 * PAGE)), 0, 'fault');
    t.equal(chunksOf(t, memory), [[0, 512]], 'ranges');
  });

/** The walk of a prefetch over `[low, high)`. */
function walk(low: number, high: number): [number, number][] {
  const chunks: [number, number][] = [];
  for (let page = low; page < high; page += chunks[chunks.length - 1]![1]) chunks.push(fitting(page, low, high));
  return chunks;
}

chunksGroup
  .case('prefetch', 'a prefetch covers its interval with the largest chunks, each after the one before')
  .source('spec/03-gpu-ranges §B.8')
  .parameters(
    parameters()
      .combine('first', [0, 1, 15, 16, 496, 511])
      .combine('pages', [1, 2, 16, 17, 31, 512, 513, 528, 1024, 1040]),
  )
  .needs('introspection')
  .run((t, { first, pages }) => {
    const memory = t.map(4 * CHUNK_2M);
    t.set(memory.range(first * PAGE, pages * PAGE), { prefetchLocation: 'device' });
    t.equal(chunksOf(t, memory), walk(first, first + pages), 'ranges');
    const words = [first === 0 ? '' : `-*${first}`, `rw*${pages}`, `-*${2048 - first - pages}`];
    t.equal(t.ptes(memory), words.filter((word) => word !== '').join(' '), 'PTEs');
  });

chunksGroup
  .case('prefetch-over-vmas', 'a prefetch over VMAs of different protection keeps its chunks inside each')
  .source('spec/03-gpu-ranges §A.7, §B.8')
  .parameters(parameters().combine('border', [1, 16, 255, 256, 512, 520]))
  .needs('introspection')
  .run((t, { border }) => {
    const memory = t.map(2 * CHUNK_2M);
    memory.protect('rwx', border * PAGE);
    t.set(memory, { prefetchLocation: 'device' });
    t.equal(chunksOf(t, memory), [...walk(0, border), ...walk(border, 1024)], 'ranges');
    t.equal(t.ptes(memory), 'rw*1024', 'PTEs');
  });

chunksGroup
  .case('end-wraps', 'no chunk ends at or below 0: an interval up to 2^64 has none')
  .source('spec/03-gpu-ranges §A.7, §B.3')
  .needs(...NEEDS_FAULTS)
  .run((t) => {
    const memory = t.map(CHUNK_2M);
    t.equal(
      t.trySet({ address: memory.address, size: (1n << 64n) - memory.address }, { access: 'in-place' }),
      0,
      'SET up to 2^64',
    );
    t.equal(t.fault(memory.address), -EINVAL, 'fault');
    t.equal([chunksOf(t, memory), t.state().notifiers], [[], []], 'ranges and notifiers');
  });
