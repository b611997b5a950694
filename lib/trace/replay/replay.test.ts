import { describe, expect, it } from 'vitest';
import { firstDifference } from '../compare/compare.ts';
import { parseTrace } from '../format/read-trace.ts';
import { replayTrace } from './replay.ts';

const replay = (text: string, check = true) => {
  const answers: Record<string, unknown>[] = [];
  const result = replayTrace(parseTrace('t', text), {
    check,
    onAnswer: (_line, answer) => answers.push({ ...answer }),
  });
  return { ...result, answers };
};

describe('replaying', () => {
  it('uses the default configuration when a trace has none', () => {
    const { answers } = replay(
      '{"mmap":{"addr":"0x10000000","len":"0x200000","prot":"rw","kind":"anon"}}\n{"fault":{"addr":"0x10000000","write":true}}',
    );
    expect(answers[1]).toMatchObject({
      ret: 0,
      fx: [
        ['notifier+', '0x0', '0x20000000'],
        ['range+', '0x10000000', '0x10200000'],
        ['dma+', '0x10000000', '0x200'],
        ['pte', '0x10000', '0x200', '0x600000000000067'],
      ],
    });
  });

  it('stops at the first difference and names line, path and both values', () => {
    const { difference, operations } = replay(
      '{"config":{}}\n{"in":{"gc":{}},"out":{"ret":0,"ran":true,"fx":[]}}\n{"gc":{}}',
    );
    expect(operations).toBe(2);
    expect(difference).toEqual({ line: 2, operation: { gc: {} }, path: 'ran', expected: true, actual: false });
  });

  it('does not compare effects that a recording does not have', () => {
    expect(replay('{"in":{"gc":{}},"out":{"ret":0,"ran":false}}').difference).toBeUndefined();
    expect(replay('{"in":{"gc":{}},"out":{"ret":0,"ran":false,"fx":[["tlb"]]}}').difference).toMatchObject({
      path: 'fx[0]',
    });
  });

  it('counts operations without an answer as not compared', () => {
    expect(replay('{"gc":{}}\n{"in":{"gc":{}},"out":{"ret":0,"ran":false,"fx":[]}}')).toMatchObject({
      operations: 2,
      compared: 1,
      unanswered: 1,
    });
    // What the process does and the end of the context are not asked of the driver.
    expect(
      replay(
        '{"config":{"lazy":true}}\n{"mmap":{"addr":"0x7f0000000000","len":"0x1000","prot":"rw","kind":"anon"}}\n{"fini":{}}',
      ),
    ).toMatchObject({
      operations: 3,
      compared: 0,
      unanswered: 0,
    });
  });

  it('ignores the counters that are detail of the C code, and only those', () => {
    const counters = { faults: 1, mapCalls: 2, lockPd: 3, pdes: 4, hmm: 5 };
    expect(
      firstDifference({ counters }, { counters: { ...counters, mapCalls: 9, lockPd: 9, pdes: 9, hmm: 9 } }),
    ).toBeUndefined();
    expect(firstDifference({ counters }, { counters: { ...counters, faults: 9 } })).toEqual({
      path: 'counters.faults',
      expected: 1,
      actual: 9,
    });
  });

  it.each([
    [[1, 2], [1], '[1]'],
    [{ a: 1 }, { a: 1, b: 2 }, 'b'],
    [{ a: [] }, { a: {} }, 'a'],
    [{ a: null }, { a: undefined }, 'a'],
    [0, '0', ''],
  ])('sees that %j is not %j', (expected, actual, path) => {
    expect(firstDifference(expected, actual)?.path).toBe(path);
  });

  it('says in the answer what blocks an injected operation, or that its point was not reached', () => {
    const text = [
      '{"mmap":{"addr":"0x10000000","len":"0x200000","prot":"rw","kind":"anon"}}',
      '{"fault":{"addr":"0x10000000","write":true,"inject":[{"at":"hmm","do":{"munmap":{"addr":"0x10000000","len":"0x1000"}}},{"at":"hmm","nth":7,"do":{"gc":{}}}]}}',
    ].join('\n');
    expect(replay(text).answers[1]!['inj']).toEqual([
      { at: 'hmm', op: 'munmap', blocked: true },
      { at: 'hmm', op: 'gc', fired: false },
    ]);
  });

  it('computes PTE flags of generations that can have no SVM', () => {
    expect(replay('{"pteflags":{"gc":"12.0.0","flags":3,"readOnly":false}}').answers[0]).toMatchObject({
      ptes: '0x8000000000000067',
    });
  });

  it('gives the same answers twice', () => {
    const text = [
      '{"config":{"thp":true}}',
      '{"mmap":{"addr":"0x10000000","len":"0x800000","prot":"rw","kind":"anon"}}',
      '{"access":{"addr":"0x10000000","len":"0x800000","write":true}}',
      '{"munmap":{"addr":"0x10100000","len":"0x1000"}}',
      '{"dump":{}}',
    ].join('\n');
    expect(JSON.stringify(replay(text).answers)).toBe(JSON.stringify(replay(text).answers));
  });
});

describe('hazards', () => {
  /** Operation, name and pages of each hazard. */
  function hazardsOf(...operations: readonly object[]): string[] {
    const seen: string[] = [];
    replayTrace(parseTrace('hazards', operations.map((each) => JSON.stringify(each)).join('\n')), {
      check: false,
      onHazard: ({ operation, quirk, size }) => void seen.push(`${operation} ${quirk} ${size / 4096n}`),
    });
    return seen;
  }

  it('of neighbouring pages are one, also where each page meets several', () => {
    // A hole in which nothing can be mapped: four faults a page, twice, are a loop.
    const access = { access: { addr: '0x7f0000000000', len: '0x10000', write: false } };
    expect(hazardsOf({ config: {} }, access, access)).toEqual(['2 Q54 16', '3 Q70 16', '3 refault-loop 16']);
  });

  it('are no loop where the window after a mapping drops the faults of one moment', () => {
    const [addr, len] = ['0x10000000', '0x1000'];
    const access = { access: { addr, len, write: false } };
    const discard = { dontneed: { addr, len } };
    const map = { mmap: { addr, len, prot: 'rw', kind: 'anon' } };
    const dropped = [access, access, access];
    const after = [{ advance: { ns: 2_000_000 } }, access];
    expect(hazardsOf({ config: {} }, map, access, discard, ...dropped, ...after)).toEqual([
      '3 Q28 1', // The fault made an interval.
      '5 Q57 1',
    ]);
  });
});
