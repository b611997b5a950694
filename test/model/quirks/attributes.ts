/** Catalogue 07-quirks, section B, first part: attributes and what the GPU sees of them. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { pages } from '../../../lib/conformance/framework/mapping.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import { EINVAL } from '../../../lib/conformance/support/errno.ts';
import { change, CHANGEABLE, typeOf } from '../../../lib/conformance/support/attributes.ts';
import { MIB, prefetched } from './region.ts';
import { REGION, region } from '../../../lib/conformance/support/region.ts';
import type { AttributePair } from '../../../lib/uapi/call.ts';

export const attributeQuirksGroup = new CaseGroup(
  'quirks,attributes',
  'Attributes and the GPU (07-quirks, Q13 to Q23)',
);

const SIZE = pages(REGION);

attributeQuirksGroup
  .case('q13-old-ptes', 'a change of PTE flags on exactly one interval leaves the installed PTEs as they were')
  .source('spec/07-quirks §Q13')
  .parameters(parameters().combine('attribute', ['gpuReadOnly', 'gpuExecutable'] as const))
  .needs('fault-handler', 'introspection', 'virtual-clock')
  .run((t, { attribute }) => {
    const memory = region(t);
    t.set(memory.range(), { access: 'allow-migrate' });
    t.access(memory.address, SIZE, { write: true });
    t.advance();
    t.set(memory.range(), [change(attribute)]);
    t.has(memory.range(), { [attribute]: 1 }, attribute);
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
  .case('q14-prefetch-inaccessible', 'a prefetch maps memory whose access is INACCESSIBLE')
  .source('spec/07-quirks §Q14')
  .parameters(parameters().combine('order', ['access-first', 'one-call', 'access-last']))
  .needs('introspection')
  .run((t, { order }) => {
    const memory = region(t);
    if (order === 'access-first') t.set(memory.range(), { access: 'inaccessible' });
    t.set(
      memory.range(),
      order === 'access-first'
        ? { prefetchLocation: 'device' }
        : order === 'one-call'
          ? { access: 'inaccessible', prefetchLocation: 'device' }
          : { prefetchLocation: 'device' },
    );
    if (order === 'access-last') t.set(memory.range(), { access: 'inaccessible' });
    t.has(memory.range(), { access: 'inaccessible' }, 'access');
    const now = t.ptes(memory.range());
    t.shows('Q14', { quirk: now === 'rw*512', correct: now === '-*512' }, 'PTEs of INACCESSIBLE memory');
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
    t.equal(t.trySet(memory.range(), { prefetchLocation: 'device' }), 0, 'result of SET_ATTR');
    stop();
    t.equal(ran, 1, 'changes at the critical moment');
    t.equal(t.trySet(memory.range(), { prefetchLocation: 'device' }), 0, 'result of its repetition');
    const now = t.ptes(memory.range());
    t.shows('Q15', { quirk: now === 'rw*1024 -*1024', correct: now === 'rw*2048' }, 'PTEs');
  });

attributeQuirksGroup
  .case('q16-repeated-prefetch', 'a prefetch that is asked for again maps nothing, although the mapping was lost')
  .source('spec/07-quirks §Q16')
  .parameters(parameters().combine('times', [1, 2, 5]).combine('part', ['whole', 'first-mib']))
  .needs('introspection')
  .needs('retry-faults')
  .run((t, { times, part }) => {
    const memory = prefetched(t);
    memory.discard();
    t.equal(t.ptes(memory.range()), '-*512', 'PTEs after the loss');
    const range = part === 'whole' ? memory.range() : memory.range(0, pages(MIB));
    for (let time = 0; time < times; time++)
      t.equal(t.trySet(range, { prefetchLocation: 'device' }), 0, 'result of the repetition');
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
    'the sticky prefetch brings PTE flags into force that would stay as they were (V4), or be cleared',
  )
  .source('spec/07-quirks §Q17, §Q13; spec/revisions §4; spec/xnack-off §2')
  .parameters(
    parameters()
      .combine('attribute', ['gpuReadOnly', 'gpuExecutable'] as const)
      .combine('location', [1, 0]),
  )
  .needs('introspection')
  .run((t, { attribute, location }) => {
    const memory = prefetched(t);
    // Without retry faults memory with access is mapped again, without it nothing is done.
    if (location === 0) t.set(memory.range(), { prefetchLocation: 'system' });
    t.set(memory.range(), [change(attribute)]);
    const letters = attribute === 'gpuReadOnly' ? 'r*512' : 'rwx*512';
    const old = t.perRevision({ v4: 'rw*512', v7: '-*512', 'v7-xnack-off': 'rw*512', v8: '-*512' });
    t.equal(t.ptes(memory.range()), location === 1 ? letters : old, 'PTEs');
  });

attributeQuirksGroup
  .case(
    'q18-system-moves-nothing',
    'SYSMEM on the whole interval leaves the GPU mapping (V4), or only invalidates as on a part',
  )
  .source('spec/07-quirks §Q18; spec/revisions §4')
  .parameters(parameters().combine('part', ['whole', 'first-mib', 'one-page']))
  .needs('introspection')
  .needs('retry-faults')
  .run((t, { part }) => {
    const memory = prefetched(t);
    const count = { whole: 512, 'first-mib': MIB, 'one-page': 1 }[part]!;
    t.set(memory.range(0, pages(count)), { prefetchLocation: 'system' });
    const now = t.ptes(memory.range());
    // Bringing a part home would leave the mapping of the rest.
    const correct = count === 512 ? '-*512' : `-*${count} rw*${512 - count}`;
    if (part === 'whole' && t.can('changes-invalidate')) t.equal(now, correct, 'PTEs after SYSMEM');
    else
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
  .needs('fault-handler', 'introspection')
  .run((t, { record }) => {
    const pair = INERT.find((each) => each.join(' ') === record)!;
    const plain = region(t);
    t.set(plain.range(), { access: 'allow-migrate' });
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
  .needs('fault-handler', 'introspection', 'virtual-clock', 'events')
  .needsAt(({ attribute }) => (attribute === 'coherent' ? ['configuration'] : []))
  .run((t, { attribute }) => {
    // COHERENT changes the memory type on other GPUs.
    if (attribute === 'coherent') t.setup({ machine: { asic: 'gfx942' } });
    const memory = region(t);
    t.set(memory.range(), { access: 'allow-migrate' });
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
    const cleared = t.can('changes-invalidate') && attribute !== 'granularity';
    t.equal(
      t.countEvents(() => t.fault(memory.address)).has('ptes-written'),
      isFlag || cleared,
      'the fault after the change writes PTEs',
    );
    t.equal(t.state().ptes, before, 'PTEs');
  });

attributeQuirksGroup
  .case('q22-unreachable', 'ordinary memory in an interval up to 2^64 cannot be faulted')
  .source('spec/07-quirks §Q22')
  .parameters(parameters().combine('page', [0, 1, 511]).combine('write', [false, true]))
  .needs('fault-handler', 'introspection')
  .run((t, { page, write }) => {
    const memory = region(t);
    t.set({ address: memory.address, size: 2n ** 64n - memory.address }, { access: 'allow-migrate' });
    const result = t.fault(memory.at(pages(page)), { write });
    const now = t.ptes(memory.range());
    t.shows(
      'Q22',
      { quirk: result === -EINVAL && now === '-*512', correct: result === 0 && now === 'rw*512' },
      'the fault',
    );
  });
