/** Catalogue 07-quirks, section B, first part: attributes and what the GPU sees of them. */
import { CaseGroup } from '../../framework/case.ts';
import type { AttributePair, CaseContext } from '../../framework/context.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT, EINVAL } from '../../support/errno.ts';
import { GpuFaultError } from '../../../device/index.ts';
import { change, CHANGEABLE, typeOf } from '../../support/attributes.ts';
import { MIB, prefetched, REGION, region } from './region.ts';

export const attributeQuirksGroup = new CaseGroup(
  'quirks,attributes',
  'Attributes and the GPU (07-quirks, Q13 to Q23)',
);

const SIZE = pages(REGION);

/** Whether the GPU can do it. */
async function succeeds(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (error instanceof GpuFaultError) return false;
    throw error;
  }
}

attributeQuirksGroup
  .case('q13-old-ptes', 'a change of PTE flags on exactly one interval leaves the installed PTEs as they were')
  .source('spec/07-quirks §Q13')
  .parameters(parameters().combine('attribute', ['gpuReadOnly', 'gpuExecutable'] as const))
  .needs('gpu-fault', 'introspection', 'virtual-clock')
  .run((t, { attribute }) => {
    const memory = region(t);
    t.set(memory.range(), [[2, 2]]);
    t.access(memory.address, SIZE, { write: true });
    t.advance();
    t.set(memory.range(), [change(attribute)]);
    t.equal(t.get(memory.range(), [typeOf(attribute)]), [1], attribute);
    const now = t.ptes(memory.range());
    t.shows(
      'Q13',
      {
        quirk: now === 'rw*512',
        correct: now === '-*512' || now === (attribute === 'gpuReadOnly' ? 'r*512' : 'rwx*512'),
      },
      'PTEs after the change',
    );
  });

attributeQuirksGroup
  .case('q13-write-to-read-only', 'after GPU_RO was set on exactly the region, a GPU that wrote before goes on writing')
  .source('spec/07-quirks §Q13')
  .needs('gpu-work')
  .run(async (t) => {
    const memory = region(t);
    t.set(memory.range(), [[2, 2]]);
    const queue = t.queue();
    await queue.fill(memory.address, 0x2222_2222, SIZE);
    t.equal(memory.read(pages(7), 1)[0], 0x22, 'the first write of the GPU');
    t.set(memory.range(), [[8, 1]]);
    const wrote = await succeeds(() => queue.fill(memory.address, 0x3333_3333, 4096));
    const seen = memory.read(0, 1)[0];
    t.shows('Q13', { quirk: wrote && seen === 0x33, correct: !wrote && seen === 0x22 }, 'the write after GPU_RO');
  });

attributeQuirksGroup
  .case('q14-prefetch-inaccessible', 'a prefetch maps memory whose access is INACCESSIBLE')
  .source('spec/07-quirks §Q14')
  .parameters(parameters().combine('order', ['access-first', 'one-call', 'access-last']))
  .needs('introspection')
  .run((t, { order }) => {
    const memory = region(t);
    if (order === 'access-first') t.set(memory.range(), [[2, 0]]);
    t.set(
      memory.range(),
      order === 'access-first'
        ? [[1, 1]]
        : order === 'one-call'
          ? [
              [2, 0],
              [1, 1],
            ]
          : [[1, 1]],
    );
    if (order === 'access-last') t.set(memory.range(), [[2, 0]]);
    t.equal(t.get(memory.range(), [2]), [0], 'access');
    const now = t.ptes(memory.range());
    t.shows('Q14', { quirk: now === 'rw*512', correct: now === '-*512' }, 'PTEs of INACCESSIBLE memory');
  });

attributeQuirksGroup
  .case('q14-fault-inaccessible', 'the GPU can read and write memory whose access is INACCESSIBLE')
  .source('spec/07-quirks §Q14')
  .parameters(parameters().combine('write', [false, true]))
  .needs('gpu-work')
  .run(async (t, { write }) => {
    const memory = region(t);
    t.set(memory.range(), [[2, 0]]);
    const queue = t.queue();
    let read: number | undefined;
    const done = await succeeds(async () => {
      if (write) await queue.fill(memory.address, 0x4444_4444, 4096);
      else read = (await queue.read(memory.address, 4))[0];
    });
    const seen = write ? memory.read(0, 1)[0] : read;
    t.shows('Q14', { quirk: done && seen === (write ? 0x44 : 0x11), correct: !done }, 'the access');
  });

attributeQuirksGroup
  .case(
    'q15-lost-prefetch',
    'a prefetch that meets a change of its pages returns 0 and leaves the rest unmapped; so does its repetition',
  )
  .source('spec/07-quirks §Q15')
  .needs('preemption', 'introspection')
  .run((t) => {
    const memory = region(t, 4 * REGION);
    let ran = 0;
    const stop = t.machine.at(
      'pages-got',
      () => {
        ran++;
        memory.discard(2 * SIZE, SIZE);
      },
      { pass: 3 },
    );
    t.equal(t.trySet(memory.range(), [[1, 1]]), 0, 'result of SET_ATTR');
    stop();
    t.equal(ran, 1, 'changes at the critical moment');
    t.equal(t.trySet(memory.range(), [[1, 1]]), 0, 'result of its repetition');
    const now = t.ptes(memory.range());
    t.shows('Q15', { quirk: now === 'rw*1024 -*1024', correct: now === 'rw*2048' }, 'PTEs');
  });

attributeQuirksGroup
  .case('q16-repeated-prefetch', 'a prefetch that is asked for again maps nothing, although the mapping was lost')
  .source('spec/07-quirks §Q16')
  .parameters(parameters().combine('times', [1, 2, 5]).combine('part', ['whole', 'first-mib']))
  .needs('introspection')
  .run((t, { times, part }) => {
    const memory = prefetched(t);
    memory.discard();
    t.equal(t.ptes(memory.range()), '-*512', 'PTEs after the loss');
    const range = part === 'whole' ? memory.range() : memory.range(0, pages(MIB));
    for (let time = 0; time < times; time++) t.equal(t.trySet(range, [[1, 1]]), 0, 'result of the repetition');
    const now = t.ptes(range);
    const count = range.size / 4096;
    t.shows('Q16', { quirk: now === `-*${count}`, correct: now === `rw*${count}` }, 'PTEs after the repetition');
  });

attributeQuirksGroup
  .case('q17-sticky-prefetch', 'once prefetched, any effective change of an attribute maps the interval again')
  .source('spec/07-quirks §Q17')
  .parameters(
    parameters().combine(
      'attribute',
      CHANGEABLE.filter((name) => name !== 'prefetchLocation' && name !== 'gpuReadOnly' && name !== 'gpuExecutable'),
    ),
  )
  .needs('introspection')
  .run((t, { attribute }) => {
    const memory = prefetched(t);
    memory.discard();
    t.set(memory.range(), [change(attribute)]);
    const now = t.ptes(memory.range());
    t.shows('Q17', { quirk: now === 'rw*512', correct: now === '-*512' }, `PTEs after a change of ${attribute}`);
  });

attributeQuirksGroup
  .case(
    'q17-sticky-prefetch-enforces-flags',
    'the sticky prefetch brings PTE flags into force that would stay as they were',
  )
  .source('spec/07-quirks §Q17, §Q13')
  .parameters(
    parameters()
      .combine('attribute', ['gpuReadOnly', 'gpuExecutable'] as const)
      .combine('location', [1, 0]),
  )
  .needs('introspection')
  .run((t, { attribute, location }) => {
    const memory = prefetched(t);
    if (location === 0) t.set(memory.range(), [[1, 0]]);
    t.set(memory.range(), [change(attribute)]);
    const letters = attribute === 'gpuReadOnly' ? 'r*512' : 'rwx*512';
    t.equal(t.ptes(memory.range()), location === 1 ? letters : 'rw*512', 'PTEs');
  });

attributeQuirksGroup
  .case('q18-no-way-back', 'a prefetch location can not become UNDEFINED again')
  .source('spec/07-quirks §Q18')
  .parameters(parameters().combine('before', ['nothing', 'system', 'gpu']))
  .run((t, { before }) => {
    const memory = t.map(pages(4));
    if (before !== 'nothing') t.set(memory.range(), [[1, before === 'gpu' ? 1 : 0]]);
    const result = t.trySet(memory.range(), [[1, 0xffff_ffff]]);
    t.shows('Q18', { quirk: result === -EINVAL, correct: result === 0 }, 'SET_ATTR of UNDEFINED');
  });

attributeQuirksGroup
  .case(
    'q18-system-moves-nothing',
    'SYSMEM on the whole interval leaves the GPU mapping; on a part it only splits and invalidates',
  )
  .source('spec/07-quirks §Q18')
  .parameters(parameters().combine('part', ['whole', 'first-mib', 'one-page']))
  .needs('introspection')
  .run((t, { part }) => {
    const memory = prefetched(t);
    const count = { whole: 512, 'first-mib': MIB, 'one-page': 1 }[part]!;
    t.set(memory.range(0, pages(count)), [[1, 0]]);
    const now = t.ptes(memory.range());
    // Bringing a part home would leave the mapping of the rest.
    const correct = count === 512 ? '-*512' : `-*${count} rw*${512 - count}`;
    t.shows(
      'Q18',
      { quirk: now === (part === 'whole' ? 'rw*512' : '-*512'), correct: now === correct },
      'PTEs after SYSMEM',
    );
    t.equal(t.ranges(memory.range()).length, part === 'whole' ? 1 : 0, 'ranges');
  });

const INERT: readonly AttributePair[] = [
  [0, 0],
  [0, 1],
  [3, 0],
  [3, 4],
  [2, 0],
  [2, 1],
  [4, 0],
  [7, 1],
  [10, 1],
];

attributeQuirksGroup
  .case(
    'q19-inert',
    'preferred location, granularity, access, HOST_ACCESS, HIVE_LOCAL and READ_MOSTLY change nothing about what a fault maps',
  )
  .source('spec/07-quirks §Q19')
  .parameters(
    parameters().combine(
      'record',
      INERT.map((pair) => pair.join(' ')),
    ),
  )
  .needs('gpu-fault', 'introspection')
  .run((t, { record }) => {
    const pair = INERT.find((each) => each.join(' ') === record)!;
    const plain = region(t);
    t.set(plain.range(), [[2, 2]]);
    const memory = region(t);
    t.set(memory.range(), [pair]);
    for (const each of [plain, memory]) t.equal(t.fault(each.at(pages(5)), { write: true }), 0, 'result of the fault');
    const flags = t.state().ptes.map((run) => run.flags);
    t.equal(new Set(flags).size, 1, 'kinds of PTEs');
    const seen = [t.ranges(memory.range()), t.ptes(memory.range())];
    const granular = pair[0] === 3 ? pages(2 ** pair[1]) : SIZE;
    const only = pair[0] === 3 && t.ranges(memory.range())[0]?.[1] === granular;
    t.shows('Q19', { quirk: seen[1] === 'rw*512', correct: only || seen[1] === '-*512' }, 'what the fault mapped');
  });

attributeQuirksGroup
  .case('q19-rewritten', 'a changed flag makes the next fault write the same PTEs again, an unchanged record does not')
  .source('spec/07-quirks §Q19; spec/03-gpu-ranges §B.9')
  .parameters(
    parameters().combine('attribute', [
      'hostAccess',
      'hiveLocal',
      'gpuReadMostly',
      'coherent',
      'granularity',
      'access',
      'preferredLocation',
    ] as const),
  )
  .needs('gpu-fault', 'introspection', 'virtual-clock', 'events')
  .needsAt(({ attribute }) => (attribute === 'coherent' ? ['configuration'] : []))
  .run((t, { attribute }) => {
    // COHERENT changes the memory type on other GPUs.
    if (attribute === 'coherent') t.setup({ machine: { asic: 'gfx942' } });
    const memory = region(t);
    t.set(memory.range(), [[2, 2]]);
    t.access(memory.address, SIZE, { write: true });
    const before = t.state().ptes;
    t.advance();
    t.equal(
      t.countEvents(() => t.fault(memory.address)).get('ptes-written') ?? 0,
      0,
      'writes of a fault that finds all as it should be',
    );
    t.set(memory.range(), [change(attribute)]);
    const isFlag = typeOf(attribute) >= 4;
    t.equal(
      t.countEvents(() => t.fault(memory.address)).has('ptes-written'),
      isFlag,
      'the fault after the change writes PTEs',
    );
    t.equal(t.state().ptes, before, 'PTEs');
  });

/** An interval, a hole behind it, and a page that can not be collected at this page. */
function twoSegments(t: CaseContext, badPage: number): { result: number; first: number[]; second: number[] } {
  const memory = region(t, 2 * REGION);
  t.set(memory.range(0, SIZE), [[9, 1]]);
  memory.protect('-', pages(badPage), pages(1));
  const result = t.trySet(memory.range(), [[1, 1]]);
  return { result, first: t.get(memory.range(0, SIZE), [1, 9]), second: t.get(memory.range(SIZE), [1, 9]) };
}

attributeQuirksGroup
  .case('q20-partial-set', 'a SET that fails leaves what it did before and the record at which it failed')
  .source('spec/07-quirks §Q20')
  .parameters(parameters().combine('page', [0, 32, 511, 512, 600, 1023]))
  .run((t, { page }) => {
    const { result, first, second } = twoSegments(t, page);
    t.equal(result, -EFAULT, 'result of SET_ATTR');
    const UNDEFINED = 0xffff_ffff;
    const quirk = first[0] === 1 && second[0] === (page < 512 ? UNDEFINED : 1);
    t.shows(
      'Q20',
      { quirk, correct: first[0] === UNDEFINED && second[0] === UNDEFINED },
      'prefetch locations afterwards',
    );
    t.equal([first[1], second[1]], [1, 0], 'GPU_EXEC of both');
  });

attributeQuirksGroup
  .case('q22-no-validation-to-the-end', 'an interval up to 2^64 is taken although most of it is not mapped')
  .source('spec/07-quirks §Q22')
  .parameters(parameters().combine('attribute', ['access', 'gpuReadOnly', 'preferredLocation'] as const))
  .run((t, { attribute }) => {
    const memory = region(t);
    const range = { address: memory.address, size: 2n ** 64n - memory.address };
    const result = t.trySet(range, [change(attribute)]);
    t.shows('Q22', { quirk: result === 0, correct: result === -EFAULT }, 'SET_ATTR up to 2^64');
  });

attributeQuirksGroup
  .case('q22-unreachable', 'ordinary memory in an interval up to 2^64 can not be faulted')
  .source('spec/07-quirks §Q22')
  .parameters(parameters().combine('page', [0, 1, 511]).combine('write', [false, true]))
  .needs('gpu-fault', 'introspection')
  .run((t, { page, write }) => {
    const memory = region(t);
    t.set({ address: memory.address, size: 2n ** 64n - memory.address }, [[2, 2]]);
    const result = t.fault(memory.at(pages(page)), { write });
    const now = t.ptes(memory.range());
    t.shows(
      'Q22',
      { quirk: result === -EINVAL && now === '-*512', correct: result === 0 && now === 'rw*512' },
      'the fault',
    );
  });

attributeQuirksGroup
  .case('q23-get-wrapped', 'a GET that reaches beyond 2^64 answers the defaults, where the SET is refused')
  .source('spec/07-quirks §Q23')
  .parameters(parameters().combine('start', ['last-page', 'memory']))
  .run((t, { start }) => {
    const memory = t.map(pages(4));
    t.set(memory.range(), [
      [2, 0],
      [3, 4],
      [5, 0],
    ]);
    const range =
      start === 'memory'
        ? { address: memory.address, size: 2n ** 64n - 4096n }
        : { address: 2n ** 64n - 4096n, size: 8192 };
    t.equal(t.trySet(range, [[2, 2]]), -EINVAL, 'result of SET_ATTR');
    const { result, values } = t.ioctl({
      operation: 1,
      ...range,
      attributes: [
        [2, 7],
        [3, 7],
        [5, 7],
      ],
    });
    t.shows(
      'Q23',
      { quirk: result === 0 && values.join() === '2,9,1', correct: result === -EINVAL && values.join() === '7,7,7' },
      'GET_ATTR',
    );
  });
