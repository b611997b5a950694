/** A served node for tests: `amdgpu-svm serve` as a process of its own. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, describe } from 'vitest';
import { afterFile } from './after-file.ts';
import { runHere } from './cli-here.ts';
import { root, run, type Run } from './package-support.ts';

export const cli: string = path.join(root, 'dist', 'lib', 'cli', 'main.cjs');
const helper = path.join(root, 'build-fuse', 'amdgpu-svm-fuse');

/** Why nothing can be served here, '' if it can. */
export function whyNotServed(): string {
  if (process.platform !== 'linux') return `FUSE is for Linux, this is ${process.platform}`;
  if (!fs.existsSync('/dev/fuse')) return 'there is no /dev/fuse';
  if (!fs.existsSync(helper))
    return 'the FUSE helper is not built (libfuse3-dev and pkg-config, then node scripts/build-fuse.mjs)';
  if (!fs.existsSync(cli)) return 'dist/ is not built';
  if (process.getuid?.() !== 0) {
    try {
      fs.accessSync('/dev/fuse', fs.constants.R_OK | fs.constants.W_OK);
    } catch {
      return '/dev/fuse may not be opened by this user';
    }
  }
  return '';
}

/**
 * `describe` whose tests are skipped with a reason where `problem` is not ''; in CI the
 * reporter makes that a failure. A function is asked before each test.
 */
export function describeWhere(problem: string | (() => string), name: string, body: () => void): void {
  describe(name, () => {
    beforeEach((context) => {
      const reason = typeof problem === 'string' ? problem : problem();
      if (reason !== '') context.skip(reason);
    });
    body();
  });
}

/** How a server has ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ServedNode {
  /** The mounted directory. */
  readonly mount: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** The process of the FUSE helper, 0 before it serves. */
  helper = 0;
  #output: string[] = [];

  private constructor(mount: string, args: readonly string[]) {
    this.mount = mount;
    this.child = spawnChild(process.execPath, [cli, 'serve', '--mount', mount, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => this.#output.push(chunk));
    }
    this.ended = new Promise((settle) => this.child.on('close', (code, signal) => settle({ code, signal })));
  }

  /** Starts a server and waits until it serves; throws with its output when it ends instead. */
  static async start(args: readonly string[] = [], mount: string = newMountPoint()): Promise<ServedNode> {
    const served = new ServedNode(mount, args);
    const ready = served.until((text) => text.includes('serving '));
    await Promise.race([ready, served.ended.then(() => Promise.reject(new Error(served.output)))]);
    const { pid } = served.child;
    served.helper = Number(fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
    helpers.add(served.helper);
    return served;
  }

  /** Everything it has printed so far. */
  get output(): string {
    return this.#output.join('');
  }

  node(index = 0): string {
    return path.join(this.mount, `renderD${128 + index}`);
  }

  /** Waits for something in the output. */
  async until(condition: (output: string) => boolean): Promise<void> {
    await eventually(
      () => condition(this.output),
      () => this.output,
    );
  }

  /** `amdgpu-svm gpu` on this server. */
  gpu(...args: readonly string[]): Promise<Run> {
    return runHere(['gpu', '--mount', this.mount, ...args]);
  }

  /** `gpu ... --json`, which has to succeed. */
  async gpuJson<T = Record<string, unknown>>(...args: readonly string[]): Promise<T> {
    const result = await this.gpu(...args, '--json');
    if (result.code !== 0) throw new Error(result.output);
    return JSON.parse(result.stdout) as T;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

const children = new Set<ChildProcess>();
const helpers = new Set<number>();

/** `spawn` for a process that must not outlive the tests of the file: one that is left over would keep the runner from ending. */
export function spawnChild(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, options);
  if (children.size === 0) afterFile(endProcesses);
  children.add(child);
  child.once('close', () => children.delete(child));
  // A program that isn't there: 'close' follows, and the test sees that.
  child.once('error', () => children.delete(child));
  return child;
}

/** Ends what a test that failed has left behind. */
async function endProcesses(): Promise<void> {
  for (const child of children) child.kill('SIGKILL');
  // One that a test has stopped would block everybody who has a file on its mount, even in exit.
  for (const pid of helpers) if (nameOf(pid) === 'amdgpu-svm-fuse') process.kill(pid, 'SIGKILL');
  helpers.clear();
  await eventually(
    () => children.size === 0,
    () => `still running: ${[...children].map(({ pid }) => pid).join()}`,
  );
}

/** A directory to mount on, in a temporary folder of its own, which goes after the tests of the file. */
export function newMountPoint(): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'svm-serve-')));
  const mount = path.join(folder, 'dri');
  afterFile(async () => {
    await endProcesses();
    // The helper of a server that was killed unmounts, unless the test has stopped it.
    await eventually(() => mountEntry(mount) === '').catch(() => run('fusermount3', ['-u', '-z', mount]));
    // Nothing is ever deleted through a mount.
    if (mountEntry(mount) !== '') throw new Error(`${mount} is still mounted`);
    fs.rmSync(folder, { recursive: true });
  });
  return mount;
}

/** Name of a process, '' if it is gone. */
function nameOf(pid: number): string {
  try {
    return fs.readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** What is in the table of mounts for `mount`, '' if nothing. */
export function mountEntry(mount: string): string {
  const lines = fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.find((line) => line.split(' ')[4] === mount) ?? '';
}

/** Waits up to 20 s for a condition. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  describeState: () => string = () => '',
): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`it did not happen: ${String(condition)}\n${describeState()}`);
    await new Promise((settle) => setTimeout(settle, 20));
  }
}
