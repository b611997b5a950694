import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTraceFile } from '../lib/trace/format/read-trace.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';

const folder = join(import.meta.dirname, 'vectors');
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.jsonl(\.gz)?$/.test(name))
  .sort();

describe('traces recorded from the real code', () => {
  it('are there, of every family', () => {
    const families = new Set(files.map((name) => name.split(/[-/]/)[0]));
    expect([...families].sort()).toEqual(['attrs', 'core', 'faults', 'fuzz', 'inject', 'mm', 'race', 'scenarios']);
    expect(files.length).toBeGreaterThan(130);
  });

  it.each(files)('%s replays identically', (name) => {
    const lines = readTraceFile(join(folder, name));
    const result = replayTrace(lines, { check: true });
    expect(result.difference).toBeUndefined();
    expect(result.compared).toBe(lines.length);
  });
});

describe('the check itself', () => {
  const lines = readTraceFile(join(folder, 'scenarios/15-2ms-window.jsonl'));

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
