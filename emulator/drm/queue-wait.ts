// Models: the hardware queues while KFD keeps them stopped - their work waits until they are resumed (spec/xnack-off §6).
import { isRestoreWork } from '../svm/revision.ts';
import type { EmulatedDevice } from './device.ts';

/** Works that are waited for without a resume: real queues would stay stopped forever. */
const MOST_WORKS = 1000;

/**
 * Waits until the queues of the process run: lets the time pass up to each work that could resume them, and the work
 * run. False if none is left that could, or after 1,000 works.
 */
export function waitForQueues(device: EmulatedDevice, clock: { advance(nanoseconds: number): void }): boolean {
  const { queues, devices, clock: time } = device.surroundings;
  for (let works = 0; queues.stops > 0; works++) {
    const due = earliestDue(devices());
    if (due === undefined || works === MOST_WORKS) return false;
    if (due > time.now) clock.advance(due - time.now);
    for (const each of devices()) {
      for (const file of each.files) if (file.context?.hasRetryFaults === false) each.runDueWork(file);
    }
  }
  return true;
}

function earliestDue(devices: readonly EmulatedDevice[]): number | undefined {
  let earliest: number | undefined;
  for (const { files } of devices) {
    for (const { context } of files) {
      const due = context !== null && isRestoreWork(context.collector) ? context.collector.nextDue : undefined;
      if (due !== undefined && (earliest === undefined || due < earliest)) earliest = due;
    }
  }
  return earliest;
}
