/** Scenarios of the catalogue 07-quirks, each as a function on a machine: what the hazard monitor has to name. */
import { AddressSpace } from '../../emulator/mm/address-space.ts';
import { createContext } from '../../emulator/svm/context.ts';
import { HandleFault } from '../../emulator/revisions/v4/fault.ts';
import type { EmulatedMachine, MachineOptions } from '../../emulator/index.ts';
import { at, BLOCK, GET, MIB, Rig, T, V } from './emulator-rig.ts';
import { SET } from './emulator-rig.ts';

export interface Scenario {
  readonly options?: MachineOptions & { compute?: boolean };
  readonly run: (rig: Rig) => unknown;
}

/** The region with one interval that covers it. */
function registered(rig: Rig, pages = BLOCK): void {
  rig.region(V, pages);
  rig.set(V, pages, [T.access, 2]);
}

/** ... mapped on the GPU for writing, later than the recent-mapping window. */
function mapped(rig: Rig, pages = BLOCK): void {
  registered(rig, pages);
  rig.access(V, pages, true);
  rig.later();
}

function prefetch(rig: Rig, pages = BLOCK): number {
  return rig.set(V, pages, [T.prefetchLocation, 1]);
}

/** A zombie range (Q46) at V + BLOCK. */
function zombie(rig: Rig): void {
  registered(rig, 3 * BLOCK);
  rig.access(V + BLOCK);
  rig.later();
  rig.unmap(V + BLOCK, BLOCK);
  rig.device.failures.plan('clear-split', 'ENOMEM');
  rig.gc();
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  Q01: { options: { compute: false }, run: (rig) => rig.ioctl(7, 0n, 0n, []) },
  Q02: {
    run: (rig) => {
      rig.map(V, BLOCK, '-');
      rig.device.vmFault({ address: at(V), write: false });
    },
  },
  Q03: { options: { asic: 'gfx1100' }, run: () => undefined },
  Q04: {
    options: { compute: false },
    run: (rig) => {
      registered(rig);
      rig.device.vmFault({ address: at(V), write: false });
    },
  },
  Q05: { options: { gc: '9.4.3', noretry: true }, run: () => undefined },
  Q06: { options: { defaultGranularity: 300 }, run: () => undefined },
  Q07: {
    run: (rig) => {
      const { device, clock, effects, points, failures } = rig.context;
      const { revision, driver } = rig.device.surroundings;
      createContext(rig.node.file.vm, new AddressSpace(), {
        revision,
        driver,
        device,
        clock,
        effects,
        points,
        failures,
      });
    },
  },
  Q09: {
    run: (rig) => {
      registered(rig);
      const lookedUp = new HandleFault(rig.context, V, 1, false);
      rig.device.finaliseContext(rig.node.file);
      lookedUp.run();
    },
  },
  Q10: {
    run: (rig) => {
      registered(rig);
      const { context } = rig;
      const waiting = new HandleFault(context, V, 1, false);
      context.svmLock.acquire();
      waiting.run();
      context.svmLock.release();
      rig.device.finaliseContext(rig.node.file);
      waiting.run();
    },
  },
  Q11: {
    run: (rig) => {
      mapped(rig);
      rig.device.closeContext(rig.node.file);
      rig.discard(V, BLOCK);
    },
  },
  Q12: {
    run: (rig) => {
      rig.node.close();
      rig.machine.unloadDriver();
    },
  },
  Q13: {
    run: (rig) => {
      mapped(rig);
      rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
    },
  },
  Q14: {
    run: (rig) => {
      rig.region();
      rig.set(V, BLOCK, [T.access, 0], [T.prefetchLocation, 1]);
    },
  },
  Q15: {
    run: (rig) => {
      registered(rig, 4 * BLOCK);
      rig.during(
        'pages-got',
        () => rig.discard(V + 2 * BLOCK, BLOCK),
        () => prefetch(rig, 4 * BLOCK),
        3,
      );
    },
  },
  Q16: {
    run: (rig) => {
      registered(rig);
      prefetch(rig);
      rig.discard(V, BLOCK);
      prefetch(rig);
    },
  },
  Q17: {
    run: (rig) => {
      registered(rig);
      prefetch(rig);
      rig.discard(V, BLOCK);
      rig.set(V, BLOCK, [T.granularity, 5]);
    },
  },
  Q18: {
    run: (rig) => {
      registered(rig);
      prefetch(rig);
      rig.set(V, MIB, [T.prefetchLocation, 0]);
    },
  },
  Q19: {
    run: (rig) => {
      rig.region();
      rig.set(V, BLOCK, [T.granularity, 0]);
      rig.fault(V);
    },
  },
  Q20: {
    run: (rig) => {
      rig.region(V, 2 * BLOCK);
      rig.set(V, BLOCK, [T.gpuExecutable, 1]);
      rig.protect(V + 32, 1, '-');
      rig.set(V, 2 * BLOCK, [T.prefetchLocation, 1]);
    },
  },
  Q21: {
    run: (rig) => {
      rig.region();
      rig.during(
        'pages-got',
        () => rig.unmap(V, BLOCK),
        () => prefetch(rig),
      );
    },
  },
  Q22: {
    run: (rig) => {
      rig.region();
      rig.ioctl(SET, at(V), (1n << 64n) - at(V), [[T.access, 2]]);
    },
  },
  Q23: { run: (rig) => rig.ioctl(GET, (1n << 64n) - 4096n, 8192n, [[T.access, 0]]) },
  Q24: {
    run: (rig) => {
      rig.region();
      rig.during(
        'vma-checked',
        () => rig.unmap(V, BLOCK),
        () => rig.set(V, BLOCK, [T.gpuReadOnly, 1]),
      );
    },
  },
  Q25: {
    run: (rig) => {
      mapped(rig);
      rig.device.failures.plan('lock-page-directory', 'EINTR');
      rig.set(V, MIB, [T.gpuReadOnly, 1]);
      rig.set(V, MIB, [T.gpuReadOnly, 1]);
    },
  },
  Q26: {
    run: (rig) => {
      rig.region();
      rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
      rig.unmap(V, BLOCK);
      rig.region();
    },
  },
  Q27: {
    run: (rig) => {
      mapped(rig);
      rig.unmap(V, 1);
      rig.unmap(V + BLOCK - 1, 1);
      rig.gc();
    },
  },
  Q28: {
    run: (rig) => {
      rig.map(V, BLOCK, 'rw', 'heap');
      rig.fault(V);
    },
  },
  Q29: {
    run: (rig) => {
      rig.region();
      for (let page = 0; page < BLOCK; page += 2) rig.set(V + page, 1, [T.gpuExecutable, 1]);
      rig.set(V, BLOCK, [T.gpuExecutable, 1]);
    },
  },
  Q30: {
    run: (rig) => {
      mapped(rig);
      rig.unmap(V, BLOCK);
      rig.get(V, BLOCK, T.gpuExecutable);
    },
  },
  Q31: {
    run: (rig) => {
      rig.region();
      rig.during(
        'mmap-unlock',
        () => void rig.setAsync(V + 16, 16, [T.gpuExecutable, 1]),
        () => rig.fault(V),
      );
    },
  },
  Q32: {
    run: (rig) => {
      rig.region();
      rig.set(V, BLOCK, [T.gpuExecutable, 1]);
      rig.access(V);
      rig.unmap(V, BLOCK);
      rig.region();
      rig.fault(V);
    },
  },
  Q33: {
    run: (rig) => {
      registered(rig, 2 * BLOCK);
      rig.access(V);
      rig.unmap(V, BLOCK);
      rig.region();
      rig.fault(V);
    },
  },
  Q34: {
    run: (rig) => {
      registered(rig, 2 * BLOCK);
      rig.during(
        'attr-edited',
        () => rig.set(V + BLOCK, MIB, [T.gpuReadOnly, 1]),
        () => prefetch(rig, 2 * BLOCK),
      );
    },
  },
  Q35: {
    run: (rig) => {
      mapped(rig);
      rig.discard(V, 1);
    },
  },
  Q36: {
    run: (rig) => {
      mapped(rig);
      rig.discard(V, 1);
      rig.unmap(V, BLOCK);
      rig.gc();
    },
  },
  Q37: {
    run: (rig) => {
      mapped(rig);
      rig.unmap(V, 1);
      rig.gc();
      rig.unmap(V + 1, BLOCK - 1);
    },
  },
  Q38: {
    run: (rig) => {
      mapped(rig);
      rig.discard(V, 1);
      rig.set(V, MIB, [T.gpuReadOnly, 1]);
    },
  },
  Q39: {
    run: (rig) => {
      mapped(rig);
      rig.device.failures.plan('zap-ptes', 'EBUSY');
      rig.discard(V, BLOCK);
    },
  },
  Q40: {
    run: (rig) => {
      registered(rig);
      rig.during(
        'pte-committed',
        () => rig.discard(V, BLOCK),
        () => prefetch(rig),
      );
    },
  },
  Q41: {
    run: (rig) => {
      registered(rig);
      rig.device.failures.plan('update-directories', 'ENODEV');
      rig.fault(V);
    },
  },
  Q42: {
    run: (rig) => {
      mapped(rig);
      rig.discard(V, 1);
      rig.discard(V + 1, 1);
      rig.fault(V);
    },
  },
  Q44: {
    run: (rig) => {
      registered(rig);
      rig.access(V);
      rig.during(
        'attr-edited',
        () => rig.unmap(V + 8, 1),
        () => rig.set(V, 4, [T.gpuReadOnly, 1]),
      );
      rig.gc();
    },
  },
  Q45: {
    run: (rig) => {
      registered(rig);
      rig.access(V);
      rig.unmap(V, 1);
      rig.during(
        'tree-unlock',
        () => rig.unmap(V + 5, 1),
        () => rig.gc(),
      );
    },
  },
  Q46: { run: zombie },
  Q47: {
    run: (rig) => {
      mapped(rig);
      rig.set(V + 7, 1, [T.gpuReadOnly, 1]);
    },
  },
  Q48: {
    run: (rig) => {
      rig.map(V, BLOCK);
      rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
      rig.fault(V);
      rig.later();
      rig.set(V, BLOCK, [T.gpuReadOnly, 0]);
      rig.fault(V, true);
    },
  },
  Q49: {
    run: (rig) => {
      rig.map(V, BLOCK, 'r');
      rig.map(V + BLOCK, BLOCK, 'rw');
      prefetch(rig, 2 * BLOCK);
    },
  },
  Q50: {
    run: (rig) => {
      mapped(rig);
      rig.discard(V, BLOCK);
      rig.protect(V + MIB, MIB, '-');
      rig.fault(V);
    },
  },
  Q51: {
    run: (rig) => {
      mapped(rig);
      rig.protect(V + MIB, MIB, 'r');
      rig.fault(V + MIB);
      rig.later();
      rig.fault(V, true);
    },
  },
  Q52: {
    run: (rig) => {
      mapped(rig);
      rig.discard(V, BLOCK);
      rig.protect(V + MIB, MIB, 'r');
      rig.fault(V, true);
    },
  },
  Q53: {
    run: (rig) => {
      registered(rig);
      rig.unmap(V, BLOCK);
      rig.map(V, BLOCK, 'rw', 'mixedmap');
      rig.fault(V);
    },
  },
  Q54: { run: (rig) => rig.fault(0) },
  Q55: {
    run: (rig) => {
      registered(rig);
      rig.device.failures.plan('collect-pages', 'EFAULT', 3);
      rig.fault(V);
    },
  },
  Q56: {
    run: (rig) => {
      rig.region();
      rig.set(V, BLOCK, [T.gpuReadOnly, 1]);
      rig.fault(V, true);
    },
  },
  Q57: {
    run: (rig) => {
      registered(rig);
      rig.fault(V);
      rig.discard(V, BLOCK);
      rig.fault(V);
    },
  },
  Q58: {
    run: (rig) => {
      registered(rig);
      let passes = 0;
      const remove = rig.machine.at('pages-got', () => {
        if (++passes <= 4) rig.discard(V, BLOCK);
      });
      rig.fault(V);
      remove();
    },
  },
  Q59: { run: (rig) => rig.fault(2 ** 36) },
  Q60: {
    run: (rig) => {
      rig.map(V, BLOCK, 'r');
      rig.set(V, BLOCK, [T.access, 2]);
      rig.fault(V);
      rig.fault(V, true);
    },
  },
  Q61: {
    run: (rig) => {
      registered(rig);
      rig.device.closeContext(rig.node.file);
      rig.fault(V);
    },
  },
  Q62: {
    run: (rig) => {
      registered(rig);
      rig.device.failures.plan('allocate-range', 'ENOMEM');
      rig.fault(V);
    },
  },
  Q63: {
    run: (rig) => {
      mapped(rig);
      rig.region(V + 4 * BLOCK);
      rig.device.setInterruptRing('soft', true, 5_000);
      rig.unmap(V, BLOCK);
      rig.fault(V + 4 * BLOCK, false, 5_000);
    },
  },
  Q64: {
    run: (rig) => {
      mapped(rig, 2 * BLOCK);
      rig.device.setInterruptRing('soft', true, 1);
      rig.unmap(V, BLOCK);
      rig.fault(V + BLOCK, false, 1 + 2 ** 47 + 1);
    },
  },
  Q65: {
    options: { retryCam: false },
    run: (rig) => {
      mapped(rig);
      rig.device.setInterruptRing('soft', true, 10);
      rig.unmap(V, BLOCK);
      rig.fault(V, false, 10);
    },
  },
  Q67: {
    run: (rig) => {
      rig.region();
      rig.set(V, BLOCK, [T.gpuAlwaysMapped, 1]);
    },
  },
  Q68: {
    run: (rig) => {
      mapped(rig);
      rig.device.failures.plan('lock-page-directory', 'EINTR');
      rig.set(V, MIB, [T.gpuReadOnly, 1]);
      rig.discard(V, BLOCK);
      rig.fault(V + MIB, true);
    },
  },
  Q69: {
    run: (rig) => {
      rig.map(V, 4 * BLOCK);
      prefetch(rig, 4 * BLOCK);
    },
  },
  Q70: {
    run: (rig) => {
      for (let round = 0; round < 8; round++) rig.fault(0);
    },
  },
  'refault-loop': {
    run: (rig) => {
      for (let round = 0; round < 8; round++) rig.fault(0);
    },
  },
  'unhandled-fault': {
    run: (rig) => {
      rig.map(V, BLOCK, 'r');
      rig.set(V, BLOCK, [T.access, 2]);
      rig.fault(V, true);
    },
  },
  leak: {
    run: (rig) => {
      zombie(rig);
      rig.device.finaliseContext(rig.node.file);
    },
  },
};

/** A rig whose monitor is on before its file is opened. */
export function watchedRig(options: Scenario['options'] = {}): Rig {
  return new Rig({ ...options, prepare: (machine: EmulatedMachine) => void machine.watchHazards() });
}
