import { describe, expect, it } from 'vitest';
import { explainTrace } from './explain.ts';
import { parseTrace } from '../format/parse-trace.ts';

function story(...operations: object[]): string[] {
  const told: string[] = [];
  explainTrace(
    parseTrace('test', [{ config: {} }, ...operations].map((each) => JSON.stringify(each)).join('\n')),
    (line) => told.push(line),
  );
  return told;
}

const V = '0x10000000';
const mmap = { mmap: { addr: V, len: '0x200000', prot: 'rw', kind: 'anon' } };
const access = (len: string): object => ({ access: { addr: V, len, write: true } });

describe('a refusal is told with its rule', () => {
  it.each<[object, RegExp]>([
    [
      { mmap: { addr: '0x10100000', len: '0x1000', prot: 'rw', kind: 'anon' } },
      /EEXIST - something is mapped there already/,
    ],
    [{ mmap: { addr: '0x0', len: '0x1000', prot: 'rw', kind: 'anon' } }, /EPERM - nothing may be mapped at address 0/],
    [{ munmap: { addr: '0x1', len: '0x1000' } }, /EINVAL - address and size must be multiples of 4096/],
    [{ mprotect: { addr: V, len: '0x400000', prot: 'r' } }, /ENOMEM - a part of it is not mapped/],
    [{ dontneed: { addr: V, len: '0x400000' } }, /ENOMEM - parts of it are not mapped/],
    [{ touch: { addr: '0x20000000', len: '0x1000', write: false } }, /EFAULT - nothing is mapped there/],
    [
      { set: { addr: '0x10000001', size: '0x1000', attrs: [[2, 1]] } },
      /EINVAL - the address must be a multiple of 4096/,
    ],
    [
      { set: { addr: V, size: '0x1000', attrs: [[1, 0xffff_ffff]] } },
      /EINVAL - prefetchLocation "undefined" is refused: a prefetch location cannot be unset\.$/,
    ],
    [{ set: { addr: V, size: '0x1000', attrs: [[11, 1]] } }, /EINVAL - gpuAlwaysMapped true is refused\.$/],
    [{ set: { addr: V, size: '0x1000', attrs: [[99, 1]] } }, /EINVAL - attribute type 99 is unknown/],
    [{ set: { addr: '0x30000000', size: '0x1000', attrs: [[2, 1]] } }, /EFAULT - a page of the range is not mapped/],
    [{ get: { addr: V, size: '0x1000', types: [2, 99] } }, /EINVAL - attribute type 99 is unknown/],
    [
      { ioctl: { op: 7, addr: V, size: '0x1000', nattr: 1, ptr: 'ok', attrs: [[2, 1]] } },
      /EINVAL - operation 7 is unknown\.$/,
    ],
    [
      { ioctl: { op: 0, addr: V, size: '0x1000', nattr: 0, ptr: 'ok', attrs: [] } },
      /EINVAL - there must be 1 to 64 attributes/,
    ],
    [
      { ioctl: { op: 0, addr: V, size: '0x1000', nattr: 1, ptr: 'null', attrs: [] } },
      /EINVAL - the attribute pointer must not be 0/,
    ],
    [
      { ioctl: { op: 0, addr: V, size: '0x1000', nattr: 1, ptr: 'bad', attrs: [] } },
      /EFAULT - the attributes cannot be read/,
    ],
    [
      { ioctl: { op: 1, addr: V, size: '0x1000', nattr: 1, ptr: 'ro', attrs: [[2, 0]] } },
      /EFAULT - the values cannot be written/,
    ],
  ])('%j', (operation, sentence) => {
    expect(story(mmap, operation)[2]).toMatch(sentence);
  });
});

describe('what an operation did not do is told, too', () => {
  it.each<[string, object[], RegExp]>([
    [
      'a change that no notifier covers',
      [mmap, { munmap: { addr: V, len: '0x200000' } }],
      /The driver hears nothing of it/,
    ],
    [
      'a second event on a range',
      [
        mmap,
        access('0x1000'),
        { dontneed: { addr: V, len: '0x1000' } },
        { dontneed: { addr: '0x10001000', len: '0x1000' } },
      ],
      /No GPU range there is marked mapped, so no PTE is cleared\./,
    ],
    [
      'attributes that are there already',
      [
        mmap,
        { set: { addr: V, size: '0x1000', attrs: [[2, 1]] } },
        { set: { addr: V, size: '0x1000', attrs: [[2, 1]] } },
      ],
      /The attributes are set already/,
    ],
    [
      'attributes without an effect on PTEs',
      [
        mmap,
        { set: { addr: V, size: '0x1000', attrs: [[2, 1]] } },
        { set: { addr: V, size: '0x1000', attrs: [[8, 1]] } },
      ],
      /PTEs stay as they are\./,
    ],
    ['a collector without work', [{ gc: {} }], /Nothing is queued for it/],
    [
      'an access that needs no fault',
      [mmap, access('0x1000'), access('0x3000')],
      /PTEs permit it on 3 pages without a fault/,
    ],
    [
      'an access through stale PTEs',
      [
        mmap,
        access('0x1000'),
        { dontneed: { addr: V, len: '0x1000' } },
        { dontneed: { addr: '0x10001000', len: '0x1000' } },
        { access: { addr: '0x10001000', len: '0x1000', write: false } },
      ],
      /PTEs of 1 page that are stale: they map another physical page/,
    ],
    [
      'a question',
      [{ get: { addr: V, size: '0x1000', types: [2, 0] } }],
      /Answer: access = allow-migrate, preferredLocation = undefined/,
    ],
  ])('%s', (_what, operations, sentence) => {
    const told = story(...operations);
    // Of the last operation only.
    expect(told.slice(told.findLastIndex((line) => /^\d/.test(line))).join('\n')).toMatch(sentence);
  });
});

it('what repeats from chunk to chunk is told once', () => {
  const small = { mmap: { addr: V, len: '0x9000', prot: 'rw', kind: 'anon' } };
  const told = story(small, { access: { addr: V, len: '0x9000', write: true } });
  expect(told.filter((line) => line.includes('A GPU range is made'))).toHaveLength(1);
  expect(told.find((line) => line.includes('The same'))).toBe(
    '   The same 8 more times for the pages after it, up to 0x10009000.',
  );
  const missing = story({ access: { addr: V, len: '0x3000', write: false } });
  expect(missing.find((line) => line.includes('faults on'))).toMatch(
    /12 read faults on 12 KiB at 0x10000000, retry: nothing is mapped there/,
  );
});

it('other threads are told with what became of them', () => {
  const inject = ['vma-checked', 'hmm', 'attr-edited'].map((at, index) => ({
    at,
    do: [{ munmap: { addr: V, len: '0x1000' } }, { gc: {} }, { gc: {} }][index],
  }));
  const told = story(
    mmap,
    { set: { addr: V, size: '0x200000', attrs: [[2, 1]] } },
    { set: { addr: V, size: '0x200000', attrs: [[1, 0]], inject } },
  );
  expect(told.filter((line) => /thread/.test(line))).toEqual([
    '   Runs at vma-checked another thread: "The process unmaps 4 KiB at 0x10000000".',
    '   Would run at hmm another thread: "The garbage collector gets its turn"; the operation never came there.',
    '   Runs at attr-edited another thread: "The garbage collector gets its turn".',
  ]);
});
