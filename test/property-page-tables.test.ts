/** The page tables of the GPU and of the CPU, which have pieces of 64 KiB as one, against lists of pages. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GpuPageTable } from '../emulator/gpu/page-table.ts';
import { PAGES_PER_BLOCK } from '../emulator/kernel/page-number.ts';
import { CpuPages, PRESENT, WRITE_FAULTED } from '../emulator/mm/cpu-pages.ts';
import { PageContents } from '../emulator/mm/page-contents.ts';
import { Vma } from '../emulator/mm/vma.ts';
import { times } from './support/effort.ts';
import { seedFor } from './support/emulator-rig.ts';

const BLOCKS = 3;
const PAGES = BLOCKS * PAGES_PER_BLOCK - 100;
const RUNS = times(100, 60);
const MOST = 60;

/** Pages as ranges and events have them: whole pieces and blocks more often than not. */
const span = fc
  .tuple(
    fc.integer({ min: 0, max: PAGES - 1 }),
    fc.oneof(fc.constantFrom(1, 16, 32, PAGES_PER_BLOCK), fc.integer({ min: 1, max: 600 })),
    fc.boolean(),
  )
  .map(([first, pages, aligned]) => {
    const from = aligned ? Math.floor(first / pages) * pages : first;
    return { from, to: Math.min(from + pages, PAGES) };
  });
const gpuOperation = fc.oneof(
  fc.record({
    name: fc.constantFrom('write', 'write-mixed'),
    span,
    flags: fc.integer({ min: 1, max: 3 }),
    frame: fc.integer({ min: 0, max: 900 }),
  }),
  fc.record({ name: fc.constant('zap'), span, flags: fc.constant(0), frame: fc.constant(0) }),
  // Somebody looks at the entries themselves, which must not change what they say.
  fc.record({ name: fc.constant('look'), span, flags: fc.constant(0), frame: fc.constant(0) }),
);
const cpuOperation = fc.record({
  name: fc.constantFrom('read', 'write', 'drop', 'drop-from-cache', 'look'),
  span,
});

function zeros(): number[] {
  return Array.from<number>({ length: PAGES }).fill(0);
}

/** The parts of the pages `[from, to)` that lie in one block each. */
function* parts({ from, to }: { from: number; to: number }): Generator<{ block: number; from: number; to: number }> {
  for (let start = from; start < to;) {
    const block = Math.floor(start / PAGES_PER_BLOCK);
    const end = Math.min(to, (block + 1) * PAGES_PER_BLOCK);
    yield { block, from: start, to: end };
    start = end;
  }
}

function inBlock(list: readonly number[], block: number): number[] {
  return list.slice(block * PAGES_PER_BLOCK, (block + 1) * PAGES_PER_BLOCK);
}

describe('page tables', () => {
  it('of the GPU hold the PTEs that were written, and count them', () => {
    fc.assert(
      fc.property(fc.array(gpuOperation, { maxLength: MOST }), (operations) => {
        const table = new GpuPageTable();
        const flags = zeros();
        const frames = zeros();
        for (const operation of operations) {
          for (const { block, from, to } of parts(operation.span)) {
            const own = Uint32Array.from({ length: to - from }, (_, at) =>
              operation.name === 'write' ? operation.frame + at : 1 + ((operation.frame + at * 7) % 50),
            );
            if (operation.name === 'look') table.blocks.get(block);
            else if (operation.name === 'zap')
              table.zapInBlock(block, from - block * PAGES_PER_BLOCK, to - block * PAGES_PER_BLOCK);
            else table.write(from, to - from, operation.flags, operation.name === 'write' ? operation.frame : own);
            if (operation.name === 'look') continue;
            for (let page = from; page < to; page++) {
              flags[page] = operation.flags;
              frames[page] = operation.flags === 0 ? 0 : own[page - from]!;
            }
          }
        }
        expect(flags.map((_, page) => table.flagsOf(page))).toEqual(flags);
        expect(frames.map((_, page) => table.frameOf(page))).toEqual(frames);
        const visited = zeros();
        table.forEach((page, mark) => (visited[page] = mark));
        expect(visited).toEqual(flags);
        for (let block = 0; block < BLOCKS; block++)
          expect(table.blocks.get(block)?.used ?? 0).toBe(inBlock(flags, block).filter((mark) => mark !== 0).length);
      }),
      { numRuns: RUNS, seed: seedFor('gpu-page-table') },
    );
  });

  it('of the CPU hold the pages that were touched, in frames that count up, and what is left in the cache', () => {
    fc.assert(
      fc.property(fc.array(cpuOperation, { maxLength: MOST }), fc.boolean(), (operations, isFile) => {
        const table = new CpuPages(new PageContents());
        const vma = new Vma(0, PAGES, 3, isFile ? 'file' : 'anon');
        const marks = zeros();
        const frames = zeros();
        let allocated = 0;
        for (const { name, span: pages } of operations) {
          if (name === 'look') {
            for (const { block } of parts(pages)) table.blocks.get(block);
          } else if (name === 'drop' || name === 'drop-from-cache') {
            const keepsCached = isFile && name === 'drop';
            table.drop(pages.from, pages.to, keepsCached);
            marks.fill(0, pages.from, pages.to);
            if (!keepsCached) frames.fill(0, pages.from, pages.to);
          } else {
            let fresh = 0;
            for (let page = pages.from; page < pages.to; page++) {
              if ((marks[page]! & PRESENT) === 0) fresh++;
              if (frames[page] === 0) frames[page] = ++allocated;
              marks[page] = marks[page]! | (name === 'write' || isFile ? PRESENT | WRITE_FAULTED : PRESENT);
            }
            expect(table.populate(vma, pages.from, pages.to, name === 'write')).toBe(fresh);
          }
        }
        expect(marks.map((_, page) => table.marksOf(page))).toEqual(marks);
        expect(frames.map((_, page) => table.frameOf(page, true))).toEqual(frames);
        expect(table.allocated).toBe(allocated);
        for (let block = 0; block < BLOCKS; block++) {
          const own = inBlock(frames, block);
          const used = own.flatMap((frame, index) => (frame === 0 ? [] : [frame - index]));
          expect(table.blocks.get(block)?.used ?? 0).toBe(used.length);
          // Where the frames are said to follow one another, they do.
          if (table.blocks.get(block)?.consecutive === true) expect(new Set(used).size).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: RUNS, seed: seedFor('cpu-pages') },
    );
  });
});
