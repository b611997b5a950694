/** What the kernel says while a group of cases runs on it: its log, and whether it is tainted. */
import type { Counted } from './kernel-probes.ts';
import { closeSync, constants, openSync, readFileSync, readSync } from 'node:fs';

/** What the kernel said while a group ran; only for groups in which it said something. */
export interface KernelNote {
  readonly group: string;
  /** Warnings and worse, and what amdgpu, KFD and DRM say; the first ones if there are many. */
  readonly lines: readonly string[];
  /** The taint before and after, if it changed: then something went wrong that outlasts the group. */
  readonly taint?: readonly [before: string, after: string];
}

/** What a report says of the kernel. */
export interface KernelReport {
  /** Why the log could not be read; '' if it was. */
  readonly logReason: string;
  /** Taint when the run began, in words: 'not tainted'. */
  readonly taint: string;
  readonly notes: readonly KernelNote[];
  /** What the driver did meanwhile, on the whole machine; the reason why that was not counted. */
  readonly counts: Readonly<Record<Counted, number>> | string;
}

/** Where to look; the defaults are those of Linux. */
export interface KernelPlaces {
  readonly log?: string;
  readonly taint?: string;
}

const MOST_LINES = 40;
const LONGEST_LINE = 400;
/** Of the levels of the log, 0 to 7. */
const WARNING = 4;
const SUBJECT = /amdgpu|kfd|\[drm/i;

/** Watches from its making to the last `note`. */
export class KernelWatch {
  readonly #places: Required<KernelPlaces>;
  readonly #notes: KernelNote[] = [];
  readonly #firstTaint: string;
  #log: number | undefined;
  #logReason = '';
  #taint: string;

  constructor(places: KernelPlaces = {}) {
    this.#places = { log: '/dev/kmsg', taint: '/proc/sys/kernel/tainted', ...places };
    try {
      this.#log = openSync(this.#places.log, constants.O_RDONLY | constants.O_NONBLOCK);
      // What was said before is not about the run.
      this.#newLines();
    } catch (error) {
      this.#logReason = `${(error as Error).message}; root may read it, and so may a user with CAP_SYSLOG`;
    }
    this.#taint = this.#firstTaint = this.#readTaint();
  }

  get report(): Omit<KernelReport, 'counts'> {
    return { logReason: this.#logReason, taint: this.#firstTaint, notes: this.#notes };
  }

  /** Looks at what was said since the last look, while `group` ran. */
  note(group: string): KernelNote | undefined {
    const lines = this.#newLines();
    const before = this.#taint;
    this.#taint = this.#readTaint();
    const changed = this.#taint !== before;
    if (lines.length === 0 && !changed) return undefined;
    const note: KernelNote = { group, lines, ...(changed ? { taint: [before, this.#taint] as const } : {}) };
    this.#notes.push(note);
    return note;
  }

  close(): void {
    if (this.#log !== undefined) closeSync(this.#log);
    this.#log = undefined;
  }

  #newLines(): string[] {
    const lines: string[] = [];
    const buffer = Buffer.alloc(16_384);
    let text = '';
    while (this.#log !== undefined) {
      try {
        const count = readSync(this.#log, buffer);
        if (count === 0) break;
        text += buffer.toString('utf8', 0, count);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // EPIPE: records were overwritten before they were read; the next ones are there.
        if (code === 'EPIPE' || code === 'EINTR') continue;
        if (code === 'EAGAIN') break;
        this.#logReason = (error as Error).message;
        this.close();
      }
    }
    for (const record of text.split('\n')) {
      // "4,1234,5678901,-;text"; what begins with a space continues the record before, for machines.
      const [, priority, message] = /^(\d+),[^;]*;(.*)$/.exec(record) ?? [];
      if (message === undefined || ((Number(priority) & 7) > WARNING && !SUBJECT.test(message))) continue;
      if (lines.length < MOST_LINES) lines.push(message.slice(0, LONGEST_LINE));
    }
    return lines;
  }

  #readTaint(): string {
    try {
      return taintInWords(Number(readFileSync(this.#places.taint, 'latin1').trim()));
    } catch (error) {
      return `unknown (${(error as Error).message})`;
    }
  }
}

/** The letters that the kernel has for the bits, and those of them that a test of a driver can cause. */
const LETTERS = 'PFSRMBUDAWCIOELKXTNJ';
const MEANINGS: Readonly<Record<string, string>> = {
  M: 'a machine check',
  B: 'a bad page',
  D: 'an oops',
  W: 'a warning',
  L: 'a soft lockup',
};

function taintInWords(bits: number): string {
  if (!Number.isSafeInteger(bits) || bits < 0) return 'unknown (it is no number)';
  if (bits === 0) return 'not tainted';
  const letters = [...LETTERS].filter((_, bit) => Math.floor(bits / 2 ** bit) % 2 === 1);
  const why = letters.map((letter) => MEANINGS[letter]).filter((meaning) => meaning !== undefined);
  return `tainted ${bits} (${letters.join('')}${why.length > 0 ? `: ${why.join(', ')}` : ''})`;
}
