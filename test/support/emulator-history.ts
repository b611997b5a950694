/** Random histories of a machine on a small window of addresses, as plain data that can be run again. */
import fc from 'fast-check';
import { LockAssertionError, VMA_KINDS } from '../../emulator/index.ts';
import type { VmaKind } from '../../emulator/index.ts';
import { Rig, V } from './emulator-rig.ts';
import type { Pair } from './emulator-rig.ts';

/** The window: a 2 MiB block on each side of the boundary between two notifiers, and pieces of their neighbours. */
export const BASE = V - 620;
export const WINDOW = 1240;

interface Span {
  readonly first: number;
  readonly pages: number;
}
type MemoryStep =
  | { readonly name: 'map'; readonly span: Span; readonly protection: string; readonly kind: VmaKind }
  | { readonly name: 'protect'; readonly span: Span; readonly protection: string }
  | { readonly name: 'unmap' | 'discard'; readonly span: Span }
  | { readonly name: 'touch'; readonly span: Span; readonly write: boolean };
type DeviceStep =
  | { readonly name: 'set'; readonly span: Span; readonly attributes: readonly Pair[] }
  | { readonly name: 'fault'; readonly page: number; readonly write: boolean }
  | { readonly name: 'access'; readonly span: Span; readonly write: boolean };
export type Step =
  | MemoryStep
  | DeviceStep
  | { readonly name: 'get'; readonly span: Span }
  | { readonly name: 'collect' }
  | { readonly name: 'advance'; readonly nanoseconds: number }
  | { readonly name: 'ring'; readonly pending: boolean; readonly timestamp: number }
  /** `inner` happens in another thread when `outer` passes `point` for the first time. */
  | { readonly name: 'race'; readonly point: RacePoint; readonly outer: DeviceStep; readonly inner: MemoryStep }
  /** The next page-table write of that kind fails. */
  | { readonly name: 'fail'; readonly point: 'zap-ptes' | 'write-ptes' | 'update-directories' };

const RACE_POINTS = ['vma-checked', 'attr-edited', 'hmm', 'pages-got', 'pte-committed'] as const;
type RacePoint = (typeof RACE_POINTS)[number];

const first = fc.oneof(
  fc.integer({ min: 0, max: WINDOW - 1 }),
  fc.integer({ min: 0, max: 76 }).map((chunk) => chunk * 16 + 12),
  fc.constantFrom(108, 620, 621, 1131),
);
const length = fc.oneof(
  fc.integer({ min: 1, max: 4 }),
  fc.constantFrom(16, 256, 512, 1024),
  fc.integer({ min: 1, max: 600 }),
);
const span: fc.Arbitrary<Span> = fc
  .tuple(first, length)
  .map(([from, pages]) => ({ first: from, pages: Math.min(pages, WINDOW - from) }));
// One that covers whole 2 MiB blocks of the window.
const blocks: fc.Arbitrary<Span> = fc.constantFrom(
  { first: 108, pages: 512 },
  { first: 620, pages: 512 },
  { first: 0, pages: WINDOW },
);
const anywhere = fc.oneof({ weight: 3, arbitrary: span }, { weight: 1, arbitrary: blocks });
const protection = fc.constantFrom('rw', 'rw', 'rw', 'rw', 'r', 'rwx', 'w', '-');
const attributes: fc.Arbitrary<readonly Pair[]> = fc.array(
  fc.oneof(
    fc.constantFrom([1, 1], [1, 0], [2, 0], [2, 2], [3, 4], [5, 0], [6, 1], [8, 1], [8, 0], [9, 1], [9, 0], [10, 1]),
    fc.constantFrom([1, 1], [8, 0]),
  ) as fc.Arbitrary<Pair>,
  { minLength: 1, maxLength: 2 },
);
const kind = fc.oneof(
  { weight: 3, arbitrary: fc.constant('anon' as const) },
  { weight: 2, arbitrary: fc.constantFrom(...VMA_KINDS) },
);

const memoryStep: fc.Arbitrary<MemoryStep> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ name: fc.constant('map' as const), span: anywhere, protection, kind }) },
  { weight: 2, arbitrary: fc.record({ name: fc.constant('unmap' as const), span: anywhere }) },
  { weight: 3, arbitrary: fc.record({ name: fc.constant('discard' as const), span: anywhere }) },
  { weight: 2, arbitrary: fc.record({ name: fc.constant('protect' as const), span: anywhere, protection }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('touch' as const), span: anywhere, write: fc.boolean() }) },
);
const deviceStep: fc.Arbitrary<DeviceStep> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ name: fc.constant('set' as const), span: anywhere, attributes }) },
  { weight: 3, arbitrary: fc.record({ name: fc.constant('fault' as const), page: first, write: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('access' as const), span, write: fc.boolean() }) },
);

/** Steps without races and failures. */
export const plainStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: memoryStep },
  { weight: 5, arbitrary: deviceStep },
  { weight: 1, arbitrary: fc.record({ name: fc.constant('get' as const), span }) },
  { weight: 1, arbitrary: fc.constant({ name: 'collect' } as const) },
  {
    weight: 2,
    arbitrary: fc.record({
      name: fc.constant('advance' as const),
      nanoseconds: fc.constantFrom(1, 500_000, 2_000_000, 5_000_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      name: fc.constant('ring' as const),
      pending: fc.boolean(),
      timestamp: fc.integer({ min: 0, max: 2_000_000_000 }),
    }),
  },
);
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 9, arbitrary: plainStep },
  {
    weight: 2,
    arbitrary: fc.record({
      name: fc.constant('race' as const),
      point: fc.constantFrom(...RACE_POINTS),
      outer: deviceStep,
      inner: memoryStep,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      name: fc.constant('fail' as const),
      point: fc.constantFrom('zap-ptes' as const, 'write-ptes' as const, 'update-directories' as const),
    }),
  },
);

/** A history of exactly `length` steps; what does not matter for a failure shrinks to null. */
export function history(step: fc.Arbitrary<Step>, length_: number): fc.Arbitrary<(Step | null)[]> {
  return fc.array(fc.option(step, { freq: 10_000 }), { minLength: length_, maxLength: length_, size: 'max' });
}

/** Runs one step; the answer is plain data. */
export function runStep(rig: Rig, step: Step): unknown {
  switch (step.name) {
    case 'map':
      return rig.map(BASE + step.span.first, step.span.pages, step.protection, step.kind);
    case 'unmap':
      return rig.unmap(BASE + step.span.first, step.span.pages);
    case 'discard':
      return rig.discard(BASE + step.span.first, step.span.pages);
    case 'protect':
      return rig.protect(BASE + step.span.first, step.span.pages, step.protection);
    case 'touch':
      return rig.touch(BASE + step.span.first, step.span.pages, step.write);
    case 'set':
      return rig.set(BASE + step.span.first, step.span.pages, ...step.attributes);
    case 'get':
      return rig.get(BASE + step.span.first, step.span.pages, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    case 'fault':
      return rig.fault(BASE + step.page, step.write);
    case 'access':
      return rig.access(BASE + step.span.first, step.span.pages, step.write);
    case 'collect':
      return rig.gc();
    case 'advance':
      return rig.machine.clock.advance(step.nanoseconds);
    case 'ring':
      return rig.device.setInterruptRing('soft', step.pending, step.timestamp);
    case 'fail':
      return rig.device.failures.plan(step.point, 'EBUSY');
    case 'race':
      return race(rig, step.point, step.outer, step.inner);
  }
}

function race(rig: Rig, point: RacePoint, outer: DeviceStep, inner: MemoryStep): unknown {
  const answers: unknown[] = [];
  const remove = rig.machine.at(point, () => {
    // Once is enough: an access raises many faults in one operation.
    remove();
    try {
      answers.push(runStep(rig, inner));
    } catch (error) {
      if (!(error instanceof LockAssertionError)) throw error;
      answers.push('blocked');
    }
  });
  try {
    answers.push(runStep(rig, outer));
  } finally {
    remove();
  }
  return answers;
}
