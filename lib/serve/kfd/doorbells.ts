/** Looks at the doorbells of one process while there is work; else the kernel says when one is touched. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { KfdSurroundings } from './client.ts';
import { DOORBELL_FRAME } from './interface.ts';
import type { SdmaQueue, SdmaQueueSettings } from './sdma-queue.ts';

/** Between two looks while there was work lately, and how long ago that is. */
const BUSY_MILLISECONDS = 0.05;
const BUSY_FOR = 4;
/** Whoever has touched a doorbell is about to ring: the page stays for so long, looked at so often. */
const EXPECTING_FOR = 500;
const EXPECTING_MILLISECONDS = 1;
/** Between two tries of a packet that has to wait. */
const WAITING_MILLISECONDS = 2;
/** What files of a file system answer whose helper has ended. */
const GONE: ReadonlySet<string> = new Set(['ENOTCONN', 'ECONNABORTED', 'ENODEV']);
/** Should the kernel ever keep a page that was dropped, what is rung there is seen so late, by the write pointers. */
const RECHECK_MILLISECONDS = 2000;

/**
 * Our own file shares the page cache with every mapping of the client, so that its stores are seen without asking. A write to our
 * second file, past the page cache, makes the kernel drop the page from it: the next store of the client is a page fault, for
 * which the kernel asks the helper, and that tells us (`#touched`).
 */
export class Doorbells {
  readonly #place: Pick<KfdSurroundings, 'mount' | 'hearTouches'>;
  readonly #beforeWork: (settings: SdmaQueueSettings) => void;
  readonly #complain: (error: unknown) => void;
  readonly #queues = new Set<SdmaQueue>();
  readonly #frame = new Uint8Array(DOORBELL_FRAME);
  readonly #word = new BigUint64Array(1);
  readonly #sleeper = new Int32Array(new SharedArrayBuffer(4));
  #cached = -1;
  #direct = -1;
  #stopHearing: (() => void) | undefined;
  #isScheduled = false;
  #timer: NodeJS.Timeout | undefined;
  #isTouched = false;
  #lastWork = 0;
  /** Until then somebody is expected to ring. */
  #expectingUntil = 0;

  /** `beforeWork` brings the machine to the present for a queue. */
  constructor(
    place: Pick<KfdSurroundings, 'mount' | 'hearTouches'>,
    beforeWork: (settings: SdmaQueueSettings) => void,
    complain: (error: unknown) => void,
  ) {
    this.#place = place;
    this.#beforeWork = beforeWork;
    this.#complain = complain;
  }

  add(queue: SdmaQueue): void {
    if (this.#cached < 0) {
      const path = join(this.#place.mount, 'kfd');
      this.#cached = openSync(path, 'r');
      this.#direct = openSync(path, constants.O_WRONLY | constants.O_DIRECT);
      this.#stopHearing = this.#place.hearTouches(() => this.#touched());
    }
    queue.begin(this.#read(queue));
    this.#queues.add(queue);
    this.#expect();
    this.#lookSoon();
  }

  remove(queue: SdmaQueue): void {
    this.#queues.delete(queue);
  }

  /**
   * A doorbell is about to be rung: its page is on its way to the client, and the write pointer, stored before, tells as much.
   * Looks at once, while the client waits for the page, and goes on to look for a while.
   */
  #touched(): void {
    this.#expect();
    this.#isTouched = true;
    if (!this.#isScheduled) this.#look();
  }

  #expect(): void {
    this.#lastWork = performance.now();
    this.#expectingUntil = this.#lastWork + EXPECTING_FOR;
  }

  close(): void {
    this.#queues.clear();
    clearTimeout(this.#timer);
    this.#stopHearing?.();
    for (const file of [this.#cached, this.#direct]) if (file >= 0) closeSync(file);
    this.#cached = this.#direct = -1;
  }

  #lookSoon(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#look);
  }

  #lookAfter(milliseconds: number): void {
    this.#after(milliseconds, () => this.#lookSoon());
  }

  #after(milliseconds: number, action: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(action, milliseconds);
  }

  readonly #look = (): void => {
    this.#isScheduled = false;
    clearTimeout(this.#timer);
    if (this.#queues.size === 0) return;
    try {
      const byPointer = this.#isTouched;
      this.#isTouched = false;
      const { worked, waiting } = this.#round(byPointer);
      const now = performance.now();
      if (worked) [this.#lastWork, this.#expectingUntil] = [now, 0];
      if (waiting && !worked) return this.#lookAfter(WAITING_MILLISECONDS);
      if (now - this.#lastWork < BUSY_FOR) {
        if (!worked) Atomics.wait(this.#sleeper, 0, 0, BUSY_MILLISECONDS);
        return this.#lookSoon();
      }
      if (now < this.#expectingUntil) return this.#lookAfter(EXPECTING_MILLISECONDS);
      this.#drop();
      // What was stored while the pages were dropped may have gone with them; the write pointers have it, too.
      if (this.#pointersTell()) return this.#lookSoon();
    } catch (error) {
      // The mount has gone, which others tell; what else it was, the next look may be luckier.
      if (GONE.has((error as NodeJS.ErrnoException).code ?? '')) return;
      this.#complain(error);
    }
    this.#rest();
  };

  /** Asks for no doorbell, which would bring its page and wake the helper as well. */
  #rest(): void {
    this.#after(RECHECK_MILLISECONDS, this.#recheck);
  }

  readonly #recheck = (): void => {
    if (this.#isScheduled || this.#queues.size === 0) return;
    try {
      if (this.#pointersTell()) return this.#lookSoon();
    } catch (error) {
      this.#complain(error);
    }
    this.#rest();
  };

  /** Asks the write pointer of every queue, which rings it; whether there is work. */
  #pointersTell(): boolean {
    return [...this.#queues].filter((queue) => queue.ringByPointer()).length > 0;
  }

  #read(queue: SdmaQueue): number {
    readSync(this.#cached, this.#word, 0, 8, queue.settings.doorbell);
    return Number(this.#word[0]!);
  }

  /** `byPointer`: the doorbells may have to be waited for, the write pointers are looked at. */
  #round(byPointer: boolean): { readonly worked: boolean; readonly waiting: boolean } {
    let worked = false;
    let waiting = false;
    let isReady = false;
    for (const queue of this.#queues) {
      if (!(byPointer ? queue.ringByPointer() : queue.ring(this.#read(queue)))) continue;
      if (!isReady) this.#beforeWork(queue.settings);
      isReady = true;
      const step = queue.step();
      worked ||= step.worked;
      waiting ||= step.waiting;
    }
    return { worked, waiting };
  }

  /** Makes the kernel drop the pages of all doorbells in use. */
  #drop(): void {
    const frames = new Set([...this.#queues].map(({ settings }) => settings.doorbell & ~BigInt(DOORBELL_FRAME - 1)));
    for (const offset of frames) {
      // What is there: the helper does not take it, and if the kernel does not write past its cache it changes nothing.
      readSync(this.#cached, this.#frame, 0, DOORBELL_FRAME, offset);
      writeSync(this.#direct, this.#frame, 0, DOORBELL_FRAME, Number(offset));
    }
  }
}
