/** Everything that is served to one process, in a thread of its own: its address spaces, files and calls. */
import { codedError } from '../uapi/errors.ts';
import { statSync } from 'node:fs';
import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';
import type { MachineOptions } from '../../emulator/index.ts';
import { Client } from './client.ts';
import type { ClientEvent, ClientFile, ServedPlace } from './client.ts';
import { ClientIdentityError } from './client-process.ts';
import type { ControlRequest } from './control-socket.ts';
import { playOnFile } from './gpu-player.ts';
import { encodeAnswer, encodeKept, encodeOpened } from './helper-protocol.ts';
import type { HelperIoctl, HelperOpen } from './helper-protocol.ts';
import { GEM_SVM_LAYOUT } from '../uapi/layout.ts';
import { isSvmRequest } from '../uapi/profile.ts';
import { answerIoctl } from './ioctl-call.ts';
import { printable } from '../words/printable.ts';
import { doorbellOffset } from './kfd/interface.ts';
import { hearTouches, listenerOf } from './kfd/touches.ts';
import { answerRuntime } from './kfd/render-node.ts';
import { eventLine, fileLabel, ioctlLine, kfdLine } from './log.ts';

/** What a session is made of, and where its lines go. */
export interface SessionOptions {
  readonly machine: MachineOptions;
  readonly log?: (line: string) => void;
  readonly complain: (line: string) => void;
  /** Where KFD is served. */
  readonly kfd?: {
    readonly mount: string;
    readonly touches: string;
    readonly session: number;
    tellHelper(frame: Uint8Array): void;
  };
}

/** What others see of a session without asking it, since it may be busy. */
export interface SessionState {
  /** Files with an SVM context. */
  readonly contexts: number;
  /** Files whose address space is gone. */
  readonly exited: readonly number[];
}

/** The files of one process; the same pid after exec, or used again, is another `Client` of it. */
export class Session {
  readonly #options: SessionOptions;
  readonly #files = new Map<number, ClientFile>();
  /** The clients of open files of KFD, by their numbers. */
  readonly #kfdFiles = new Map<number, Client>();
  #current: Client | undefined;
  #place: ServedPlace | undefined;
  /** Doorbells that were given out. */
  #frames = 0;
  /** Counts what changes the state. */
  changes = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  state(): SessionState {
    let contexts = 0;
    const exited: number[] = [];
    for (const file of this.#files.values()) {
      if (file.node.file.context !== null) contexts++;
      if (file.client.exited) exited.push(file.number);
    }
    return { contexts, exited };
  }

  /** Opens a file; the frame that answers the helper, and whether it was opened. */
  open(message: HelperOpen): { readonly frame: Uint8Array; readonly opened: boolean } {
    const result = this.#open(message);
    return { frame: encodeOpened(message.id, result), opened: result === 0 };
  }

  /** Answers an ioctl; the frame for the helper, or a promise of it where the call waits. */
  ioctl(call: HelperIoctl): Uint8Array | Promise<Uint8Array> {
    const kfd = this.#kfdFiles.get(call.file);
    if (kfd !== undefined) return this.#kfdIoctl(kfd, call);
    const file = this.#files.get(call.file);
    if (file === undefined) return encodeAnswer(call.id, -constants.errno.EBADF, call.argument, []);
    try {
      const { profile } = file.node;
      // Only this ioctl looks at the memory of the client.
      if (isSvmRequest(profile, call.request)) file.client.refresh(...bytesOfCall(call));
      const answer =
        (this.#options.kfd === undefined ? undefined : answerRuntime(file, call)) ??
        answerIoctl(file.node, call, profile);
      if (this.#options.log !== undefined) this.#options.log(ioctlLine(file, call, answer));
      return encodeAnswer(call.id, answer.result, answer.argument, answer.writes);
    } catch (error) {
      // A client must get an answer, and go on to be served.
      this.#complain(`${fileLabel(file)}: request 0x${call.request.toString(16)} failed`, error);
      return encodeAnswer(call.id, -constants.errno.EIO, call.argument, []);
    }
  }

  /** The thread of a waiting ioctl got a signal. */
  interrupt(id: number): void {
    for (const client of new Set(this.#kfdFiles.values())) client.kfd.interrupt(id);
  }

  async #kfdIoctl(client: Client, call: HelperIoctl): Promise<Uint8Array> {
    const label = `${client.pid} ${printable(client.process.name)} kfd #${call.file}`;
    try {
      const answer = await client.kfd.ioctl(call);
      const { result, argument, writes } = answer;
      this.#options.log?.(kfdLine(label, call, answer));
      for (const note of answer.notes) this.#options.log?.(`${label}: ${note}`);
      return encodeAnswer(call.id, result, argument, writes);
    } catch (error) {
      this.#complain(`${label}: request 0x${call.request.toString(16)} failed`, error);
      return encodeAnswer(call.id, -constants.errno.EIO, call.argument, []);
    }
  }

  #releaseKfd(number: number, client: Client): void {
    this.#kfdFiles.delete(number);
    client.kfdFiles--;
    this.#options.log?.(`${client.pid} ${printable(client.process.name)} kfd #${number}: close`);
    if (client.closeIfUnused() && this.#current === client) this.#current = undefined;
  }

  release(number: number): void {
    const kfd = this.#kfdFiles.get(number);
    if (kfd !== undefined) return this.#releaseKfd(number, kfd);
    const file = this.#files.get(number);
    if (file === undefined) return;
    this.#files.delete(number);
    this.changes++;
    const { client } = file;
    this.#options.log?.(`${fileLabel(file)}: close`);
    try {
      if (client.closeFile(file) && this.#current === client) this.#current = undefined;
    } catch (error) {
      this.#complain(`${fileLabel(file)}: close failed`, error);
    }
  }

  /** A request of `amdgpu-svm gpu` on a file. */
  play(number: number, request: ControlRequest): Promise<unknown> {
    const file = this.#files.get(number);
    if (file === undefined) return Promise.reject(codedError('ERR_SVM_SESSION', `file ${number} was closed`));
    return playOnFile(file, request);
  }

  /** 0 or a negative errno. */
  #open({ file: number, node: gpu, caller, memoryErrno }: HelperOpen): number {
    let client: Client | undefined;
    try {
      if (memoryErrno !== 0) throw memoryError(memoryErrno);
      client = this.#clientOf(caller);
      if (gpu === client.machine.devices.length) {
        client.kfdFiles++;
        this.#kfdFiles.set(number, client);
        this.#options.log?.(`${client.pid} ${printable(client.process.name)} kfd #${number}: open = 0`);
        return 0;
      }
      const file = client.openFile(number, gpu);
      this.#files.set(number, file);
      this.changes++;
      const what = file.node.file.computeResult < 0 ? ', this GPU has no SVM' : '';
      this.#options.log?.(`${fileLabel(file)}: open${what} = 0`);
      return 0;
    } catch (error) {
      this.#options.complain(openComplaint(caller.thread, gpu, error));
      if (client?.closeIfUnused() === true && this.#current === client) this.#current = undefined;
      const errno = (error as NodeJS.ErrnoException).errno;
      return typeof errno === 'number' && errno < 0 ? errno : -constants.errno.EACCES;
    }
  }

  /** The client whose address space is that of the opening process. */
  #clientOf(caller: HelperOpen['caller']): Client {
    const known = this.#current;
    known?.refresh();
    if (known !== undefined && !known.exited) return known;
    const { log } = this.#options;
    const onEvent = Object.assign(
      (from: Client, event: ClientEvent): void => {
        if (event.name === 'RELEASE') this.changes++;
        log?.(eventLine(from, event));
      },
      { isWatched: log !== undefined },
    );
    this.#current = new Client(caller, this.#options.machine, onEvent, this.#servedPlace());
    return this.#current;
  }

  /** Not before somebody opens a file: what is mounted cannot be asked earlier. */
  #servedPlace(): ServedPlace | undefined {
    const { kfd, complain } = this.#options;
    if (kfd === undefined) return undefined;
    return (this.#place ??= {
      mount: kfd.mount,
      device: deviceOf(kfd.mount),
      keep: (file, offset, bytes, isDoorbells) =>
        kfd.tellHelper(encodeKept(true, file, offset, bytes, isDoorbells ? listenerOf(kfd.session) : 0)),
      forget: (file, offset) => kfd.tellHelper(encodeKept(false, file, offset, 0)),
      hearTouches: (touched) => hearTouches(kfd.touches, kfd.session, touched, complain),
      nextDoorbells: () => doorbellOffset(kfd.session, this.#frames++),
      complain,
    });
  }

  #complain(what: string, error: unknown): void {
    this.#options.complain(`${what}: ${textOf(error)}`);
  }
}

/** Why an open was refused. That a client may not be looked into is nobody's mistake, so it gets a remedy and no stack. */
export function openComplaint(thread: number, gpu: number, error: unknown): string {
  const what = `process ${thread} cannot open ${gpu < 0 ? 'kfd' : `renderD${128 + gpu}`}`;
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof ClientIdentityError) return `${what}: ${message}`;
  if (code !== 'EACCES' && code !== 'EPERM') return `${what}: ${textOf(error)}`;
  const remedy =
    'serve as root, or as the user of the clients with kernel.yama.ptrace_scope = 0; a program that is not dumpable is served only if both are of root';
  return `${what}: ${message} (${remedy})`;
}

/** The bytes that an SVM call is about; none: it does not say. */
function bytesOfCall({ argument }: HelperIoctl): [address: bigint, size: bigint] | [] {
  const { start_addr, size } = GEM_SVM_LAYOUT.fields;
  if (argument.length < size.offset + size.size) return [];
  const view = new DataView(argument.buffer, argument.byteOffset, argument.byteLength);
  return [view.getBigUint64(start_addr.offset, true), view.getBigUint64(size.offset, true)];
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Number of a file system as /proc/PID/maps writes it: "00:2f". */
function deviceOf(path: string): string {
  const { dev } = statSync(path, { bigint: true });
  const [major, minor] = [(dev >> 8n) & 0xfffn, (dev & 0xffn) | ((dev >> 12n) & 0xfff_ff00n)];
  return [major, minor].map((number) => number.toString(16).padStart(2, '0')).join(':');
}

/** The system error of the helper, which tried the memory with the credentials of the caller. */
function memoryError(errno: number): Error {
  const code = getSystemErrorName(-errno);
  return Object.assign(new Error(`${code}: its memory cannot be opened by its own user`), { code, errno: -errno });
}
