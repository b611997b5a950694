import { describe, expect, it } from 'vitest';
import { EffectHub, FanOut } from './effect-hub.ts';
import { QuietEffects } from './effects.ts';
import type { EffectSink } from './effects.ts';

/** A sink that writes down every call. */
function recorder(calls: string[], name: string): EffectSink {
  return new Proxy({} as EffectSink, {
    get:
      (_, method) =>
      (...values: unknown[]) =>
        void calls.push(`${name}.${String(method)}(${values.join()})`),
  });
}

/** Every effect, with as many numbers as it has values. */
const CALLS: readonly [(sink: EffectSink) => void, string][] = Object.entries(
  Object.getOwnPropertyDescriptors(FanOut.prototype) as unknown as Record<
    string,
    { value: (...values: number[]) => void }
  >,
)
  .filter(([name]) => name !== 'constructor')
  .map(([name, { value }]) => {
    const values = Array.from({ length: value.length }, (_, index) => index + 1);
    return [(sink) => Reflect.apply(Reflect.get(sink, name), sink, values), `${name}(${values.join()})`];
  });

it('passes on and ignores the same effects', () => {
  expect(CALLS.length).toBeGreaterThan(40);
  expect(Object.getOwnPropertyNames(QuietEffects.prototype)).toEqual(Object.getOwnPropertyNames(FanOut.prototype));
});

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
