/** Faults on memory without attributes: the interval that they make, by VMA, granularity and neighbours. */
import { CaseGroup } from '../../../lib/conformance/framework/case.ts';
import { ENOMEM, EOPNOTSUPP, EPERM } from '../../../lib/conformance/support/errno.ts';
import { parameters } from '../../../lib/conformance/framework/parameters.ts';
import {
  answerOf,
  answerWithoutMemory,
  effects,
  intervals,
  mapAgain,
  NEEDS_EFFECTS,
  NEEDS_FAULTS,
  NEEDS_TIME,
  region,
} from '../support/scene.ts';
import { CHUNK_2M, PAGE } from '../../../lib/conformance/support/units.ts';
import { SvmAttributeType } from '../../../lib/uapi/constants.ts';

export const defaultsGroup = new CaseGroup(
  'faults,defaults',
  'The interval that a fault makes on memory without attributes (spec/05-faults §4)',
);

const UNDEFINED = 0xffff_ffff;

defaultsGroup
  .case('granule', 'the interval is the aligned granule of the default granularity around the page, inside the VMA')
  .source('spec/05-faults §4 step 5')
  .parameters(
    parameters()
      .combine('granularity', [0, 1, 4, 8, 9, 10, 27])
      .combine('page', [0, 1, 255, 511, 512, 700, 1023])
      .combine('vma', ['0 1536', '100 900', '512 1024'])
      .where(({ page, vma }) => page >= Number(vma.split(' ')[0]) && page < Number(vma.split(' ')[1])),
  )
  .needs(...NEEDS_FAULTS, 'configuration', 'address-choice')
  .run((t, { granularity, page, vma }) => {
    t.setup({ machine: { defaultGranularity: granularity } });
    const [start, end] = vma.split(' ').map(Number) as [number, number];
    // Aligned to every granule that is smaller than the memory.
    const base = { address: 1n << 40n };
    t.map((end - start) * PAGE, { address: base.address + BigInt(start * PAGE) });
    t.equal(t.fault(base.address + BigInt(page * PAGE)), 0, 'fault');
    const granule = 2 ** granularity;
    const first = page - (page % granule);
    t.equal(
      intervals(t, base),
      [[Math.max(first, start), Math.min(first + granule, end) - 1, 3]],
      'attribute intervals',
    );
  });

defaultsGroup
  .case('hole', 'the interval fills the hole between its neighbours and leaves them alone')
  .source('spec/05-faults §4 step 5')
  .parameters(
    parameters().combine('below', [-1, 0, 99, 199]).combine('above', [201, 300, 511, 512]).combine('page', [200]),
  )
  .needs(...NEEDS_FAULTS)
  .run((t, { below, above, page }) => {
    const memory = t.map(2 * CHUNK_2M);
    if (below >= 0) t.set(memory.range(below * PAGE, PAGE), { gpuExecutable: true });
    t.set(memory.range(above * PAGE, PAGE), { gpuReadOnly: true });
    t.equal(t.fault(memory.at(page * PAGE)), 0, 'fault');
    const made: [number, number, number] = [below + 1, Math.min(above, 512) - 1, 3];
    const expected: [number, number, number][] = [
      ...(below < 0 ? [] : [[below, below, 0x23] as [number, number, number]]),
      made,
      [above, above, 0x13],
    ];
    t.equal(intervals(t, memory), expected, 'attribute intervals');
  });

defaultsGroup
  .case('record', 'the interval has the default record; only heap and stack prefer the system')
  .source('spec/05-faults §4 steps 1 and 3; spec/02-attributes §2')
  .parameters(
    parameters()
      .combine('kind', ['anon', 'file', 'thp', 'heap', 'stack'])
      .combine('granularity', [0, 9, 12])
      .combine('write', [false, true]),
  )
  .needs(...NEEDS_FAULTS, 'configuration', 'file-mapping', 'huge-pages', 'heap', 'stack')
  .run((t, { kind, granularity, write }) => {
    t.setup({ machine: { defaultGranularity: granularity } });
    const memory = t.map(CHUNK_2M, { kind });
    const types = [
      SvmAttributeType.preferredLocation,
      SvmAttributeType.prefetchLocation,
      SvmAttributeType.access,
      SvmAttributeType.granularity,
      SvmAttributeType.hostAccess,
      SvmAttributeType.coherent,
      SvmAttributeType.extCoherent,
      SvmAttributeType.hiveLocal,
      SvmAttributeType.gpuReadOnly,
      SvmAttributeType.gpuExecutable,
      SvmAttributeType.gpuReadMostly,
      SvmAttributeType.gpuAlwaysMapped,
    ].slice(0, t.attributes.length);
    const defaults = [UNDEFINED, UNDEFINED, 2, granularity, 1, 1, 0, 0, 0, 0, 0, 0].slice(0, t.attributes.length);
    t.equal(t.get(memory, types), defaults, 'attributes before');
    t.equal(t.fault(memory.address, { write }), 0, 'fault');
    const preferred = kind === 'heap' || kind === 'stack' ? 0 : UNDEFINED;
    t.equal(t.get(memory.range(0, PAGE), types), [preferred, ...defaults.slice(1)], 'attributes afterwards');
    t.equal(t.state().attributes.length, 1, 'number of intervals');
  });

defaultsGroup
  .case('heap-neighbour', 'memory next to the heap or the stack is not taken for it')
  .source('spec/05-faults §4 step 3')
  .parameters(parameters().combine('kind', ['heap', 'stack']).combine('side', ['below', 'above', 'inside']))
  .needs(...NEEDS_FAULTS, 'heap', 'stack', 'address-choice')
  .run((t, { kind, side }) => {
    const memory = t.map(CHUNK_2M, { kind });
    const offset = side === 'below' ? -CHUNK_2M : side === 'above' ? CHUNK_2M : 0;
    if (side !== 'inside') t.map(CHUNK_2M, { address: memory.at(offset) });
    t.equal(t.fault(memory.at(offset)), 0, 'fault');
    t.has(
      { address: memory.at(offset), size: CHUNK_2M },
      { preferredLocation: side === 'inside' ? 'system' : 'undefined' },
      'PREFERRED_LOC',
    );
  });

defaultsGroup
  .case('registered', 'where there is an interval none is made, and its record counts')
  .source('spec/05-faults §4')
  .parameters(parameters().combine('kind', ['anon', 'heap', 'stack']))
  .needs(...NEEDS_FAULTS, 'heap', 'stack')
  .run((t, { kind }) => {
    const memory = t.map(CHUNK_2M, { kind });
    t.set(memory.range(0, 16 * PAGE), { gpuExecutable: true });
    t.equal(t.fault(memory.at(5 * PAGE)), 0, 'fault');
    t.equal([intervals(t, memory), t.ptes(memory)], [[[0, 15, 0x23]], 'rwx*16 -*496'], 'intervals and PTEs');
    t.has(memory.range(0, PAGE), { preferredLocation: 'undefined' }, 'PREFERRED_LOC');
  });

defaultsGroup
  .case(
    'refused-vma',
    'VM_IO, VM_PFNMAP and VM_MIXEDMAP memory without attributes is refused before anything is made or its permission is looked at',
  )
  .source('spec/05-faults §4 step 2')
  .parameters(
    parameters()
      .combine('kind', ['io', 'pfnmap', 'mixedmap'])
      .combine('protection', ['-', 'r', 'rw'])
      .combine('write', [false, true]),
  )
  .needs(...NEEDS_EFFECTS, 'special-mapping')
  .run((t, { kind, protection, write }) => {
    const memory = t.map(CHUNK_2M, { kind, protection });
    t.equal(
      answerOf(t, () => t.fault(memory.address, { write })),
      [-EOPNOTSUPP, 'vma-refused'],
      'answer',
    );
    t.equal([t.state().attributes, t.state().notifiers], [[], []], 'intervals and notifiers');
  });

defaultsGroup
  .case('no-vma', 'an address without VMA is answered 0 and leaves nothing')
  .source('spec/05-faults §4 step 2; quirk Q54')
  .parameters(parameters().combine('where', ['zero', 'below', 'above', 'hole', 'end']).combine('write', [false, true]))
  .needs(...NEEDS_EFFECTS)
  .run((t, { where, write }) => {
    const memory = t.map(3 * CHUNK_2M);
    memory.unmap(CHUNK_2M, CHUNK_2M);
    const addresses = {
      zero: 0n,
      below: memory.address - 4096n,
      above: memory.at(3 * CHUNK_2M),
      hole: memory.at(CHUNK_2M),
      end: (1n << 64n) - 4096n,
    };
    t.equal(
      answerOf(t, () => t.fault(addresses[where], { write })),
      [0, 'no-vma'],
      'answer',
    );
    t.equal([t.state().attributes, t.state().ranges, t.state().notifiers], [[], [], []], 'what is left');
    t.equal(t.fault(memory.address), 0, 'fault next to it');
    t.equal(t.ptes(memory), 'rw*512 -*1024', 'PTEs');
  });

defaultsGroup
  .case('kept-on-failure', 'the interval stays when the access is killed after it was made')
  .source('spec/05-faults §4, §9; quirk Q28')
  .parameters(parameters().combine('failure', ['permission', 'notifier', 'range', 'commit', 'pages']))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { failure }) => {
    const memory = t.map(CHUNK_2M, { protection: failure === 'permission' ? '-' : 'rw' });
    const { failures } = t.gpu();
    if (failure === 'notifier') failures.plan('allocate-notifier', 'ENOMEM');
    if (failure === 'range') failures.plan('allocate-range', 'ENOMEM');
    if (failure === 'commit') failures.plan('write-ptes', 'ENOMEM');
    if (failure === 'pages') failures.plan('collect-pages', 'ENOMEM');
    t.equal(
      t.fault(memory.at(7 * PAGE)),
      failure === 'permission' ? -EPERM : failure === 'pages' ? answerWithoutMemory(t)[0] : -ENOMEM,
      'fault',
    );
    t.equal([intervals(t, memory), t.ptes(memory)], [[[0, 511, 3]], '-*512'], 'intervals and PTEs');
  });

defaultsGroup
  .case('no-memory', 'without memory for the interval the access is killed before its permission is looked at')
  .source('spec/05-faults §4 step 6')
  .parameters(parameters().combine('protection', ['-', 'rw']))
  .needs(...NEEDS_EFFECTS, 'failure-injection')
  .run((t, { protection }) => {
    const memory = t.map(CHUNK_2M, { protection });
    t.gpu().failures.plan('allocate-interval', 'ENOMEM');
    t.equal(
      answerOf(t, () => t.fault(memory.address)),
      [-ENOMEM, 'no-memory'],
      'answer',
    );
    t.equal(intervals(t, memory), [], 'intervals');
    t.equal(t.fault(memory.address), protection === '-' ? -EPERM : 0, 'the next fault');
  });

defaultsGroup
  .case(
    'collected-first',
    'the interval is looked up before the collection, and made again by the fault after it; from V5 on it stays',
  )
  .source('spec/05-faults §4, §10; quirk Q32; spec/revisions §4')
  .needs(...NEEDS_TIME, 'events', 'address-choice')
  .run((t) => {
    const memory = region(t);
    t.equal(t.fault(memory.address), 0, 'fault');
    memory.unmap();
    mapAgain(t, memory);
    // The old interval is found, then collected, then used: the tree has a hole there afterwards.
    t.equal(
      effects(t, memory, () => t.fault(memory.address), ['range-removed', 'ptes-written']),
      ['range- 0+512', 'pte 0+512'],
      'effects',
    );
    t.equal(intervals(t, memory), t.can('attributes-survive-unmap') ? [[0, 511, 3]] : [], 'intervals');
    t.advance();
    memory.discard();
    t.equal(t.fault(memory.address), 0, 'the next fault');
    t.equal(intervals(t, memory), [[0, 511, 3]], 'intervals after it');
  });
