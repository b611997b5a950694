/** Intervals at and beyond the end of the address space. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';

export const wrapGroup = new CaseGroup('attributes,wrap', 'Wrap-around (spec/02-attributes §10)');

const END = 2n ** 64n;

const LAST_PAGE = 2 ** 52 - 1;

wrapGroup
  .case('one-interval', 'the interval ends at page 2^52 - 1, and one in front of it is split as ever')
  .source('spec/02-attributes §10')
  .parameters(parameters().combine('before', ['nothing', 'an-interval-over-the-start', 'an-island']))
  .needs('introspection')
  .run((t, { before }) => {
    const memory = t.map(pages(8));
    const base = Number(memory.address >> 12n);
    if (before === 'an-interval-over-the-start') t.set(memory.range(0, pages(4)), { gpuReadOnly: true });
    if (before === 'an-island') t.set(memory.range(pages(5), pages(1)), { gpuReadOnly: true });
    t.set({ address: memory.at(pages(2)), size: END - memory.at(pages(2)) }, { gpuExecutable: true });
    const expected = {
      nothing: [[2, LAST_PAGE - base]],
      'an-interval-over-the-start': [
        [0, 1],
        [2, 3],
        [4, LAST_PAGE - base],
      ],
      'an-island': [
        [2, 4],
        [5, 5],
        [6, LAST_PAGE - base],
      ],
    }[before];
    t.equal(
      t.state().attributes.map(({ firstPage, lastPage }) => [firstPage - base, lastPage - base]),
      expected,
      'attribute intervals',
    );
  });

wrapGroup
  .case('no-gpu-work', 'a prefetch or a split over an interval that ends at 2^64 succeeds and touches no PTE')
  .source('spec/02-attributes §10, table')
  .parameters(parameters().combine('effect', ['prefetch', 'split', 'prefetch-of-the-front']))
  .needs('introspection')
  .run((t, { effect }) => {
    const memory = t.map(pages(1024));
    const whole = { address: memory.address, size: END - memory.address };
    const half = { address: memory.at(pages(512)), size: END - memory.at(pages(512)) };
    if (effect === 'split') {
      t.set(memory.range(), { prefetchLocation: 'device' });
      t.set(half, { gpuReadOnly: true });
      t.has(memory.range(pages(512)), { gpuReadOnly: true }, 'GPU_RO after the split');
      // The part in memory ends with its interval: it is invalidated and mapped again.
      t.equal(t.ptes(memory.range()), 'rw*512 r*512', 'PTEs');
      return;
    }
    t.equal(t.trySet(whole, { prefetchLocation: 'device' }), 0, 'result of the prefetch');
    t.has(whole, { prefetchLocation: 'device' }, 'prefetch location');
    t.equal(t.ptes(memory.range()), '-*1024', 'PTEs');
    t.equal(t.ranges(memory.range()), [], 'ranges');
    if (effect === 'prefetch') return;
    t.set(memory.range(0, pages(512)), { gpuReadOnly: true });
    t.equal(t.ptes(memory.range()), 'r*512 -*512', 'PTEs after a change of the front, which has an end of its own');
  });

wrapGroup
  .case('split-at-the-end', 'a change of the tail of an interval that ends at 2^64 invalidates nothing')
  .source('spec/02-attributes §10, table')
  .needs('introspection', 'fault-handler', 'virtual-clock')
  .run((t) => {
    const memory = t.map(pages(1024));
    t.set(memory.range(), { access: 'in-place' });
    t.access(memory.address, pages(1024), { write: true });
    t.equal(t.ptes(memory.range()), 'rw*1024', 'PTEs before');
    // The holes after the memory become an interval up to 2^64; then its tail is changed.
    t.set({ address: memory.address, size: END - memory.address }, { granularity: 5 });
    t.set({ address: memory.at(pages(2048)), size: END - memory.at(pages(2048)) }, { gpuReadOnly: true });
    t.equal(t.ptes(memory.range()), 'rw*1024', 'PTEs afterwards');
    t.has({ address: END - 4096n, size: 4096 }, { gpuReadOnly: true, granularity: 5 }, 'the last page');
    t.set(memory.range(pages(512)), { gpuReadOnly: true });
    t.equal(t.ptes(memory.range()), 'rw*512 -*512', 'PTEs after a split in the memory');
  });
