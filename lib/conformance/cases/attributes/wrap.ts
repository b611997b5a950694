/** Intervals at and beyond the end of the address space. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT, EINVAL } from '../../support/errno.ts';
import { getsWithoutMemory, hasWithoutMemory } from '../../support/without-memory.ts';
import { allTypes, change, CHANGEABLE, defaultOf, defaults, otherOf, QUIET } from '../../support/attributes.ts';

export const wrapGroup = new CaseGroup('attributes,wrap', 'Wrap-around (spec/02-attributes §10)');

const END = 2n ** 64n;

/** Pages before 2^64 at which a request begins. */
const BACK = [1, 2, 3, 512, 0x10000] as const;

wrapGroup
  .case('to-the-end', 'an interval that ends exactly at 2^64 is stored, and no VMA is asked for')
  .source('spec/02-attributes §10, row S = 2^64')
  .parameters(
    parameters()
      .combine('back', BACK)
      .combine('attribute', ['access', 'gpuReadOnly', 'granularity', 'preferredLocation'] as const),
  )
  .run((t, { back, attribute }) => {
    const range = { address: END - BigInt(pages(back)), size: pages(back) };
    t.equal(t.trySet(range, [change(attribute)]), 0, 'result of SET_ATTR');
    t.has(range, { [attribute]: otherOf(attribute) }, 'the whole interval');
    t.has({ address: END - 4096n, size: 4096 }, { [attribute]: otherOf(attribute) }, 'its last page');
    const before = { address: range.address - 4096n, size: 4096 };
    getsWithoutMemory(t, before, allTypes(t), defaults(t), 'the page before it');
  });

wrapGroup
  .case('beyond', 'SET refuses what reaches beyond 2^64; GET answers the defaults, or refuses it too')
  .source('spec/02-attributes §10, row S > 2^64; spec/revisions §4')
  .parameters(parameters().combine('back', BACK).combine('beyond', [1, 2, 3, 0x10000]).combine('operation', [0, 1]))
  .run((t, { back, beyond, operation }) => {
    const memory = t.map(pages(1));
    t.set(memory.range(), { access: 'in-place', granularity: 5 });
    t.set({ address: END - BigInt(pages(back)), size: pages(back) }, { access: 'inaccessible', granularity: 4 });
    const range = { address: END - BigInt(pages(back)), size: BigInt(pages(back + beyond)) };
    const { result, values } = t.ioctl({
      operation,
      ...range,
      attributes: { access: 'allow-migrate', granularity: 9, coherent: false },
    });
    const answered = operation === 1 && !t.can('get-walks-vmas');
    t.equal(result, answered ? 0 : -EINVAL, 'result');
    t.equal(values, answered ? [2, 9, 1] : [2, 9, 0], 'the records');
    t.has({ address: END - 4096n, size: 4096 }, { access: 'inaccessible', granularity: 4 }, 'what was set before');
  });

wrapGroup
  .case('around', 'a request from memory over the end and around to below it is refused, whatever lies there')
  .source('spec/02-attributes §10; spec/revisions §4')
  .parameters(parameters().combine('short', [1, 2, 16]).combine('attribute', CHANGEABLE))
  .run((t, { short, attribute }) => {
    const memory = t.map(pages(2));
    t.set(memory.range(), [change(attribute)]);
    // Ends `short` pages below its start.
    const range = { address: memory.address, size: END - BigInt(pages(short)) };
    t.equal(t.trySet(range, { access: 'allow-migrate' }), -EINVAL, 'result of SET_ATTR');
    getsWithoutMemory(t, range, allTypes(t), defaults(t), 'GET_ATTR over it', EINVAL);
    t.has(memory.range(), { [attribute]: otherOf(attribute) }, 'the attribute of the memory');
  });

wrapGroup
  .case('unknown-type', 'an unknown type is refused for a wrapped interval too')
  .source('spec/02-attributes §10')
  .parameters(parameters().combine('type', [12, 0xffff_ffff]).combine('operation', [0, 1]).combine('beyond', [0, 1, 2]))
  .run((t, { type, operation, beyond }) => {
    const { result, values } = t.ioctl({
      operation,
      address: END - 4096n,
      size: BigInt(pages(1 + beyond)),
      attributes: [{ access: 'in-place' }, [type, 0]],
    });
    t.equal(result, -EINVAL, 'result');
    t.equal(values, [1, 0], 'the records');
    t.has({ address: END - 4096n, size: 4096 }, { access: defaultOf(t, 'access') }, 'access of the last page');
  });

wrapGroup
  .case('from-memory', 'from a mapping up to 2^64 no VMA is checked; one page less, and the first hole is met')
  .source('spec/02-attributes §10; spec/07-quirks §Q22')
  .parameters(parameters().combine('attribute', QUIET))
  .run((t, { attribute }) => {
    const memory = t.map(pages(4));
    memory.unmap(pages(2), pages(2));
    const size = END - memory.address;
    t.equal(
      t.trySet({ address: memory.address, size: size - 4096n }, [change(attribute)]),
      -EFAULT,
      'SET_ATTR to one page before the end',
    );
    getsWithoutMemory(t, memory.range(), allTypes(t), defaults(t), 'all attributes');
    t.equal(t.get(memory.range(0, pages(2)), allTypes(t)), defaults(t), 'all attributes of the memory');
    t.equal(t.trySet({ address: memory.address, size }, [change(attribute)]), 0, 'SET_ATTR to the end');
    t.has({ address: memory.address, size }, { [attribute]: otherOf(attribute) }, 'the whole interval');
    t.has(memory.range(0, pages(2)), { [attribute]: otherOf(attribute) }, 'the memory in it');
    hasWithoutMemory(t, memory.range(), { [attribute]: otherOf(attribute) }, 'memory and hole');
  });
