/** The FUSE helper process (native/fuse): where it is, its start and its end. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { packageRoot } from '../backend/package-root.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import { splitRequest } from '../uapi/request.ts';
import { HelperMessages } from './helper-protocol.ts';
import type { HelperMessage } from './helper-protocol.ts';
import { clearMount, ServeError } from './mount-point.ts';

const PROGRAM = 'amdgpu-svm-fuse';
/** How long the helper may take to unmount before it is killed. */
const GRACE_MILLISECONDS = 3000;

export interface HelperOptions {
  /** Real path of an existing directory. */
  readonly mount: string;
  /** Number of render nodes. */
  readonly nodes: number;
  /** User ABI of the nodes: it says which ioctl has records behind a pointer. */
  readonly profile: UapiProfile;
  /** There is a file kfd, too: name of the abstract socket where sessions hear of touched doorbells. */
  readonly kfd: string | undefined;
  /** Whether other users may open the nodes. */
  readonly allowOther: boolean;
  onMessage(message: HelperMessage): void;
}

/** A running helper with its mount. */
export class FuseHelper {
  /** Settles when the helper has ended and nothing is mounted any more; '' if that was wanted, else what happened. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #input: Writable;
  #closing = false;

  private constructor(child: ChildProcess, input: Writable, mount: string) {
    this.#child = child;
    this.#input = input;
    this.ended = new Promise((settle) => {
      child.on('exit', (code, signal) => {
        // A helper that was killed could not unmount.
        const cleared = clearMount(mount) ? '' : `; ${mount} is still mounted`;
        const how = signal === null ? `code ${code}` : signal;
        settle(this.#closing && cleared === '' ? '' : `the FUSE helper has ended with ${how}${cleared}`);
      });
    });
  }

  /** Mounts. Throws `ServeError` when there is no helper or it can't mount. */
  static async start(options: HelperOptions): Promise<FuseHelper> {
    const { number } = splitRequest(options.profile.request);
    const args = [options.mount, String(options.nodes), String(number)];
    if (options.kfd !== undefined) args.push(`kfd=${options.kfd}`);
    if (options.allowOther) args.push('allow_other');
    const child = spawn(helperPath(), args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const stdin = child.stdin as Writable;
    const stdout = child.stdout as Readable;
    // Answers to a helper that has just died have no reader; its end is reported by `ended`.
    stdin.on('error', () => undefined);
    const complaints = collectComplaints(child.stderr as Readable);
    const helper = new FuseHelper(child, stdin, options.mount);
    const messages = new HelperMessages();
    await new Promise<void>((settle, reject) => {
      child.on('error', (error) =>
        reject(new ServeError('ERR_SVM_NO_HELPER', `${child.spawnfile} can't be started: ${error.message}`)),
      );
      void helper.ended.then((how) => reject(new ServeError('ERR_SVM_MOUNT', complaints() || how)));
      stdout.on('data', (chunk: Buffer) => {
        for (const message of messages.push(chunk)) {
          if (message.kind === 'ready') settle();
          else options.onMessage(message);
        }
      });
    });
    complaints.mounted();
    return helper;
  }

  send(frame: Uint8Array): void {
    if (!this.#input.destroyed) this.#input.write(frame);
  }

  /** Unmounts: clients get ENODEV for what is under way, ENOTCONN from then on. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#input.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MILLISECONDS);
    await this.ended;
    clearTimeout(timer);
  }
}

/** Before the mount stands, complaints are the reason of an error; afterwards they are for the person at the terminal. */
function collectComplaints(stream: Readable): (() => string) & { mounted(): void } {
  let text = '';
  let live = false;
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    if (live) process.stderr.write(chunk);
    else text += chunk;
  });
  return Object.assign(() => text.trim(), { mounted: () => void (live = true) });
}

/** The executable: AMDGPU_SVM_FUSE, or where scripts/build-fuse.mjs puts it. */
function helperPath(): string {
  const override = process.env['AMDGPU_SVM_FUSE'];
  const root = packageRoot();
  const candidates = override ? [resolve(override)] : root === undefined ? [] : [join(root, 'build-fuse', PROGRAM)];
  for (const path of candidates) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Looked at the next one.
    }
  }
  const tried = candidates.join(', ') || 'nowhere';
  throw new ServeError(
    'ERR_SVM_NO_HELPER',
    `the FUSE helper is not built (looked for ${tried}); \`npx amdgpu-svm build --fuse\` compiles it, with libfuse3-dev, pkg-config and a C++ compiler`,
  );
}
