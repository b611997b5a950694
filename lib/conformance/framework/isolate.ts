/** Runs groups in processes of their own: a crash or a hang costs one case, not the run. */
import { codedError } from '../../uapi/errors.ts';
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { programPath } from '../../backend/package-root.ts';
import type { ConcreteCase } from './case.ts';
import type { CaseResult, CaseRunOptions } from './run-case.ts';
import { whereItWaits } from './stuck.ts';
import type { FoundTarget } from './target.ts';

/** Parent to child: the target, then one case after the other. */
export type ChildRequest = { readonly target: FoundTarget } | { readonly id: string; readonly options: CaseRunOptions };
/** Child to parent: ready for cases, or the result of one. */
export type ChildAnswer = { readonly ready: true } | { readonly result: CaseResult };

// A case may end itself at its time limit; only one that can't is ended from outside.
const GRACE = 2_000;
const START_LIMIT = 60_000;
/** A process that is killed is gone at once, unless it waits in the kernel for something that nothing interrupts. */
const END_LIMIT = 3_000;
const STDERR_LINES = 5;

/** The program of the child: `answerParent` with the cases and a recorder, which this folder cannot reach. */
const CHILD = 'lib/conformance/child';

interface RunningChild {
  readonly process: ChildProcess;
  readonly stderr: string[];
  readonly started: Promise<ChildAnswer | string>;
}

/**
 * Runs cases in child processes: one for each group, a new one where the old one was lost, and one for a single case that
 * must be alone.
 */
export class IsolatedRunner {
  readonly #target: FoundTarget;
  readonly #program: string;
  #ofGroup: { readonly group: string; readonly child: RunningChild } | undefined;
  #alone: RunningChild | undefined;
  /** Starts while the case before it runs. */
  #spare: RunningChild | undefined;
  #closed = false;

  /** `program` is for tests of this class. */
  constructor(target: FoundTarget, program: string = programPath(CHILD)) {
    this.#target = target;
    this.#program = program;
  }

  /** Runs one case; `alone`: in a process that runs no other. Throws only if no child can be started. */
  async run(each: ConcreteCase, options: CaseRunOptions, alone = false): Promise<CaseResult> {
    const began = performance.now();
    const child = alone ? await this.#loneChild(each.group) : await this.#childOf(each.group);
    const answer = await exchange(child.process, { id: each.id, options }, options.timeout + GRACE);
    const done = typeof answer === 'object' && 'result' in answer;
    let stuck: string | undefined;
    if (!done) stuck = await end(child);
    else if (alone) stuck = await end(child, 'by itself');
    if (!done && child === this.#ofGroup?.child) this.#ofGroup = undefined;
    this.#alone = undefined;
    if (done && stuck === undefined) return answer.result;
    const lost =
      stuck !== undefined
        ? `can't be killed, waits in ${stuck}`
        : answer === 'late'
          ? `no answer after ${options.timeout} ms; its process was ended`
          : `its process ended: ${typeof answer === 'string' ? answer : JSON.stringify(answer)}`;
    const said = child.stderr.length === 0 ? '' : `; it said: ${child.stderr.join(' / ')}`;
    return {
      id: each.id,
      status: answer === 'late' || stuck !== undefined ? 'timeout' : 'crash',
      reason: `${lost}${said}`,
      checks: 0,
      findings: [],
      log: [],
      milliseconds: performance.now() - began,
    };
  }

  /** Ends the children; one that runs a case is lost. */
  async close(): Promise<void> {
    this.#closed = true;
    const children = [this.#ofGroup?.child, this.#alone, this.#spare].filter((each) => each !== undefined);
    this.#ofGroup = this.#alone = this.#spare = undefined;
    await Promise.all(children.map((child) => end(child)));
  }

  async #childOf(group: string): Promise<RunningChild> {
    const before = this.#ofGroup;
    if (before?.group === group && before.child.process.connected) return before.child;
    this.#ofGroup = undefined;
    if (before !== undefined) await end(before.child);
    const child = await this.#ready(this.#start(), group);
    this.#ofGroup = { group, child };
    return child;
  }

  async #loneChild(group: string): Promise<RunningChild> {
    const child = this.#spare ?? this.#start();
    this.#spare = this.#start();
    this.#alone = await this.#ready(child, group);
    return this.#alone;
  }

  #start(): RunningChild {
    const process = fork(this.#program, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' });
    const stderr: string[] = [];
    process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr.push(
        ...text
          .split('\n')
          .map((line) => line.trim())
          .filter((line) => line !== ''),
      );
      stderr.splice(0, stderr.length - STDERR_LINES);
    });
    return { process, stderr, started: exchange(process, { target: this.#target }, START_LIMIT) };
  }

  async #ready(child: RunningChild, group: string): Promise<RunningChild> {
    const answer = await child.started;
    if (typeof answer === 'object' && 'ready' in answer && !this.#closed) return child;
    await end(child);
    const why = typeof answer === 'string' ? answer : 'it was closed';
    const said = child.stderr.length === 0 ? '' : ` (${child.stderr.join(' / ')})`;
    throw codedError(
      'ERR_SVM_ISOLATE',
      `--isolate: the process for the group ${group} can't be started: ${why}${said}`,
    );
  }
}

/**
 * Ends a child. Undefined, or where it waits in the kernel: then it is left to itself. `how`: 'by itself' lets it close
 * what it has open.
 */
async function end(
  { process: child }: RunningChild,
  how: 'killed' | 'by itself' = 'killed',
): Promise<string | undefined> {
  if (child.exitCode !== null || child.signalCode !== null) return undefined;
  const ended = new Promise<true>((settle) => child.once('exit', () => settle(true)));
  if (how === 'by itself' && child.connected) {
    child.disconnect();
    if (await within(ended, END_LIMIT)) return undefined;
  }
  child.kill('SIGKILL');
  if (await within(ended, END_LIMIT)) return undefined;
  const place = whereItWaits(child.pid!);
  if (child.connected) child.disconnect();
  child.stderr?.destroy();
  child.unref();
  return place;
}

async function within(ended: Promise<true>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((settle) => (timer = setTimeout(() => settle(false), milliseconds)));
  try {
    return await Promise.race([ended, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Sends a request and waits for the answer; 'late', or how the process ended instead. */
function exchange(child: ChildProcess, request: ChildRequest, limit: number): Promise<ChildAnswer | string> {
  return new Promise((settle) => {
    const done = (answer: ChildAnswer | string): void => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('close', onExit);
      child.off('error', onError);
      settle(answer);
    };
    const onMessage = (message: unknown): void => done(message as ChildAnswer);
    const onExit = (code: number | null, signal: string | null): void =>
      done(signal === null ? `exit code ${code}` : signal);
    const onError = (error: Error): void => done(error.message);
    const timer = setTimeout(() => done('late'), limit);
    child.once('message', onMessage);
    child.once('close', onExit);
    child.once('error', onError);
    // A child that has just died is reported by its end, when all that it said has been read.
    child.send(request, () => undefined);
  });
}
