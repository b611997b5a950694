/** IGT xe_exec_system_allocator, partial-*: a part of a mapping is unmapped, or mapped again, after the GPU used all of it. */
import { hasWithoutMemory } from '../../../lib/conformance/support/without-memory.ts';
import type { CaseContext } from '../../../lib/conformance/framework/context.ts';
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EINVAL } from '../../../lib/conformance/support/errno.ts';
import type { Mapping } from '../../../lib/conformance/framework/mapping.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  allocate,
  chunkAt,
  gpuLoad,
  gpuStore,
  load,
  MEMORY,
  memoryNeeds,
  store,
} from '../../../lib/conformance/support/memory.ts';
import type { Memory } from '../../../lib/conformance/support/memory.ts';
import { CHUNK_2M, KIB } from '../../../lib/conformance/support/units.ts';

export const partialGroup = new CaseGroup(
  'igt,partial',
  'A part of a mapping leaves after the GPU used all of it (xe_exec_system_allocator: partial-munmap, partial-remap)',
);

const PARTS = ['end', 'middle', 'start'] as const;
type Part = (typeof PARTS)[number];
const SIZES = [64 * KIB, CHUNK_2M, 2 * CHUNK_2M] as const;

/** The half that leaves, as offsets in bytes; the end is exclusive. */
function halfOf(part: Part, size: number): readonly [from: number, to: number] {
  const from = { end: size / 2, middle: size / 4, start: 0 }[part];
  return [from, from + size / 2];
}

/** Maps memory that the GPU has written: a word at the start of every sixteenth of it. */
async function usedByGpu(
  t: CaseContext,
  memory: Memory,
  size: number,
): Promise<{ mapping: Mapping; offsets: number[] }> {
  const mapping = allocate(t, memory, size);
  t.set(mapping, { gpuExecutable: true });
  const offsets = Array.from({ length: 16 }, (_, index) => (index * size) / 16);
  for (const offset of offsets) await gpuStore(t, mapping.at(offset), 0xa000 + offset / 4096);
  return { mapping, offsets };
}

/**
 * The PTEs that a device has left after `[from, to)` was unmapped and collected: V4 zaps the event's part, but removes
 * the whole range (Q37). The split of a huge page is announced for all of it first.
 */
function ptesLeft(
  memory: Memory,
  size: number,
  from: number,
  to: number,
): { quirk: string; correct: string; cut: boolean } {
  const [quirk, correct]: [string[], string[]] = [[], []];
  let cut = false;
  for (let page = 0; page < size / 4096; page++) {
    const offset = page * 4096;
    const [start, length] = chunkAt(offset, size);
    const gone = offset >= from && offset < to;
    const touched = start < to && start + length > from;
    const whole = from <= start && start + length <= to;
    if (touched && !whole) cut = true;
    quirk.push(gone ? '-' : !touched ? 'rwx' : memory === 'huge' && length === CHUNK_2M ? '-' : 'rwx:orphan');
    correct.push(gone ? '-' : touched ? '-' : 'rwx');
  }
  return { quirk: runsOf(quirk), correct: runsOf(correct), cut };
}

function runsOf(words: readonly string[]): string {
  const runs: [string, number][] = [];
  for (const word of words) {
    const last = runs[runs.length - 1];
    if (last?.[0] === word) last[1]++;
    else runs.push([word, 1]);
  }
  return runs.map(([word, count]) => `${word}*${count}`).join(' ');
}

const AXES = parameters().combine('memory', MEMORY).combine('size', SIZES).combine('part', PARTS);

partialGroup
  .case('munmap', 'the GPU can use what is left and nothing else, and the CPU sees the same words')
  .source(
    'IGT xe_exec_system_allocator partial-munmap-{cpu-fault, no-cpu-fault}-{end, middle}; spec/04-invalidation-and-gc §3.3, §7',
  )
  .parameters(AXES.combine('cpuBetween', [false, true]).combine('collector', ['pending', 'ran']))
  .needs('gpu-work', 'fault-handler', 'deferred-work', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, part, cpuBetween, collector }) => {
    const { mapping, offsets } = await usedByGpu(t, memory, size);
    const [from, to] = halfOf(part, size);
    mapping.unmap(from, to - from);
    t.equal(t.ptes(mapping.range(from, to - from)), `-*${(to - from) / 4096}`, 'PTEs of the part that left');
    if (collector === 'ran') t.equal(t.collect(), 1, 'collectors that ran');
    const left = offsets.filter((offset) => offset < from || offset >= to);
    for (const offset of left) {
      if (cpuBetween) store(mapping, offset, 0xc000 + offset / 4096);
    }
    for (const offset of left) {
      const word = (cpuBetween ? 0xc000 : 0xa000) + offset / 4096;
      t.equal(await gpuLoad(t, mapping.at(offset)), word, `what the GPU reads at 0x${offset.toString(16)}`);
      await gpuStore(t, mapping.at(offset), word + 1);
      t.equal(load(mapping, offset), word + 1, `what the CPU reads at 0x${offset.toString(16)}`);
    }
    for (const offset of [from, to - 4096]) {
      for (const write of [false, true]) {
        const { result, runs } = t.access(mapping.at(offset), 4, { write });
        t.equal([result, runs[0]?.outcome], [0, 'failed'], `GPU access to 0x${offset.toString(16)}`);
      }
    }
    await t.throws(() => gpuStore(t, mapping.at(from), 1), 'ERR_SVM_GPU_FAULT', 'GPU write to the part that left');
  });

partialGroup
  .case('remap', 'memory mapped again in a part reads as zeros, and the rest keeps its words')
  .source('IGT xe_exec_system_allocator partial-remap-{cpu-fault, no-cpu-fault}-{end, middle}; spec/05-faults §10')
  .parameters(AXES.combine('cpuBetween', [false, true]).combine('collector', ['pending', 'ran']))
  .needs('gpu-work', 'fault-handler', 'deferred-work', 'address-choice')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, size, part, cpuBetween, collector }) => {
    const { mapping, offsets } = await usedByGpu(t, memory, size);
    const [from, to] = halfOf(part, size);
    mapping.unmap(from, to - from);
    const again = allocate(t, memory, to - from, { address: mapping.at(from) });
    if (cpuBetween) t.equal(load(again, 0), 0, 'what the CPU reads in the new part');
    if (collector === 'ran') {
      t.equal(t.collect(), 1, 'collectors that ran');
      t.equal(t.fault(again.address, { write: true }), 0, 'first fault in the new part');
    } else {
      // The handler looks the interval up, and then the collector cuts this part off it.
      const first = t.fault(again.address, { write: true });
      if (t.can('attributes-survive-unmap')) t.equal(first, 0, 'first fault in the new part');
      else
        t.shows(
          'Q33',
          { quirk: first === -EINVAL, correct: first === 0 },
          'first fault in the new part while the collector has not run',
        );
    }
    for (const offset of offsets) {
      const isNew = offset >= from && offset < to;
      t.equal(
        await gpuLoad(t, mapping.at(offset)),
        isNew ? 0 : 0xa000 + offset / 4096,
        `what the GPU reads at 0x${offset.toString(16)}`,
      );
      await gpuStore(t, mapping.at(offset), 0xb000 + offset / 4096);
    }
    for (const offset of offsets)
      t.equal(load(mapping, offset), 0xb000 + offset / 4096, `what the CPU reads at 0x${offset.toString(16)}`);
    t.has(
      mapping.range(from, to - from),
      { gpuExecutable: t.can('attributes-survive-unmap') },
      'GPU_EXEC of the new part',
    );
    for (const [start, end] of [
      [0, from],
      [to, size],
    ] as const) {
      if (end > start) t.has(mapping.range(start, end - start), { gpuExecutable: true }, 'GPU_EXEC of what was left');
    }
  });

partialGroup
  .case('left-ptes', 'PTEs of the rest belong to a GPU range or are cleared')
  .source('spec/04-invalidation-and-gc §7; spec/03-gpu-ranges §A.11')
  .parameters(AXES)
  .needs('gpu-work', 'deferred-work', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .needs('retry-faults')
  .run(async (t, { memory, size, part }) => {
    const { mapping } = await usedByGpu(t, memory, size);
    const [from, to] = halfOf(part, size);
    t.equal(t.ptes(mapping), `rwx*${size / 4096}`, 'PTEs before');
    mapping.unmap(from, to - from);
    t.equal(
      t.state().collectorPending,
      size > CHUNK_2M && part === 'middle' ? 2 : 1,
      'ranges that wait for the collector',
    );
    t.equal(t.collect(), 1, 'collectors that ran');
    const { quirk, correct, cut } = ptesLeft(memory, size, from, to);
    const ptes = t.ptes(mapping);
    if (cut && quirk !== correct)
      t.shows('Q37', { quirk: ptes === quirk, correct: ptes === correct }, `PTEs afterwards: ${ptes}`);
    else t.equal(ptes, correct, 'PTEs afterwards');
    t.equal(t.ranges(mapping).length, size > CHUNK_2M && part !== 'middle' ? 1 : 0, 'GPU ranges afterwards');
    hasWithoutMemory(t, mapping.range(from, to - from), { gpuExecutable: false }, 'GPU_EXEC of what left');
  });

partialGroup
  .case('rest', 'when the rest is unmapped too, the GPU cannot reach it any more')
  .source('spec/07-quirks §Q37')
  .parameters(parameters().combine('memory', MEMORY).combine('part', PARTS).combine('collectBetween', [false, true]))
  .needs('gpu-work', 'fault-handler', 'deferred-work', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, part, collectBetween }) => {
    const { mapping } = await usedByGpu(t, memory, CHUNK_2M);
    const [from, to] = halfOf(part, CHUNK_2M);
    mapping.unmap(from, to - from);
    if (collectBetween) t.collect();
    mapping.unmap();
    t.collect();
    t.equal(t.ranges(mapping), [], 'GPU ranges');
    t.equal(t.ptes(mapping.range(from, to - from)), `-*${(to - from) / 4096}`, 'PTEs of what left first');
    const rest = part === 'start' ? to : 0;
    const { outcome } = t.access(mapping.at(rest), 4).runs[0]!;
    // A huge page is zapped as a whole when it is split, so nothing is left of it.
    if (memory === 'huge') t.equal(outcome, 'failed', 'GPU access to what left last');
    else
      t.shows(
        collectBetween ? 'Q37' : 'Q36',
        { quirk: outcome === 'hit', correct: outcome === 'failed' },
        'GPU access to what left last',
      );
  });

partialGroup
  .case('pages', 'single pages that leave are unreachable at once, while their neighbours keep their words')
  .source('spec/04-invalidation-and-gc §3.3')
  .parameters(
    parameters()
      .combine('memory', MEMORY)
      .combine('page', [0, 1, 255, 256, 510, 511])
      .combine('count', [1, 2])
      .where(({ page, count }) => page + count <= 512),
  )
  .needs('gpu-work', 'fault-handler', 'introspection')
  .needsAt(({ memory }) => memoryNeeds(memory))
  .run(async (t, { memory, page, count }) => {
    const mapping = allocate(t, memory, CHUNK_2M);
    const near = [page - 1, page + count].filter((each) => each >= 0 && each < 512);
    for (const each of near) await gpuStore(t, mapping.at(pages(each)), 0x1000 + each);
    await gpuStore(t, mapping.at(pages(page)), 0xdead);
    const zaps: string[] = [];
    t.onEnd(
      t.machine.on('ptes-zapped', ({ address, size }) =>
        zaps.push(`${(address - mapping.address) / 4096n}+${size / 4096n}`),
      ),
    );
    const flushes = t.state().counters.tlb;
    mapping.unmap(pages(page), pages(count));
    // The split of a huge page is an event of its own for all its pages; a mapping that leaves after it is not mapped any more.
    t.equal(zaps, [memory === 'huge' ? '0+512' : `${page}+${count}`], 'pages whose PTEs were cleared');
    t.equal(t.state().counters.tlb - flushes, 1, 'TLB flushes');
    t.equal(
      t.access(mapping.at(pages(page)), pages(count)).runs.map(({ outcome, pages: length }) => `${outcome}*${length}`),
      [`failed*${count}`],
      'GPU access to the pages',
    );
    for (const each of near)
      t.equal(await gpuLoad(t, mapping.at(pages(each))), 0x1000 + each, `what the GPU reads in page ${each}`);
  });
