/** Looks at the doorbells of one process: often while there is work, seldom when there is none. */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { SdmaQueue } from './sdma-queue.ts';

/** Between two looks while there was work lately, and how long ago that is. */
const BUSY_MILLISECONDS = 0.05;
const BUSY_FOR = 4;
const IDLE_MILLISECONDS = 1;
/** When there was none for so long, seldom: a look takes some 50 us. */
const ASLEEP_AFTER = 500;
const ASLEEP_MILLISECONDS = 10;
/** Between two tries of a packet that has to wait. */
const WAITING_MILLISECONDS = 2;

export class Doorbells {
  readonly #path: string;
  readonly #beforeWork: () => void;
  readonly #complain: (error: unknown) => void;
  readonly #queues = new Set<SdmaQueue>();
  readonly #word = new BigUint64Array(1);
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #file = -1;
  #scheduled = false;
  #lastWork = 0;
  #nextTry = 0;

  /** `mount`: the served directory. `beforeWork` brings the machine to the present. */
  constructor(mount: string, beforeWork: () => void, complain: (error: unknown) => void) {
    this.#path = join(mount, 'kfd');
    this.#beforeWork = beforeWork;
    this.#complain = complain;
  }

  add(queue: SdmaQueue): void {
    // Our own file shares the page cache with every mapping of the client, so that its stores are seen without asking.
    if (this.#file < 0) this.#file = openSync(this.#path, 'r');
    queue.begin(this.#read(queue));
    this.#queues.add(queue);
    this.#schedule();
  }

  remove(queue: SdmaQueue): void {
    this.#queues.delete(queue);
  }

  close(): void {
    this.#queues.clear();
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }

  #schedule(): void {
    if (this.#scheduled || this.#queues.size === 0) return;
    this.#scheduled = true;
    const idle = performance.now() - this.#lastWork;
    if (idle < BUSY_FOR) setImmediate(this.#look, true);
    else setTimeout(this.#look, idle < ASLEEP_AFTER ? IDLE_MILLISECONDS : ASLEEP_MILLISECONDS, false);
  }

  readonly #look = (busy: boolean): void => {
    this.#scheduled = false;
    try {
      if (!this.#round() && busy) Atomics.wait(this.#sleeper, 0, 0, BUSY_MILLISECONDS);
    } catch (error) {
      // The mount may have gone; what else it was, the next look may be luckier.
      this.#complain(error);
    }
    this.#schedule();
  };

  #read(queue: SdmaQueue): number {
    readSync(this.#file, this.#word, 0, 8, queue.settings.doorbell);
    return Number(this.#word[0]!);
  }

  /** Whether a queue did something. */
  #round(): boolean {
    let worked = false;
    let ready = false;
    for (const queue of this.#queues) {
      if (!queue.ring(this.#read(queue))) continue;
      if (!ready) {
        if (performance.now() < this.#nextTry) continue;
        this.#beforeWork();
        ready = true;
      }
      const step = queue.step();
      worked ||= step.worked;
      if (step.waiting && !step.worked) this.#nextTry = performance.now() + WAITING_MILLISECONDS;
    }
    if (worked) this.#lastWork = performance.now();
    return worked;
  }
}
