import { describe, expect, it } from 'vitest';
import { WorkItem } from './work-queue.ts';

describe('WorkItem', () => {
  it('does not run by itself, and runs once however often it was queued', () => {
    let ran = 0;
    const item = new WorkItem({ runWork: () => ran++ });
    item.queue();
    item.queue();
    expect([ran, item.pending]).toEqual([0, true]);
    expect(item.run()).toBe(true);
    expect([ran, item.pending, item.runs]).toEqual([1, false, 1]);
  });

  it('does nothing when it is not queued', () => {
    let ran = 0;
    const item = new WorkItem({ runWork: () => ran++ });
    expect(item.run()).toBe(false);
    expect([ran, item.runs]).toEqual([0, 0]);
  });

  it('is pending again when it is queued while it runs', () => {
    const item: WorkItem = new WorkItem({
      runWork: () => {
        if (item.runs === 1) item.queue();
      },
    });
    item.queue();
    item.run();
    expect(item.pending).toBe(true);
    expect(item.run()).toBe(true);
    expect([item.pending, item.runs]).toEqual([false, 2]);
  });
});
