/** Long work on the page's thread, in slices: the page paints and hears its user in between. */

/** Milliseconds of work before others get their turn, and between two reports of progress. */
const SLICE = 24;
const REPORT_EVERY = 60;

/**
 * Runs `work` to its end and resolves with its result, with undefined as soon as `isWanted` says no. Rejects with what
 * it throws. `report` gets what it yields, now and then.
 */
export function inSlices<Progress, Result>(
  work: Generator<Progress, Result>,
  report: (progress: Progress) => void,
  isWanted: () => boolean,
): Promise<Result | undefined> {
  return new Promise((resolve, reject) => {
    // A message has no least delay, unlike a timer, and none in a tab that is not looked at.
    const { port1, port2 } = new MessageChannel();
    const end = (settle: () => void): void => {
      port1.close();
      settle();
    };
    let reported = -Infinity;
    const slice = (): void => {
      if (!isWanted()) return end(() => resolve(undefined));
      const start = performance.now();
      let now = start;
      while (now - start < SLICE) {
        const next = work.next();
        if (next.done === true) return end(() => resolve(next.value));
        now = performance.now();
        if (now - reported < REPORT_EVERY) continue;
        reported = now;
        report(next.value);
      }
      port2.postMessage(null);
    };
    port1.onmessage = () => {
      try {
        slice();
      } catch (error) {
        end(() => reject(error as Error));
      }
    };
    port2.postMessage(null);
  });
}
