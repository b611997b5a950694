import { describe, expect, it } from 'vitest';
import { EffectHub } from './effect-hub.ts';
import { QuietEffects } from './effects.ts';
import type { EffectSink } from './effects.ts';

/** A sink that writes down every call. */
function recorder(calls: unknown[][], name: string): EffectSink {
  return new Proxy({} as EffectSink, {
    get:
      (_, effect) =>
      (...values: unknown[]) =>
        void calls.push([name, effect, ...values]),
  });
}

const CALL = { startLow: 1, startHigh: 2, sizeLow: 3, sizeHigh: 4, operation: 5, attributeCount: 6 };
/** Every effect with all of its values, none of which is like another. */
const VALUES: { readonly [Name in keyof EffectSink]: Parameters<EffectSink[Name]> } = {
  notifierInserted: [1, 2],
  notifierRemoved: [1, 2],
  rangeInserted: [1, 2],
  rangeRemoved: [1, 2],
  ptesWritten: [1, 2, 3],
  ptesZapped: [1, 2],
  tlbFlushed: [],
  dmaMapped: [1, 2],
  dmaUnmapped: [1, 2],
  collectionQueued: [1, 2],
  restoreQueued: [1, 2],
  restoreDropped: [1, 2, -5],
  restoreEnded: [true],
  queuesQuiesced: [-5],
  queuesResumed: [-5],
  ioctlAnswered: [CALL, new Uint8Array([7, 8]), -14],
  contextCreated: [true],
  contextFinalised: [],
  attributesEdited: ['split', 1, 2, 3, 4, 5, 6],
  setRetried: [1, 2],
  prefetched: [1, 2, -5],
  faultEnded: [1, true, -14, 'no-vma', -5],
  faultRetried: [1, -11, true],
  faultLogged: [1, 2],
  faultDropped: [1, 2, 3],
  vmFaultEnded: [1, 'svm', true],
  notifierCalled: [4, 1, 2],
  collecting: [1, 2, 3, 4],
  collected: [1, 2, -5],
  ptesReplacing: [1, 2, 3, 4],
  commitFailed: [1, 2, -11],
  zapFailed: [1, 2, -5],
  bufferAllocated: [1, 2],
  bufferFreed: [1, 2],
  evictionBegan: [1, 2],
  evictionEnded: [1, -5],
  copied: [true, 1, 2],
  migrationAnnounced: [4, 1, 2],
  movedToVram: [1, 2, 3],
  movedToRam: [1, 2, 3],
  hazard: ['Q32', 'x', 1, 2],
};
const EFFECTS = Object.entries(VALUES);

function tell(sink: EffectSink, effect: string, values: readonly unknown[]): unknown {
  return Reflect.apply(Reflect.get(sink, effect), sink, values);
}

describe('EffectHub', () => {
  it('has nothing to call while nobody listens', () => {
    const hub = new EffectHub();
    expect(hub.current).toBeNull();
    hub.add(recorder([], 'a'))();
    expect(hub.current).toBeNull();
  });

  it('passes every effect to every sink, in the order of their adding, until it is taken out', () => {
    const calls: unknown[][] = [];
    const hub = new EffectHub();
    const removeFirst = hub.add(recorder(calls, 'a'));
    hub.add(recorder(calls, 'b'));
    for (const [effect, values] of EFFECTS) {
      tell(hub.current!, effect, values);
      expect(calls.splice(0)).toEqual([
        ['a', effect, ...values],
        ['b', effect, ...values],
      ]);
    }
    removeFirst();
    removeFirst();
    for (const [effect, values] of EFFECTS) {
      tell(hub.current!, effect, values);
      expect(calls.splice(0)).toEqual([['b', effect, ...values]]);
    }
  });
});

it('has a sink that hears every effect and does nothing', () => {
  const sink = new QuietEffects();
  for (const [effect, values] of EFFECTS) expect(tell(sink, effect, values)).toBeUndefined();
});
