/** KFDSVMRangeTest: ranges that go between CPU and GPU. V4 moves no page, so what is left of migration is whose PTEs exist, and that contents stay. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { GPU, PREFETCH, register, words } from '../../../lib/conformance/cases/kfdtest/node.ts';

export const migrateGroup = new CaseGroup(
  'kfdtest,KFDSVMRangeTest,migrate',
  'kfdtest: ranges that go to the GPU and come back',
);

const MEBIBYTE = 1 << 20;

const prefetched = (location: number) => [[PREFETCH, location]] as const;

migrateGroup
  .case(
    'MigrateGranularityTest-ranges',
    'the granularity of a range does not change how the GPU maps it; with a prefetch the CPU causes no fault of the GPU',
  )
  .source('kfdtest KFDSVMRangeTest.MigrateGranularityTest, with counts; Q19')
  .parameters(parameters().combine('granularity', [14, 9, 4, 2, 1, 0]).combine('way', ['fault', 'prefetch']))
  .needs('introspection', 'fault-handler')
  .run((t, { granularity, way }) => {
    const memory = t.map(pages(1024 + 16 + 5));
    register(t, memory.range(), t.device);
    t.set(memory.range(), { granularity });
    if (way === 'prefetch') t.set(memory.range(), prefetched(GPU));
    const { faults } = t.access(memory.address, memory.size);
    const layout = t.ranges(memory.range()).map(([, size]) => size / pages(1));
    // Two of 2 MiB, one of 64 KiB, five of a page.
    t.equal(layout, [512, 512, 16, 1, 1, 1, 1, 1], 'pages of the GPU ranges');
    t.equal(faults, way === 'prefetch' ? 0 : layout.length, 'faults of the GPU');
    memory.read(0, memory.size);
    t.equal(t.access(memory.address, memory.size).faults, 0, 'faults of the GPU after the CPU read everything');
  });

migrateGroup
  .case(
    'MigrateLargeBufTest-prefetched',
    'a range of the original size, of which the CPU touched one page in 64 MiB, is mapped as a whole by one prefetch',
  )
  .source('kfdtest KFDSVMRangeTest.MigrateLargeBufTest, extended')
  .parameters(parameters().combine('mebibytes', [2, 128, 1024]))
  .needs('introspection', 'fault-handler', 'gpu-work')
  .run(async (t, { mebibytes }) => {
    const memory = t.map(mebibytes * MEBIBYTE);
    const step = Math.min(memory.size, 64 * MEBIBYTE);
    for (let at = 0; at < memory.size; at += step) memory.write(at, words(at + 1));
    register(t, memory.range(), t.device, { location: GPU });
    t.equal(t.ranges(memory.range()).length, mebibytes / 2, 'GPU ranges');
    t.equal(t.access(memory.address, memory.size, { write: true }).faults, 0, 'faults of a GPU write');
    const queue = t.queue();
    for (let at = 0; at < memory.size; at += step) {
      t.equal(await queue.read(memory.at(at), 8), words(at + 1, 0), `what the GPU reads at ${at}`);
    }
  });
