/** The monitor looks only where something changed. What it must not miss: every PTE that a full look at the state finds wrong. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Hazard } from '../emulator/index.ts';
import { UAPI_PROFILES } from '../lib/uapi/profile.ts';
import type { UapiProfileName } from '../lib/uapi/profile.ts';
import { anyStep, history, plainStep, runStep } from './support/emulator-history.ts';
import type { Step } from './support/emulator-history.ts';
import { pageOf, seedFor } from './support/emulator-rig.ts';
import { watchedRig } from './support/hazards-scenarios.ts';

const seed = seedFor('hazards-complete');
const configuration = fc.record({
  mode: fc.constantFrom(
    ...(Object.keys(UAPI_PROFILES) as UapiProfileName[]).map((profile) => ({ profile, xnackOff: false })),
    { profile: 'v7-xnack-off' as const, xnackOff: true },
  ),
  thp: fc.boolean(),
  vmaMerge: fc.boolean(),
  defaultGranularity: fc.constantFrom(0, 4, 9, 27),
});

/** Pages that some hazard was about. */
class Named {
  readonly pages = new Set<number>();
  #seen = 0;

  add(hazards: readonly Hazard[]): void {
    for (; this.#seen < hazards.length; this.#seen++) {
      const { address, size } = hazards[this.#seen]!;
      const first = pageOf(address);
      // Intervals up to 2^64 are not in these histories.
      for (let page = first; page < first + pageOf(size); page++) this.pages.add(page);
    }
  }
}

function runAndCompare({ mode, ...options }: { readonly mode: object }, steps: readonly (Step | null)[]): number {
  const rig = watchedRig({ ...options, ...mode });
  const { hazards } = rig.machine.watchHazards();
  const named = new Named();
  let wrong = 0;
  for (const step of steps) {
    if (step === null) continue;
    runStep(rig, step);
    named.add(hazards);
    // While the queues are stopped wrong PTEs are no harm yet.
    if (rig.file.vm.kfd.stopped > 0) continue;
    for (const run of rig.snapshot().ptes) {
      if (run.state === 'ok') continue;
      wrong++;
      for (let page = run.startPage; page < run.startPage + run.pages; page++) {
        if (!named.pages.has(page))
          throw new Error(
            `nothing was said about the PTE of page 0x${page.toString(16)}, which is ${run.state}, after ${step.name}`,
          );
      }
    }
  }
  return wrong;
}

it('names every PTE that is stale, shared, orphaned, without DMA mapping or allows too much', () => {
  let wrong = 0;
  fc.assert(
    fc.property(configuration, history(plainStep, 60), (options, steps) => {
      wrong += runAndCompare(options, steps);
    }),
    { seed, numRuns: 140 },
  );
  fc.assert(
    fc.property(configuration, history(anyStep, 60), (options, steps) => {
      wrong += runAndCompare(options, steps);
    }),
    { seed, numRuns: 140 },
  );
  expect(wrong).toBeGreaterThan(500);
}, 300_000);
