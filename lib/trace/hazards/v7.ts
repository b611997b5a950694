/** Traces of the hazards that came with RFC V7. */
import type { HazardScenarios } from './scenario.ts';
import { BLOCK, MIB, T, V } from './script.ts';

export const V7_SCENARIOS: HazardScenarios = {
  'V7-B2': {
    write: (s) => {
      s.registered();
      s.during(
        'pages-got',
        () => s.reset(V, BLOCK),
        () => s.fault(V),
      );
    },
  },
  'V7-B3': {
    write: (s) => {
      s.region();
      s.set(V, BLOCK, [T.gpuReadOnly, 1]);
      s.fault(V);
      s.reset(V + 16, 1);
      s.later();
      s.fault(V + 16, true);
    },
  },
  'V7-B6': {
    write: (s) => {
      s.registered();
      s.bufferObject(V + 8, 8);
      s.fault(V);
    },
  },
  'V7-R1': {
    write: (s) => {
      s.map(V, BLOCK);
      s.set(V, BLOCK, [T.gpuReadOnly, 1]);
      s.fault(V);
      s.reset(V, BLOCK);
    },
  },
  'V7-R2': {
    write: (s) => {
      s.map(V, BLOCK, 'r');
      s.during(
        'pages-got',
        () => s.protect(V, BLOCK, 'rw'),
        () => s.fault(V),
      );
    },
  },
  'V7-R3': {
    write: (s) => {
      s.map(V, BLOCK);
      s.set(V, BLOCK, [T.gpuReadOnly, 1]);
      s.unmap(V, BLOCK);
      s.map(V, BLOCK);
    },
  },
  'V7-R4': {
    write: (s) => {
      s.mapped();
      s.discard(V, BLOCK);
      s.protect(V + MIB, MIB, 'r');
      s.fault(V, true);
    },
  },
};
