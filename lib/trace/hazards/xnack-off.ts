/** Traces of the hazards that came with the XNACK-off series: on GPUs whose retry faults are switched off. */
import type { HazardScenario, HazardScenarios } from './scenario.ts';
import { BLOCK, T, V } from './script.ts';
import type { TraceScript } from './script.ts';

/** The region, registered: SET_ATTR maps it at once. */
function mapped(s: TraceScript, pages = BLOCK): void {
  s.map(V, pages);
  s.set(V, pages, [T.access, 1]);
}

/** 1 ms passes, and the works that are due run. */
function worked(s: TraceScript): void {
  s.add({ advance: { ns: 1_000_000 } });
  s.add({ work: {} });
}

const WRITES: Readonly<Record<string, HazardScenario['write']>> = {
  inaccessible: (s) => {
    s.map(V, BLOCK);
    s.fault(V);
  },
  'X-C1': (s) => {
    mapped(s);
    s.discard(V, 1);
    s.unmap(V, BLOCK);
    worked(s);
  },
  'X-C2': (s) => {
    mapped(s);
    s.set(V, BLOCK, [T.access, 0]);
    s.unmap(V, 1);
    worked(s);
    worked(s);
  },
  'X-C3': (s) => {
    mapped(s);
    s.discard(V, 1);
    worked(s);
    s.failing(...[1, 2, 3, 4].map((nth) => ({ at: 'lock-pd', nth, err: -12 })));
  },
  'X-C6': (s) => {
    mapped(s);
    s.reset(V, 1);
    s.discard(V + 2, 1);
    worked(s);
  },
  'X-C7': (s) => {
    s.map(V, BLOCK);
    s.set(V, BLOCK, [T.access, 2], [T.preferredLocation, 1]);
    s.discard(V, 1);
    worked(s);
  },
  'X-C8': (s) => {
    mapped(s);
    s.set(V + 16, 1, [T.gpuReadOnly, 1]);
  },
  'X-C11': (s) => {
    s.add({ kfd: { resume: -5 } });
    mapped(s);
    s.discard(V, 1);
    worked(s);
  },
  'X-D1': (s) => {
    mapped(s, 4 * BLOCK);
    s.set(V + BLOCK + 1, 3 * BLOCK - 1, [T.granularity, 5]);
    s.set(V, BLOCK + 40, [T.gpuReadOnly, 1]);
    s.add({ work: {} });
  },
  'X-D2': (s) => {
    mapped(s);
    s.during(
      'attr-edited',
      () => s.discard(V, 1),
      () => s.set(V + 16, 496, [T.gpuReadOnly, 1]),
    );
    worked(s);
  },
  'X-R1': (s) => {
    s.map(V, BLOCK);
    s.set(V, BLOCK, [T.access, 1]);
    s.failing({ at: 'hmm', err: -12 });
    s.set(V + 16, 1, [T.gpuReadOnly, 1]);
    worked(s);
  },
  'X-R2': (s) => {
    s.add({ kfd: { quiesce: -5 } });
    mapped(s);
    s.discard(V, 1);
  },
  'X-R3': (s) => {
    mapped(s);
    s.set(V, BLOCK, [T.access, 0]);
    s.discard(V, 1);
    worked(s);
  },
  'X-R4': (s) => {
    mapped(s);
    // An event before each pass of the worker, and one in it.
    for (let pass = 0; pass < 16; pass++) {
      s.discard(V, 1);
      s.add({ advance: { ns: 1_000_000 } });
      s.during(
        'pte-committed',
        () => s.discard(V, 1),
        () => s.add({ work: {} }),
      );
    }
  },
};

export const XNACK_OFF_SCENARIOS: HazardScenarios = Object.fromEntries(
  Object.entries(WRITES).map(([id, write]) => [id, { config: { xnackOff: true }, write }]),
);
