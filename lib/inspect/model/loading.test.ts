import { describe, expect, it } from 'vitest';
import { randomTrace } from '../../../test/support/random-trace.ts';
import { parseTrace } from '../../trace/format/parse-trace.ts';
import { loadSession, openingStep } from './loading.ts';
import { InspectorSession } from './session.ts';

const text = (operations: readonly object[]): string => operations.map((each) => JSON.stringify(each)).join('\n');
const mapping = { mmap: { addr: '0x10000000', len: '0x200000', prot: 'rw', kind: 'anon' } };
const fault = { fault: { addr: '0x10000000', write: false } };
const lost = { fault: { addr: '0x7f0000000000', write: false } };
const opensAt = (operations: readonly object[]): number =>
  openingStep(new InspectorSession(parseTrace('test', text(operations))).steps);

describe('a trace that is loaded', () => {
  it('opens at its first hazard, else at its first fault, else at what did something last', () => {
    expect(opensAt([{ config: {} }, mapping, fault, lost, { dump: {} }])).toBe(3);
    expect(opensAt([{ config: {} }, mapping, fault, { gc: {} }, { dump: {} }])).toBe(2);
    expect(opensAt([{ config: {} }, mapping, { dump: {} }])).toBe(1);
    expect(opensAt([{ dump: {} }])).toBe(0);
  });

  it('opens where it is answered otherwise than it was recorded', () => {
    expect(opensAt([{ config: {} }, mapping, fault, { in: { gc: {} }, out: { ret: -22 } }])).toBe(3);
  });

  it('says after each line how far it is, and is what it would be at once', () => {
    const trace = randomTrace(300, 5);
    const loading = loadSession({ name: 'random', text: trace });
    const seen: number[] = [];
    let next = loading.next();
    for (; next.done !== true; next = loading.next()) {
      expect(next.value.lines).toBe(301);
      seen.push(next.value.done);
    }
    expect(seen.slice(0, 300)).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
    const { session, start } = next.value;
    const other = new InspectorSession(parseTrace('random', trace));
    expect(session.steps).toEqual(other.steps);
    expect(session.stateAt(start)).toEqual(other.stateAt(start));
  });

  it('is refused with file and line', () => {
    const loading = loadSession({ name: 'bad.jsonl', text: '{"gc":{}}\n{"gc":' });
    expect(() => [...loading]).toThrow(/^bad\.jsonl:2: no JSON/);
    expect(() => [...loadSession({ name: 'empty.jsonl', text: '\n' })]).toThrow(/^empty\.jsonl: holds no operation/);
  });
});
