/** Option `hazards` of `SvmDevice.open`: the monitor of the emulated machine, and how its findings reach the program. */
import type { EmulatedMachine, Hazard, HazardMonitor } from '../../emulator/index.ts';

/** Values of the option `hazards`. */
export const HAZARD_MODES = ['off', 'report', 'throw'] as const;
/** 'report': events and `device.hazards`; 'throw': besides, the operation that caused one throws `HazardError` when it has ended. */
export type HazardMode = (typeof HAZARD_MODES)[number];

/** What a device knows of the monitor. */
export interface HazardWatch {
  readonly hazards: readonly Hazard[];
  stop(): void;
}

const NOTHING: HazardWatch = { hazards: [], stop: () => undefined };

/** Watches `machine` if `mode` says so. */
export function watchHazards(machine: EmulatedMachine, mode: HazardMode): HazardWatch {
  if (mode === 'off') return NOTHING;
  const monitor: HazardMonitor = machine.watchHazards();
  if (mode === 'report') return { hazards: monitor.hazards, stop: () => undefined };
  // What was found before is not the fault of this device's program.
  monitor.takeError();
  const throwFound = (): void => {
    const error = monitor.takeError();
    if (error !== undefined) throw error;
  };
  // Operations are journalled when they have ended and hold no lock; recorders come first, so nothing is lost.
  return { hazards: monitor.hazards, stop: machine.addJournal({ record: throwFound, complete: throwFound }) };
}
