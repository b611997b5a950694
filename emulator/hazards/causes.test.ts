import { expect, it } from 'vitest';
import { Causes } from './causes.ts';

it('knows the cause of the smallest chunk, whatever it was asked before', () => {
  const causes = new Causes();
  causes.set('Q35', 512, 512);
  expect([causes.of(512)?.quirk, causes.of(1023)?.quirk, causes.of(1024)]).toEqual(['Q35', 'Q35', undefined]);
  causes.set('Q36', 528, 16);
  expect([causes.of(527)?.quirk, causes.of(528)?.quirk, causes.of(544)?.quirk]).toEqual(['Q35', 'Q36', 'Q35']);
  causes.clear(528, 16);
  expect(causes.of(528)?.quirk).toBe('Q35');
  causes.set('V8-D5', 512, 512);
  expect(causes.of(700)?.quirk).toBe('V8-D5');
  causes.clear(512, 512);
  expect(causes.of(700)).toBeUndefined();
});

it('names what was wrong before a context ended as before, and the rest by the end', () => {
  const causes = new Causes();
  causes.set('Q40', 0, 16);
  causes.set('Q35', 16, 16);
  causes.of(16)!.reported = 1;
  expect([causes.endContext(0, 16), causes.endContext(16, 16), causes.endContext(32, 16)]).toEqual([
    false,
    true,
    false,
  ]);
  expect([0, 16, 32].map((page) => causes.of(page)?.quirk)).toEqual(['Q40', 'Q11', 'Q11']);
});
