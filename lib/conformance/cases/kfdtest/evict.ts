/** KFDSVMEvictTest: two processes that need more than the memory of the GPU. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { eachNode, GPU, nodeFeatures, openNode, register, SYSTEM, words } from './node.ts';

export const evictGroup = new CaseGroup(
  'kfdtest,KFDSVMEvictTest',
  'kfdtest: ranges that are driven out of the memory of the GPU',
);

evictGroup
  .case('BasicTest', 'two processes register more than the GPU has memory')
  .source('kfdtest KFDSVMEvictTest.BasicTest')
  .parameters(eachNode())
  .needs('vram', 'other-process')
  .needsAt(nodeFeatures)
  .run((t, point) => {
    t.setup({ gpus: point.gpu + 1, vram: 32 << 20 });
    const device = t.devices[point.gpu]!;
    const { total } = t.vram(point.gpu);
    const size = total / 16;
    // As the original, each process registers half of what is half again as much as the memory of the GPU.
    const ranges = Array.from({ length: 12 }, () => t.map(size));
    const taken: number[] = [];
    for (const [buffer, range] of ranges.entries()) {
      range.write(size - 4, words(buffer));
      register(t, range.range(), device, { location: GPU, flags: [] });
      const offset = t.takeVram(size, point.gpu);
      t.ok(offset >= 0, `the other process gets its buffer ${buffer}`);
      taken.push(offset);
      t.equal(range.read(size - 4, 4), words(buffer), `last word of buffer ${buffer}`);
    }
    for (const [buffer, range] of ranges.entries())
      t.equal(range.read(size - 4, 4), words(buffer), `last word of buffer ${buffer} in the end`);
    for (const range of ranges) range.unmap();
    t.equal(t.vram(point.gpu).free, total - 12 * size, 'free bytes when one process has ended');
    for (const offset of taken) t.freeVram(offset, point.gpu);
    t.equal(t.vram(point.gpu).free, total, 'free bytes when both have');
  });

evictGroup
  .case('QueueTest', 'a shader goes over 512 buffers of two processes, which evict each other')
  .source('kfdtest KFDSVMEvictTest.QueueTest')
  .needs('other-process', 'vram', 'spin-kernel')
  .unimplemented('needs a shader that runs until it is told to stop; QueueTest-reduced has the queue of the package');

evictGroup
  .case('BasicTest-reduced', 'two sets of ranges that need more than the GPU has memory drive each other out')
  .source('kfdtest KFDSVMEvictTest.BasicTest, in one process')
  .parameters(eachNode())
  .needs('vram')
  .needsAt(nodeFeatures)
  .run((t, point) => {
    t.setup({ gpus: point.gpu + 1, vram: 32 << 20 });
    const device = t.devices[point.gpu]!;
    const { total } = t.vram(point.gpu);
    const size = total / 16;
    // As the original: half of the memory of the GPU more than it has, in two halves.
    const sets = [0, 1].map(() => Array.from({ length: 12 }, () => t.map(size)));
    for (let buffer = 0; buffer < 12; buffer++) {
      for (const [set, ranges] of sets.entries()) {
        ranges[buffer]!.write(size - 4, words(100 * set + buffer));
        register(t, ranges[buffer]!.range(), device, { location: GPU, flags: [] });
      }
    }
    t.equal(t.vram(point.gpu).free, 0, 'free bytes of the memory of the GPU');
    for (const [set, ranges] of sets.entries())
      for (const [buffer, range] of ranges.entries())
        t.equal(range.read(size - 4, 4), words(100 * set + buffer), `last word of buffer ${buffer} of set ${set}`);
    for (const range of sets.flat()) range.unmap();
    t.equal(t.vram(point.gpu).free, total, 'free bytes afterwards');
  });

const ROUNDS = 5;
const PAGES = 4;

evictGroup
  .case(
    'QueueTest-reduced',
    'the GPU goes over every page of many buffers, again and again, while the process replaces pages: no access fails, and it sees the new ones',
  )
  .source('kfdtest KFDSVMEvictTest.QueueTest, in one process')
  .parameters(eachNode().combine('buffers', [8, 64]))
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const count = point.buffers;
    const memory = t.map(pages(PAGES * count));
    const results = t.map(Math.max(pages(1), count * 4));
    register(t, results.range(), device);
    for (let buffer = 0; buffer < count; buffer++) {
      const range = memory.range(pages(PAGES * buffer), pages(PAGES));
      // Without XNACK memory that prefers the GPU would be lost at its first event (spec/findings-v7 §C7).
      register(t, range, device, { location: t.can('xnack-off') ? SYSTEM : GPU, flags: [] });
      t.set(range, { granularity: 0xff }, device);
      t.has(range, { granularity: 0x3f }, 'granularity', device);
      results.write(buffer * 4, words(pages(PAGES)));
    }
    const queue = t.queue(device);
    const value = (page: number, round: number): number => page * ROUNDS + round + 1;
    for (let round = 0; round < ROUNDS; round++) {
      for (let page = 0; page < PAGES * count; page++) {
        // The pressure: pages that the GPU has mapped leave.
        if (t.random.below(4) === 0) memory.discard(pages(page), pages(1));
        memory.write(pages(page), words(value(page, round)));
      }
      for (let page = 0; page < PAGES * count; page++) {
        const [found] = new Uint32Array((await queue.read(memory.at(pages(page)), 4)).buffer);
        if (found !== value(page, round))
          t.equal(found, value(page, round), `what the GPU reads of page ${page} in round ${round}`);
      }
    }
    for (let buffer = 0; buffer < count; buffer++) await queue.write(results.at(buffer * 4), words(0x5678));
    const found = new Uint32Array(results.read(0, count * 4).slice().buffer);
    t.ok(
      found.every((word) => word === 0x5678),
      'every result is 0x5678',
    );
  });
