/** Collecting the pages of a range: all or nothing, for reading or writing, and again when something changes meanwhile. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { EBUSY, EFAULT, EPERM } from '../../../lib/conformance/support/errno.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  answerOf,
  during,
  effects,
  NEEDS_EFFECTS,
  NEEDS_FAULTS,
  moved,
  onGpu,
  rangeWords,
  region,
  NEEDS_TIME,
} from '../support/scene.ts';
import { CHUNK_2M, MIB, PAGE } from '../../../lib/conformance/support/units.ts';

export const pagesGroup = new CaseGroup(
  'ranges,pages',
  'Collecting and DMA-mapping the pages of a range (spec/03-gpu-ranges §A.8 to §A.10)',
);

pagesGroup
  .case('populate', 'collection brings in every page of the range that is not present, and only these')
  .source('spec/03-gpu-ranges §A.8')
  .parameters(parameters().combine('size', [1, 16, 512]).combine('present', [0, 1]))
  .needs(...NEEDS_TIME)
  .run((t, { size, present }) => {
    const memory = t.map(CHUNK_2M);
    t.set(memory.range(0, pages(size)), { access: 'in-place' });
    if (present > 0) memory.write(0, new Uint8Array(pages(present)));
    const counts = moved(t, ['pagesAllocated', 'dmaPages'], () => t.equal(t.fault(memory.address), 0, 'fault'));
    t.equal(counts, { pagesAllocated: size - present, dmaPages: size }, 'pages');
  });

pagesGroup
  .case(
    'for-writing',
    'collection is for writing unless the mapping is read-only: a read fault of writable memory makes pages its own',
  )
  .source('spec/03-gpu-ranges §A.8')
  .parameters(parameters().combine('gpuReadOnly', [0, 1]).combine('write', [false, true]))
  .needs(...NEEDS_TIME)
  .run((t, { gpuReadOnly, write }) => {
    const memory = t.map(CHUNK_2M);
    t.set(memory, { gpuReadOnly });
    t.equal(t.fault(memory.address, { write }), 0, 'fault');
    t.equal(t.ptes(memory), gpuReadOnly === 1 ? 'r*512' : 'rw*512', 'PTEs');
    t.advance();
    // A writable PTE on pages that were collected for reading shows how they were collected.
    t.set(memory, { gpuReadOnly: false });
    t.equal(t.fault(memory.address), 0, 'fault after GPU_RO=0');
    t.equal(t.ptes(memory), gpuReadOnly === 1 ? 'rw:cow*512' : 'rw*512', 'PTEs after GPU_RO=0');
  });

pagesGroup
  .case('reuse', "pages that are DMA-mapped are used again without a look at the CPU's page table")
  .source('spec/03-gpu-ranges §A.8 step 2')
  .needs(...NEEDS_EFFECTS)
  .run((t) => {
    const memory = onGpu(t);
    t.set(memory, { gpuExecutable: true });
    let answer = 0;
    t.equal(
      moved(t, ['hmm'], () => {
        t.equal(
          effects(t, memory, () => (answer = t.fault(memory.address))),
          ['pte 0+512'],
          'effects',
        );
      }),
      { hmm: 0 },
      'page table walks',
    );
    t.equal(answer, 0, 'fault');
    memory.discard(0, PAGE);
    t.advance();
    t.equal(
      effects(t, memory, () => (answer = t.fault(memory.address))),
      ['dma+ 0+512', 'pte 0+512'],
      'effects after a discard',
    );
    t.equal(answer, 0, 'second fault');
  });

pagesGroup
  .case('one-bad-page', 'one page that cannot be obtained makes the whole range unmappable, wherever it lies')
  .source('spec/03-gpu-ranges §A.8; quirk Q50')
  .parameters(
    parameters()
      .combine('page', [0, 255, 511])
      .combine('protection', ['-', 'r'])
      .combine('by', ['read', 'write', 'prefetch'])
      .where(({ page, by }) => by === 'prefetch' || page !== 0),
  )
  .needs(...NEEDS_EFFECTS)
  .run((t, { page, protection, by }) => {
    const memory = onGpu(t);
    t.set(memory, { access: 'in-place' });
    memory.discard();
    memory.protect(protection, page * PAGE, PAGE);
    const error = protection === '-' ? EFAULT : EPERM;
    if (by === 'prefetch') {
      // The VMA of the first page decides whether all is read-only; a hole in permission after it is an error.
      const result = t.trySet(memory, { prefetchLocation: 'device' });
      // Later revisions collect for reading then.
      const readOnly = protection === 'r' && (page === 0 || t.can('read-only-retry'));
      t.equal(result, readOnly ? 0 : page === 0 ? -EFAULT : -error, 'prefetch');
      t.equal(t.ptes(memory), readOnly ? 'r*512' : '-*512', 'PTEs');
      return;
    }
    const answer = answerOf(t, () => t.fault(memory.address, { write: by === 'write' }));
    if (error === EPERM && t.can('read-only-retry')) {
      t.equal([answer, t.ptes(memory)], [[0, 'mapped'], 'r*512'], 'answer and PTEs');
      return;
    }
    t.equal(answer, error === EFAULT ? [0, 'pages-unavailable'] : [-EPERM, 'pages-not-writable'], 'answer');
    t.equal(t.ptes(memory), '-*512', 'PTEs');
    t.equal(rangeWords(t, memory), ['0+512'], 'ranges');
  });

pagesGroup
  .case('hole', 'a hole in a range that was unmapped in part does not come back: the range is collected first')
  .source('spec/03-gpu-ranges §A.8; spec/05-faults §5 step 1')
  .needs(...NEEDS_EFFECTS)
  .run((t) => {
    const memory = onGpu(t);
    memory.unmap(MIB, PAGE);
    t.equal(t.fault(memory.address), 0, 'fault');
    t.equal(rangeWords(t, memory), ['0+16 mapped dma'], 'ranges');
  });

pagesGroup
  .case('moved-on', 'an event anywhere in the window while pages are collected repeats the collection')
  .source('spec/03-gpu-ranges §A.8 steps 5 and 8')
  .parameters(parameters().combine('where', ['here', 'elsewhere']).combine('times', [1, 3]))
  .needs(...NEEDS_TIME, 'preemption')
  .run((t, { where, times }) => {
    const memory = region(t);
    const other = region(t, PAGE);
    let left = times;
    const remove = t.machine.at('hmm', () => {
      if (left-- > 0) (where === 'here' ? memory : other).discard(0, PAGE);
    });
    const { hmm } = moved(t, ['hmm'], () => t.equal(t.fault(memory.address), 0, 'fault'));
    remove();
    t.equal(hmm, times + 1, 'collections');
    t.equal(t.ptes(memory), 'rw*512', 'PTEs');
  });

pagesGroup
  .case('other-window', 'an event in another window does not repeat it')
  .source('spec/03-gpu-ranges §A.8; spec/04-invalidation-and-gc §9')
  .needs(...NEEDS_FAULTS, 'preemption', 'address-choice')
  .run((t) => {
    const memory = region(t);
    const other = region(t, PAGE, { address: memory.address + (1n << 32n) });
    const { hmm } = moved(t, ['hmm'], () =>
      during(
        t,
        'hmm',
        () => other.discard(),
        () => t.equal(t.fault(memory.address), 0, 'fault'),
      ),
    );
    t.equal([hmm, t.ptes(memory)], [1, 'rw*512'], 'collections and PTEs');
  });

pagesGroup
  .case(
    'deadline',
    'collection that meets events for more than a second is given up with EBUSY, which a fault of v8 answers with another attempt',
  )
  .source('spec/03-gpu-ranges §A.8 step R; spec/revisions §5')
  .parameters(
    parameters()
      .combine('nanoseconds', [999_999_999, 1_000_000_000, 1_000_000_001])
      .combine('by', ['fault', 'prefetch']),
  )
  .needs(...NEEDS_EFFECTS, 'preemption')
  .run((t, { nanoseconds, by }) => {
    const memory = region(t);
    let result = 0;
    const action = (): void => {
      result = by === 'fault' ? t.fault(memory.address) : t.trySet(memory, { prefetchLocation: 'device' });
    };
    let left = 1;
    const remove = t.machine.at('hmm', () => {
      if (left-- !== 1) return;
      t.advance(nanoseconds);
      memory.discard(0, PAGE);
    });
    action();
    remove();
    const late = nanoseconds > 1_000_000_000;
    t.equal(result, late && by === 'prefetch' ? -EBUSY : 0, 'result');
    const lost = late && !(by === 'fault' && t.perRevision({ v4: false, v7: false, 'v7-xnack-off': false, v8: true }));
    t.equal(t.ptes(memory), lost ? '-*512' : 'rw*512', 'PTEs');
    t.equal(rangeWords(t, memory), [lost ? '0+512' : '0+512 mapped dma'], 'ranges');
  });

pagesGroup
  .case('unmapped-meanwhile', 'memory that is unmapped between collection and DMA mapping is not mapped')
  .source('spec/03-gpu-ranges §A.8 step M')
  .parameters(parameters().combine('by', ['fault', 'prefetch']))
  .needs(...NEEDS_EFFECTS, 'preemption', 'deferred-work')
  .run((t, { by }) => {
    const memory = region(t);
    t.set(memory, { access: 'in-place' });
    let result = 0;
    let walks = 0;
    // The mmap lock is dropped after the walk.
    const stop = t.machine.at('hmm', () => walks++);
    let unmapped = false;
    const remove = t.machine.at('mmap-unlock', () => {
      if (walks !== 1 || unmapped) return;
      unmapped = true;
      memory.unmap();
    });
    const seen = effects(
      t,
      memory,
      () => {
        result = by === 'fault' ? t.fault(memory.address) : t.trySet(memory, { prefetchLocation: 'device' });
      },
      ['dma-mapped', 'ptes-written', 'collection-queued'],
    );
    remove();
    stop();
    t.equal([result, unmapped], [by === 'fault' ? 0 : -EFAULT, true], 'result');
    t.equal(seen, ['gc+ 0+512'], 'effects');
    t.collect();
    t.equal(t.state().ranges, [], 'ranges in the end');
  });

pagesGroup
  .case('dma-whole', 'an event on one page drops the DMA mapping of the whole range, once')
  .source('spec/03-gpu-ranges §A.10')
  .parameters(parameters().combine('event', ['discard', 'protect', 'unmap']).combine('page', [0, 300, 511]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { event, page }) => {
    const memory = onGpu(t, 2 * CHUNK_2M);
    const act = (at: number): void => {
      if (event === 'discard') memory.discard(at * PAGE, PAGE);
      else if (event === 'protect') memory.protect('r', at * PAGE, PAGE);
      else memory.unmap(at * PAGE, PAGE);
    };
    const { dmaPages } = moved(t, ['dmaPages'], () =>
      t.equal(
        effects(t, memory, () => act(page), ['dma-unmapped']),
        ['dma- 0+512'],
        'first event',
      ),
    );
    t.equal(dmaPages, -512, 'DMA-mapped pages');
    t.equal(
      effects(t, memory, () => act(page === 0 ? 1 : 0), ['dma-unmapped']),
      [],
      'second event',
    );
  });

pagesGroup
  .case('huge', 'a huge page is one piece for the page-table layer, 512 small ones are 512')
  .source('spec/03-gpu-ranges §A.8.2, §B.7.1')
  .parameters(parameters().combine('kind', ['anon', 'thp']))
  .needs(...NEEDS_FAULTS, 'huge-pages')
  .run((t, { kind }) => {
    const memory = region(t, CHUNK_2M, { kind });
    const { mapCalls } = moved(t, ['mapCalls'], () => t.equal(t.fault(memory.address), 0, 'fault'));
    t.equal([mapCalls, t.ptes(memory)], [kind === 'thp' ? 1 : 512, 'rw*512'], 'page-table writes and PTEs');
  });

pagesGroup
  .case('huge-split', 'losing one page of a huge page is two events, of which the first zaps')
  .source('spec/04-invalidation-and-gc §3; spec/trace-format §3')
  .needs(...NEEDS_EFFECTS, 'huge-pages')
  .run((t) => {
    const memory = onGpu(t, CHUNK_2M, { kind: 'thp' });
    const seen = effects(t, memory, () => memory.discard(5 * PAGE, PAGE), [
      'notifier-called',
      'ptes-zapped',
      'tlb-flushed',
      'dma-unmapped',
    ]);
    t.equal(seen, ['event clear 5+1', 'zap 5+1', 'tlb', 'dma- 0+512', 'event clear 0+512'], 'effects');
    t.equal(t.ptes(memory), 'rw:nodma*5 -*1 rw:nodma*506', 'PTEs');
  });

pagesGroup
  .case('file', 'pages of a file come back as they were')
  .source('spec/03-gpu-ranges §A.8; spec/trace-format §3')
  .needs(...NEEDS_TIME, 'file-mapping')
  .run((t) => {
    const memory = onGpu(t, CHUNK_2M, { kind: 'file' });
    const { pagesAllocated } = moved(t, ['pagesAllocated'], () => {
      memory.discard();
      t.equal(t.ptes(memory), '-*512', 'PTEs after the discard');
      t.equal(t.fault(memory.address, { write: true }), 0, 'fault');
    });
    t.equal([pagesAllocated, t.ptes(memory)], [0, 'rw*512'], 'new pages and PTEs');
  });
