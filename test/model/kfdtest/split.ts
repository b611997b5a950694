/** KFDSVMRangeTest: registrations that overlap earlier ones. The originals only look at the results; here every page is asked. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { EFAULT } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  COHERENT,
  eachNode,
  GPU,
  GPU_RO,
  HOST,
  nodeFeatures,
  openNode,
  register,
} from '../../../lib/conformance/cases/kfdtest/node.ts';
import { owners, registerAll, SPLIT_NAMES, SPLITS, WINDOW } from '../../../lib/conformance/cases/kfdtest/splits.ts';

export const splitGroup = new CaseGroup(
  'kfdtest,KFDSVMRangeTest,split',
  'kfdtest: registrations that overlap earlier ones',
);

splitGroup
  .case('SplitVramRangeTest-again', 'a registration that says the same again, when the pages were replaced')
  .source('kfdtest KFDSVMRangeTest.SplitVramRangeTest, case 4.1, extended; Q16')
  .parameters(eachNode())
  .needs('introspection')
  .needsAt(nodeFeatures)
  .needs('retry-faults')
  .run((t, point) => {
    const device = openNode(t, point);
    const memory = t.map(pages(16));
    register(t, memory.range(), device, { location: GPU });
    t.equal(t.ptes(memory.range(), { device: point.gpu }), 'rw*16', 'PTEs after the first');
    memory.discard();
    t.equal(t.ptes(memory.range(), { device: point.gpu }), '-*16', 'PTEs after MADV_DONTNEED');
    register(t, memory.range(), device, { location: GPU });
    const found = t.ptes(memory.range(), { device: point.gpu });
    t.shows('Q16', { quirk: found === '-*16', correct: found === 'rw*16' }, 'PTEs after the second');
    // A part that changes something is mapped again, and only that.
    t.set(memory.range(pages(4), pages(8)), { granularity: 3 }, device);
    t.equal(
      t.ptes(memory.range(pages(4), pages(8)), { device: point.gpu }),
      'rw*8',
      'PTEs of a part with another granularity',
    );
  });

splitGroup
  .case(
    'SplitVramRangeTest-mapped',
    'the last registration is mapped, read-only where it says so; a GPU read brings the rest back with the flags of its registration',
  )
  .source('kfdtest KFDSVMRangeTest.SplitVramRangeTest, extended')
  .parameters(eachNode().combine('split', SPLIT_NAMES))
  .needs('introspection', 'fault-handler', 'virtual-clock')
  .needsAt(nodeFeatures)
  .run((t, point) => {
    const device = openNode(t, point);
    const split = SPLITS[point.split]!;
    const memory = t.map(pages(split.pages));
    for (const [index, [first, end]] of split.registrations.entries()) {
      t.set(
        memory.range(pages(first), pages(end - first)),
        { prefetchLocation: 'device', gpuReadOnly: index % 2 },
        device,
      );
    }
    const owned = owners(split);
    const last = split.registrations.length - 1;
    const flags = (): string[] =>
      owned.map((_, page) =>
        t.ptes(memory.range(pages(page), pages(1)), { device: point.gpu, states: false }).replace('*1', ''),
      );
    const expected = owned.map((owner) => (owner >= 0 && owner % 2 === 1 ? 'r' : 'rw'));
    const isLast = (_: string, page: number): boolean => owned[page] === last;
    t.equal(flags().filter(isLast), expected.filter(isLast), 'PTEs of the last registration');
    t.advance();
    t.equal(t.access(memory.address, memory.size, { device: point.gpu }).result, 0, 'result of the GPU read');
    t.equal(flags(), expected, 'PTEs of the pages after it');
  });

splitGroup
  .case(
    'SplitVramRangeTest-unmapped',
    'the attributes of pages that were on the GPU go with their mapping (V4), or cannot be asked for',
  )
  .source('kfdtest KFDSVMRangeTest.SplitVramRangeTest, extended; spec/revisions §4')
  .parameters(eachNode().combine('split', SPLIT_NAMES))
  .needs('introspection', 'deferred-work')
  .needsAt(nodeFeatures)
  .run((t, point) => {
    const device = openNode(t, point);
    const split = SPLITS[point.split]!;
    const memory = t.map(pages(split.pages));
    registerAll(t, memory, device, split, GPU);
    memory.unmap();
    t.equal(t.ptes(memory.range(), { device: point.gpu }), `-*${split.pages}`, 'PTEs after munmap');
    t.equal(t.collect(), 1, 'garbage collectors that ran');
    if (t.can('get-walks-vmas')) t.equal(t.tryGet(memory.range(), ['access'], device), -EFAULT, 'GET without memory');
    else
      t.has(
        memory.range(),
        { prefetchLocation: 'undefined', preferredLocation: 'undefined', access: 'allow-migrate' },
        'attributes after munmap',
        device,
      );
    t.equal(t.ranges(memory.range(), point.gpu), [], 'GPU ranges after munmap');
  });

splitGroup
  .case(
    'SplitVramRestoreBoundaryTest-boundary',
    'a split of a mapped 2 MiB range: the head is read-only, the rest writable, each page one PTE',
  )
  .source('kfdtest KFDSVMRangeTest.SplitVramRestoreBoundaryTest, extended')
  .parameters(parameters().combine('head', [4096, 8192, 61440, 65536, 69632, 1048576, 2093056]))
  .needs('introspection', 'gpu-work')
  .needs('retry-faults')
  .run(async (t, { head }) => {
    const memory = t.map(WINDOW);
    register(t, memory.range(), t.device, { location: GPU });
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs of the first registration');
    register(t, memory.range(0, head), t.device, { location: GPU, flags: [HOST, COHERENT, GPU_RO] });
    const count = head / pages(1);
    t.equal(t.ptes(memory.range(0, head)), `r*${count}`, 'PTEs of the head');
    // The split invalidates the 2 MiB range; what lies after the head comes back when it is accessed.
    const queue = t.queue();
    await queue.fill(memory.at(head), 0x0badcafe, WINDOW - head);
    t.equal(t.ptes(memory.range()), `r*${count} rw*${512 - count}`, 'PTEs of the whole');
    await t.throws(() => queue.fill(memory.address, 1, 4), 'ERR_SVM_GPU_FAULT', 'a write to the head');
  });
