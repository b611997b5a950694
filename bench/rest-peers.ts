/** What rest costs on this machine without this package: another process that has to be woken, and memory that was not touched. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

const ECHO = 'process.stdin.pipe(process.stdout)';
const PAGE_BYTES = 4096;
const CACHE_LINE_BYTES = 64;

/** A second Node process that sends back what it gets through pipes. */
export class EchoProcess {
  readonly #child: ChildProcessByStdio<Writable, Readable, null> = spawn(process.execPath, ['-e', ECHO], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  readonly #byte = Uint8Array.of(1);

  /** A byte there and back. */
  async ping(): Promise<void> {
    const answer = once(this.#child.stdout, 'data');
    this.#child.stdin.write(this.#byte);
    await answer;
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.stdin.end();
    await ended;
  }
}

/** Memory whose pages are touched now and then. */
export class TouchedPages {
  readonly #count: number;
  readonly #bytes: Uint8Array;

  constructor(count: number) {
    this.#count = count;
    this.#bytes = new Uint8Array(count * PAGE_BYTES).fill(1);
  }

  /** Touches every page; microseconds of each. */
  touch(): number {
    const start = performance.now();
    // Another line of the cache in each page, or they would share one set of it.
    for (let page = 0; page < this.#count; page++)
      this.#bytes[page * PAGE_BYTES + ((page * CACHE_LINE_BYTES) % PAGE_BYTES)]!++;
    return ((performance.now() - start) * 1000) / this.#count;
  }
}
