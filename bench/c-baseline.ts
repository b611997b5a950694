/** The C baseline of `bench/native/baseline`: compiled when it is first wanted, run as a process that does what it is told. */
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { measuresProcessorTime } from './clock.ts';
import type { OperationList } from './operations.ts';

/** Compiles C with the machine's compiler (`CC`, else `cc`); says why it failed, or undefined. */
export function compileC(args: readonly string[]): string | undefined {
  const result = spawnSync(process.env['CC'] || 'cc', ['-O2', '-Wall', ...args], { encoding: 'utf8' });
  return result.status === 0 ? undefined : `a C compiler is needed: ${result.error?.message ?? result.stderr}`;
}

/** The program, which is compiled once for a run of the benchmark; `close` removes it. */
export class CBaseline {
  readonly #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amdgpu-svm-bench-'));
  readonly #program = path.join(this.#folder, 'baseline');
  /** Why there is none; undefined: there is one. */
  readonly problem: string | undefined;

  /** `root`: the folder of the package. */
  constructor(root: string) {
    const sources = path.join(root, 'bench', 'native', 'baseline');
    const files = fs.readdirSync(sources).filter((name) => name.endsWith('.c'));
    this.problem = compileC(['-o', this.#program, ...files.map((name) => path.join(sources, name))]);
  }

  /** A machine of its own, in a process of its own. */
  start(): CMachine {
    return new CMachine(this.#program, this.#folder);
  }

  close(): void {
    fs.rmSync(this.#folder, { recursive: true });
  }
}

/** What a run of operations gave. */
interface RunResult {
  /** Milliseconds, as the C program's own clock says. */
  readonly time: number;
  /** Sum of what the GETs gave. */
  readonly sum: number;
}

/** One running baseline; it is spoken to through named pipes, because the benchmark must wait for it without returning. */
export class CMachine {
  readonly #folder: string;
  readonly #requests: number;
  readonly #answers: number;
  readonly #lists = new Map<OperationList, number>();
  readonly #bytes = new Uint8Array(256);

  constructor(program: string, folder: string) {
    this.#folder = folder;
    const names = ['requests', 'answers'].map((name) => path.join(folder, name));
    const made = spawnSync('mkfifo', names, { encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`mkfifo failed: ${made.error?.message ?? made.stderr}`);
    // Opened for both directions first: else an open waits for the other end.
    const both = names.map((name) => fs.openSync(name, 'r+'));
    // One direction each: what has only one end left tells the other side so.
    const ends = names.flatMap((name) => [fs.openSync(name, 'r'), fs.openSync(name, 'w')]);
    const [requests, ownRequests, ownAnswers, answers] = ends as [number, number, number, number];
    this.#requests = ownRequests;
    this.#answers = ownAnswers;
    for (const name of names) fs.rmSync(name);
    const child = spawn(program, [measuresProcessorTime() ? 'cpu' : 'wall'], {
      stdio: [requests, answers, 'inherit'],
    });
    child.unref();
    for (const file of [...both, requests, answers]) fs.closeSync(file);
  }

  /** Runs `count` operations of `list` from `from` on, around its end. */
  run(list: OperationList, from: number, count: number): RunResult {
    const [nanoseconds, sum] = this.#ask(`run ${this.#load(list)} ${from} ${count}`)
      .split(' ')
      .map(Number);
    return { time: nanoseconds! / 1e6, sum: sum! };
  }

  /** What `stateOf` says of a scene. */
  state(): string {
    return this.#ask('state');
  }

  /** The process ends. */
  close(): void {
    fs.closeSync(this.#requests);
    fs.closeSync(this.#answers);
  }

  #load(list: OperationList): number {
    let number = this.#lists.get(list);
    if (number === undefined) {
      const file = path.join(this.#folder, 'operations');
      fs.writeFileSync(file, list.encode());
      number = Number(this.#ask(`load ${file}`));
      fs.rmSync(file);
      this.#lists.set(list, number);
    }
    return number;
  }

  #ask(command: string): string {
    fs.writeSync(this.#requests, `${command}\n`);
    let answer = '';
    while (!answer.endsWith('\n')) {
      const length = fs.readSync(this.#answers, this.#bytes);
      if (length === 0) throw new Error(`the C baseline ended at '${command}'`);
      answer += Buffer.from(this.#bytes.buffer, 0, length).toString();
    }
    return answer.trimEnd();
  }
}
