/** Traces of the hazards about pages, permissions and faults. */
import type { HazardScenarios } from './scenario.ts';
import { BLOCK, MIB, T, V } from './script.ts';

export const FAULT_SCENARIOS: HazardScenarios = {
  Q48: {
    write: (s) => {
      s.map(V, BLOCK);
      s.set(V, BLOCK, [T.gpuReadOnly, 1]);
      s.fault(V);
      s.later();
      s.set(V, BLOCK, [T.gpuReadOnly, 0]);
      s.fault(V, true);
    },
  },
  Q49: {
    write: (s) => {
      s.map(V, BLOCK, 'r');
      s.map(V + BLOCK, BLOCK, 'rw');
      s.prefetch(2 * BLOCK);
    },
  },
  Q50: {
    write: (s) => {
      s.mapped();
      s.discard(V, BLOCK);
      s.protect(V + MIB, MIB, '-');
      s.fault(V);
    },
  },
  Q51: {
    write: (s) => {
      s.mapped();
      s.protect(V + MIB, MIB, 'r');
      s.fault(V + MIB);
      s.later();
      s.fault(V, true);
    },
  },
  Q52: {
    write: (s) => {
      s.mapped();
      s.discard(V, BLOCK);
      s.protect(V + MIB, MIB, 'r');
      s.fault(V, true);
    },
  },
  Q53: {
    write: (s) => {
      s.registered();
      s.unmap(V, BLOCK);
      s.map(V, BLOCK, 'rw', 'mixedmap');
      s.fault(V);
    },
  },
  Q54: { write: (s) => s.fault(0) },
  Q55: {
    write: (s) => {
      s.registered();
      s.fault(V);
      s.failing({ at: 'hmm', err: -14 }, { at: 'hmm', nth: 2, err: -14 }, { at: 'hmm', nth: 3, err: -14 });
    },
  },
  Q56: {
    write: (s) => {
      s.region();
      s.set(V, BLOCK, [T.gpuReadOnly, 1]);
      s.fault(V, true);
    },
  },
  Q57: {
    write: (s) => {
      s.registered();
      s.fault(V);
      s.discard(V, BLOCK);
      s.fault(V);
    },
  },
  Q58: {
    write: (s) => {
      s.registered();
      s.fault(V);
      for (let nth = 1; nth <= 4; nth++)
        s.during(
          'pages-got',
          () => s.discard(V, BLOCK),
          () => undefined,
          nth,
        );
    },
  },
  Q59: { write: (s) => s.fault(2 ** 35) },
  Q60: {
    write: (s) => {
      s.map(V, BLOCK, 'r');
      s.set(V, BLOCK, [T.access, 2]);
      s.fault(V);
      s.fault(V, true);
    },
  },
  Q63: {
    write: (s) => {
      s.mapped();
      s.region(V + 4 * BLOCK);
      s.interrupts(5_000);
      s.unmap(V, BLOCK);
      s.fault(V + 4 * BLOCK, false, 5_000);
    },
  },
  Q64: {
    write: (s) => {
      s.mapped(2 * BLOCK);
      s.interrupts(1);
      s.unmap(V, BLOCK);
      s.fault(V + BLOCK, false, 1 + 2 ** 47 + 1);
    },
  },
  Q65: {
    config: { retryCam: false },
    write: (s) => {
      s.mapped();
      s.interrupts(10);
      s.unmap(V, BLOCK);
      s.fault(V, false, 10);
    },
  },
  Q70: {
    write: (s) => {
      for (let round = 0; round < 8; round++) s.fault(0);
    },
  },
  'refault-loop': {
    write: (s) => {
      for (let round = 0; round < 8; round++) s.fault(0);
    },
  },
};
