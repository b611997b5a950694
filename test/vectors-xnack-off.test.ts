import { describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../emulator/index.ts';
import { Recordings } from './support/recordings.ts';

describe('traces recorded from the real code of the XNACK-off series on V7', () => {
  const recordings = new Recordings('vectors-xnack-off');
  recordings.replayIdentically(['core', 'fail', 'inject', 'mm', 'race', 'restore', 'scenarios', 'sets']);

  it('are those of one profile alone: V7 refuses to switch XNACK off', () => {
    expect(() => new EmulatedMachine({ profile: 'v7', xnackOff: true })).toThrow(
      /xnackOff: the revision v7 has no mode for XNACK off/,
    );
  });
});
