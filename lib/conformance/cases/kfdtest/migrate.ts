/** KFDSVMRangeTest: ranges that go between CPU and GPU. V4 moves no page, so what is left of migration is whose PTEs exist, and that contents stay. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import type { Mapping } from '../../framework/mapping.ts';
import {
  asWords,
  eachNode,
  firstWrong,
  GPU,
  longsOf,
  nodeFeatures,
  openNode,
  PREFETCH,
  register,
  SYSTEM,
  words,
  wordsOf,
} from './node.ts';

export const migrateGroup = new CaseGroup(
  'kfdtest,KFDSVMRangeTest,migrate',
  'kfdtest: ranges that go to the GPU and come back',
);

const MEBIBYTE = 1 << 20;

const LOOPS = 8;

const index = (at: number): number => at;

const prefetched = (location: number) => [[PREFETCH, location]] as const;

migrateGroup
  .case(
    'MigrateTest',
    'what the GPU copies into a prefetched range is what the CPU reads there, 8 times (16 MiB divided by `scale`)',
  )
  .source('kfdtest KFDSVMRangeTest.MigrateTest')
  .parameters(
    eachNode()
      .combine('scale', [256, 64])
      .where(({ gpu, scale }) => gpu === 0 || scale === 256),
  )
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const size = (16 * MEBIBYTE) / point.scale;
    const [data, one, two] = [t.map(size), t.map(size), t.map(size)];
    for (const range of [data, one, two]) register(t, range.range(), device);
    for (const range of [one, two]) t.set(range.range(), prefetched(SYSTEM), device);
    const queue = t.queue(device);
    for (let loop = 0; loop < LOOPS; loop++) {
      // The original writes the same each time, so that a copy that did nothing would go unseen.
      data.write(
        0,
        wordsOf(size / 4, (at) => at + loop),
      );
      for (const range of [one, two]) t.set(range.range(), prefetched(GPU), device);
      for (const range of [one, two]) await queue.copy(range.address, data.address, size);
      for (const range of [one, two])
        t.equal(
          firstWrong(range.read(0, size), (at) => at + loop),
          -1,
          `first wrong word in loop ${loop}`,
        );
    }
    data.write(0, wordsOf(size / 4, index));
    await queue.copy(one.address, data.address, size);
    t.equal(firstWrong(one.read(0, size), index), -1, 'first wrong word without a prefetch');
  });

migrateGroup
  .case(
    'MigrateAccessInPlaceTest',
    'the GPU fills a range that it accesses in place, prefetched and written by the CPU (256 MiB divided by `scale`)',
  )
  .source('kfdtest KFDSVMRangeTest.MigrateAccessInPlaceTest')
  .parameters(
    eachNode()
      .combine('scale', [256, 128])
      .where(({ gpu, scale }) => gpu === 0 || scale === 256),
  )
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const size = (256 * MEBIBYTE) / point.scale;
    const memory = t.map(size);
    register(t, memory.range(), device);
    t.set(memory.range(), { access: 'in-place' }, device);
    t.set(memory.range(), prefetched(GPU), device);
    t.has(memory.range(), { access: 'in-place', prefetchLocation: 'device' }, 'access and location', device);
    for (let at = 0; at < size; at += 4096) memory.write(at, words(at));
    await t.queue(device).fill(memory.address, 0x55aaaa55, size);
    t.equal(
      firstWrong(memory.read(0, size), () => 0x55aaaa55),
      -1,
      'first wrong word',
    );
  });

migrateGroup
  .case(
    'MigrateGranularityTest',
    'the granularity, from 14 to 0, does not change what the CPU reads after a GPU copy (16384 pages divided by `scale`)',
  )
  .source('kfdtest KFDSVMRangeTest.MigrateGranularityTest')
  .parameters(
    eachNode()
      .combine('scale', [256, 128])
      .where(({ gpu, scale }) => gpu === 0 || scale === 256),
  )
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const count = 16384 / point.scale;
    const [memory, source] = [t.map(pages(count)), t.map(pages(count))];
    for (const range of [memory, source]) register(t, range.range(), device);
    const queue = t.queue(device);
    for (let granularity = 14; granularity >= 0; granularity--) {
      const mark = (page: number): number => page + granularity * 0x10000;
      for (let page = 0; page < count; page++) source.write(pages(page), words(mark(page)));
      t.set(memory.range(), prefetched(GPU), device);
      t.set(memory.range(), { granularity }, device);
      t.has(memory.range(), { granularity }, 'granularity', device);
      await queue.copy(memory.address, source.address, pages(count));
      const found = asWords(memory.read(0, pages(count)));
      const wrong = Array.from({ length: count }, index).find((page) => found[page * 1024] !== mark(page)) ?? -1;
      t.equal(wrong, -1, `first page that is wrong with granularity ${granularity}`);
    }
  });

const PIECES = 8;

migrateGroup
  .case('MigrateLargeBufTest', 'a large range in both directions, copied in 8 pieces (1 GiB divided by `scale`)')
  .source('kfdtest KFDSVMRangeTest.MigrateLargeBufTest')
  .parameters(
    eachNode()
      .combine('scale', [4096, 1024])
      .where(({ gpu, scale }) => gpu === 0 || scale === 4096),
  )
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const size = (1024 * MEBIBYTE) / point.scale;
    const [local, system] = [t.map(size), t.map(size)];
    const queue = t.queue(device);
    const fill = (range: Mapping, value: number): void =>
      range.write(
        0,
        wordsOf(size / 4, () => value),
      );
    const copy = async (to: Mapping, from: Mapping): Promise<void> => {
      for (let at = 0; at < size; at += size / PIECES) await queue.copy(to.at(at), from.at(at), size / PIECES);
    };
    const isAll = (range: Mapping, value: number, what: string): void =>
      t.equal(
        firstWrong(range.read(0, size), () => value),
        -1,
        `first wrong word ${what}`,
      );
    for (const [range, value] of [
      [local, 1],
      [system, 2],
    ] as const) {
      register(t, range.range(), device);
      fill(range, value);
    }
    register(t, local.range(), device, { location: GPU });
    await copy(system, local);
    isAll(system, 1, 'from the GPU');
    fill(system, 3);
    await copy(local, system);
    t.set(local.range(), { granularity: 30 }, device);
    isAll(local, 3, 'to the GPU');
    fill(local, 4);
    await copy(system, local);
    isAll(system, 4, 'from the GPU again');
  });

migrateGroup
  .case('MigratePolicyTest', 'GPU, CPU and GPU work on one range in turn (1 MiB)')
  .source('kfdtest KFDSVMRangeTest.MigratePolicyTest')
  .parameters(eachNode())
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const [data, memory] = [t.map(MEBIBYTE), t.map(MEBIBYTE)];
    for (const range of [data, memory]) register(t, range.range(), device);
    const numbers = (add: number): Uint8Array<ArrayBuffer> => longsOf(MEBIBYTE / 8, add);
    data.write(0, numbers(0));
    t.set(memory.range(), prefetched(GPU), device);
    const queue = t.queue(device);
    await queue.copy(memory.address, data.address, MEBIBYTE);
    t.equal(Buffer.compare(memory.read(0, MEBIBYTE), numbers(0)), 0, 'difference of what the CPU reads');
    memory.write(0, numbers(1));
    await queue.copy(data.address, memory.address, MEBIBYTE);
    t.equal(Buffer.compare(data.read(0, MEBIBYTE), numbers(1)), 0, 'difference of what the GPU copied back');
  });

migrateGroup
  .case(
    'MultiThreadMigrationTest',
    'a GPU copy and a prefetch of its source at the same time, then CPU reads and a prefetch home (128 MiB divided by `scale`; tasks where the original has threads)',
  )
  .source('kfdtest KFDSVMRangeTest.MultiThreadMigrationTest')
  .parameters(eachNode().combine('scale', [128]))
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const size = (128 * MEBIBYTE) / point.scale;
    const [memory, data] = [t.map(size), t.map(size)];
    for (const range of [memory, data]) register(t, range.range(), device);
    memory.write(0, wordsOf(size / 4, index));
    const queue = t.queue(device);
    for (let loop = 0; loop < 2; loop++) {
      await Promise.all([
        queue.copy(data.address, memory.address, size),
        device.prefetchAsync(memory.range(), 'device'),
      ]);
      t.has(memory.range(), { prefetchLocation: 'device' }, 'location after the prefetch', device);
      const home = device.prefetchAsync(memory.range(), 'system');
      t.equal(firstWrong(memory.read(0, size), index, 512), -1, 'first wrong word');
      await home;
      t.has(memory.range(), { prefetchLocation: 'system' }, 'location after the prefetch home', device);
      // The original does not look at it.
      t.equal(firstWrong(data.read(0, size), index), -1, 'first wrong word of the copy');
    }
  });

/** Memory of the emulated GPU; kfdtest takes what the real one has, and 1 GiB more. */
const VRAM = 16 * MEBIBYTE;

migrateGroup
  .case('VramOvercommitTest', 'more ranges than the GPU has memory can be registered to it, and keep what they hold')
  .source('kfdtest KFDSVMRangeTest.VramOvercommitTest')
  .parameters(eachNode().combine('buffers', [34, 9]))
  .needs('vram')
  .needsAt(nodeFeatures)
  .run((t, point) => {
    t.setup({ gpus: point.gpu + 1, vram: VRAM });
    const device = t.devices[point.gpu]!;
    const { total } = t.vram(point.gpu);
    // 2 or 1 more than fit.
    const size = total / (point.buffers === 34 ? 32 : 8);
    const ranges = Array.from({ length: point.buffers }, () => t.map(size));
    for (const [number, range] of ranges.entries()) {
      range.write(0, words(number + 1));
      register(t, range.range(), device, { location: GPU, flags: [] });
    }
    t.equal(t.vram(point.gpu).free, 0, 'free bytes of the memory of the GPU');
    t.equal(
      ranges.map((range) => asWords(range.read(0, 4))[0]),
      ranges.map((_, number) => number + 1),
      'first words of the ranges',
    );
    for (const range of ranges) range.unmap();
    t.equal(t.vram(point.gpu).free, total, 'free bytes afterwards');
  });

migrateGroup
  .case(
    'VramOvercommitTest-many',
    'ranges of 512 MiB each can be registered to the GPU, flags 0, however many (as for a GPU of 7 GiB)',
  )
  .source('kfdtest KFDSVMRangeTest.VramOvercommitTest, without accounting')
  .parameters(eachNode())
  .needsAt(nodeFeatures)
  .run((t, point) => {
    const device = openNode(t, point);
    // Preferred only: a prefetch would allocate the memory of the host.
    const ranges = Array.from({ length: 16 }, () => t.map(512 * MEBIBYTE));
    for (const range of ranges) t.set(range.range(), { preferredLocation: 'device', access: 'allow-migrate' }, device);
    for (const range of ranges) t.has(range.range(), { preferredLocation: 'device' }, 'preferred location', device);
    for (const range of ranges) range.unmap();
  });

migrateGroup
  .case('VramOvercommitGiantRangeTest', 'one range larger than the memory of the GPU can be registered to it')
  .source('kfdtest KFDSVMRangeTest.VramOvercommitGiantRangeTest')
  .parameters(eachNode())
  .needs('vram')
  .needsAt(nodeFeatures)
  .run((t, point) => {
    t.setup({ gpus: point.gpu + 1, vram: VRAM });
    const { total } = t.vram(point.gpu);
    const memory = t.map(total + total / 8);
    const step = total / 32;
    for (let at = 0; at < memory.size; at += step) memory.write(at, words(at));
    register(t, memory.range(), t.devices[point.gpu]!, { location: GPU, flags: [] });
    t.equal(t.vram(point.gpu).free, 0, 'free bytes of the memory of the GPU');
    for (let at = 0; at < memory.size; at += step) t.equal(asWords(memory.read(at, 4))[0], at >>> 0, `word at ${at}`);
  });
