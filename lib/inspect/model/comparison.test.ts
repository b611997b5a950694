import { describe, expect, it } from 'vitest';
import { parseTrace } from '../../trace/format/parse-trace.ts';
import { compareSessions } from './comparison.ts';
import type { SessionDifference } from './comparison.ts';
import { InspectorSession } from './session.ts';

const mapping = (addr: string): object => ({ mmap: { addr, len: '0x200000', prot: 'rw', kind: 'anon' } });
const fault = (addr: string): object => ({ fault: { addr, write: false } });
const compare = (a: readonly object[], b: readonly object[]): SessionDifference => {
  const [ofA, ofB] = [a, b].map(
    (operations) =>
      new InspectorSession(parseTrace('test', operations.map((each) => JSON.stringify(each)).join('\n'))).steps,
  );
  return compareSessions(ofA!, ofB!);
};
const trace = [{ config: {} }, mapping('0x10000000'), fault('0x10000000'), { gc: {} }];

describe('two sessions', () => {
  it('are the same, also at other addresses', () => {
    expect(compare(trace, trace)).toMatchObject({
      kind: 'none',
      text: 'The same: 3 operations, with answers and effects.',
    });
    expect(compare(trace, [{ config: {} }, mapping('0x18000000'), fault('0x18000000'), { gc: {} }]).kind).toBe('none');
  });

  it('part where something else is asked, or one has no more', () => {
    expect(compare(trace, [...trace.slice(0, 2), { gc: {} }])).toMatchObject({
      kind: 'operation',
      a: 2,
      b: 2,
      text: '1 operation is the same; then A asks for fault 0x10000000 read (operation 3), B for gc (operation 3).',
    });
    expect(compare(trace, trace.slice(0, 3))).toMatchObject({
      kind: 'end',
      a: 3,
      b: 3,
      text: '2 operations are the same; B ends there; A goes on with operation 4.',
    });
  });

  it('part where the same is answered otherwise, with or without a configuration', () => {
    const [, , , collection] = trace;
    expect(compare(trace, [...trace.slice(1, 3), { in: collection, out: { ret: -22 } }])).toMatchObject({
      kind: 'answer',
      a: 3,
      b: 2,
      what: 'ret',
      text: expect.stringContaining('operation 4 of A, 3 of B, is answered otherwise, in ret: A 0, B -22') as string,
    });
  });
});
