import { describe, expect, it } from 'vitest';
import { parseTrace } from '../format/read-trace.ts';
import type { TraceAnswer } from '../operations/index.ts';
import { replayTrace } from './replay.ts';

function answersOf(...operations: readonly object[]): TraceAnswer[] {
  const answers: TraceAnswer[] = [];
  const lines = parseTrace('vram', operations.map((operation) => JSON.stringify(operation)).join('\n'));
  const { difference } = replayTrace(lines, { check: false, onAnswer: (_, answer) => answers.push(answer) });
  expect(difference).toBeUndefined();
  return answers;
}

const addr = '0x10000000';
const PAGES = { addr, len: '0x10000' };
/** 64 KiB of a process lie in VRAM, each page with 3 in it. */
const IN_VRAM = [
  { config: { profile: 'v8', vram: '0x1000000', thpMig: false } },
  { mmap: { addr, len: '0x200000', prot: 'rw', kind: 'anon' } },
  { store: { ...PAGES, value: 3 } },
  { set: { addr, size: '0x10000', attrs: [[0, 1]] } },
  { fault: { addr, write: true } },
];

describe('replays of a machine with VRAM', () => {
  it('lets a SET_ATTR whose split brings pages home sleep until those are where they go', () => {
    // A context that is being closed does not see that the pages leave: its range still leads to them.
    const set = { addr: '0x10002000', size: '0x1000', attrs: [[8, 1]] };
    const answers = answersOf(
      ...IN_VRAM,
      { close: {} },
      { load: { addr, inject: [{ at: 'copy', do: { set } }] } },
      { load: PAGES },
    );
    expect(answers.at(-2)!.inj).toEqual([{ at: 'copy', op: 'set', slept: true, ret: 0 }]);
    expect(answers.at(-1)!.vals).toEqual([[3, '0x10000', '0x10']]);
  });

  it('reads the fields of a configuration that no GPU with SVM looks at', () => {
    const plain = answersOf(...IN_VRAM);
    const { config } = IN_VRAM[0]!;
    expect(answersOf({ config: { ...config, rev: '0x10', atomics: true } }, ...IN_VRAM.slice(1))).toEqual(plain);
    expect(() => parseTrace('wrong', '{"config":{"atomics":1}}')).toThrow('config.atomics: expected true or false');
  });
});
