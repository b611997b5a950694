/** Which memory SET takes attributes for. */
import { CaseGroup } from '../../framework/case.ts';
import type { CaseContext } from '../../framework/context.ts';
import type { VmaKind } from '../../../device/emulated.ts';
import type { Letters, Mapping } from '../../framework/mapping.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT, EINVAL, EOPNOTSUPP } from '../../support/errno.ts';
import { getsWithoutMemory, hasWithoutMemory } from '../../support/without-memory.ts';
import { allTypes, change, defaultOf, defaults, otherOf, QUIET } from '../../support/attributes.ts';

export const vmaChecksGroup = new CaseGroup(
  'attributes,vma-checks',
  'Validation of the memory of a SET (spec/02-attributes §4.2)',
);

const SIZE = 12;
const HOLES: Readonly<Record<string, readonly (readonly [first: number, count: number])[]>> = {
  'first-page': [[0, 1]],
  begin: [[0, 4]],
  'second-page': [[1, 1]],
  middle: [[4, 4]],
  'one-page-in-the-middle': [[6, 1]],
  'page-before-last': [[10, 1]],
  end: [[8, 4]],
  'last-page': [[11, 1]],
  'begin-and-end': [
    [0, 2],
    [10, 2],
  ],
  'every-second-page': [
    [1, 1],
    [3, 1],
    [5, 1],
    [7, 1],
    [9, 1],
  ],
  all: [[0, 12]],
};

/** Twelve pages without those of the holes. */
function withHoles(t: CaseContext, name: string): Mapping {
  const memory = t.map(pages(SIZE));
  for (const [first, count] of HOLES[name]!) memory.unmap(pages(first), pages(count));
  return memory;
}

vmaChecksGroup
  .case(
    'hole',
    'one page without memory refuses the whole SET, and nothing is stored; a GET does not look at it (V4), or refuses it too',
  )
  .source('spec/02-attributes §4.2 step 5')
  .parameters(
    parameters()
      .combine('hole', Object.keys(HOLES))
      .combine('attribute', ['access', 'gpuReadOnly', 'granularity'] as const),
  )
  .run((t, { hole, attribute }) => {
    const memory = withHoles(t, hole);
    t.equal(t.trySet(memory.range(), [change(attribute)]), -EFAULT, 'result of SET_ATTR');
    const missing = (page: number): boolean =>
      HOLES[hole]!.some(([first, count]) => page >= first && page < first + count);
    for (let page = 0; page < SIZE; page++) {
      const range = memory.range(pages(page), pages(1));
      const what = `all attributes of page ${page}`;
      if (missing(page)) getsWithoutMemory(t, range, allTypes(t), defaults(t), what);
      else t.equal(t.get(range, allTypes(t)), defaults(t), what);
    }
    hasWithoutMemory(t, memory.range(), { [attribute]: defaultOf(t, attribute) }, 'the whole');
  });

vmaChecksGroup
  .case(
    'up-to-the-hole',
    'a request that ends where the memory ends, or begins where it begins, is taken; one page more is not',
  )
  .source('spec/02-attributes §4.2 step 5')
  .parameters(parameters().combine('first', [2, 3, 4, 5]).combine('count', [1, 2, 3, 4, 5, 6]))
  .run((t, { first, count }) => {
    const memory = t.map(pages(SIZE));
    memory.unmap(0, pages(3));
    memory.unmap(pages(8));
    const inside = first >= 3 && first + count <= 8;
    t.equal(
      t.trySet(memory.range(pages(first), pages(count)), { gpuExecutable: true }),
      inside ? 0 : -EFAULT,
      'result of SET_ATTR',
    );
    const has = inside ? t.has.bind(t) : hasWithoutMemory.bind(null, t);
    has(memory.range(pages(first), pages(count)), { gpuExecutable: inside }, 'GPU_EXEC afterwards');
  });

vmaChecksGroup
  .case('attributes-do-not-help', 'pages that have attributes already are checked again')
  .source('spec/02-attributes §4.2; spec/07-quirks §Q26')
  .parameters(parameters().combine('hole', Object.keys(HOLES)))
  .run((t, { hole }) => {
    const memory = t.map(pages(SIZE));
    t.set(memory.range(), { gpuExecutable: true, granularity: 5 });
    for (const [first, count] of HOLES[hole]!) memory.unmap(pages(first), pages(count));
    // Also where the records would not change.
    t.equal(t.trySet(memory.range(), { gpuExecutable: true }), -EFAULT, 'SET_ATTR of the same value');
    t.equal(t.trySet(memory.range(), { gpuExecutable: false }), -EFAULT, 'SET_ATTR of another value');
    hasWithoutMemory(t, memory.range(), { gpuExecutable: true, granularity: 5 }, 'the attributes');
  });

vmaChecksGroup
  .case('protection', 'what the CPU may do there is not looked at')
  .source('spec/02-attributes §4.2 step 5')
  .parameters(
    parameters()
      .combine('letters', ['-', 'r', 'rw', 'rx', 'rwx'] as const)
      .combine('where', ['all', 'begin', 'middle', 'end'])
      .combine('attribute', ['access', 'gpuReadOnly', 'gpuExecutable'] as const),
  )
  .run((t, { letters, where, attribute }) => {
    const memory = t.map(pages(SIZE));
    const [first, count] = { all: [0, SIZE], begin: [0, 4], middle: [4, 4], end: [8, 4] }[where] as [number, number];
    memory.protect(letters, pages(first), pages(count));
    // Without XNACK a SET that gives access maps at once, and there it meets what the CPU may not touch.
    const result = attribute === 'access' && letters === '-' && t.can('xnack-off') ? -EFAULT : 0;
    t.equal(t.trySet(memory.range(), [change(attribute)]), result, 'result of SET_ATTR');
    t.has(memory.range(), { [attribute]: otherOf(attribute) }, 'the attribute');
  });

vmaChecksGroup
  .case('many-vmas', 'a request may span any number of VMAs')
  .source('spec/02-attributes §4.2 step 5')
  .parameters(parameters().combine('pieces', [2, 3, 6, 12]).combine('last', ['mapped', 'unmapped']))
  .run((t, { pieces, last }) => {
    const memory = t.map(pages(SIZE));
    const letters: readonly Letters[] = ['r', 'rw', '-'];
    const count = SIZE / pieces;
    for (let piece = 0; piece < pieces; piece++)
      memory.protect(letters[piece % 3]!, pages(piece * count), pages(count));
    if (last === 'unmapped') memory.unmap(pages(SIZE - 1));
    t.equal(t.trySet(memory.range(), { gpuExecutable: true }), last === 'mapped' ? 0 : -EFAULT, 'result of SET_ATTR');
    if (last === 'mapped') t.has(memory.range(), { gpuExecutable: true }, 'GPU_EXEC afterwards');
    else hasWithoutMemory(t, memory.range(), { gpuExecutable: false }, 'GPU_EXEC afterwards');
  });

vmaChecksGroup
  .case('after-unmap-and-map', 'memory that is mapped again is taken')
  .source('spec/02-attributes §4.2')
  .parameters(parameters().combine('attribute', QUIET))
  .needs('address-choice')
  .run((t, { attribute }) => {
    const memory = t.map(pages(4));
    memory.unmap();
    t.equal(t.trySet(memory.range(), [change(attribute)]), -EFAULT, 'SET_ATTR without memory');
    const again = t.map(pages(4), { address: memory.address });
    t.equal(t.trySet(again.range(), [change(attribute)]), 0, 'SET_ATTR with memory');
    t.has(again.range(), { [attribute]: otherOf(attribute) }, 'the attribute');
  });

const SPECIAL = ['io', 'pfnmap', 'mixedmap'] as const;

/** Parts of four pages each, one behind the other. */
function threeParts(t: CaseContext, parts: readonly (VmaKind | 'hole')[]): { address: bigint; size: number } {
  const address = 0x4000_0000n;
  for (const [index, part] of parts.entries()) {
    if (part !== 'hole') t.map(pages(4), { kind: part, address: address + BigInt(pages(4 * index)) });
  }
  return { address, size: pages(4 * parts.length) };
}

vmaChecksGroup
  .case('special', 'VM_IO, VM_PFNMAP and VM_MIXEDMAP are refused with EOPNOTSUPP wherever they lie')
  .source('spec/02-attributes §4.2 step 5')
  .parameters(parameters().combine('kind', SPECIAL).combine('where', ['begin', 'middle', 'end', 'all']))
  .needs('special-mapping', 'address-choice')
  .run((t, { kind, where }) => {
    const parts: readonly VmaKind[] = {
      begin: [kind, 'anon', 'anon'],
      middle: ['anon', kind, 'anon'],
      end: ['anon', 'anon', kind],
      all: [kind, kind, kind],
    }[where] as VmaKind[];
    const range = threeParts(t, parts);
    t.equal(t.trySet(range, { gpuExecutable: true }), -EOPNOTSUPP, 'result of SET_ATTR');
    getsWithoutMemory(t, range, allTypes(t), defaults(t), 'all attributes of the whole', EOPNOTSUPP);
    const ordinary = parts.indexOf('anon');
    if (ordinary < 0) return;
    const part = { address: range.address + BigInt(pages(4 * ordinary)), size: pages(4) };
    t.equal(t.get(part, allTypes(t)), defaults(t), 'all attributes of an ordinary part');
    t.equal(t.trySet(part, { gpuExecutable: true }), 0, 'SET_ATTR on the ordinary part');
  });

vmaChecksGroup
  .case('first-decides', 'of a hole and a special mapping the one at the lower address decides')
  .source('spec/02-attributes §4.2 step 5')
  .parameters(
    parameters()
      .combine('kind', SPECIAL)
      .combine('order', ['hole-first', 'special-first', 'anon-hole-special', 'anon-special-hole']),
  )
  .needs('special-mapping', 'address-choice')
  .run((t, { kind, order }) => {
    const parts = {
      'hole-first': ['hole', kind],
      'special-first': [kind, 'hole'],
      'anon-hole-special': ['anon', 'hole', kind],
      'anon-special-hole': ['anon', kind, 'hole'],
    }[order] as (VmaKind | 'hole')[];
    const expected = parts.indexOf('hole') < parts.indexOf(kind) ? -EFAULT : -EOPNOTSUPP;
    const range = threeParts(t, parts);
    t.equal(t.trySet(range, { gpuExecutable: true }), expected, 'result of SET_ATTR');
    getsWithoutMemory(t, range, allTypes(t), defaults(t), 'all attributes', -expected);
  });

vmaChecksGroup
  .case('ordinary-kinds', 'anonymous, file, huge, heap and stack mappings are taken')
  .source('spec/02-attributes §4.2 step 5')
  .parameters(
    parameters()
      .combine('kind', ['anon', 'file', 'thp', 'heap', 'stack'] as const)
      .combine('letters', ['-', 'r', 'rw'] as const),
  )
  .needsAt(
    ({ kind }) =>
      (
        {
          anon: [],
          file: ['file-mapping'],
          thp: ['huge-pages'],
          heap: ['heap'],
          stack: ['stack'],
        } as const
      )[kind],
  )
  .run((t, { kind, letters }) => {
    const memory = t.map(pages(512), { kind, protection: letters });
    t.equal(t.trySet(memory.range(), { gpuExecutable: true }), 0, 'result of SET_ATTR');
    t.has(memory.range(), { gpuExecutable: true }, 'GPU_EXEC');
  });

vmaChecksGroup
  .case('once', 'the memory is looked at once for the whole request before anything is stored')
  .source('spec/02-attributes §4.2, §11')
  .parameters(parameters().combine('hole', [1, 6, 11]))
  .run((t, { hole }) => {
    const memory = t.map(pages(SIZE));
    for (let page = 0; page < SIZE; page += 2) t.set(memory.range(pages(page), pages(1)), { granularity: page });
    memory.unmap(pages(hole), pages(1));
    t.equal(t.trySet(memory.range(), { granularity: 40 }), -EFAULT, 'result of SET_ATTR');
    for (let page = 0; page < SIZE; page++) {
      const has = page === hole ? hasWithoutMemory.bind(null, t) : t.has.bind(t);
      const granularity = page % 2 === 0 ? page : 9;
      has(memory.range(pages(page), pages(1)), { granularity }, `granularity of page ${page}`);
    }
    t.equal(t.trySet(memory.range(0, pages(hole)), { granularity: 40 }), 0, 'SET_ATTR up to the hole');
  });

vmaChecksGroup
  .case('records-first', 'records are validated before the memory')
  .source('spec/02-attributes §4.1, §4.2, §11')
  .parameters(parameters().combine('hole', Object.keys(HOLES)))
  .run((t, { hole }) => {
    const memory = withHoles(t, hole);
    t.equal(t.trySet(memory.range(), { gpuExecutable: true, access: 3 }), -EINVAL, 'result of SET_ATTR');
    t.equal(
      t.trySet(memory.range(), { gpuExecutable: true, access: 'in-place' }),
      -EFAULT,
      'the call with legal records',
    );
  });
