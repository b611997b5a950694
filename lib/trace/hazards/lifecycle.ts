/** Traces of the hazards about the life of a context. */
import type { HazardScenarios } from './scenario.ts';
import { BLOCK, T, V } from './script.ts';

export const LIFECYCLE_SCENARIOS: HazardScenarios = {
  Q01: { config: { lazy: true }, write: (s) => s.ioctl(7, 0n, 0n) },
  Q03: { config: { gc: '11.0.0' }, write: () => undefined },
  Q04: {
    config: { lazy: true },
    write: (s) => {
      s.registered();
      s.fault(V);
    },
  },
  Q05: { config: { noretry: true }, write: () => undefined },
  Q06: { config: { granularity: 300 }, write: () => undefined },
  Q11: {
    write: (s) => {
      s.mapped();
      s.add({ close: {} });
      s.discard(V, BLOCK);
    },
  },
  Q61: {
    write: (s, revision) => {
      s.registered();
      // From v8 on a context that closes answers 0.
      if (revision !== 'v8') s.add({ close: {} });
      s.fault(V);
      if (revision === 'v8') s.failing({ at: 'lock-pd', err: -4 });
    },
  },
  Q62: {
    write: (s) => {
      s.registered();
      s.fault(V);
      s.failing({ at: 'range-alloc', err: -12 });
    },
  },
  Q67: {
    write: (s) => {
      s.region();
      s.set(V, BLOCK, [T.gpuAlwaysMapped, 1]);
    },
  },
  'unhandled-fault': {
    write: (s) => {
      s.map(V, BLOCK, 'r');
      s.set(V, BLOCK, [T.access, 2]);
      s.fault(V, true);
    },
  },
};
