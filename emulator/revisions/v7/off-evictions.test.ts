import { describe, expect, it } from 'vitest';
import { BLOCK, Rig, T, V } from '../../../test/support/emulator-rig.ts';

const MILLISECOND = 1_000_000;
const ESRCH = -3;

function mapped(): Rig {
  const rig = new Rig({ profile: 'v7-xnack-off', xnackOff: true });
  rig.region();
  expect(rig.set(V, BLOCK, [T.access, 1])).toBe(0);
  return rig;
}

describe('the eviction counter', () => {
  it('stops the queues at the first event and resumes them when nothing is left', () => {
    const rig = mapped();
    const told: unknown[] = [];
    rig.machine.on('queues-stopped', (event) => void told.push(['stopped', event]));
    rig.machine.on('queues-resumed', (event) => void told.push(['resumed', event]));
    rig.discard(V, 1);
    rig.machine.clock.advance(3 * MILLISECOND);
    rig.work();
    expect(told).toEqual([
      ['stopped', { device: 0, result: 0 }],
      ['resumed', { device: 0, result: 0 }],
    ]);
    expect(rig.restore().statistics).toMatchObject({
      stops: 1,
      stoppedTime: 3 * MILLISECOND,
      longestStop: 3 * MILLISECOND,
    });
    rig.discard(V, 1);
    rig.machine.clock.advance(MILLISECOND);
    rig.work();
    expect(rig.restore().statistics).toMatchObject({
      stops: 2,
      stoppedTime: 4 * MILLISECOND,
      longestStop: 3 * MILLISECOND,
    });
  });

  it('goes on counting where KFD cannot stop the queues; nobody is told, and nothing is resumed', () => {
    const rig = mapped();
    rig.device.setKfdResults(rig.file, { quiesce: ESRCH });
    rig.discard(V, 1);
    expect(rig.restore()).toMatchObject({ evicted: 1, quiesced: false, stopped: 0, quiesceCalls: 1 });
    // A second event is not the first one any more.
    rig.discard(V + 1, 1);
    expect(rig.restore()).toMatchObject({ evicted: 2, quiesceCalls: 1 });
    rig.machine.clock.advance(MILLISECOND);
    rig.work();
    expect(rig.restore()).toMatchObject({ evicted: 0, resumeCalls: 0 });
    expect(rig.restore().statistics).toMatchObject({ stops: 0, stoppedTime: 0 });
  });

  it('never repeats a resume that failed: the queues stay stopped', () => {
    const rig = mapped();
    rig.device.setKfdResults(rig.file, { resume: ESRCH });
    rig.discard(V, 1);
    rig.machine.clock.advance(MILLISECOND);
    rig.work();
    expect(rig.restore()).toMatchObject({ evicted: 0, quiesced: false, stopped: 1, resumeCalls: 1 });
    rig.device.setKfdResults(rig.file, { resume: 0 });
    rig.machine.clock.advance(MILLISECOND);
    expect([rig.work(), rig.restore().stopped]).toEqual([[], 1]);
  });

  it('resumes the queues when the context ends', () => {
    const rig = mapped();
    rig.discard(V, 1);
    expect(rig.restore().stopped).toBe(1);
    rig.device.finaliseContext(rig.file);
    expect(rig.file.vm.kfd).toMatchObject({ stopped: 0, resumeCalls: 1 });
  });

  it('does not call KFD for a process that is gone', () => {
    const rig = mapped();
    rig.discard(V, 1);
    rig.machine.process.exit();
    rig.device.finaliseContext(rig.file);
    expect(rig.file.vm.kfd).toMatchObject({ stopped: 1, resumeCalls: 0 });
  });
});

describe('what KFD answers', () => {
  it.each([{ quiesce: 1 }, { resume: 0.5 }, { quiesce: -5000 }, { resume: '0' }])('is an errno, not %o', (results) => {
    const rig = mapped();
    expect(() => rig.device.setKfdResults(rig.file, results as { quiesce: number })).toThrow(
      expect.objectContaining({ code: 'ERR_SVM_INVALID_ARGUMENT' }),
    );
  });
});
