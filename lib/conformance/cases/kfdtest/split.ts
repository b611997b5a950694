/** KFDSVMRangeTest: registrations that overlap earlier ones. The originals only look at the results; here every page is asked. */
import type { SvmDevice } from '../../../device/index.ts';
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { defaultOf } from '../../support/attributes.ts';
import {
  ACCESS,
  ALLOW_MIGRATE,
  COHERENT,
  eachNode,
  GPU,
  GPU_RO,
  GRANULARITY,
  HIVE_LOCAL,
  HOST,
  nodeFeatures,
  openNode,
  PREFERRED,
  PREFETCH,
  READ_MOSTLY,
  register,
  SYSTEM,
  UNDEFINED,
} from './node.ts';
import { owners, registerAll, SPLIT_NAMES, SPLITS, WINDOW } from './splits.ts';

export const splitGroup = new CaseGroup(
  'kfdtest,KFDSVMRangeTest,split',
  'kfdtest: registrations that overlap earlier ones',
);

/** Attributes of each page. */
function perPage(t: CaseContext, memory: Mapping, device: SvmDevice, types: readonly number[]): number[][] {
  return Array.from({ length: memory.size / pages(1) }, (_, page) =>
    t.get(memory.range(pages(page), pages(1)), types, device),
  );
}

for (const [name, location] of [
  ['SplitSystemRangeTest', SYSTEM],
  ['SplitVramRangeTest', GPU],
] as const) {
  const source = `kfdtest KFDSVMRangeTest.${name}`;
  splitGroup
    .case(name, 'each registration succeeds; afterwards every registered page has its attributes and no other page')
    .source(source)
    .parameters(eachNode().combine('split', SPLIT_NAMES))
    .needsAt(nodeFeatures)
    .run((t, point) => {
      const device = openNode(t, point);
      const split = SPLITS[point.split]!;
      const memory = t.map(pages(split.pages));
      registerAll(t, memory, device, split, location);
      const fresh = [UNDEFINED, UNDEFINED, 1, 1, defaultOf(t, 'access')];
      const registered = [location, location, 1, 1, ALLOW_MIGRATE];
      const expected = owners(split).map((owner) => (owner < 0 ? fresh : registered));
      t.equal(
        perPage(t, memory, device, [PREFETCH, PREFERRED, HOST, COHERENT, ACCESS]),
        expected,
        'attributes of the pages',
      );
      memory.unmap();
    });

  splitGroup
    .case(
      `${name}-marked`,
      'each registration has a granularity and a GPU_RO of its own: every page shows those of the last one, and a range the smallest',
    )
    .source(`${source}, extended`)
    .parameters(eachNode().combine('split', SPLIT_NAMES))
    .needsAt(nodeFeatures)
    .run((t, point) => {
      const device = openNode(t, point);
      const split = SPLITS[point.split]!;
      const memory = t.map(pages(split.pages));
      for (const [index, [first, end]] of split.registrations.entries()) {
        t.set(
          memory.range(pages(first), pages(end - first)),
          { prefetchLocation: location, granularity: index + 1, gpuReadOnly: index % 2 },
          device,
        );
      }
      const expected = owners(split).map((owner) => (owner < 0 ? [UNDEFINED, 9, 0] : [location, owner + 1, owner % 2]));
      t.equal(perPage(t, memory, device, [PREFETCH, GRANULARITY, GPU_RO]), expected, 'attributes of the pages');
      const all = expected.map(([, granularity]) => granularity!);
      const everywhere = expected.every(([, , readOnly]) => readOnly === 1) ? 1 : 0;
      t.has(
        memory.range(),
        { granularity: Math.min(...all), gpuReadOnly: everywhere },
        'attributes of the whole',
        device,
      );
      memory.unmap();
    });
}

const OWN_FLAGS = [GPU_RO, HIVE_LOCAL, READ_MOSTLY];

splitGroup
  .case(
    'SplitSystemRangeTest-kept',
    'each registration sets one flag of its own, and keeps what the others set: every page has the flags of all that cover it',
  )
  .source('kfdtest KFDSVMRangeTest.SplitSystemRangeTest, extended')
  .parameters(eachNode().combine('split', SPLIT_NAMES).combine('order', ['forward', 'backward']))
  .needsAt(nodeFeatures)
  .run((t, point) => {
    const device = openNode(t, point);
    const split = SPLITS[point.split]!;
    const memory = t.map(pages(split.pages));
    const flagged = split.registrations.map((registration, index) => ({ registration, flag: OWN_FLAGS[index]! }));
    for (const {
      registration: [first, end],
      flag,
    } of point.order === 'forward' ? flagged : flagged.toReversed()) {
      t.set(memory.range(pages(first), pages(end - first)), [[flag, 1]], device);
    }
    const expected = Array.from({ length: split.pages }, (_, page) =>
      OWN_FLAGS.map((flag) =>
        flagged.some(({ registration: [first, end], flag: own }) => own === flag && page >= first && page < end)
          ? 1
          : 0,
      ),
    );
    t.equal(perPage(t, memory, device, OWN_FLAGS), expected, 'flags of the pages');
  });

const HEAD = 64 << 10;

splitGroup
  .case(
    'SplitVramRestoreBoundaryTest',
    'the GPU reads the right pages on both sides of a split (the original runs with XNACK off only)',
  )
  .source('kfdtest KFDSVMRangeTest.SplitVramRestoreBoundaryTest; spec/findings-v7 §C7')
  .parameters(eachNode())
  .needs('gpu-work')
  .needsAt(nodeFeatures)
  .run(async (t, point) => {
    const device = openNode(t, point);
    const memory = t.map(2 * WINDOW);
    const window = memory.range(0, WINDOW);
    for (let page = 0; page < WINDOW / pages(1); page++)
      memory.write(pages(page), new Uint8Array(pages(1)).fill(0x10 + page));
    register(t, window, device, { location: GPU });
    register(t, memory.range(0, HEAD), device, { location: GPU, flags: [HOST, COHERENT, GPU_RO] });
    const result = t.map(pages(2));
    register(t, result.range(), device);
    const queue = t.queue(device);
    await queue.copy(result.address, window.address, pages(1));
    const rest = (): Promise<void> => queue.copy(result.at(pages(1)), memory.at(HEAD), pages(1));
    if (t.can('xnack-off')) {
      // The rest of the split range is restored as memory of the GPU, which this revision does not have: it is lost.
      await t.throws(rest, 'ERR_SVM_GPU_FAULT', 'the copy after the split');
      return;
    }
    await rest();
    t.equal([result.read(0, 1)[0], result.read(pages(1), 1)[0]], [0x10, 0x20], 'first bytes of the copies');
  });
