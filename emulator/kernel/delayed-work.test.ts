import { describe, expect, it } from 'vitest';
import { CLOCK_START, VirtualClock } from './clock.ts';
import { DelayedWork } from './delayed-work.ts';

const MS = 1_000_000;

function setUp(): { clock: VirtualClock; work: DelayedWork; ran: number[] } {
  const clock = new VirtualClock();
  const ran: number[] = [];
  return { clock, ran, work: new DelayedWork(clock, { runWork: () => void ran.push(clock.now - CLOCK_START) }) };
}

describe('delayed work', () => {
  it('is pending when queued, due when its time has come, and runs when drained', () => {
    const { clock, work, ran } = setUp();
    expect([work.pending, work.due, work.run()]).toEqual([false, undefined, false]);
    expect(work.queue(MS)).toBe(true);
    expect([work.pending, work.isDue, work.due]).toEqual([true, false, CLOCK_START + MS]);
    clock.advance(MS - 1);
    expect([work.isDue, work.run()]).toEqual([false, false]);
    clock.advance(1);
    expect([work.pending, work.isDue, work.due]).toEqual([true, true, CLOCK_START + MS]);
    clock.advance(5 * MS);
    expect([ran, work.run(), work.run(), ran, work.runs, work.pending]).toEqual([
      [6 * MS],
      true,
      false,
      [6 * MS],
      1,
      false,
    ]);
  });

  it('keeps its time when it is queued again', () => {
    const { clock, work } = setUp();
    work.queue(MS);
    clock.advance(MS / 2);
    expect([work.queue(MS), work.due]).toEqual([false, CLOCK_START + MS]);
    clock.advance(MS / 2);
    expect([work.queue(0), work.isDue, clock.armed]).toEqual([false, true, 0]);
  });

  it('takes another time when modified: sooner, later, at once, and when it was due', () => {
    const { clock, work } = setUp();
    expect([work.modify(2 * MS), work.modify(MS), work.due, clock.armed]).toEqual([false, true, CLOCK_START + MS, 1]);
    expect([work.modify(3 * MS), work.due]).toEqual([true, CLOCK_START + 3 * MS]);
    expect([work.modify(0), work.isDue, clock.armed]).toEqual([true, true, 0]);
    expect([work.modify(MS), work.isDue, work.pending]).toEqual([true, false, true]);
    clock.advance(MS);
    expect(work.isDue).toBe(true);
  });

  it('does not run after it was cancelled, waiting or due', () => {
    const { clock, work } = setUp();
    work.queue(MS);
    expect([work.cancel(), work.cancel(), clock.armed]).toEqual([true, false, 0]);
    work.queue(0);
    expect([work.cancel(), work.run(), work.runs]).toEqual([true, false, 0]);
    work.queue(MS);
    clock.advance(MS);
    expect(work.run()).toBe(true);
  });

  it('runs at once when flushed, whatever its time', () => {
    const { clock, work, ran } = setUp();
    expect(work.flush()).toBe(false);
    work.queue(MS);
    expect([work.flush(), work.pending, clock.armed, ran]).toEqual([true, false, 0, [0]]);
    work.queue(0);
    expect([work.flush(), work.runs]).toEqual([true, 2]);
  });

  it('may queue itself again: then a run is one run', () => {
    const clock = new VirtualClock();
    const work: DelayedWork = new DelayedWork(clock, { runWork: () => void work.queue(MS) });
    work.queue(MS);
    clock.advance(MS);
    expect([work.run(), work.isDue, work.due, work.run()]).toEqual([true, false, CLOCK_START + 2 * MS, false]);
    clock.advance(10 * MS);
    expect([work.run(), work.due]).toEqual([true, CLOCK_START + 12 * MS]);
  });
});
