/** KFDSVMRangeTest: registrations that overlap earlier ones. The originals only look at the results; here every page is asked. */
import type { SvmDevice } from '../../../device/index.ts';
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import type { Mapping } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import {
  ACCESS,
  ALLOW_MIGRATE,
  COHERENT,
  eachNode,
  GPU,
  GPU_RO,
  GRANULARITY,
  HOST,
  HIVE_LOCAL,
  nodeFeatures,
  openNode,
  PREFERRED,
  PREFETCH,
  READ_MOSTLY,
  register,
  SYSTEM,
  UNDEFINED,
} from './node.ts';

export const splitGroup = new CaseGroup(
  'kfdtest,KFDSVMRangeTest,split',
  'kfdtest: registrations that overlap earlier ones',
);

interface Split {
  readonly pages: number;
  /** First page and the page behind the last one, in order. */
  readonly registrations: readonly (readonly [first: number, end: number])[];
}

const SPLITS: Readonly<Record<string, Split>> = {
  '1-inside': {
    pages: 16,
    registrations: [
      [0, 16],
      [2, 3],
    ],
  },
  '2.1-tail': {
    pages: 16,
    registrations: [
      [0, 16],
      [1, 16],
    ],
  },
  '2.2-overhang': {
    pages: 18,
    registrations: [
      [0, 16],
      [2, 18],
    ],
  },
  '3-head': {
    pages: 16,
    registrations: [
      [0, 16],
      [0, 14],
    ],
  },
  '4.1-same': {
    pages: 16,
    registrations: [
      [0, 16],
      [0, 16],
    ],
  },
  '4.2-superset': {
    pages: 18,
    registrations: [
      [0, 16],
      [0, 18],
    ],
  },
  '5-islands': {
    pages: 32,
    registrations: [
      [2, 4],
      [8, 10],
      [0, 32],
    ],
  },
  '6-unmap-first': { pages: 16, registrations: [[2, 4]] },
};
const SPLIT_NAMES = [
  '1-inside',
  '2.1-tail',
  '2.2-overhang',
  '3-head',
  '4.1-same',
  '4.2-superset',
  '5-islands',
  '6-unmap-first',
] as const;

/** The number of the last registration of each page; -1 for none. */
function owners({ pages: count, registrations }: Split): number[] {
  return Array.from({ length: count }, (_, page) =>
    registrations.findLastIndex(([first, end]) => page >= first && page < end),
  );
}

function registerAll(t: CaseContext, memory: Mapping, device: SvmDevice, split: Split, location: number): void {
  for (const [first, end] of split.registrations)
    register(t, memory.range(pages(first), pages(end - first)), device, { location });
}

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
      const fresh = [UNDEFINED, UNDEFINED, 1, 1, ALLOW_MIGRATE];
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
          [
            [PREFETCH, location],
            [GRANULARITY, index + 1],
            [GPU_RO, index % 2],
          ],
          device,
        );
      }
      const expected = owners(split).map((owner) => (owner < 0 ? [UNDEFINED, 9, 0] : [location, owner + 1, owner % 2]));
      t.equal(perPage(t, memory, device, [PREFETCH, GRANULARITY, GPU_RO]), expected, 'attributes of the pages');
      const all = expected.map(([, granularity]) => granularity!);
      const everywhere = expected.every(([, , readOnly]) => readOnly === 1) ? 1 : 0;
      t.equal(
        t.get(memory.range(), [GRANULARITY, GPU_RO], device),
        [Math.min(...all), everywhere],
        'attributes of the whole',
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

splitGroup
  .case('SplitVramRangeTest-again', 'a registration that says the same again, when the pages were replaced')
  .source('kfdtest KFDSVMRangeTest.SplitVramRangeTest, case 4.1, extended; Q16')
  .parameters(eachNode())
  .needs('introspection')
  .needsAt(nodeFeatures)
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
    t.set(memory.range(pages(4), pages(8)), [[GRANULARITY, 3]], device);
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
  .needs('introspection', 'gpu-fault', 'virtual-clock')
  .needsAt(nodeFeatures)
  .run((t, point) => {
    const device = openNode(t, point);
    const split = SPLITS[point.split]!;
    const memory = t.map(pages(split.pages));
    for (const [index, [first, end]] of split.registrations.entries()) {
      t.set(
        memory.range(pages(first), pages(end - first)),
        [
          [PREFETCH, GPU],
          [GPU_RO, index % 2],
        ],
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
  .case('SplitVramRangeTest-unmapped', 'the attributes of pages that were on the GPU go with their mapping')
  .source('kfdtest KFDSVMRangeTest.SplitVramRangeTest, extended')
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
    t.equal(
      t.get(memory.range(), [PREFETCH, PREFERRED, ACCESS], device),
      [UNDEFINED, UNDEFINED, ALLOW_MIGRATE],
      'attributes after munmap',
    );
    t.equal(t.ranges(memory.range(), point.gpu), [], 'GPU ranges after munmap');
  });

const WINDOW = 2 << 20;
const HEAD = 64 << 10;

splitGroup
  .case(
    'SplitVramRestoreBoundaryTest',
    'the GPU reads the right pages on both sides of a split (the original runs with XNACK off only)',
  )
  .source('kfdtest KFDSVMRangeTest.SplitVramRestoreBoundaryTest')
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
    await queue.copy(result.at(pages(1)), memory.at(HEAD), pages(1));
    t.equal([result.read(0, 1)[0], result.read(pages(1), 1)[0]], [0x10, 0x20], 'first bytes of the copies');
  });

splitGroup
  .case(
    'SplitVramRestoreBoundaryTest-boundary',
    'a split of a mapped 2 MiB range: the head is read-only, the rest writable, each page one PTE',
  )
  .source('kfdtest KFDSVMRangeTest.SplitVramRestoreBoundaryTest, extended')
  .parameters(parameters().combine('head', [4096, 8192, 61440, 65536, 69632, 1048576, 2093056]))
  .needs('introspection', 'gpu-work')
  .run(async (t, { head }) => {
    const memory = t.map(WINDOW);
    register(t, memory.range(), t.device, { location: GPU });
    t.equal(t.ptes(memory.range()), 'rw*512', 'PTEs of the first registration');
    register(t, memory.range(0, head), t.device, { location: GPU, flags: [HOST, COHERENT, GPU_RO] });
    const count = head / pages(1);
    t.equal(t.ptes(memory.range(0, head)), `r*${count}`, 'PTEs of the head');
    // The split invalidates the 2 MiB range; what lies behind the head comes back when it is accessed.
    const queue = t.queue();
    await queue.fill(memory.at(head), 0x0badcafe, WINDOW - head);
    t.equal(t.ptes(memory.range()), `r*${count} rw*${512 - count}`, 'PTEs of the whole');
    await t.throws(() => queue.fill(memory.address, 1, 4), 'ERR_SVM_GPU_FAULT', 'a write to the head');
  });
