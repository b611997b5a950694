import { describe, expect, it } from 'vitest';
import { KfdQueues, ProcessQueues } from './kfd-queues.ts';

describe('the queues of a process', () => {
  it('are stopped while any of its VMs has stopped them', () => {
    const queues = new ProcessQueues();
    const [first, second] = [new KfdQueues(queues), new KfdQueues(queues)];
    expect([first.quiesce(), second.quiesce(), queues.stops]).toEqual([0, 0, 2]);
    expect([first.resume(), queues.stops]).toEqual([0, 1]);
    expect([second.resume(), queues.stops]).toEqual([0, 0]);
    expect([first.quiesceCalls, first.resumeCalls, first.stopped]).toEqual([1, 1, 0]);
  });

  it('stay as they are where a call fails, which is counted', () => {
    const queues = new ProcessQueues();
    const kfd = new KfdQueues(queues);
    kfd.quiesceResult = -3;
    expect([kfd.quiesce(), kfd.quiesceCalls, kfd.stopped, queues.stops]).toEqual([-3, 1, 0, 0]);
    kfd.quiesceResult = 0;
    kfd.quiesce();
    kfd.resumeResult = -3;
    expect([kfd.resume(), kfd.resumeCalls, kfd.stopped, queues.stops]).toEqual([-3, 1, 1, 1]);
  });
});
