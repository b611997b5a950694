/** Scenarios of hazards that no trace can express, each as a function on a machine; the others are in lib/trace/hazards. */
import { createContext } from '../../emulator/svm/context.ts';
import { AddressSpace } from '../../emulator/mm/address-space.ts';
import type { EmulatedMachine, MachineOptions } from '../../emulator/index.ts';
import { at, BLOCK, Rig, T, V } from './emulator-rig.ts';

type Options = MachineOptions & { compute?: boolean };

/** The region with one interval that covers it. */
function registered(rig: Rig, pages = BLOCK): void {
  rig.region(V, pages);
  rig.set(V, pages, [T.access, 2]);
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

export const SCENARIOS: Readonly<Record<string, (rig: Rig) => unknown>> = {
  Q02: (rig) => {
    rig.map(V, BLOCK, '-');
    rig.device.vmFault({ address: at(V), write: false });
  },
  Q07: (rig) => {
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
      deviceMemory: null,
    });
  },
  Q12: (rig) => {
    rig.node.close();
    rig.machine.unloadDriver();
  },
  Q46: zombie,
  leak: (rig) => {
    zombie(rig);
    rig.device.finaliseContext(rig.node.file);
  },
};

/** A rig whose monitor is on before its file is opened. */
export function watchedRig(options: Options = {}): Rig {
  return new Rig({ ...options, prepare: (machine: EmulatedMachine) => void machine.watchHazards() });
}
