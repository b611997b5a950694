import { describe, expect, it } from 'vitest';
import { KfdEvents, memoryException } from './events.ts';
import type { Wait } from './events.ts';
import { EventType, WaitResult } from './interface.ts';

const FOR_EVER = 0xffff_ffff;

function records(...ids: number[]): Uint8Array {
  const bytes = new Uint8Array(48 * ids.length);
  for (const [index, id] of ids.entries()) new DataView(bytes.buffer).setUint32(index * 48 + 40, id, true);
  return bytes;
}

const pending = (wait: Wait) => wait as Extract<Wait, { interrupt(): void }>;

describe('the events of a served KFD', () => {
  it('have ids from 1 for signals, and from 2^30 for the others', () => {
    const events = new KfdEvents();
    expect([events.create(EventType.signal, true), events.create(EventType.memory, true)]).toEqual([1, 0x4000_0000]);
    expect(events.create(9, true)).toBe(-22);
    expect([events.destroy(1), events.destroy(1), events.create(EventType.signal, true)]).toEqual([0, -22, 1]);
  });

  it('end a wait when one of them, or each, was signaled', async () => {
    const events = new KfdEvents();
    const [one, two] = [events.create(EventType.signal, true), events.create(EventType.signal, true)];
    const any = pending(events.wait(records(one, two), false, FOR_EVER));
    const all = pending(events.wait(records(one, two), true, FOR_EVER));
    events.trap(two);
    expect(await any.ended).toMatchObject({ result: 0, waitResult: WaitResult.complete });
    // It reset itself for the first wait.
    events.set(one);
    events.set(two);
    expect(await all.ended).toMatchObject({ result: 0, waitResult: WaitResult.complete });
    expect(events.wait(records(one), false, 0)).toMatchObject({ result: 0, waitResult: WaitResult.timeout });
  });

  it('tell what they are about', () => {
    const events = new KfdEvents();
    const id = events.create(EventType.memory, true);
    events.raise(EventType.memory, memoryException(0x7000_1234n, 77, true));
    const outcome = events.wait(records(id), false, 0) as Extract<Wait, { result: number }>;
    const view = new DataView(outcome.records!.buffer);
    expect([view.getUint32(0, true), view.getUint32(4, true)]).toEqual([0, 1]);
    expect([view.getBigUint64(16, true), view.getUint32(24, true)]).toEqual([0x7000_1000n, 77]);
    expect([events.set(id), events.reset(id)]).toEqual([-22, -22]);
  });

  it('end at their time, at a signal to the thread, when the event goes, and with the process', async () => {
    const events = new KfdEvents();
    const id = events.create(EventType.signal, false);
    expect(await pending(events.wait(records(id), false, 5)).ended).toMatchObject({ waitResult: WaitResult.timeout });
    const interrupted = pending(events.wait(records(id), false, FOR_EVER));
    interrupted.interrupt();
    expect(await interrupted.ended).toMatchObject({ result: -4 });
    const destroyed = pending(events.wait(records(id), false, FOR_EVER));
    events.destroy(id);
    expect(await destroyed.ended).toMatchObject({ result: -5, waitResult: WaitResult.fail });
    expect(events.wait(records(id), false, 0)).toMatchObject({ result: -22 });
    const last = pending(events.wait(records(events.create(EventType.signal, false)), false, FOR_EVER));
    events.close();
    expect(await last.ended).toMatchObject({ result: -4 });
  });

  it('miss no signal between two waits of one who counts them', () => {
    const events = new KfdEvents();
    const id = events.create(EventType.signal, true);
    const known = records(id);
    new DataView(known.buffer).setBigUint64(0, 1n, true);
    expect(events.wait(known, false, 0)).toMatchObject({ waitResult: WaitResult.timeout });
    events.set(id);
    events.wait(records(id), false, 0);
    const outcome = events.wait(known, false, 0) as Extract<Wait, { result: number }>;
    expect(outcome).toMatchObject({ waitResult: WaitResult.complete });
    expect(new DataView(outcome.records!.buffer).getBigUint64(0, true)).toBe(2n);
  });
});
