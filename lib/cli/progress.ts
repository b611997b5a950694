/**
 * How far a command is, on standard error: on a terminal one line that changes, elsewhere a line every few seconds. What a command
 * prints meanwhile comes before it.
 */
import { setStatusLine, takesEscapes } from './output.ts';

/** Milliseconds between two looks of a person, and between two lines of a log. */
const [REDRAW, SAY] = [100, 5000];
/** Before that nobody has begun to wait, and what is left cannot be told yet. */
const FIRST = 1000;

export interface ProgressOptions {
  /** What is done, for "replay: 12 of 40". */
  readonly name: string;
  /** How much there is to do; undefined where nobody knows. */
  readonly total?: number;
  /** For tests. */
  readonly stream?: NodeJS.WriteStream;
  readonly now?: () => number;
}

/** Tells of one piece of work. */
export class Progress {
  readonly #name: string;
  readonly #total: number | undefined;
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #begun: number;
  readonly #changes: boolean;
  #told: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ name, total, stream = process.stderr, now = () => performance.now() }: ProgressOptions) {
    this.#name = name;
    this.#total = total;
    this.#stream = stream;
    this.#now = now;
    this.#begun = now();
    this.#changes = takesEscapes(stream);
    this.#told = this.#begun + (this.#changes ? FIRST - REDRAW : 0);
  }

  /** So much is done; called often, it tells when it is time. `note`: what is worth to be known now. */
  update(done: number, note = ''): void {
    const now = this.#now();
    if (now - this.#told < (this.#changes ? REDRAW : SAY)) return;
    this.#told = now;
    const text = this.#text(done, now, note);
    if (this.#changes) setStatusLine(this.#stream, text);
    else this.#stream.write(`${text}\n`);
  }

  /** Looks itself how much is done, for work that goes on elsewhere. */
  watch(done: () => number): void {
    this.#timer = setInterval(() => this.update(done()), 1000);
    this.#timer.unref();
  }

  /** The work is over, and its line goes. */
  end(): void {
    clearInterval(this.#timer);
    if (this.#changes) setStatusLine(this.#stream, '');
  }

  #text(done: number, now: number, note: string): string {
    const total = this.#total;
    const seconds = (now - this.#begun) / 1000;
    const isKnown = total !== undefined && done > 0 && done < total;
    const left = isKnown ? `, ${duration((seconds * (total - done)) / done)} left` : '';
    const count = total === undefined ? `${done}` : `${done} of ${total}`;
    return `${this.#name}: ${count}, ${duration(seconds)}${left}${note === '' ? '' : `, ${note}`}`;
  }
}

/** "8 s", "2 min 05 s", "1 h 07 min" */
function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} min`;
}
