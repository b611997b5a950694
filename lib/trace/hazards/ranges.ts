/** Traces of the hazards about invalidation and ranges. */
import { UAPI_PROFILES } from '../../uapi/profile.ts';
import type { HazardScenarios } from './scenario.ts';
import { BLOCK, MIB, T, V } from './script.ts';

export const RANGE_SCENARIOS: HazardScenarios = {
  Q35: {
    write: (s) => {
      s.mapped();
      s.discard(V, 1);
    },
  },
  Q36: {
    write: (s) => {
      s.mapped();
      s.discard(V, 1);
      s.unmap(V, BLOCK);
    },
  },
  Q37: {
    write: (s) => {
      s.mapped();
      s.unmap(V, 1);
    },
  },
  Q38: {
    write: (s) => {
      s.mapped();
      s.discard(V, 1);
      s.set(V, MIB, [T.gpuReadOnly, 1]);
    },
  },
  Q39: {
    write: (s) => {
      s.mapped();
      s.discard(V, BLOCK);
      s.failing({ at: 'zap', err: -16 });
    },
  },
  Q40: {
    write: (s) => {
      s.registered();
      s.during(
        'pte-committed',
        () => s.discard(V, BLOCK),
        () => s.prefetch(),
      );
    },
  },
  Q41: {
    write: (s) => {
      s.registered();
      s.fault(V);
      s.failing({ at: 'pdes', err: -19 });
    },
  },
  Q42: {
    write: (s) => {
      s.mapped();
      s.discard(V, 1);
      s.discard(V + 1, 1);
      s.fault(V);
    },
  },
  Q44: {
    write: (s) => {
      s.registered();
      s.access(V);
      s.during(
        'attr-edited',
        () => s.unmap(V + 8, 1),
        () => s.set(V, 4, [T.gpuReadOnly, 1]),
      );
      s.gc();
    },
  },
  Q45: {
    write: (s, revision) => {
      s.registered();
      s.access(V);
      s.unmap(V, 1);
      s.during(
        // Where attributes stay, the collector has none to clear.
        UAPI_PROFILES[revision].behaviour.attributesSurviveUnmap ? 'work-unlock' : 'tree-unlock',
        () => s.unmap(V + 5, 1),
        () => s.gc(),
      );
    },
  },
  Q47: {
    write: (s) => {
      s.mapped();
      s.set(V + 7, 1, [T.gpuReadOnly, 1]);
    },
  },
  Q68: {
    write: (s) => {
      s.mapped();
      s.set(V, MIB, [T.gpuReadOnly, 1]);
      s.failing({ at: 'lock-pd', err: -4 });
      s.discard(V, BLOCK);
      s.fault(V + MIB, true);
    },
  },
  Q69: {
    write: (s) => {
      s.map(V, 4 * BLOCK);
      s.prefetch(4 * BLOCK);
    },
  },
};
