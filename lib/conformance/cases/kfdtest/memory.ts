/** KFDSVMRangeTest: the GPU copies between registered ranges while the CPU changes its mappings. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import {
  eachNode,
  GPU,
  nodeFeatures,
  openNode,
  PREFERRED,
  PREFETCH,
  register,
  tryRegister,
  SYSTEM,
  UNDEFINED,
  words,
} from './node.ts';
import type { NodePoint } from './node.ts';
import { EFAULT } from '../../support/errno.ts';
import { getsWithoutMemory } from '../../support/without-memory.ts';
import { waitForCollector } from '../../support/memory.ts';
import { allAre } from '../../support/distinct.ts';

export const memoryGroup = new CaseGroup(
  'kfdtest,KFDSVMRangeTest,memory',
  'kfdtest: the GPU works in registered ranges whose CPU mappings change',
);

const PATTERN = 0x01010101;

memoryGroup
  .case('BasicSystemMemTest', 'the GPU copies a word between two ranges of system memory')
  .source('kfdtest KFDSVMRangeTest.BasicSystemMemTest')
  .parameters(eachNode())
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const [source, destination] = [t.map(pages(1)), t.map(pages(1))];
    for (const range of [source, destination]) register(t, range.range(), device);
    source.write(0, new Uint8Array(pages(1)).fill(1));
    await t.queue(device).copy(destination.address, source.address, 4);
    t.equal(destination.read(0, 8), Uint8Array.of(1, 1, 1, 1, 0, 0, 0, 0), 'the destination');
  });

memoryGroup
  .case('BasicVramTest', 'the GPU copies a word to a range that was prefetched to it, and from there')
  .source('kfdtest KFDSVMRangeTest.BasicVramTest')
  .parameters(eachNode())
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const [source, local, destination] = [t.map(pages(1)), t.map(pages(1)), t.map(pages(1))];
    register(t, source.range(), device);
    register(t, local.range(), device, { location: GPU });
    register(t, destination.range(), device);
    source.write(0, new Uint8Array(pages(1)).fill(1));
    const queue = t.queue(device);
    await queue.copy(local.address, source.address, 4);
    await queue.copy(destination.address, local.address, 4);
    t.equal(destination.read(0, 8), Uint8Array.of(1, 1, 1, 1, 0, 0, 0, 0), 'the destination');
  });

memoryGroup
  .case('PartialUnmapSysMemTest', 'the GPU still reaches the pages on both sides of a hole that the CPU made')
  .source('kfdtest KFDSVMRangeTest.PartialUnmapSysMemTest')
  .parameters(eachNode().combine('prefetched', [false, true]))
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const destination = t.map(pages(16));
    register(t, destination.range(), device);
    const memory = t.map(pages(16));
    // Beyond the original: the pages were on the GPU before.
    register(t, memory.range(), device, point.prefetched ? { location: GPU } : {});
    memory.write(0, new Uint8Array(memory.size).fill(1));
    memory.unmap(pages(2), pages(4));
    const queue = t.queue(device);
    await queue.copy(destination.address, memory.at(pages(6)), 4);
    t.equal(destination.read(0, 4), words(PATTERN), 'the copy of page 6');
    destination.write(0, words(0));
    await queue.copy(destination.address, memory.address, 4);
    t.equal(destination.read(0, 4), words(PATTERN), 'the copy of page 0');
    memory.unmap(0, pages(2));
    memory.unmap(pages(6));
  });

memoryGroup
  .case('PartialUnmapSysMemTest-attributes', 'the attributes of the hole go with its pages, those on both sides stay')
  .source('kfdtest KFDSVMRangeTest.PartialUnmapSysMemTest, extended')
  .parameters(parameters().combine('first', [0, 2, 10]).combine('count', [1, 4, 6]))
  .run((t, { first, count }) => {
    const memory = t.map(pages(16));
    register(t, memory.range(), t.device, { location: GPU });
    memory.unmap(pages(first), pages(count));
    waitForCollector(t, memory);
    const expected = Array.from({ length: 16 }, (_, page) => (page >= first && page < first + count ? UNDEFINED : GPU));
    for (const [page, location] of expected.entries()) {
      const range = memory.range(pages(page), pages(1));
      const [types, values] = [
        [PREFERRED, PREFETCH],
        [location!, location!],
      ];
      if (location === UNDEFINED) getsWithoutMemory(t, range, types, values, `locations of page ${page}`);
      else t.equal(t.get(range, types), values, `locations of page ${page}`);
    }
  });

/** EvictSystemRangeTest up to the moment when the pages are replaced; `copyAgain` is what follows, with its checks. */
async function copiedOnce(t: CaseContext, point: NodePoint): Promise<{ memory: Mapping; copyAgain(): Promise<void> }> {
  const device = openNode(t, point);
  const memory = t.map(pages(8));
  const [source, destination, written] = [0, 2, 6].map((page) => memory.range(pages(page), pages(1)));
  for (const range of [source!, destination!, written!]) register(t, range, device);
  const queue = t.queue(device);
  memory.write(0, words(0xdeadbeef));
  await queue.copy(destination!.address, source!.address, 4);
  await queue.write(written!.address, words(0x12345678));
  const copyAgain = async (): Promise<void> => {
    await queue.copy(destination!.address, source!.address, 4);
    await queue.write(written!.address, words(0xd0bed0be));
    t.equal(
      [0, 2, 6].map((page) => memory.read(pages(page), 4)),
      [words(0xd00bed00), words(0xd00bed00), words(0xd0bed0be)],
      'source, copy and written word',
    );
  };
  return { memory, copyAgain };
}

memoryGroup
  .case('EvictSystemRangeTest', 'after fork the GPU follows the parent to its new pages')
  .source('kfdtest KFDSVMRangeTest.EvictSystemRangeTest')
  .parameters(eachNode())
  .needs('gpu-work', 'fork')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const { memory, copyAgain } = await copiedOnce(t, point);
    const child = t.fork();
    memory.write(0, words(0xd00bed00));
    for (const page of [2, 6]) memory.write(pages(page), words(0xdeadbeef));
    t.equal(
      [0, 2, 6].map((page) => child.read(memory.at(pages(page)), 4)),
      [words(0xdeadbeef), words(0xdeadbeef), words(0x12345678)],
      'what the child still reads',
    );
    child.exit();
    await copyAgain();
  });

memoryGroup
  .case(
    'EvictSystemRangeTest-replaced',
    'the GPU follows the process to new pages (of MADV_DONTNEED, where the original has copy-on-write)',
  )
  .source('kfdtest KFDSVMRangeTest.EvictSystemRangeTest, without fork')
  .parameters(eachNode())
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const { memory, copyAgain } = await copiedOnce(t, point);
    t.equal(memory.read(pages(2), 4), words(0xdeadbeef), 'the first copy');
    t.equal(memory.read(pages(6), 4), words(0x12345678), 'the first write');
    for (const page of [0, 2, 6]) memory.discard(pages(page), pages(1));
    memory.write(0, words(0xd00bed00));
    for (const page of [2, 6]) memory.write(pages(page), words(0xdeadbeef));
    await copyAgain();
  });

memoryGroup
  .case(
    'EvictSystemRangeTest-dropped',
    'pages that were dropped and not touched since read 0 on the GPU, and what it writes there the CPU sees',
  )
  .source('kfdtest KFDSVMRangeTest.EvictSystemRangeTest, without fork; spec/findings-v7 §C7')
  .parameters(eachNode().combine('location', ['system', 'gpu']))
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  // Without XNACK the GPU reads what it had mapped.
  .needsAt(({ xnack, location }) => (xnack === 'off' && location === 'gpu' ? ['unmap-events'] : []))
  .run(async (t, point) => {
    const device = openNode(t, point);
    const memory = t.map(pages(8));
    register(t, memory.range(), device, { location: point.location === 'gpu' ? GPU : SYSTEM });
    const queue = t.queue(device);
    await queue.fill(memory.address, 0xdeadbeef, memory.size);
    memory.discard(pages(2), pages(3));
    const read = await queue.read(memory.address, memory.size);
    // Without XNACK what prefers the GPU is restored as memory of the GPU, which this revision does not have: the old PTEs stay.
    const stale = point.location === 'gpu' && t.can('xnack-off');
    t.equal(
      [0, 1, 2, 3, 4, 5, 7].map((page) => read[pages(page)]),
      stale ? [0xef, 0xef, 0xef, 0xef, 0xef, 0xef, 0xef] : [0xef, 0xef, 0, 0, 0, 0xef, 0xef],
      'first bytes that the GPU reads',
    );
    if (stale) return;
    await queue.write(memory.at(pages(3)), words(0x12345678));
    t.equal(memory.read(pages(3), 8), words(0x12345678, 0), 'what the CPU reads of the GPU');
  });

memoryGroup
  .case('MigrateFileBackedRangeTest', 'what the GPU writes to a shared mapping of a file is in the file')
  .source('kfdtest KFDSVMRangeTest.MigrateFileBackedRangeTest')
  .parameters(eachNode())
  .needs('gpu-work', 'file-mapping')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const memory = t.map(pages(1), { kind: 'file' });
    memory.write(0, new Uint8Array(pages(1)).fill(0x30));
    // Where pages move into VRAM those of files cannot, and a prefetch of them is refused (spec/migration §5).
    if (t.movesPages) {
      t.equal(tryRegister(t, memory.range(), device, { location: GPU }), -EFAULT, 'result of the registration');
      t.equal(memory.read(0, 1)[0], 0x30, 'first byte of the file');
      return;
    }
    register(t, memory.range(), device, { location: GPU });
    await t.queue(device).fill(memory.address, 0x33333333, pages(1));
    // Where the original closes the file and opens it again: nothing but the file keeps the bytes.
    memory.discard();
    t.ok(allAre(memory.read(0, pages(1)), 0x33), 'every byte of the file is 0x33');
  });

memoryGroup
  .case(
    'ReadOnlyRangeTest',
    'the GPU reads what the CPU may only read, and a write is an error at this address (the event of the original is that of its runtime)',
  )
  .source('kfdtest KFDSVMRangeTest.ReadOnlyRangeTest')
  .parameters(eachNode().combine('mapped', ['no', 'for-reading', 'for-writing']))
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const input = t.map(pages(2));
    register(t, input.range(), device);
    input.write(0, new Uint8Array(pages(1)).fill(0x55));
    const queue = t.queue(device);
    // Beyond the original: the GPU had the page before the CPU lost its right to write.
    if (point.mapped === 'for-reading') await queue.read(input.address, 4);
    if (point.mapped === 'for-writing') await queue.write(input.address, words(0x55555555));
    input.protect('r', 0, pages(1));
    const output = t.map(pages(1));
    register(t, output.range(), device);
    await queue.copy(output.address, input.address, pages(1));
    t.equal(output.read(0, 1)[0], 0x55, 'first byte of the copy');
    output.write(0, new Uint8Array(pages(1)).fill(0xaa));
    const error = await t.throws(
      () => queue.copy(input.address, output.address, pages(1)),
      'ERR_SVM_GPU_FAULT',
      'the copy back',
    );
    t.equal('address' in error ? error.address : undefined, input.address, 'address of the failed access');
    t.equal(input.read(0, 1)[0], 0x55, 'first byte afterwards');
  });

memoryGroup
  .case(
    'PrefaultPartialRangeTest',
    'a prefetch of a range in which only some pages were touched leaves all of them usable',
  )
  .source('kfdtest KFDSVMRangeTest.PrefaultPartialRangeTest')
  .parameters(eachNode())
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const memory = t.map(pages(4));
    memory.write(pages(1), new Uint8Array(pages(1)).fill(2));
    memory.write(pages(2), new Uint8Array(pages(1)).fill(3));
    register(t, memory.range(), device, { flags: [] });
    t.set(memory.range(), { prefetchLocation: 'device' }, device);
    const queue = t.queue(device);
    await queue.fill(memory.address, 0x01010101, pages(1));
    await queue.fill(memory.at(pages(3)), 0x04040404, pages(1));
    t.equal(
      [0, 1, 2, 3].map((page) => memory.read(pages(page), 1)[0]),
      [1, 2, 3, 4],
      'first bytes of the pages',
    );
  });

memoryGroup
  .case('VAHighAddr', 'ranges around and above 1 << 47, placed in 16 ways')
  .source('kfdtest KFDSVMRangeTest.VAHighAddr')
  .needs('high-addresses')
  .unimplemented('needs CPU addresses of 57 bits and a GPU of the gfx125x family');

memoryGroup
  .case('MapAllHighAddr', 'ranges at 1 << 48 and below 1 << 56')
  .source('kfdtest KFDSVMRangeTest.MapAllHighAddr')
  .needs('high-addresses')
  .unimplemented('needs CPU addresses of 57 bits and a GPU of the gfx125x family');
