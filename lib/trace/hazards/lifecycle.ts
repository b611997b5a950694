/** Traces of the hazards about the life of a context. */
import type { PreemptionPoint } from '../../../emulator/index.ts';
import type { RevisionName } from '../../uapi/profile.ts';
import type { HazardScenarios } from './scenario.ts';
import { BLOCK, T, V } from './script.ts';

/** Where a fault has seen that the context is not closing, and has not the svm lock yet. */
const BEFORE_SVM_LOCK: Readonly<Record<RevisionName, PreemptionPoint>> = {
  v4: 'closing-checked',
  v7: 'svm-lock',
  'v7-xnack-off': 'svm-lock',
  v8: 'svm-lock',
};

/** Whether a context that is being closed kills accesses; else it answers them with 0. */
const KILLS_WHILE_CLOSING: Readonly<Record<RevisionName, boolean>> = {
  v4: true,
  v7: true,
  'v7-xnack-off': true,
  v8: false,
};

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
  Q08: {
    config: { lazy: true },
    write: (s) => {
      s.region();
      s.during(
        'context-made',
        () => s.set(V, BLOCK, [T.gpuReadOnly, 1]),
        () => s.set(V, BLOCK, [T.gpuExecutable, 1]),
      );
    },
  },
  Q09: {
    write: (s) => {
      s.registered();
      s.during(
        'context-looked-up',
        () => s.add({ fini: {} }),
        () => s.fault(V),
      );
    },
  },
  Q10: {
    write: (s, revision) => {
      s.registered();
      s.during(
        BEFORE_SVM_LOCK[revision],
        () => s.add({ fini: {} }),
        () => s.fault(V),
      );
    },
  },
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
      // Where a context that closes answers 0, another failure has to kill the access.
      const kills = KILLS_WHILE_CLOSING[revision];
      if (kills) s.add({ close: {} });
      s.fault(V);
      if (!kills) s.failing({ at: 'lock-pd', err: -4 });
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
