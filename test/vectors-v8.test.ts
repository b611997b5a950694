import { describe, expect, it } from 'vitest';
import { replayTrace } from '../lib/trace/replay/replay.ts';
import { Recordings } from './support/recordings.ts';

const FAMILIES = ['attrs', 'core', 'evict', 'faults', 'inject', 'migrate', 'mm', 'multi', 'oom', 'race', 'scenarios'];

describe('traces recorded from the real code of PATCH v8', () => {
  const recordings = new Recordings('vectors-v8');
  recordings.replayIdentically(FAMILIES);

  // The recordings would be worth nothing if another revision answered them as well.
  it('tell v8 from V7', () => {
    const asV7 = recordings.readAs('scenarios/64-split-queued.jsonl', 'v7');
    expect(replayTrace(asV7, { check: true }).difference).toBeDefined();
  });
});
