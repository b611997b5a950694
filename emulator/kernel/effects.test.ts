import { describe, expect, it } from 'vitest';
import { EffectHub, QuietEffects } from './effects.ts';
import type { EffectSink } from './effects.ts';

/** A sink that writes down every call. */
function recorder(calls: string[], name: string): EffectSink {
  return new Proxy({} as EffectSink, {
    get:
      (_, method) =>
      (...values: unknown[]) =>
        // A fan-out may pass undefined for values that an effect does not have.
        void calls.push(`${name}.${String(method)}(${values.filter((value) => value !== undefined).join()})`),
  });
}

const CALLS: readonly [(sink: EffectSink) => void, string][] = [
  [(sink) => sink.notifierInserted(1, 2), 'notifierInserted(1,2)'],
  [(sink) => sink.notifierRemoved(1, 2), 'notifierRemoved(1,2)'],
  [(sink) => sink.rangeInserted(1, 2), 'rangeInserted(1,2)'],
  [(sink) => sink.rangeRemoved(1, 2), 'rangeRemoved(1,2)'],
  [(sink) => sink.ptesWritten(1, 2, 3), 'ptesWritten(1,2,3)'],
  [(sink) => sink.ptesZapped(1, 2), 'ptesZapped(1,2)'],
  [(sink) => sink.tlbFlushed(), 'tlbFlushed()'],
  [(sink) => sink.dmaMapped(1, 2), 'dmaMapped(1,2)'],
  [(sink) => sink.dmaUnmapped(1, 2), 'dmaUnmapped(1,2)'],
  [(sink) => sink.collectionQueued(1, 2), 'collectionQueued(1,2)'],
  [(sink) => sink.attributesEdited('split', 1, 2, 3, 4, 5, 6), 'attributesEdited(split,1,2,3,4,5,6)'],
  [(sink) => sink.faultEnded(1, true, -14, 'no-vma', -5), 'faultEnded(1,true,-14,no-vma,-5)'],
  [(sink) => sink.hazard('Q32', 'x', 1, 2), 'hazard(Q32,x,1,2)'],
];

describe('EffectHub', () => {
  it('has nothing to call while nobody listens', () => {
    const hub = new EffectHub();
    expect(hub.current).toBeNull();
    hub.add(recorder([], 'a'))();
    expect(hub.current).toBeNull();
  });

  it('passes every effect to every sink, in the order of their adding, until it is taken out', () => {
    const calls: string[] = [];
    const hub = new EffectHub();
    const removeFirst = hub.add(recorder(calls, 'a'));
    hub.add(recorder(calls, 'b'));
    for (const [call, text] of CALLS) {
      call(hub.current!);
      expect(calls.splice(0)).toEqual([`a.${text}`, `b.${text}`]);
    }
    removeFirst();
    removeFirst();
    for (const [call, text] of CALLS) {
      call(hub.current!);
      expect(calls.splice(0)).toEqual([`b.${text}`]);
    }
  });
});

it('has a sink that hears every effect and does nothing', () => {
  const sink = new QuietEffects();
  for (const [call] of CALLS) expect(call(sink)).toBeUndefined();
});
