import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { recordedLines, traceLines } from '../lib/trace/format/parse-trace.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';
import { times } from './support/effort.ts';

/** The text of a recording, and that with one digit of the answer in a line made another. */
class Recording {
  readonly lines: readonly string[];

  constructor(name: string) {
    const bytes = readFileSync(new URL(name, import.meta.url));
    this.lines = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').trimEnd().split('\n');
  }

  changed(line: number, random: number): string {
    const text = this.lines[line]!;
    const answer = text.indexOf(',"out":');
    const places = [...text.slice(answer).matchAll(/\d/g)].map(({ index }) => answer + index);
    const at = places[random % places.length]!;
    const changed = `${text.slice(0, at)}${(Number(text[at]) % 9) + 1}${text.slice(at + 1)}`;
    return [...this.lines.slice(0, line), changed, ...this.lines.slice(line + 1)].join('\n');
  }
}

const outcome = (lines: Parameters<typeof replayTrace>[0]): unknown => {
  try {
    return replayTrace(lines, { check: true });
  } catch (error) {
    return (error as Error).message;
  }
};

describe('answers that are held against recorded bytes', () => {
  it.each([
    'vectors/scenarios/15-2ms-window.jsonl',
    'vectors/inject-005.jsonl.gz',
    'vectors-v7/scenarios/03-reset.jsonl',
    'vectors-v8/evict-020.jsonl.gz',
    'vectors-xnack-off/core-000.jsonl.gz',
  ])('differ where parsed ones do: %s', (name) => {
    const recording = new Recording(name);
    let caught = 0;
    const tried = Math.min(recording.lines.length, times(16, 8));
    for (let count = 0; count < tried; count++) {
      const line = Math.floor(((count + 0.5) * recording.lines.length) / tried);
      const text = recording.changed(line, 7919 * count + 13);
      const result = outcome(recordedLines('t', new TextEncoder().encode(text)));
      expect(result).toEqual(outcome([...traceLines('t', text)]));
      if (typeof result === 'string' || (result as { difference: unknown }).difference !== undefined) caught++;
    }
    // Only counters that are not compared are let through.
    expect(caught).toBeGreaterThan(tried * 0.8);
  });

  it('reads a trace to its end after a difference, as when all of it is read before', () => {
    const text = '{"in":{"gc":{}},"out":{"ret":-1,"ran":false,"fx":[]}}\n{"in":{"gc":{"x":1}},"out":{}}';
    const [lazy, whole] = [recordedLines('t', new TextEncoder().encode(text)), traceLines('t', text)].map(outcome);
    expect(lazy).toMatch(/^t:2: gc\.x: unknown field/);
    expect(whole).toBe(lazy);
  });

  it('parses answers with other characters than ASCII when they are asked for', () => {
    const text =
      '\ufeff\n{"in":{"gc":{}},"out":{"ret":0,"ran":false,"fx":[],"note":"é"}}\n{"in":{"gc":{ }},"out":{"é":1}}';
    const lines = [...recordedLines('t', new TextEncoder().encode(text))];
    expect(lines.map(({ line, source, expected }) => ({ line, source, expected }))).toEqual([
      { line: 2, source: { gc: {} }, expected: { ret: 0, ran: false, fx: [], note: 'é' } },
      { line: 3, source: { gc: {} }, expected: { é: 1 } },
    ]);
    expect(lines.map(({ recorded }) => recorded !== undefined)).toEqual([true, false]);
  });
});
