/** A served directory of render nodes: files, the processes that have them open, and who answers what. */
import { codedError } from '../uapi/errors.ts';
import { constants } from 'node:os';
import type { MachineOptions } from '../../emulator/index.ts';
import { DEFAULT_PROFILE, uapiProfile } from '../uapi/profile.ts';
import { identify } from './client-process.ts';
import type { ControlRequest } from './control-socket.ts';
import { FuseHelper } from './helper.ts';
import { encodeAnswer, encodeOpened } from './helper-protocol.ts';
import type { HelperIoctl, HelperMessage, HelperOpen } from './helper-protocol.ts';
import { touchSocketName } from './kfd/touches.ts';
import { prepareMountPoint } from './mount-point.ts';
import { openComplaint } from './session.ts';
import { SessionThreads } from './session-thread.ts';
import type { SessionThread } from './session-thread.ts';

/** The number of nodes of a machine. */
export function nodeCount({ gpus = 1 }: MachineOptions = {}): number {
  return typeof gpus === 'number' ? gpus : gpus.length;
}

export interface ServeOptions {
  /** Directory to mount on; made if it is missing. */
  readonly mount: string;
  /** The machine that every client process gets: `asic`, `gpus`, `profile`, ... */
  readonly machine?: MachineOptions;
  /** Whether users other than the one who serves may open the nodes; needs root. Default: no. */
  readonly allowOther?: boolean;
  /** Serves KFD, too. Default: no. */
  readonly kfd?: boolean;
  /** Gets a line for each open, ioctl, event and close. */
  readonly log?: (line: string) => void;
  /** Gets what should not happen. */
  readonly complain?: (line: string) => void;
}

/** How much is alive, to see that nothing leaks. */
export interface ServeStatus {
  readonly clients: number;
  readonly files: number;
  /** SVM contexts. */
  readonly contexts: number;
  /** Since the start. */
  readonly opened: number;
  readonly ioctls: number;
}

/** A file that a client has open. */
export interface ServedFile {
  /** Counts up over the life of the server. */
  readonly number: number;
  /** Index of the GPU. */
  readonly gpu: number;
  readonly pid: number;
  /** Name of the program, at most 15 bytes; untrusted. */
  readonly name: string;
  readonly user: number;
  /** True once the address space is gone; the file may still be open in other processes. */
  readonly exited: boolean;
}

/** Pages in the page tables of one process and its files, 64 GiB; beyond it, it has no memory left. */
const MOST_PAGES = 2 ** 24;
/** Processes that are served at once, and those of one user among them. */
const MOST_PROCESSES = 256;
const MOST_PROCESSES_OF_USER = 128;
/** Files that one process may have open. */
const MOST_FILES = 4096;

/** A process with open files, or with a first one about to be opened. */
interface ServedProcess {
  readonly pid: number;
  readonly name: string;
  readonly user: number;
  readonly thread: SessionThread;
  /** Open files by number, to their GPU. */
  readonly files: Map<number, number>;
  /** Opens without an answer, by their ids. */
  readonly opening: Map<number, HelperOpen>;
}

/** Serves until `close`. */
export class SvmServer {
  /** Real path of the mounted directory. */
  readonly mount: string;
  readonly #options: ServeOptions;
  readonly #processes = new Map<number, ServedProcess>();
  readonly #files = new Map<number, ServedProcess>();
  readonly #openings = new Map<number, ServedProcess>();
  #threads: SessionThreads | undefined;
  #helper: FuseHelper | undefined;
  #opened = 0;
  #ioctls = 0;

  private constructor(options: ServeOptions) {
    this.#options = options;
    this.mount = prepareMountPoint(options.mount);
  }

  /** Mounts and serves. Throws `ServeError`, and TypeError or RangeError for a machine that cannot be. */
  static async start(options: ServeOptions): Promise<SvmServer> {
    const server = new SvmServer(options);
    const touches = touchSocketName();
    // Before the helper, which may ask at once.
    server.#threads = new SessionThreads(
      {
        machine: { pageLimit: MOST_PAGES, ...options.machine },
        log: options.log !== undefined,
        kfd: options.kfd === true ? { mount: server.mount, touches } : undefined,
      },
      {
        helper: (frame) => server.#helper!.send(frame),
        frame: (id, frame, opened) => {
          server.#noteAnswer(id, opened);
          server.#helper!.send(frame);
        },
        line: (kind, line) => (kind === 'log' ? options.log : options.complain)?.(line),
      },
    );
    try {
      server.#helper = await FuseHelper.start({
        mount: server.mount,
        nodes: nodeCount(options.machine),
        profile: uapiProfile(options.machine?.profile ?? DEFAULT_PROFILE),
        kfd: options.kfd === true ? touches : undefined,
        allowOther: options.allowOther ?? false,
        onMessage: (message) => server.#answer(message),
      });
    } catch (error) {
      await server.#threads.close();
      throw error;
    }
    return server;
  }

  /** Settles when nothing is served any more; '' after `close`, else the reason. */
  get ended(): Promise<string> {
    return this.#helper!.ended;
  }

  /** Open files, oldest first. */
  get files(): readonly ServedFile[] {
    const files: ServedFile[] = [];
    for (const { pid, name, user, thread, files: own } of this.#processes.values()) {
      const exited = new Set(thread.state.exited);
      for (const [number, gpu] of own)
        if (gpu < this.#gpus) files.push({ number, gpu, pid, name, user, exited: exited.has(number) });
    }
    return files.sort((left, right) => left.number - right.number);
  }

  status(): ServeStatus {
    let clients = 0;
    let contexts = 0;
    for (const { thread, files } of this.#processes.values()) {
      if (files.size === 0) continue;
      clients++;
      contexts += thread.state.contexts;
    }
    return { clients, files: this.#files.size, contexts, opened: this.#opened, ioctls: this.#ioctls };
  }

  /** Plays the GPU on an open file; rejects with what the session of its process says. */
  play(number: number, request: ControlRequest): Promise<unknown> {
    const process = this.#files.get(number);
    if (process === undefined) return Promise.reject(codedError('ERR_SVM_SESSION', `file ${number} was closed`));
    return process.thread.play(number, request);
  }

  /** Unmounts and closes every file. */
  async close(): Promise<void> {
    await this.#helper!.close();
    for (const number of this.#files.keys()) this.#options.log?.(`file #${number} was still open`);
    await this.#threads!.close();
    this.#files.clear();
    this.#processes.clear();
  }

  #answer(message: HelperMessage): void {
    switch (message.kind) {
      case 'open':
        this.#open(message);
        break;
      case 'ioctl':
        this.#ioctl(message);
        break;
      case 'release':
        this.#release(message.file);
        break;
      case 'interrupted':
        // Only calls of files that are open wait.
        for (const { thread } of this.#processes.values()) thread.interrupted(message.id);
        break;
      case 'write-fault':
        this.#options.log?.(`answer ${message.id} could not be written to the caller's memory: EFAULT instead`);
        break;
      default:
        break;
    }
  }

  get #gpus(): number {
    return nodeCount(this.#options.machine);
  }

  #open(message: HelperOpen): void {
    const { id, caller, node } = message;
    let process: ServedProcess;
    try {
      // Before a thread is spent on it.
      const { pid, name } = identify(caller);
      process = this.#processes.get(pid) ?? this.#newProcess(pid, name, caller.user);
      if (process.files.size + process.opening.size >= MOST_FILES)
        throw limitError('EMFILE', `it has ${MOST_FILES} files open`);
    } catch (error) {
      this.#options.complain?.(openComplaint(caller.thread, node, error));
      const errno = (error as NodeJS.ErrnoException).errno;
      this.#helper!.send(encodeOpened(id, typeof errno === 'number' && errno < 0 ? errno : -constants.errno.EACCES));
      return;
    }
    process.opening.set(id, message);
    this.#openings.set(id, process);
    process.thread.call(message);
  }

  #newProcess(pid: number, name: string, user: number): ServedProcess {
    if (this.#processes.size >= MOST_PROCESSES) throw limitError('ENFILE', `${MOST_PROCESSES} processes are served`);
    let own = 0;
    for (const each of this.#processes.values()) if (each.user === user) own++;
    if (own >= MOST_PROCESSES_OF_USER)
      throw limitError('ENFILE', `${MOST_PROCESSES_OF_USER} processes of user ${user} are served`);
    const process: ServedProcess = {
      pid,
      name,
      user,
      thread: this.#threads!.take(),
      files: new Map(),
      opening: new Map(),
    };
    this.#processes.set(pid, process);
    return process;
  }

  /** Keeps the file of an open that succeeded, before the helper hears of it. */
  #noteAnswer(id: number, opened: boolean): void {
    const process = this.#openings.get(id);
    const message = process?.opening.get(id);
    if (process === undefined || message === undefined) return;
    this.#openings.delete(id);
    process.opening.delete(id);
    if (opened) {
      this.#opened++;
      process.files.set(message.file, message.node);
      this.#files.set(message.file, process);
    }
    this.#endIfUnused(process);
  }

  #ioctl(call: HelperIoctl): void {
    this.#ioctls++;
    const process = this.#files.get(call.file);
    if (process === undefined) this.#helper!.send(encodeAnswer(call.id, -constants.errno.EBADF, call.argument, []));
    else process.thread.call(call);
  }

  #release(number: number): void {
    const process = this.#files.get(number);
    if (process === undefined) return;
    this.#files.delete(number);
    process.files.delete(number);
    process.thread.release(number);
    this.#endIfUnused(process);
  }

  #endIfUnused(process: ServedProcess): void {
    if (process.files.size > 0 || process.opening.size > 0) return;
    this.#processes.delete(process.pid);
    this.#threads!.giveBack(process.thread);
  }
}

function limitError(code: 'EMFILE' | 'ENFILE', message: string): Error {
  return Object.assign(new Error(`${code}: ${message}, which is the most`), { errno: -constants.errno[code] });
}
