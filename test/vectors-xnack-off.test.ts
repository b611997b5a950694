import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../emulator/index.ts';
import { readTraceFile } from '../lib/trace/format/read-trace.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';

const folder = join(import.meta.dirname, 'vectors-xnack-off');
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.jsonl(\.gz)?$/.test(name))
  .sort();

describe('traces recorded from the real code of the XNACK-off series on V7', () => {
  it('are there, of every family', () => {
    const families = new Set(files.map((name) => name.split(/[-/]/)[0]));
    expect([...families].sort()).toEqual(['core', 'fail', 'inject', 'mm', 'race', 'restore', 'scenarios', 'sets']);
  });

  it.each(files)('%s replays identically', (name) => {
    const lines = readTraceFile(join(folder, name));
    const result = replayTrace(lines, { check: true });
    expect(result.difference).toBeUndefined();
    expect(result.compared).toBe(lines.length);
  });

  it('are those of one profile alone: V7 refuses to switch XNACK off', () => {
    expect(() => new EmulatedMachine({ profile: 'v7', xnackOff: true })).toThrow(
      /xnackOff: the revision v7 has no mode for XNACK off/,
    );
  });
});
