import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTraceFile } from '../lib/trace/format/read-trace.ts';
import { replayTrace } from '../lib/trace/replay/replay.ts';

const folder = join(import.meta.dirname, 'vectors-v8');
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.jsonl(\.gz)?$/.test(name))
  .sort();

describe('traces recorded from the real code of PATCH v8', () => {
  it('are there, of every family', () => {
    const families = new Set(files.map((name) => name.split(/[-/]/)[0]));
    expect([...families].sort()).toEqual([
      'attrs',
      'core',
      'evict',
      'faults',
      'inject',
      'migrate',
      'mm',
      'multi',
      'race',
      'scenarios',
    ]);
  });

  it.each(files)('%s replays identically', (name) => {
    const lines = readTraceFile(join(folder, name));
    const result = replayTrace(lines, { check: true });
    expect(result.difference).toBeUndefined();
    expect(result.compared).toBe(lines.length);
  });

  // The recordings would be worth nothing if another revision answered them as well.
  it('tell v8 from V7', () => {
    const lines = readTraceFile(join(folder, 'scenarios/64-split-queued.jsonl'));
    const asV7 = lines.map((line) =>
      line.operation.name === 'config'
        ? { ...line, operation: { ...line.operation, config: { ...line.operation.config, profile: 'v7' as const } } }
        : line,
    );
    expect(replayTrace(asV7, { check: true }).difference).toBeDefined();
  });
});
