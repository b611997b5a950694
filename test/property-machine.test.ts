/** Random histories of a machine: what must hold after every operation, whatever happened before. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EVENT_NAMES } from '../emulator/index.ts';
import { CoverageChecker } from './support/coverage-checker.ts';
import type { Explanation } from './support/coverage-checker.ts';
import { times } from './support/effort.ts';
import { anyStep, BASE, history, plainStep, runStep, WINDOW } from './support/emulator-history.ts';
import type { Step } from './support/emulator-history.ts';
import { checkStructure } from './support/machine-structure.ts';
import { Rig, seedFor } from './support/emulator-rig.ts';

const seed = seedFor('property-machine');
const configuration = fc.record({
  thp: fc.boolean(),
  vmaMerge: fc.boolean(),
  defaultGranularity: fc.constantFrom(0, 4, 9, 27),
  retryCam: fc.boolean(),
});

function runChecked(rig: Rig, steps: readonly (Step | null)[], checker: CoverageChecker): void {
  for (const step of steps) {
    if (step === null) continue;
    runStep(rig, step);
    checkStructure(rig);
    checker.check();
  }
}

function expectAllGone(rig: Rig): void {
  expect(rig.unmap(BASE, WINDOW)).toBe(0);
  rig.gc();
  const { ranges, notifiers, collectorPending, vmas } = rig.snapshot();
  expect({ ranges, notifiers, collectorPending, vmas }).toEqual({
    ranges: [],
    notifiers: [],
    collectorPending: 0,
    vmas: [],
  });
  expect(rig.device.gpu.counters.dmaPages).toBe(0);
  checkStructure(rig);
}

describe('random histories', () => {
  it('keep the structure sound and every valid PTE in a mapped range or explained, with races and failures', () => {
    const given = new Map<Explanation, number>();
    fc.assert(
      fc.property(configuration, history(anyStep, 100), (options, steps) => {
        const rig = new Rig(options);
        const checker = new CoverageChecker(rig);
        runChecked(rig, steps, checker);
        expectAllGone(rig);
        for (const [name, count] of checker.given) given.set(name, (given.get(name) ?? 0) + count);
      }),
      { seed, numRuns: times(120, 80) },
    );
    // The checker is worth something only if the histories reach the quirks; emulator-coverage.test.ts reaches each.
    expect([...given.keys()]).toEqual(expect.arrayContaining(['Q35', 'Q36', 'Q37']));
    expect(given.has('Q11')).toBe(false);
  });

  it('need none but Q35 to Q38 as long as one thread runs and nothing fails', () => {
    const given = new Map<Explanation, number>();
    fc.assert(
      fc.property(configuration, history(plainStep, 100), (options, steps) => {
        const rig = new Rig(options);
        const checker = new CoverageChecker(rig);
        runChecked(rig, steps, checker);
        expectAllGone(rig);
        for (const [name, count] of checker.given) given.set(name, (given.get(name) ?? 0) + count);
      }),
      { seed, numRuns: times(80, 50) },
    );
    expect([...given.keys()].filter((name) => !['Q35', 'Q36', 'Q37', 'Q38'].includes(name))).toEqual([]);
    expect(given.size).toBeGreaterThan(1);
  });

  it('need no explanation at all if every event covers the window and is collected at once', () => {
    const whole = { first: 0, pages: WINDOW };
    fc.assert(
      fc.property(history(plainStep, 80), (steps) => {
        const rig = new Rig();
        const checker = new CoverageChecker(rig);
        for (const step of steps) {
          if (step === null) continue;
          const wide: Step =
            step.name === 'unmap' || step.name === 'discard' || step.name === 'protect'
              ? { ...step, span: whole }
              : step;
          // mprotect goes VMA by VMA: not one event, so it is left out; a hole ends it.
          if (wide.name === 'protect' || (wide.name === 'discard' && rig.machine.process.space.vmas.size !== 1))
            continue;
          // MADV_DONTNEED stops at a pfnmap VMA without an event; io and pfnmap have no pages anyway.
          runStep(rig, wide);
          rig.gc();
          checker.check();
        }
        expect([...checker.given]).toEqual([]);
      }),
      { seed, numRuns: 60 },
    );
  });

  it('leave only PTEs explained by Q11 and the quirks before it when the context is closed and finalised', () => {
    let reached = 0;
    fc.assert(
      fc.property(configuration, history(plainStep, 50), history(plainStep, 12), (options, before, closing) => {
        const rig = new Rig(options);
        const checker = new CoverageChecker(rig);
        runChecked(rig, before, checker);
        rig.device.closeContext(rig.node.file);
        for (const step of closing) {
          // The file is being closed: no ioctl and no GPU work can come any more.
          if (step === null || step.name === 'set' || step.name === 'access') continue;
          if (step.name === 'fault') expect(runStep(rig, step)).toBe(-11);
          else runStep(rig, step);
        }
        expect(rig.device.finaliseContext(rig.node.file)).toEqual({ ranges: 0, attrs: 0, dmaPages: 0 });
        checker.checkFinalised();
        reached += checker.given.get('Q11') ?? 0;
      }),
      { seed, numRuns: 60 },
    );
    expect(reached).toBeGreaterThan(0);
  });
});

/** JSON with bigints in hexadecimal. */
function json(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? `0x${each.toString(16)}` : each));
}

/** Everything that can be seen of a history: answers, the events of those names, and the state at its end. */
function record(
  options: object,
  steps: readonly (Step | null)[],
  names: readonly (typeof EVENT_NAMES)[number][],
): string {
  const rig = new Rig(options);
  const lines: string[] = [];
  for (const name of names) rig.machine.on(name, (event) => lines.push(`${name} ${json(event)}`));
  for (const step of steps) if (step !== null) lines.push(json([step.name, runStep(rig, step)]));
  lines.push(json(rig.machine.snapshot()));
  return lines.join('\n');
}

describe('the same history', () => {
  it('gives the same bytes twice: answers, events of every name, and snapshot', () => {
    let events = 0;
    fc.assert(
      fc.property(configuration, history(anyStep, 60), (options, steps) => {
        const once = record(options, steps, EVENT_NAMES);
        expect(record(options, steps, EVENT_NAMES)).toBe(once);
        events += once.split('\n').length;
      }),
      { seed, numRuns: times(15, 10) },
    );
    expect(events).toBeGreaterThan(600);
  });

  // Where nobody sees the order, ranges that an event ends are looked at once, and neighbours are collected together.
  it.each(['v4', 'v7', 'v8'] as const)(
    'has the same answers and end whether or not somebody watches, on %s',
    (profile) => {
      let collected = 0;
      fc.assert(
        fc.property(configuration, history(anyStep, 60), (options, steps) => {
          const often = steps.flatMap((step) =>
            step?.name === 'unmap' ? [step, { name: 'collect' } as const] : [step],
          );
          const settings = { ...options, profile };
          const watched = record(settings, often, EVENT_NAMES).split('\n');
          const lines = watched.filter((line) => !EVENT_NAMES.some((name) => line.startsWith(`${name} `)));
          expect(record(settings, often, [])).toBe(lines.join('\n'));
          collected += watched.length - lines.length;
        }),
        { seed, numRuns: times(80, 40) },
      );
      expect(collected).toBeGreaterThan(600);
    },
  );
});
