/** Which time is measured: that of the wall, or on a shared machine that of the processor. */

const wallTime = (): number => performance.now();

/** Of this process, with the threads that collect garbage and compile; not while other programs have the processor. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

let current = wallTime;

/** From now on the processor's time is measured. */
export function useProcessorTime(): void {
  current = processorTime;
}

/** A point of time in milliseconds; only differences mean something. */
export function now(): number {
  return current();
}

/** Whether it is the processor's time. */
export function measuresProcessorTime(): boolean {
  return current === processorTime;
}
