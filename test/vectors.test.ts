import { describe, expect, it } from 'vitest';
import { replayTrace } from '../lib/trace/replay/replay.ts';
import { Recordings } from './support/recordings.ts';

const recordings = new Recordings('vectors');

describe('traces recorded from the real code', () => {
  recordings.replayIdentically(['attrs', 'core', 'faults', 'fuzz', 'inject', 'mm', 'race', 'scenarios']);

  it('are many', () => {
    expect(recordings.files.length).toBeGreaterThan(130);
  });
});

describe('the check itself', () => {
  const lines = recordings.read('scenarios/15-2ms-window.jsonl');

  // A check that accepts everything would make all of the above worthless.
  it.each(lines.map((line) => line.line))('notices a changed answer in line %i', (number) => {
    const changed = lines.map((line) =>
      line.line === number ? { ...line, expected: { ...line.expected, ret: -5 } } : line,
    );
    expect(replayTrace(changed, { check: true }).difference).toMatchObject({ line: number, path: 'ret', expected: -5 });
  });

  it('notices a missing effect, an additional one and a changed flag', () => {
    const index = lines.findIndex((line) => JSON.stringify(line.expected).includes('"pte"'));
    const fx = (lines[index]!.expected as { fx: unknown[][] }).fx;
    for (const wrong of [
      fx.slice(1),
      [...fx, ['tlb']],
      fx.map((entry) => (entry[0] === 'pte' ? [...entry.slice(0, 3), '0x67'] : entry)),
    ]) {
      const changed = lines.map((line, at) =>
        at === index ? { ...line, expected: { ...line.expected, fx: wrong } } : line,
      );
      expect(replayTrace(changed, { check: true }).difference?.path).toMatch(/^fx/);
    }
  });
});
