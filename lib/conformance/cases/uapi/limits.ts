/** Limits of start, size, records and intervals. */
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { parameters } from '../../framework/parameters.ts';
import { EFAULT, EINVAL } from '../../support/errno.ts';
import { getsWithoutMemory } from '../../support/without-memory.ts';
import { allTypes, defaultOf, defaults } from '../../support/attributes.ts';
import type { AttributePair } from '../../../uapi/call.ts';

export const limitsGroup = new CaseGroup('uapi,limits', 'Limits of one call and of one context (spec/01-uapi §8)');

const STARTS: Readonly<Record<string, bigint>> = {
  'first-page': 0x1000n,
  'above-4-gib': 0x1_0000_0000n,
  'end-of-47-bits': 0x7fff_ffff_f000n,
  '48-bits': 0x1_0000_0000_0000n,
  'non-canonical': 0x8000_0000_0000_0000n,
  'last-page': 0xffff_ffff_ffff_f000n,
};

limitsGroup
  .case('start', 'any page but the first can be asked for; a call there fails only for want of memory')
  .source('spec/01-uapi §6, §8')
  .parameters(
    parameters()
      .combine('start', Object.keys(STARTS))
      .combine('operation', [0, 1])
      .where(({ start, operation }) => operation === 1 || start !== 'last-page'),
  )
  .run((t, { start, operation }) => {
    const range = { address: STARTS[start]!, size: 4096 };
    const { result, values } = t.ioctl({
      operation,
      ...range,
      attributes: [
        [3, 5],
        [2, 1],
      ],
    });
    // Where the end is 2^64 no revision walks over the memory.
    const refused = start !== 'last-page' && (operation === 0 || t.can('get-walks-vmas'));
    t.equal(result, refused ? -EFAULT : 0, 'result');
    t.equal(values, refused ? [5, 1] : [9, defaultOf(t, 'access')], 'the records');
    if (start === 'last-page') t.equal(t.get(range, allTypes(t)), defaults(t), 'all attributes afterwards');
    else getsWithoutMemory(t, range, allTypes(t), defaults(t), 'all attributes afterwards');
  });

limitsGroup
  .case('size', 'sizes up to 2^64 - 4096 are sizes: a call fails where the memory ends, or never looks there')
  .source('spec/01-uapi §8')
  .parameters(
    parameters()
      .combine('size', ['0x100000', '0x40000000', '0x10000000000', '0x8000000000000000', '0xfffffffffffff000'])
      .combine('operation', [0, 1]),
  )
  .run((t, { size, operation }) => {
    const memory = t.map(pages(2));
    memory.unmap(pages(1), pages(1));
    const range = { address: memory.address, size: BigInt(size) };
    const wraps = range.address + range.size > 2n ** 64n;
    const { result, values } = t.ioctl({ operation, ...range, attributes: [[3, 5]] });
    const answered = operation === 1 && !t.can('get-walks-vmas');
    t.equal(result, answered ? 0 : wraps ? -EINVAL : -EFAULT, 'result');
    t.equal(values, [answered ? 9 : 5], 'the records');
    t.equal(t.get(memory.range(0, pages(1)), [3]), [9], 'granularity afterwards');
  });

limitsGroup
  .case('records-used', 'all of 1 to 64 records are applied, the last one too')
  .source('spec/01-uapi §8; spec/02-attributes §4.9')
  .parameters(parameters().combine('count', [1, 2, 3, 12, 31, 32, 33, 63, 64]))
  .run((t, { count }) => {
    const memory = t.map(pages(1));
    const attributes = Array.from({ length: count }, (_, index): AttributePair => [3, (index + 20) % 64]);
    t.set(memory.range(), attributes);
    // That of the last record.
    const expected = (count + 19) % 64;
    t.equal(
      t.get(
        memory.range(),
        Array.from({ length: count }, () => 3),
      ),
      Array.from({ length: count }, () => expected),
      'granularity',
    );
  });

limitsGroup
  .case('many-intervals', 'a context takes as many attribute intervals as there are pages')
  .source('spec/01-uapi §8')
  .parameters(parameters().combine('pages', [64, 256]).combine('order', ['up', 'down', 'inside-out']))
  .run((t, { pages: count, order }) => {
    const memory = t.map(pages(count));
    for (let step = 0; step < count; step++) {
      const middle = count / 2;
      const insideOut = step % 2 === 0 ? middle + step / 2 : middle - (step + 1) / 2;
      const page = order === 'up' ? step : order === 'down' ? count - 1 - step : insideOut;
      t.set(memory.range(pages(page), pages(1)), [[3, page % 64]]);
    }
    const seen = Array.from({ length: count }, (_, page) => t.get(memory.range(pages(page), pages(1)), [3])[0]);
    t.equal(
      seen,
      Array.from({ length: count }, (_, page) => page % 64),
      'granularity, page by page',
    );
  });

limitsGroup
  .case('page-edges', 'an attribute reaches exactly the pages of its interval')
  .source('spec/02-attributes §4, §7')
  .parameters(parameters().combine('first', [0, 1, 7, 511, 512, 513]).combine('count', [1, 2, 511, 512, 513]))
  .run((t, { first, count }) => {
    const memory = t.map(pages(1536));
    t.set(memory.range(pages(first), pages(count)), [[9, 1]]);
    t.equal(t.get(memory.range(pages(first), pages(count)), [9]), [1], 'the interval');
    for (const [page, expected] of [
      [first - 1, 0],
      [first, 1],
      [first + count - 1, 1],
      [first + count, 0],
    ] as const) {
      if (page >= 0) t.equal(t.get(memory.range(pages(page), pages(1)), [9]), [expected], `page ${page}`);
    }
  });
