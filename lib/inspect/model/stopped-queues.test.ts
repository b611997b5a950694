import { describe, expect, it } from 'vitest';
import { InspectorSession, lineOf } from './session.ts';
import { StoppedQueues } from './stopped-queues.ts';

const BUFFER = { addr: '0x10000000', size: '0x200000' };
const START = [
  { config: { profile: 'v7-xnack-off', xnackOff: true, gpus: 2 } },
  { mmap: { addr: '0x10000000', len: '0x200000', prot: 'rw', kind: 'anon' } },
  { touch: { addr: '0x10000000', len: '0x200000', write: true } },
  { set: { ...BUFFER, attrs: [[2, 1]] } },
];
const DISCARD = { dontneed: { addr: '0x10000000', len: '0x1000' } };

function stopsOf(...operations: readonly object[]): { stops: StoppedQueues; steps: number } {
  const session = new InspectorSession([...START, ...operations].map(lineOf));
  return { stops: new StoppedQueues(session.steps), steps: session.steps.length };
}

/** By operation after the start, whether the queues are stopped there. */
function lane(...operations: readonly object[]): boolean[] {
  const { stops } = stopsOf(...operations);
  return operations.map((_, index) => stops.has(START.length + index));
}

describe('the lane of stopped queues', () => {
  it('reaches from the event to the work that resumes them', () => {
    expect(
      lane(DISCARD, { advance: { ns: 1_000_000 } }, { work: {} }, { touch: { ...DISCARD.dontneed, write: true } }),
    ).toEqual([true, true, true, false]);
  });

  it('ends only when every GPU has resumed them', () => {
    const both = { set: { ...BUFFER, attrs: [[2, 1]], gpu: 1 } };
    expect(
      lane(both, DISCARD, { advance: { ns: 1_000_000 } }, { work: {} }, { work: { gpu: 1 } }, { dump: {} }),
    ).toEqual([false, true, true, true, true, false]);
  });

  it('is of one operation that stops and resumes them', () => {
    expect(lane(DISCARD, { set: { ...BUFFER, attrs: [[2, 1]] } }, { dump: {} })).toEqual([true, true, false]);
  });

  it('is empty where KFD refuses, and does not end where it refuses to resume', () => {
    expect(lane({ kfd: { quiesce: -3 } }, DISCARD)).toEqual([false, false]);
    expect(lane({ kfd: { resume: -3 } }, DISCARD, { advance: { ns: 1_000_000 } }, { work: {} }, { dump: {} })).toEqual([
      false,
      true,
      true,
      true,
      true,
    ]);
  });

  it('says how long they have been stopped, and how many operations there are', () => {
    const { stops, steps } = stopsOf(DISCARD, { advance: { ns: 2_500_000 } }, { work: {} }, { dump: {} });
    expect([stops.any, stops.count(0, steps)]).toEqual([true, 3]);
    expect([4, 5, 6, 7].map((step) => stops.textAt(step))).toEqual([
      'queues stopped',
      'queues stopped, for 2.5 ms',
      'queues stopped, for 2.5 ms',
      '',
    ]);
  });

  it('is not there with retry faults', () => {
    const session = new InspectorSession([{ config: {} }, ...START.slice(1), DISCARD].map(lineOf));
    expect(new StoppedQueues(session.steps).any).toBe(false);
  });
});
