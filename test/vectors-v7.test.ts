import { describe, expect, it } from 'vitest';
import { replayTrace } from '../lib/trace/replay/replay.ts';
import { Recordings } from './support/recordings.ts';

describe('traces recorded from the real code of RFC V7', () => {
  const recordings = new Recordings('vectors-v7');
  recordings.replayIdentically(['attrs', 'core', 'fail', 'faults', 'inject', 'mm', 'race', 'scenarios']);

  // The recordings would be worth nothing if another revision answered them as well.
  it('tell V7 from V4', () => {
    const asV4 = recordings.readAs('scenarios/01-munmap-keeps-attrs.jsonl', 'v4');
    expect(replayTrace(asV4, { check: true }).difference).toBeDefined();
  });
});
