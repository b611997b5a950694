/** The threads of sessions, as the server holds them. */
import { codedError } from '../uapi/errors.ts';
import { constants } from 'node:os';
import { Worker } from 'node:worker_threads';
import { programPath } from '../backend/package-root.ts';
import type { ControlRequest } from './control-socket.ts';
import { encodeAnswer, encodeOpened } from './helper-protocol.ts';
import type { HelperIoctl, HelperOpen } from './helper-protocol.ts';
import { DOORBELL_SESSIONS } from './kfd/interface.ts';
import type { SessionState } from './session.ts';
import type { SessionAnswer, SessionData, SessionRequest } from './session-protocol.ts';

/** JavaScript memory of one session. Page tables are outside of it and have a limit of their own. */
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 } as const;
/** Threads without work that are kept for the next process. */
const MOST_SPARE = 2;

/** Where the answers of a session go. */
export interface SessionListener {
  /** The answer to a call; `opened`: it was an open that succeeded. */
  frame(id: number, frame: Uint8Array, opened: boolean): void;
  /** For the helper, before the next answer. */
  helper(frame: Uint8Array): void;
  line(kind: 'log' | 'complaint', line: string): void;
}

interface Waiting {
  settle(value: unknown): void;
  reject(error: Error): void;
}

/** A thread that serves one process, then perhaps another one. */
export class SessionThread {
  readonly number: number;
  state: SessionState = { contexts: 0, exited: [] };
  readonly #worker: Worker;
  readonly #listener: SessionListener;
  /** Requests of the helper that have no answer yet; somebody waits in a system call for each. */
  readonly #calls = new Map<number, HelperOpen | HelperIoctl>();
  readonly #plays = new Map<number, Waiting>();
  #releases = 0;
  #onReleased: (() => void) | undefined;
  #nextPlay = 1;
  #ended = false;

  constructor(data: SessionData, listener: SessionListener) {
    this.#listener = listener;
    this.number = data.session;
    this.#worker = new Worker(programPath('lib/serve/session-worker'), { workerData: data, resourceLimits: LIMITS });
    this.#worker.on('message', (answer: SessionAnswer) => this.#take(answer));
    this.#worker.on('error', (error) => this.#end(`it failed: ${error.message}`));
    this.#worker.on('exit', () => this.#end('its thread has ended'));
    // A thread without work keeps nothing alive.
    this.#worker.unref();
  }

  /** Whether somebody waits for an answer. */
  get busy(): boolean {
    return this.#calls.size > 0 || this.#plays.size > 0;
  }

  /** Calls back, at once or later, when all files are closed that were released. */
  whenReleased(callback: () => void): void {
    if (this.#releases === 0) callback();
    else this.#onReleased = callback;
  }

  get ended(): boolean {
    return this.#ended;
  }

  call(request: HelperOpen | HelperIoctl): void {
    this.#calls.set(request.id, request);
    if (this.#ended) this.#failCalls();
    else this.#post(request);
  }

  interrupted(id: number): void {
    if (!this.#ended && this.#calls.has(id)) this.#post({ kind: 'interrupted', id });
  }

  release(file: number): void {
    if (this.#ended) return;
    this.#releases++;
    this.#post({ kind: 'release', file });
  }

  play(file: number, request: ControlRequest): Promise<unknown> {
    return new Promise((settle, reject) => {
      if (this.#ended) return reject(codedError('ERR_SVM_SESSION', 'the session of that process has ended'));
      const id = this.#nextPlay++;
      this.#plays.set(id, { settle, reject });
      this.#post({ kind: 'play', id, file, request });
    });
  }

  /** Ends it, whatever it works on. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #post(request: SessionRequest): void {
    this.#worker.postMessage(request);
  }

  #take(answer: SessionAnswer): void {
    switch (answer.kind) {
      case 'frame':
        if (this.#calls.delete(answer.id)) this.#listener.frame(answer.id, answer.frame, answer.opened === true);
        break;
      case 'helper':
        this.#listener.helper(answer.frame);
        break;
      case 'released':
        if (--this.#releases === 0) {
          this.#onReleased?.();
          this.#onReleased = undefined;
        }
        break;
      case 'played':
        this.#plays.get(answer.id)?.settle(answer.value);
        this.#plays.delete(answer.id);
        break;
      case 'failed': {
        const code = answer.code ?? 'ERR_SVM_SESSION';
        this.#plays.get(answer.id)?.reject(Object.assign(new Error(answer.message), { code }));
        this.#plays.delete(answer.id);
        break;
      }
      case 'log':
      case 'complaint':
        this.#listener.line(answer.kind, answer.line);
        break;
      case 'state':
        this.state = answer.state;
        break;
      case 'ready':
        break;
    }
  }

  /** Nobody may wait forever for a thread that is gone. */
  #end(why: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.state = { contexts: 0, exited: [] };
    if (this.#calls.size + this.#plays.size > 0) this.#listener.line('complaint', `a session was lost: ${why}`);
    this.#failCalls();
    for (const { reject } of this.#plays.values())
      reject(codedError('ERR_SVM_SESSION', `the session was lost: ${why}`));
    this.#plays.clear();
    this.#releases = 0;
    this.#onReleased?.();
    this.#onReleased = undefined;
  }

  #failCalls(): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const request of calls) {
      const frame =
        request.kind === 'open'
          ? encodeOpened(request.id, -constants.errno.ENOMEM)
          : encodeAnswer(request.id, -constants.errno.EIO, request.argument, []);
      this.#listener.frame(request.id, frame, false);
    }
  }
}

/** Threads for the processes that come; one is always started ahead, since a start takes some 50 ms. */
export class SessionThreads {
  readonly #data: Omit<SessionData, 'session'>;
  readonly #listener: SessionListener;
  readonly #spare: SessionThread[] = [];
  readonly #busy = new Set<SessionThread>();
  /** Threads that are given back as soon as their files are closed. */
  #returning = 0;
  #nextNumber = 0;

  constructor(data: Omit<SessionData, 'session'>, listener: SessionListener) {
    this.#data = data;
    this.#listener = listener;
    this.#spare.push(this.#start());
  }

  #start(): SessionThread {
    const used = new Set([...this.#spare, ...this.#busy].map(({ number }) => number));
    while (used.has(this.#nextNumber)) this.#nextNumber = (this.#nextNumber + 1) % DOORBELL_SESSIONS;
    const thread = new SessionThread({ ...this.#data, session: this.#nextNumber }, this.#listener);
    this.#nextNumber = (this.#nextNumber + 1) % DOORBELL_SESSIONS;
    return thread;
  }

  take(): SessionThread {
    let thread: SessionThread | undefined;
    do thread = this.#spare.pop();
    while (thread?.ended === true);
    thread ??= this.#start();
    // A process that opens again right after its last close finds its thread still closing: that one is the next spare.
    if (this.#spare.length + this.#returning === 0) this.#spare.push(this.#start());
    this.#busy.add(thread);
    return thread;
  }

  /** Gives back the thread of a process that has closed all its files. One that still works on something ends. */
  giveBack(thread: SessionThread): void {
    if (thread.busy) return this.#terminate(thread);
    this.#returning++;
    thread.whenReleased(() => {
      this.#returning--;
      if (thread.ended || this.#spare.length >= MOST_SPARE) return this.#terminate(thread);
      this.#busy.delete(thread);
      this.#spare.push(thread);
    });
  }

  #terminate(thread: SessionThread): void {
    this.#busy.delete(thread);
    void thread.terminate();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#spare, ...this.#busy].map((thread) => thread.terminate()));
  }
}
