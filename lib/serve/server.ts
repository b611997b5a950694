/** A served directory of render nodes: files, clients, and who answers what. */
import { constants } from 'node:os';
import type { MachineOptions } from '../../emulator/index.ts';
import { Client } from './client.ts';
import type { ClientFile } from './client.ts';
import { processOf } from './client-process.ts';
import { FuseHelper } from './helper.ts';
import { encodeAnswer, encodeOpened } from './helper-protocol.ts';
import type { HelperIoctl, HelperMessage } from './helper-protocol.ts';
import { DEFAULT_PROFILE, isSvmRequest, uapiProfile } from '../uapi/profile.ts';
import { answerIoctl } from './ioctl-call.ts';
import { eventLine, fileLabel, ioctlLine } from './log.ts';
import { prepareMountPoint } from './mount-point.ts';

export interface ServeOptions {
  /** Directory to mount on; made if it is missing. */
  readonly mount: string;
  /** The machine that every client process gets: `asic`, `gpus`, `profile`, ... */
  readonly machine?: MachineOptions;
  /** Whether other users may open the nodes. Default: when root serves. */
  readonly allowOther?: boolean;
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

/** Serves until `close`. */
export class SvmServer {
  /** Real path of the mounted directory. */
  readonly mount: string;
  readonly #options: ServeOptions;
  readonly #clients = new Map<number, Client>();
  readonly #files = new Map<number, ClientFile>();
  #helper: FuseHelper | undefined;
  #opened = 0;
  #ioctls = 0;

  private constructor(options: ServeOptions) {
    this.#options = options;
    this.mount = prepareMountPoint(options.mount);
  }

  /** Mounts and serves. Throws `ServeError`, and TypeError or RangeError for a machine that can't be. */
  static async start(options: ServeOptions): Promise<SvmServer> {
    const server = new SvmServer(options);
    server.#helper = await FuseHelper.start({
      mount: server.mount,
      nodes: options.machine?.gpus ?? 1,
      profile: uapiProfile(options.machine?.profile ?? DEFAULT_PROFILE),
      allowOther: options.allowOther ?? process.getuid?.() === 0,
      onMessage: (message) => server.#answer(message),
    });
    return server;
  }

  /** Settles when nothing is served any more; '' after `close`, else the reason. */
  get ended(): Promise<string> {
    return this.#helper!.ended;
  }

  /** Open files, oldest first. */
  get files(): readonly ClientFile[] {
    return [...this.#files.values()];
  }

  status(): ServeStatus {
    const clients = new Set(this.files.map((file) => file.client));
    const contexts = this.files.filter((file) => file.node.file.context !== null).length;
    return { clients: clients.size, files: this.#files.size, contexts, opened: this.#opened, ioctls: this.#ioctls };
  }

  /** Unmounts and closes every file. */
  async close(): Promise<void> {
    await this.#helper!.close();
    for (const number of this.#files.keys()) this.#release(number);
  }

  #answer(message: HelperMessage): void {
    switch (message.kind) {
      case 'open':
        this.#helper!.send(encodeOpened(message.id, this.#open(message.file, message.thread, message.node)));
        break;
      case 'ioctl':
        this.#ioctls++;
        this.#helper!.send(this.#ioctl(message));
        break;
      case 'release':
        this.#release(message.file);
        break;
      case 'write-fault':
        this.#options.log?.(`answer ${message.id} could not be written to the caller's memory: EFAULT instead`);
        break;
      default:
        break;
    }
  }

  /** 0 or a negative errno. */
  #open(number: number, thread: number, gpu: number): number {
    let client: Client | undefined;
    try {
      client = this.#clientOf(thread);
      const file = client.openFile(number, gpu);
      this.#files.set(number, file);
      this.#opened++;
      this.#options.log?.(
        `${fileLabel(file)}: open${file.node.file.computeResult < 0 ? ', this GPU has no SVM' : ''} = 0`,
      );
      return 0;
    } catch (error) {
      this.#complainOfOpen(thread, gpu, error);
      if (client?.closeIfUnused() === true) this.#clients.delete(client.pid);
      const errno = (error as NodeJS.ErrnoException).errno;
      return typeof errno === 'number' && errno < 0 ? errno : -constants.errno.EACCES;
    }
  }

  /** The client whose address space is that of the opening process. */
  #clientOf(thread: number): Client {
    const { pid } = processOf(thread);
    const known = this.#clients.get(pid);
    // The same pid after exec, or used again, is another address space.
    known?.refresh();
    if (known !== undefined && !known.exited) return known;
    const client = new Client(thread, this.#options.machine ?? {}, (from, event) =>
      this.#options.log?.(eventLine(from, event)),
    );
    this.#clients.set(pid, client);
    return client;
  }

  #ioctl(call: HelperIoctl): Uint8Array {
    const file = this.#files.get(call.file);
    if (file === undefined) return encodeAnswer(call.id, -constants.errno.EBADF, call.argument, []);
    try {
      const { profile } = file.node;
      // Only this ioctl looks at the memory of the client.
      if (isSvmRequest(profile, call.request)) file.client.refresh();
      const answer = answerIoctl(file.node, call, profile);
      if (this.#options.log !== undefined) this.#options.log(ioctlLine(file, call, answer));
      return encodeAnswer(call.id, answer.result, answer.argument, answer.writes);
    } catch (error) {
      // A client must get an answer, and the others their server.
      this.#complain(`${fileLabel(file)}: request 0x${call.request.toString(16)} failed`, error);
      return encodeAnswer(call.id, -constants.errno.EIO, call.argument, []);
    }
  }

  #release(number: number): void {
    const file = this.#files.get(number);
    if (file === undefined) return;
    this.#files.delete(number);
    const { client } = file;
    this.#options.log?.(`${fileLabel(file)}: close`);
    try {
      if (client.closeFile(file) && this.#clients.get(client.pid) === client) this.#clients.delete(client.pid);
    } catch (error) {
      this.#complain(`${fileLabel(file)}: close failed`, error);
    }
  }

  /** That a client may not be looked into is nobody's mistake, so it gets a remedy and no stack. */
  #complainOfOpen(thread: number, gpu: number, error: unknown): void {
    const what = `process ${thread} can't open renderD${128 + gpu}`;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'EACCES' && code !== 'EPERM') return this.#complain(what, error);
    const remedy =
      'serve as root, or as the user of the clients with kernel.yama.ptrace_scope = 0; a program that is not dumpable needs root';
    this.#options.complain?.(`${what}: ${message} (${remedy})`);
  }

  #complain(what: string, error: unknown): void {
    this.#options.complain?.(`${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}
