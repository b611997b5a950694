/** Traces of the hazards about attributes. */
import { UAPI_PROFILES } from '../../uapi/profile.ts';
import type { HazardScenarios } from './scenario.ts';
import { BLOCK, MIB, T, V } from './script.ts';

const END = 1n << 64n;
const ADDRESS_OF_V = BigInt(V) * 4096n;

export const ATTRIBUTE_SCENARIOS: HazardScenarios = {
  Q13: {
    write: (s) => {
      s.mapped();
      s.set(V, BLOCK, [T.gpuReadOnly, 1]);
    },
  },
  Q14: {
    write: (s) => {
      s.region();
      s.set(V, BLOCK, [T.access, 0], [T.prefetchLocation, 1]);
    },
  },
  Q15: {
    write: (s) => {
      s.registered(4 * BLOCK);
      s.during(
        'pages-got',
        () => s.discard(V + 2 * BLOCK, BLOCK),
        () => s.prefetch(4 * BLOCK),
        3,
      );
    },
  },
  Q16: {
    write: (s) => {
      s.registered();
      s.prefetch();
      s.discard(V, BLOCK);
      s.prefetch();
    },
  },
  Q17: {
    write: (s) => {
      s.registered();
      s.prefetch();
      s.discard(V, BLOCK);
      s.set(V, BLOCK, [T.granularity, 5]);
    },
  },
  Q18: {
    write: (s) => {
      s.registered();
      s.prefetch();
      s.set(V, MIB, [T.prefetchLocation, 0]);
    },
  },
  Q19: {
    write: (s) => {
      s.region();
      s.set(V, BLOCK, [T.granularity, 0]);
      s.fault(V);
    },
  },
  Q20: {
    write: (s) => {
      s.region(V, 2 * BLOCK);
      s.set(V, BLOCK, [T.gpuExecutable, 1]);
      s.protect(V + 32, 1, '-');
      s.set(V, 2 * BLOCK, [T.prefetchLocation, 1]);
    },
  },
  Q21: {
    write: (s, revision) => {
      s.region();
      s.during(
        'pages-got',
        () => {
          // Else the collector takes the attributes away.
          if (UAPI_PROFILES[revision].behaviour.attributesSurviveUnmap) s.reset(V, BLOCK);
          s.unmap(V, BLOCK);
        },
        () => s.prefetch(),
      );
    },
  },
  Q22: {
    write: (s) => {
      s.region();
      s.ioctl(0, ADDRESS_OF_V, END - ADDRESS_OF_V, [T.access, 2]);
    },
  },
  Q23: { write: (s) => s.ioctl(1, END - 4096n, 8192n, [T.access, 0]) },
  Q24: {
    write: (s) => {
      s.region();
      s.during(
        'vma-checked',
        () => s.unmap(V, BLOCK),
        () => s.set(V, BLOCK, [T.gpuReadOnly, 1]),
      );
    },
  },
  Q25: {
    write: (s) => {
      s.mapped();
      s.set(V, MIB, [T.gpuReadOnly, 1]);
      s.failing({ at: 'lock-pd', err: -4 });
      s.set(V, MIB, [T.gpuReadOnly, 1]);
    },
  },
  Q26: {
    write: (s) => {
      s.region();
      s.set(V, BLOCK, [T.gpuReadOnly, 1]);
      s.unmap(V, BLOCK);
      s.map(V, BLOCK);
    },
  },
  Q27: {
    write: (s) => {
      s.mapped();
      s.unmap(V, 1);
      s.unmap(V + BLOCK - 1, 1);
      s.gc();
    },
  },
  Q28: {
    write: (s) => {
      s.map(V, BLOCK, 'rw', 'heap');
      s.fault(V);
    },
  },
  Q29: {
    write: (s) => {
      s.region();
      for (let page = 0; page < 34; page += 2) s.set(V + page, 1, [T.gpuExecutable, 1]);
      s.set(V, BLOCK, [T.gpuExecutable, 1]);
    },
  },
  Q30: {
    write: (s) => {
      s.mapped();
      s.unmap(V, BLOCK);
      s.get(V, BLOCK, T.gpuExecutable);
    },
  },
  Q31: {
    write: (s) => {
      s.region();
      s.during(
        'mmap-unlock',
        () => s.set(V + 16, 16, [T.gpuExecutable, 1]),
        () => s.fault(V),
      );
    },
  },
  Q32: {
    write: (s) => {
      s.region();
      s.set(V, BLOCK, [T.gpuExecutable, 1]);
      s.access(V);
      s.unmap(V, BLOCK);
      s.region();
      s.fault(V);
    },
  },
  Q33: {
    write: (s) => {
      s.registered(2 * BLOCK);
      s.access(V);
      s.unmap(V, BLOCK);
      s.region();
      s.fault(V);
    },
  },
  Q34: {
    write: (s) => {
      s.registered(2 * BLOCK);
      s.during(
        'attr-edited',
        () => s.set(V + BLOCK, MIB, [T.gpuReadOnly, 1]),
        () => s.prefetch(2 * BLOCK),
      );
    },
  },
};
